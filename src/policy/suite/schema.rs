//! The JSON Schema of files of tests, for editors. Its words are those of the reader.

use serde_json::{Value, json};

use super::expect::VERDICTS;
use super::situation::MODES;
use crate::policy::schema::{about, count, flag, list_of, number, object, one_of, texts};
use crate::policy::vocabulary::{OBLIGATIONS, ORIGINS, PROFILES};

/// The JSON Schema (2020-12) of `policies/*_test.yaml`.
#[must_use]
pub fn tests_json_schema() -> Value {
    let keys = [
        ("schema", json!({ "const": 1 })),
        ("profile", about(one_of(&PROFILES), "the profile of every case that names none")),
        ("of", about(texts(), "names of the files of rules it is about, without endings")),
        ("cases", json!({ "type": "array", "items": case() })),
        ("commands", json!({ "type": "array", "items": row() })),
    ];
    let mut schema = object(&keys, &["schema"]);
    if let Value::Object(fields) = &mut schema {
        let head = [
            ("$schema", json!("https://json-schema.org/draft/2020-12/schema")),
            ("title", json!("Tests of the rules of a Bailiwick workspace")),
            ("$defs", json!({ "context": context() })),
        ];
        for (index, (name, value)) in head.into_iter().enumerate() {
            fields.shift_insert(index, name.to_owned(), value);
        }
        let either = json!([{ "required": ["cases"] }, { "required": ["commands"] }]);
        fields.insert("anyOf".to_owned(), either);
    }
    schema
}

fn case() -> Value {
    let mut keys = around();
    keys.push(("request", object(&call(), &[])));
    keys.push(("expect", object(&expect(), &["verdict"])));
    object(&keys, &["request", "expect"])
}

/// A command and what must come of it, in one mapping.
fn row() -> Value {
    let mut keys = call();
    keys.extend(expect());
    keys.extend(around());
    object(&keys, &["verdict"])
}

type Keys = Vec<(&'static str, Value)>;

fn around() -> Keys {
    vec![
        ("name", text()),
        ("profile", one_of(&PROFILES)),
        ("context", json!({ "$ref": "#/$defs/context" })),
    ]
}

fn call() -> Keys {
    vec![
        ("tool", text()),
        ("args", json!({ "type": "object" })),
        ("command", about(text(), "a command line")),
        ("argv", about(texts(), "a command as its words")),
    ]
}

fn expect() -> Keys {
    vec![
        ("verdict", one_of(&VERDICTS)),
        ("rules", about(texts(), "each of them must match")),
        ("not_rules", about(texts(), "none of them may match")),
        ("reason", about(text(), "a part of the reason")),
        ("obligations", list_of(&OBLIGATIONS)),
    ]
}

fn context() -> Value {
    let run = [
        ("goal", text()),
        ("playbook", text()),
        ("step", text()),
        ("read_secret", flag()),
        ("untrusted", flag()),
        ("cost_usd", number()),
        ("steps_used", count()),
        ("steps_left", count()),
        ("calls", json!({ "type": "object", "additionalProperties": count() })),
    ];
    let permissions =
        [("tools", texts()), ("network", texts()), ("read", texts()), ("write", texts())];
    let keys = [
        ("approval_mode", one_of(&MODES)),
        ("require_approval_for_risky", flag()),
        ("origin", one_of(&ORIGINS)),
        ("unattended", flag()),
        ("unknown", about(texts(), "arguments whose value is not known yet")),
        ("now", about(text(), "a time such as `2026-01-01T00:00:00Z`")),
        ("labels", json!({ "type": "object", "additionalProperties": texts() })),
        ("run", object(&run, &[])),
        ("permissions", object(&permissions, &[])),
    ];
    object(&keys, &[])
}

fn text() -> Value {
    json!({ "type": "string" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contracts::Severity;
    use crate::policy::suite::check_tests;
    use crate::policy::tests::stage::{source, vocabulary};
    use crate::policy::{Layer, Options, built_in, compile, default_files};
    use crate::yaml::{Limits, parse};

    /// A file with every key, of which a test spoils one.
    const WHOLE: &str = r#"schema: 1
profile: workspace
of: [10-files]
cases:
  - name: a case
    profile: strict
    request: { tool: write_text, args: { path: src/a.md, text: x } }
    context:
      approval_mode: require_approval
      require_approval_for_risky: true
      origin: playbook
      unattended: false
      unknown: [text]
      now: "2026-01-01T00:00:00Z"
      labels: { text: [user] }
      run: { goal: write, playbook: p, step: s, read_secret: false, untrusted: false, cost_usd: 0.5, steps_used: 1, steps_left: 9, calls: { write_text: 2 } }
      permissions: { tools: [write_text], network: [], read: [src], write: [src] }
    expect: { verdict: ask, rules: [strict.change], not_rules: [default-deny], obligations: [snapshot] }
commands:
  - { name: a row, command: "git status", verdict: allow }
  - { argv: [git, status], verdict: allow, profile: workspace, context: { unattended: true } }
"#;

    fn as_json(text: &str) -> Value {
        parse("f", text, Limits::default()).unwrap().to_json()
    }

    fn is_read(text: &str) -> bool {
        let options = Options { trusted: true, ..Options::default() };
        let set = compile(&built_in(), &vocabulary(), &options).unwrap();
        let found = check_tests(&set, &[source(Layer::Workspace, "policies/my_test.yaml", text)]);
        !found.iter().any(|it| it.severity == Severity::Error && it.code != "test-failed")
    }

    #[test]
    fn it_lets_pass_what_the_reader_reads_and_refuses_what_it_refuses() {
        let validator = jsonschema::validator_for(&tests_json_schema()).unwrap();
        let shipped = default_files().iter().filter(|(path, _)| path.ends_with("_test.yaml"));
        for (path, text) in shipped.chain([&("whole_test.yaml", WHOLE)]) {
            let errors: Vec<_> =
                validator.iter_errors(&as_json(text)).map(|error| error.to_string()).collect();
            assert!(errors.is_empty(), "{path}: {errors:?}");
        }
        assert!(is_read(WHOLE));
        for (from, to) in [
            ("schema: 1", "schema: 2"),
            ("profile: workspace\nof", "profile: home\nof"),
            ("cases:", "case:"),
            ("verdict: ask", "verdict: asks"),
            ("verdict: ask, ", ""),
            ("not_rules:", "no_rules:"),
            ("obligations: [snapshot]", "obligations: [snapshots]"),
            ("approval_mode: require_approval", "approval_mode: none"),
            ("origin: playbook", "origin: somebody"),
            ("unattended: false", "unattended: 0"),
            ("steps_used: 1", "steps_used: many"),
            ("calls: { write_text: 2 }", "calls: { write_text: often }"),
            ("network: []", "net: []"),
            ("command: \"git status\"", "commands: git status"),
        ] {
            let text = WHOLE.replacen(from, to, 1);
            assert_ne!(text, WHOLE, "{from}");
            assert!(!validator.is_valid(&as_json(&text)), "the schema lets `{to}` pass");
            assert!(!is_read(&text), "the reader lets `{to}` pass");
        }
    }

    #[test]
    fn the_committed_schema_is_what_is_published() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/config/schema/policy-tests.json");
        let now = format!("{:#}\n", tests_json_schema());
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(path, &now).unwrap();
        }
        let committed = std::fs::read_to_string(path).unwrap();
        assert!(committed == now, "{path} is stale: run `just bless` and look at the difference");
    }
}
