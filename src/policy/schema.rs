//! The JSON Schema of files of rules, for editors. What it knows of words comes from the tables from
//! which the reader's own do; tests hold the one against the other.

use serde_json::{Map, Value, json};

use super::predicate::{ACCESS, DAYS};
use super::vocabulary::{CALL_EFFECTS, CATEGORIES, EFFECTS, OBLIGATIONS, ORIGINS, PROFILES, RISKS};
use super::{HostClass, Zone};
use crate::command::Deed;

/// The JSON Schema (2020-12) of `policies/*.yaml`.
#[must_use]
pub fn json_schema() -> Value {
    let mut schema = object(
        &[
            ("schema", json!({ "const": 1 })),
            ("profiles", list_of(&PROFILES)),
            ("rules", json!({ "type": "array", "items": rule() })),
            ("tools", json!({ "type": "object", "additionalProperties": tool() })),
        ],
        &["schema"],
    );
    if let Value::Object(fields) = &mut schema {
        let head = [
            ("$schema", json!("https://json-schema.org/draft/2020-12/schema")),
            ("title", json!("Rules of a Bailiwick workspace")),
            ("$defs", json!({ "condition": condition(), "path": path() })),
        ];
        for (index, (name, value)) in head.into_iter().enumerate() {
            fields.shift_insert(index, name.to_owned(), value);
        }
    }
    schema
}

fn rule() -> Value {
    let on = [
        ("tool", texts()),
        ("risk", list_of(&RISKS)),
        ("category", list_of(&CATEGORIES)),
        ("effect", list_of(&CALL_EFFECTS)),
        ("origin", list_of(&ORIGINS)),
    ];
    let limit = [
        ("calls", count()),
        ("per", about(json!({ "type": "string" }), "a time such as `1m`, or `run`")),
    ];
    let keys = [
        ("id", json!({ "type": "string", "pattern": "^[a-z][a-z0-9._-]*$" })),
        ("effect", one_of(&EFFECTS)),
        (
            "reason",
            about(json!({ "type": "string", "minLength": 1 }), "for the person who is refused"),
        ),
        ("on", object(&on, &[])),
        ("when", condition_ref()),
        ("limit", object(&limit, &["calls", "per"])),
        (
            "approvers",
            about(
                json!({ "type": "integer", "minimum": 1, "maximum": 16 }),
                "how many people must say yes; only where it asks",
            ),
        ),
        ("category", one_of(&CATEGORIES)),
        ("obligations", list_of(&OBLIGATIONS)),
        ("match", json!({ "type": "array", "items": example() })),
        ("not_match", json!({ "type": "array", "items": example() })),
    ];
    object(&keys, &["id", "effect", "reason"])
}

fn condition() -> Value {
    let bound = || {
        let keys = object(&[("gt", number()), ("lt", number())], &[]);
        json!({ "anyOf": [number(), keys] })
    };
    let run = [
        ("read_secret", flag()),
        ("untrusted", flag()),
        ("steps_used", bound()),
        ("steps_left", bound()),
        ("cost_usd", bound()),
        ("goal", json!({ "type": "string", "format": "regex" })),
        ("asked_for", flag()),
    ];
    let clock = json!({ "type": "string", "pattern": "^[0-9]{2}:[0-9]{2}$" });
    let time = [
        ("between", json!({ "type": "array", "items": clock, "minItems": 2, "maxItems": 2 })),
        ("days", list_of(&DAYS)),
        (
            "timezone",
            about(
                json!({ "type": "string" }),
                "an IANA name such as `Europe/Berlin`; UTC where it is absent",
            ),
        ),
    ];
    let arg = [
        ("equals", json!(true)),
        ("one_of", json!({ "type": "array" })),
        ("matches", json!({ "type": "string", "format": "regex" })),
        ("gt", number()),
        ("lt", number()),
    ];
    let conditions = || json!({ "type": "array", "items": condition_ref(), "minItems": 1 });
    let only = object(&[("only", texts())], &["only"]);
    let of_argument = json!({ "anyOf": [texts(), only] });
    let labels =
        json!({ "anyOf": [texts(), { "type": "object", "additionalProperties": of_argument }] });
    let keys = [
        ("path", path_ref()),
        ("host", texts()),
        ("host_class", list_of(&HostClass::WORDS)),
        ("command", command()),
        (
            "arg",
            json!({ "type": "object", "minProperties": 1, "additionalProperties": object(&arg, &[]) }),
        ),
        ("label", labels),
        ("run", object(&run, &[])),
        ("time", object(&time, &[])),
        ("category", list_of(&CATEGORIES)),
        ("risk", list_of(&RISKS)),
        ("profile", list_of(&PROFILES)),
        ("any", conditions()),
        ("all", conditions()),
        ("not", condition_ref()),
    ];
    let mut schema = object(&keys, &[]);
    if let Value::Object(fields) = &mut schema {
        fields.insert("minProperties".to_owned(), json!(1));
    }
    schema
}

fn command() -> Value {
    let keys = [
        ("opaque", flag()),
        ("exact", flag()),
        ("program", texts()),
        ("argv", texts()),
        ("flags", about(texts(), "without dashes; all of them")),
        ("via", texts()),
        ("pipe_to", texts()),
        ("pipe_from", texts()),
        ("path", path_ref()),
        ("redirect", path_ref()),
        ("does", list_of(&Deed::WORDS)),
        ("host", texts()),
    ];
    object(&keys, &[])
}

fn path() -> Value {
    let keys = [
        ("zone", list_of(&Zone::WORDS)),
        ("access", list_of(&ACCESS)),
        ("glob", texts()),
        ("under", texts()),
    ];
    object(&keys, &[])
}

fn example() -> Value {
    let keys = [
        ("tool", json!({ "type": "string" })),
        ("args", json!({ "type": "object" })),
        ("command", json!({ "type": "string" })),
        ("argv", texts()),
        ("origin", one_of(&ORIGINS)),
        ("profile", one_of(&PROFILES)),
        ("labels", json!({ "type": "object", "additionalProperties": texts() })),
        ("now", json!({ "type": "string" })),
        ("run", json!({ "type": "object" })),
    ];
    object(&keys, &[])
}

fn tool() -> Value {
    let keys = [
        ("enabled", flag()),
        ("risk", one_of(&RISKS)),
        ("category", one_of(&CATEGORIES)),
        ("output_trust", json!({ "enum": ["trusted", "untrusted"] })),
        ("sinks", texts()),
        ("trusted_fields", texts()),
        ("asked_by", texts()),
        ("scripts_may_allow", flag()),
    ];
    object(&keys, &[])
}

pub(super) fn object(keys: &[(&str, Value)], required: &[&str]) -> Value {
    let properties: Map<String, Value> =
        keys.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
    let mut schema =
        json!({ "type": "object", "properties": properties, "additionalProperties": false });
    if let (Value::Object(fields), false) = (&mut schema, required.is_empty()) {
        fields.insert("required".to_owned(), json!(required));
    }
    schema
}

pub(super) fn about(mut schema: Value, text: &str) -> Value {
    if let Value::Object(fields) = &mut schema {
        fields.insert("description".to_owned(), json!(text));
    }
    schema
}

fn words<T>(known: &[(&'static str, T)]) -> Vec<&'static str> {
    known.iter().map(|(word, _)| *word).collect()
}

pub(super) fn one_of<T>(known: &[(&'static str, T)]) -> Value {
    json!({ "enum": words(known) })
}

/// A single word counts as a list of one.
pub(super) fn list_of<T>(known: &[(&'static str, T)]) -> Value {
    let one = one_of(known);
    json!({ "anyOf": [one, { "type": "array", "items": one, "minItems": 1 }] })
}

pub(super) fn texts() -> Value {
    let text = json!({ "type": "string" });
    json!({ "anyOf": [text, { "type": "array", "items": text }] })
}

pub(super) fn flag() -> Value {
    json!({ "type": "boolean" })
}

pub(super) fn number() -> Value {
    json!({ "type": "number" })
}

pub(super) fn count() -> Value {
    json!({ "type": "integer", "minimum": 0 })
}

fn condition_ref() -> Value {
    json!({ "$ref": "#/$defs/condition" })
}

fn path_ref() -> Value {
    json!({ "$ref": "#/$defs/path" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::tests::stage::alone;
    use crate::policy::{default_files, json_schema as published};
    use crate::yaml::{Limits, parse};

    /// A rule with every key, of which a test takes one away or spoils it.
    const WHOLE: &str = r#"schema: 1
profiles: [workspace, ci]
tools:
  send_mail: { enabled: true, risk: high, category: external_comms, output_trust: untrusted, sinks: [to], scripts_may_allow: false }
rules:
  - id: a.rule
    effect: ask
    on: { tool: [write_text, shell_exec], risk: [medium], effect: [idempotent, non_idempotent], origin: [playbook] }
    when:
      any:
        - { path: { zone: [workspace], access: [write], glob: ["**"], under: [reports] }, risk: medium, profile: [workspace], not: { host: ["*.example.org"], host_class: [public] } }
        - { command: { opaque: false, program: rm, argv: ["*"], flags: [force], via: [sudo], pipe_to: [sh], pipe_from: [curl], path: { zone: [temp] }, redirect: { zone: [temp] }, does: [send], host: [a.example] } }
        - all: [ { arg: { text: { equals: a, one_of: [a, b], matches: "a", gt: 1, lt: 2 } } }, { label: [untrusted] }, { label: { text: untrusted } } ]
        - { run: { read_secret: true, untrusted: false, steps_used: 3, steps_left: { lt: 3 }, cost_usd: { gt: 0.5 } } }
        - { time: { between: ["08:00", "18:00"], days: [mon], timezone: Europe/Berlin }, category: [destructive] }
    limit: { calls: 3, per: run }
    approvers: 2
    category: destructive
    obligations: [redact, dry_run, snapshot, log_full]
    reason: because
    match:
      - { tool: write_text, args: { path: reports/a, text: x }, origin: playbook, profile: workspace, labels: { text: user }, now: "2026-01-01T00:00:00Z", run: { untrusted: true } }
    not_match: [ { command: "ls" }, { argv: [ls] } ]
"#;

    fn as_json(text: &str) -> Value {
        parse("f", text, Limits::default()).unwrap().to_json()
    }

    #[test]
    fn it_lets_pass_what_the_reader_reads_and_refuses_what_it_refuses() {
        let validator = jsonschema::validator_for(&published()).unwrap();
        let shipped = default_files()
            .iter()
            .filter(|(path, _)| path.ends_with(".yaml") && !path.ends_with("_test.yaml"));
        for (path, text) in shipped.chain([&("whole.yaml", WHOLE)]) {
            let errors: Vec<_> =
                validator.iter_errors(&as_json(text)).map(|error| error.to_string()).collect();
            assert!(errors.is_empty(), "{path}: {errors:?}");
        }
        alone("whole.yaml", WHOLE).unwrap();
        for (from, to) in [
            ("schema: 1", "schema: 2"),
            ("effect: ask", "effect: asks"),
            ("approvers: 2", "approvers: 0"),
            ("approvers: 2", "approver: 2"),
            ("per: run", "pre: run"),
            ("zone: [workspace]", "zone: [workplace]"),
            ("zone: [workspace]", "zone: []"),
            ("does: [send]", "does: [sends]"),
            ("days: [mon]", "days: [monday]"),
            ("host_class: [public]", "host_class: [publik]"),
            ("obligations: [redact", "obligations: [redacted"),
            ("reason: because", "reason: ''"),
            ("opaque: false", "opaque: 1"),
            ("matches:", "match:"),
            ("read_secret: true", "read_secrets: true"),
            ("output_trust: untrusted", "output_trust: none"),
            ("origin: playbook, ", "origin: somebody, "),
        ] {
            let text = WHOLE.replacen(from, to, 1);
            assert_ne!(text, WHOLE, "{from}");
            assert!(!validator.is_valid(&as_json(&text)), "the schema lets `{to}` pass");
            assert!(alone("whole.yaml", &text).is_err(), "the reader lets `{to}` pass");
        }
    }

    #[test]
    fn the_committed_schema_is_what_is_published() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/config/schema/policy.json");
        let now = format!("{:#}\n", published());
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(path, &now).unwrap();
        }
        let committed = std::fs::read_to_string(path).unwrap();
        assert!(committed == now, "{path} is stale: run `just bless` and look at the difference");
    }
}
