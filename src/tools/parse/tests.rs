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
fn what_does_not_fit_is_kept_and_the_way_on_is_told() {
    let mut bench = Bench::with_helper();
    bench.cap(2_000);
    let rows: String = (0..500).map(|at| format!("row {at},x\n")).collect();
    let links: String = (0..150).map(|at| format!("<a href='/{at}'>{at}</a> ")).collect();
    let numbers = format!("{:?}", (0..1_500).collect::<Vec<_>>());
    let table = format!("a,b\n{rows}");
    for (tool, args, field, kept, says) in [
        (
            "csv_read",
            json!({"text": table, "limit": 400}),
            "rows",
            400,
            "of 500 rows are shown: go on with `offset: ",
        ),
        (
            "json_query",
            json!({"text": numbers, "query": "$[*]"}),
            "values",
            1_000,
            "1000 of 1500 values were taken: give a larger `limit`",
        ),
        (
            "html_to_text",
            json!({"text": links}),
            "links",
            100,
            "at most 100 links are listed: `links` may be 10000",
        ),
    ] {
        let output = bench.call(tool, args);
        let shown = output.data.as_ref().unwrap()[field].as_array().unwrap().len();
        assert!(output.truncated && shown < kept, "{tool}: {shown}");
        let [whole] = output.artifacts.as_slice() else { panic!("{tool}: {:?}", output.logs) };
        assert_eq!(whole.artifact.name, "output.json");
        let content: Value = serde_json::from_slice(&whole.content).unwrap();
        assert_eq!(content[field].as_array().unwrap().len(), kept, "{tool}");
        assert!(
            output.logs[0].contains("all of it is the artifact `output.json`"),
            "{:?}",
            output.logs
        );
        assert!(output.logs[1].contains(says), "{:?}", output.logs);
    }
}

#[test]
fn rows_and_pages_are_all_come_to_by_what_the_answers_say() {
    let mut bench = Bench::with_helper();
    bench.cap(2_000);
    let rows: String = (0..700).map(|at| format!("row {at},x\n")).collect();
    bench.file("a.csv", &rows);
    let (mut seen, mut offset) = (Vec::new(), 0);
    loop {
        let args = json!({"path": "a.csv", "header": false, "offset": offset, "limit": 300});
        let output = bench.call("csv_read", args);
        let rows = output.data.unwrap()["rows"].as_array().unwrap().clone();
        seen.extend(rows.iter().map(|row| row[0].as_str().unwrap().to_owned()));
        let next = output.logs.iter().find_map(|line| line.split_once("`offset: "));
        let Some((_, next)) = next else { break };
        offset = next.trim_end_matches('`').parse().unwrap();
    }
    assert_eq!(seen, (0..700).map(|at| format!("row {at}")).collect::<Vec<_>>());
    std::fs::copy("tests/fixtures/web/two-pages.pdf", bench.path("a.pdf")).unwrap();
    let output = bench.call("pdf_to_text", json!({"path": "a.pdf", "count": 1}));
    assert_eq!(output.logs, ["1 of 2 pages are shown: go on with `first: 2`"]);
    let output = bench.call("pdf_to_text", json!({"path": "a.pdf", "first": 2, "count": 1}));
    assert_eq!((output.logs.len(), output.truncated), (0, false));
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
