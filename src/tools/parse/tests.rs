//! The tools around the reader: what they take, and what becomes of a reader that breaks.

use std::fs::File;

use serde_json::{Value, json};

use crate::contracts::{ErrorKind, Network};
use crate::ports::Ending;
use crate::tools::fixture::{Bench, Script};

const TOOLS: [&str; 5] =
    ["html_to_text", "markdown_to_text", "pdf_to_text", "json_query", "csv_read"];

fn args(tool: &str, key: &str, value: &str) -> Value {
    let key = if tool == "pdf_to_text" && key == "text" { "base64" } else { key };
    let mut args = json!({key: value});
    if tool == "json_query" {
        args["query"] = json!("$");
    }
    args
}

#[test]
fn a_file_and_a_text_are_read_alike() {
    let bench = Bench::with_helper();
    for (tool, text, data) in [
        (
            "html_to_text",
            "<title>t</title><p>a",
            json!({"title": "t", "text": "a", "links": [], "truncated": false}),
        ),
        (
            "markdown_to_text",
            "*a*",
            json!({"text": "a", "headings": [], "links": [], "truncated": false}),
        ),
        (
            "json_query",
            "[1]",
            json!({"values": [[1]], "paths": ["$"], "count": 1, "truncated": false}),
        ),
        (
            "csv_read",
            "a,b\n1,2\n",
            json!({"columns": ["a", "b"], "rows": [["1", "2"]], "count": 1, "ragged": 0, "truncated": false}),
        ),
    ] {
        bench.file("docs/a", text);
        assert_eq!(bench.ok(tool, args(tool, "path", "docs/a")), data, "{tool}");
        assert_eq!(bench.ok(tool, args(tool, "text", text)), data, "{tool}");
    }
    for spec in bench.ran() {
        assert_eq!(spec.confinement.network, Network::None);
        assert!(spec.confinement.write.is_empty());
        assert_eq!(spec.confinement.read.len(), 1, "the program, and nothing of the workspace");
    }
}

#[test]
fn exactly_one_thing_is_read_and_it_has_a_size() {
    let bench = Bench::with_helper();
    bench.file("a", "x");
    File::create(bench.path("huge")).unwrap().set_len(64 << 20).unwrap();
    for tool in TOOLS {
        let mut both = args(tool, "path", "a");
        both.as_object_mut()
            .unwrap()
            .extend(args(tool, "text", "eA==").as_object().unwrap().clone());
        assert_eq!(bench.kind(tool, both), ErrorKind::BadArguments, "{tool}");
        let mut neither = args(tool, "path", "a");
        neither.as_object_mut().unwrap().remove("path");
        assert_eq!(bench.kind(tool, neither), ErrorKind::BadArguments, "{tool}");
        let error = bench.error(tool, args(tool, "path", "huge"));
        assert_eq!(error.kind, ErrorKind::TooLarge, "{tool}: {}", error.message);
        let large = "eA==".repeat((4 << 18) + 1);
        let kind = bench.kind(tool, args(tool, "text", &large));
        assert!(matches!(kind, ErrorKind::TooLarge | ErrorKind::BadArguments), "{tool}: {kind:?}");
        assert_eq!(
            bench.kind(tool, args(tool, "path", "/etc/passwd")),
            ErrorKind::Forbidden,
            "{tool}"
        );
        assert_eq!(bench.kind(tool, args(tool, "path", "none")), ErrorKind::NotFound, "{tool}");
        assert_eq!(bench.kind(tool, args(tool, "path", ".")), ErrorKind::BadContent, "{tool}");
    }
    assert!(bench.ran().is_empty(), "nothing of this reaches the reader");
}

#[test]
fn arguments_that_mean_nothing_are_refused() {
    let bench = Bench::with_helper();
    for (tool, args) in [
        ("csv_read", json!({"text": "a", "delimiter": ""})),
        ("csv_read", json!({"text": "a", "delimiter": ";;"})),
        ("csv_read", json!({"text": "a", "delimiter": "ä"})),
        ("csv_read", json!({"text": "a", "delimiter": "\""})),
        ("csv_read", json!({"text": "a", "delimiter": "\n"})),
        ("csv_read", json!({"text": "a", "offset": -1})),
        ("csv_read", json!({"text": "a", "limit": 100_001})),
        ("json_query", json!({"text": "{}"})),
        ("json_query", json!({"text": "{}", "query": ""})),
        ("json_query", json!({"text": "{}", "query": "$".repeat(2_001)})),
        ("pdf_to_text", json!({"base64": "?"})),
        ("pdf_to_text", json!({"path": "a", "first": 0})),
        ("html_to_text", json!({"path": "a", "links": -1})),
        ("markdown_to_text", json!({"path": ""})),
    ] {
        assert_eq!(bench.kind(tool, args.clone()), ErrorKind::BadArguments, "{tool} {args}");
    }
}

#[test]
fn a_reader_that_breaks_is_an_answer() {
    let bench = Bench::new();
    let left =
        |ending, stdout: &str| Script { ending, stdout: stdout.into(), stderr: b"why".to_vec() };
    let refusal = r#"{"refused":{"why":"damaged","message":"this is no JSON"}}"#;
    for (script, kind, says) in [
        (left(Ending::Signalled(11), ""), ErrorKind::BadContent, "did not survive"),
        (left(Ending::Signalled(6), ""), ErrorKind::BadContent, "nested too deeply"),
        (left(Ending::TimedOut, ""), ErrorKind::Timeout, "longer than"),
        (left(Ending::Cancelled, ""), ErrorKind::Cancelled, "stopped"),
        (left(Ending::Exited(70), ""), ErrorKind::Sandbox, "why"),
        (left(Ending::Exited(0), "no json"), ErrorKind::Sandbox, "helper"),
        (left(Ending::Exited(0), r#"{"found":{"text":3}}"#), ErrorKind::Sandbox, "helper"),
        (left(Ending::Exited(0), refusal), ErrorKind::BadContent, "this is no JSON"),
    ] {
        bench.script(vec![script]);
        let error = bench.error("json_query", json!({"text": "{}", "query": "$"}));
        assert_eq!(error.kind, kind, "{}", error.message);
        assert!(error.message.contains(says), "{}", error.message);
    }
}
