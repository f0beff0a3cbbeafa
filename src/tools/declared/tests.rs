use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::contracts::{CallEffect, ErrorKind, Risk};
use crate::ports::{Ending, PathAccess, ToolDescriptor, ToolOutput};
use crate::tools::dispatch::perform_in;
use crate::tools::fixture::{Bench, Script};
use crate::tools::toolbox::{Declarations, Toolbox};

const PATH: &str = "config/tools/count.yaml";

const COUNT: &str = "\
name: count_words
description: Counts the words of a text.
schema:
  type: object
  properties:
    text: { type: string, description: What is counted. }
    file: { type: string }
  required: [text]
output_schema: { type: object, properties: { words: { type: integer } }, required: [words] }
risk: low
effect: read
sinks: [text]
paths: { file: read }
command: [python3, tools/count.py]
profile: shell_exec
timeout: 5s
";

fn profiles() -> Profiles {
    [("shell_exec", Network::None), ("worker", Network::Proxy)]
        .map(|(name, network)| (name.to_owned(), network))
        .into()
}

fn opened(files: &[(&str, &str)]) -> (Toolbox, Vec<Diagnostic>) {
    let files =
        files.iter().map(|(path, text)| DeclaredFile { path, bytes: text.as_bytes() }).collect();
    Toolbox::open(Declarations { files, profiles: profiles(), ..Declarations::default() })
}

fn descriptor(text: &str) -> ToolDescriptor {
    let (toolbox, mistakes) = opened(&[(PATH, text)]);
    assert!(mistakes.is_empty(), "{mistakes:?}");
    toolbox.declared().next().unwrap().clone()
}

/// What a call answers whose command left `script`.
fn answer(script: Script) -> ToolOutput {
    let (toolbox, _) = opened(&[(PATH, COUNT)]);
    let bench = Bench::new();
    bench.script(vec![script]);
    let call = bench.tool_call("count_words", json!({"text": "a b"}));
    perform_in(&toolbox, &call, &[], bench.context())
}

fn left(stdout: &str) -> Script {
    Script { ending: Ending::Exited(0), stdout: stdout.into(), stderr: Vec::new() }
}

#[test]
fn a_file_says_everything_about_its_tool() {
    let tool = descriptor(COUNT);
    assert_eq!(
        (tool.name.as_str(), tool.risk, tool.effect),
        ("count_words", Risk::Low, CallEffect::Read)
    );
    assert_eq!(tool.labels, ["untrusted:count_words"]);
    assert_eq!(tool.aliases, ["process:count_words"]);
    assert_eq!(tool.schema["additionalProperties"], json!(false));
    assert_eq!((tool.paths[0].arg.as_str(), tool.paths[0].access), ("file", PathAccess::Read));
    assert_eq!((tool.timeout_ms, tool.sinks.len(), tool.sends_network), (5_000, 1, false));
}

#[test]
fn what_a_file_leaves_out_is_the_most_dangerous() {
    let tool = descriptor("name: x\ndescription: X.\ncommand: [x]\n");
    assert_eq!((tool.risk, tool.effect), (Risk::High, CallEffect::NonIdempotent));
    assert_eq!((tool.profile.as_str(), tool.timeout_ms), ("shell_exec", 60_000));
    let online = "name: x\ndescription: X.\ncommand: [x]\nprofile: worker\nschema: { properties: { a: {}, b: {} } }\n";
    let tool = descriptor(online);
    assert!(tool.sends_network);
    assert_eq!(tool.sinks, ["a", "b"]);
    let trusted = descriptor("name: x\ndescription: X.\ncommand: [x]\noutput_trust: trusted\n");
    assert_eq!(trusted.labels, ["workspace"]);
}

#[test]
fn arguments_go_in_as_one_line_and_the_answer_comes_out_as_one() {
    let (toolbox, _) = opened(&[(PATH, COUNT)]);
    let bench = Bench::new();
    bench.script(vec![left("{\"words\": 2}\n")]);
    let call = bench.tool_call("process:count_words", json!({"text": "a\nb"}));
    let output = perform_in(&toolbox, &call, &[], bench.context());
    assert_eq!((output.data, output.error), (Some(json!({"words": 2})), None));
    let ran = bench.ran().remove(0);
    assert_eq!(ran.stdin, b"{\"text\":\"a\\nb\"}\n");
    assert_eq!(ran.argv, ["python3", "tools/count.py"]);
    assert_eq!(ran.cwd, bench.root());
}

#[test]
fn what_is_no_answer_is_an_error_with_its_reason() {
    for (stdout, kind, why) in [
        ("", ErrorKind::BadOutput, "printed nothing"),
        ("\n", ErrorKind::BadOutput, "printed nothing"),
        ("{\"words\": 1}\n{\"words\": 2}\n", ErrorKind::BadOutput, "more than one line"),
        ("{\"words\": 1}\n\n", ErrorKind::BadOutput, "more than one line"),
        ("words: 1\n", ErrorKind::BadOutput, "not JSON"),
        ("{\"words\": \"hunter2\"}\n", ErrorKind::BadOutput, "`output_schema`"),
        ("{}\n", ErrorKind::BadOutput, "`output_schema`"),
    ] {
        let output = answer(left(stdout));
        let error = output.error.unwrap_or_else(|| panic!("{stdout:?}: {:?}", output.data));
        assert_eq!(error.kind, kind, "{stdout:?}");
        assert!(error.message.contains(why) && !error.message.contains("hunter2"), "{error:?}");
        assert_eq!(output.data, None, "{stdout:?}");
    }
    let bytes = Script { stdout: vec![0xff, 0xfe], ..left("") };
    assert_eq!(answer(bytes).error.unwrap().kind, ErrorKind::BadOutput);
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(answer(left(&deep)).error.unwrap().kind, ErrorKind::BadOutput);
}

#[test]
fn a_command_that_fails_says_how_and_what_it_said() {
    let said = Script { stderr: b"one\n\x1b[2Jtwo\n".to_vec(), ..left("") };
    for (ending, kind) in [
        (Ending::Exited(3), ErrorKind::ExitStatus),
        (Ending::Signalled(9), ErrorKind::Signal),
        (Ending::TimedOut, ErrorKind::Timeout),
        (Ending::Cancelled, ErrorKind::Cancelled),
    ] {
        let output = answer(Script { ending, ..said.clone() });
        assert_eq!(output.error.unwrap().kind, kind);
        assert_eq!(output.logs, ["one", "\u{fffd}[2Jtwo"]);
    }
    let whole = Script { ending: Ending::Exited(1), ..left("{\"words\": 0}\n") };
    let output = answer(whole);
    assert_eq!(
        (output.data, output.error.unwrap().kind),
        (Some(json!({"words": 0})), ErrorKind::ExitStatus)
    );
    let cut = Script { ending: Ending::TimedOut, ..left("{\"words\": 0}\n") };
    assert_eq!(answer(cut).data, None);
}

#[test]
fn every_mistake_is_told_with_its_place() {
    let base = "name: x\ndescription: X.\ncommand: [x]\n";
    for (text, code, line) in [
        ("name: X y\ndescription: X.\ncommand: [x]\n", "bad-name", 1),
        ("name: mcp:a/b\ndescription: X.\ncommand: [x]\n", "bad-name", 1),
        ("description: X.\ncommand: [x]\n", "missing-key", 1),
        ("name: read_text\ndescription: X.\ncommand: [x]\n", "name-taken", 1),
        ("name: filesystem_read\ndescription: X.\ncommand: [x]\n", "name-taken", 1),
        ("name: x\ncommand: [x]\n", "missing-key", 1),
        ("name: x\ndescription: X.\n", "missing-key", 1),
        ("name: x\ndescription: X.\ncommand: rm -rf /\n", "wrong-type", 3),
        ("name: x\ndescription: X.\ncommand: []\n", "bad-value", 3),
        ("name: x\ndescription: \"\"\ncommand: [x]\n", "bad-value", 2),
        (&format!("{base}risk: none\n"), "bad-value", 4),
        (&format!("{base}effect: reads\n"), "bad-value", 4),
        (&format!("{base}output_trust: yes\n"), "bad-value", 4),
        (&format!("{base}profile: root\n"), "unknown-profile", 4),
        (&format!("{base}timeout: 0s\n"), "out-of-range", 4),
        (&format!("{base}timeout: soon\n"), "bad-duration", 4),
        (&format!("{base}sinks: [to]\n"), "unknown-argument", 4),
        (&format!("{base}paths: {{ file: read }}\n"), "unknown-argument", 4),
        (
            &format!("{base}schema: {{ properties: {{ a: {{}} }} }}\npaths: {{ a: peek }}\n"),
            "bad-value",
            5,
        ),
        (&format!("{base}schema: {{ type: array }}\n"), "bad-schema", 4),
        (&format!("{base}schema: {{ type: thing }}\n"), "bad-schema", 4),
        (&format!("{base}schema: {{ $ref: 'https://example.org/s.json' }}\n"), "bad-schema", 4),
        (&format!("{base}output_schema: [1]\n"), "wrong-type", 4),
        (&format!("{base}shell: true\n"), "unknown-key", 4),
    ] {
        let (toolbox, mistakes) = opened(&[(PATH, text)]);
        let mistake = mistakes.first().unwrap_or_else(|| panic!("{text} passed"));
        assert_eq!((mistake.code.as_str(), mistake.line), (code, line), "{text}: {mistakes:?}");
        assert_eq!(mistake.file, PATH);
        let usable = |tool: &&ToolDescriptor| {
            toolbox.check_args(&tool.name, &serde_json::Map::new()).is_ok()
        };
        assert_eq!(toolbox.declared().find(usable), None, "{text}");
    }
}

#[test]
fn a_broken_file_leaves_a_tool_that_refuses_and_others_work() {
    let broken = COUNT.replace("risk: low", "risk: none");
    let other = COUNT.replace("count_words", "count_lines");
    let (toolbox, mistakes) = opened(&[("config/tools/a.yaml", &broken), (PATH, &other)]);
    assert_eq!(mistakes.len(), 1, "{mistakes:?}");
    let refused = toolbox.check_args("count_words", &serde_json::Map::new()).unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Unavailable);
    assert!(refused.message.contains("config/tools/a.yaml:10:7"), "{}", refused.message);
    let tool = toolbox.find("count_words").unwrap();
    assert_eq!((tool.risk, tool.effect), (Risk::High, CallEffect::NonIdempotent));
    let fine = json!({"text": "a"});
    assert_eq!(toolbox.check_args("count_lines", fine.as_object().unwrap()), Ok(()));
    // Where not even a name can be read, the file's own name stands for it.
    let (toolbox, _) = opened(&[("config/tools/count.yaml", "{{{")]);
    assert!(toolbox.find("count").is_some());
}

#[test]
fn a_name_that_two_files_have_is_neither_of_them() {
    let (toolbox, mistakes) =
        opened(&[("config/tools/a.yaml", COUNT), ("config/tools/b.yaml", COUNT)]);
    assert_eq!(mistakes.len(), 2);
    assert!(mistakes.iter().all(|mistake| mistake.code == "duplicate-tool"));
    let refused = toolbox.check_args("count_words", &serde_json::Map::new()).unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Unavailable);
}

#[test]
fn a_declared_tool_never_stands_for_one_of_the_program() {
    let (toolbox, _) = opened(&[(PATH, &COUNT.replace("count_words", "shell_exec"))]);
    assert_eq!(toolbox.find("shell_exec"), crate::tools::find("shell_exec"));
    assert_eq!(toolbox.declared().count(), 0);
}

#[test]
fn the_published_schema_says_what_the_reader_says() {
    let validator = jsonschema::validator_for(&json_schema()).unwrap();
    let as_json = |text: &str| {
        crate::yaml::parse("f", text, crate::yaml::Limits::default()).unwrap().to_json()
    };
    assert!(validator.is_valid(&as_json(COUNT)));
    for (from, to) in [
        ("name: count_words", "name: Count"),
        ("risk: low", "risk: none"),
        ("effect: read", "effect: reads"),
        ("timeout: 5s", "timeout: 5"),
        ("command: [python3, tools/count.py]", "command: python3"),
        ("paths: { file: read }", "paths: { file: peek }"),
        ("profile: shell_exec", "profil: shell_exec"),
    ] {
        let text = COUNT.replace(from, to);
        assert_ne!(text, COUNT, "{from}");
        assert!(!validator.is_valid(&as_json(&text)), "the schema lets `{to}` pass");
        assert!(!opened(&[(PATH, &text)]).1.is_empty(), "the reader lets `{to}` pass");
    }
}

#[test]
fn the_committed_schema_is_what_is_published() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/config/schema/tool.json");
    let now = format!("{:#}\n", json_schema());
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(path, &now).unwrap();
    }
    let committed = std::fs::read_to_string(path).unwrap();
    assert!(committed == now, "{path} is stale: run `just bless` and look at the difference");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_file_makes_it_panic(text in ".{0,400}") {
        let (toolbox, mistakes) = opened(&[(PATH, &text)]);
        prop_assert!(toolbox.declared().count() == 0 || !mistakes.is_empty());
    }

    #[test]
    fn no_answer_makes_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let output = answer(Script { stdout: bytes, ..left("") });
        let is_whole = |data: &Value| data["words"].is_i64() || data["words"].is_u64();
        prop_assert!(output.data.as_ref().is_none_or(is_whole));
    }
}
