//! What is suggested allows exactly the call that it was suggested for.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::stage::{beside, request};
use crate::contracts::Effect;
use crate::policy::{Layer, Options, PolicySet};

fn options() -> Options {
    Options { trusted: true, ..Options::default() }
}

fn in_force() -> PolicySet {
    beside(&[], &options())
}

/// The set with the suggestion among the workspace's rules.
fn with(yaml: &str) -> PolicySet {
    beside(&[(Layer::Workspace, "suggested.yaml", yaml)], &options())
}

fn effect(set: &PolicySet, tool: &str, args: Value) -> Effect {
    set.decide(&request(tool, args)).effect
}

#[test]
fn what_no_rule_can_allow_is_said() {
    let set = in_force();
    for (tool, args, word) in [
        ("read_text", json!({ "path": "README.md" }), "allowed as it is"),
        ("read_text", json!({ "path": 3 }), "cannot be understood"),
        ("read_text", json!({ "path": "~/.ssh/id_ed25519" }), "zone secret"),
        ("write_text", json!({ "path": "policies/a.yaml", "text": "x" }), "zone self"),
        ("shell_exec", json!({ "command": "$X -rf /" }), "cannot be seen"),
    ] {
        let why = set.suggest(&request(tool, args.clone())).expect_err("none is suggested");
        assert!(why.contains(word), "{args}: {why}");
    }
}

#[test]
fn a_rule_that_stands_against_it_is_named() {
    let set = in_force();
    let call = request("shell_exec", json!({ "command": ["rm", "-r", "build"] }));
    let found = set.suggest(&call).expect("a suggestion");
    assert!(!found.against.is_empty());
    assert_eq!(
        with(&found.yaml).decide(&call).effect,
        set.decide(&call).effect,
        "deny and ask win"
    );
}

#[test]
fn what_is_suggested_for_a_command_is_about_its_words_and_flags_however_they_are_written() {
    let set = in_force();
    let call = request("shell_exec", json!({ "command": ["rm", "-r", "build"] }));
    let found = set.suggest(&call).expect("a suggestion");
    assert!(found.exclusion.contains("\"flags\":[\"recursive\"]"), "{}", found.exclusion);
    for (command, about) in [
        (json!(["rm", "-r", "build"]), true),
        (json!("rm --recursive build"), true),
        (json!("rm build -r"), true),
        (json!("rm -rf build"), false),
        (json!("rm -r build src"), false),
        (json!("rm -r src"), false),
        (json!("rmdir -r build"), false),
        (json!("sudo rm -r build"), false),
        (json!("cd src && rm -r build"), false),
        (json!("rm -r build > log"), false),
        (json!("echo | rm -r build"), false),
        (json!("rm -r build; ls"), false),
    ] {
        let said = with(&found.yaml).explain(&request("shell_exec", json!({ "command": command })));
        let trace = said.rules.iter().find(|trace| trace.id == found.id).expect("asked");
        assert_eq!(trace.said == crate::policy::Say::Allow, about, "{command}: {}", trace.why);
    }
}

#[test]
fn what_is_suggested_for_a_file_or_a_host_names_it_and_not_the_rest() {
    let set = in_force();
    for (tool, args, when) in [
        (
            "write_text",
            json!({ "path": "/opt/a/b.md", "text": "x" }),
            r#"{"path":{"glob":["/opt/a/b.md"],"access":["write"]}}"#,
        ),
        (
            "shell_exec",
            json!({ "command": ["rm", "-r", "build"] }),
            r#"{"command":{"program":["rm"],"argv":["build"],"flags":["recursive"],"exact":true}}"#,
        ),
    ] {
        let found = set.suggest(&request(tool, args)).expect("a suggestion");
        assert_eq!(found.exclusion, when);
    }
    let file = set.suggest(&request("write_text", json!({ "path": "/opt/a/b.md", "text": "x" })));
    let wider = file.expect("a suggestion").wider.expect("the directory");
    assert_eq!(wider, r#"{"path":{"under":["/opt/a"],"access":["write"]}}"#);
}

#[test]
fn following_the_hint_about_a_denying_rule_leads_to_allow() {
    let deny = |extra: &str| {
        format!(
            "schema: 1
rules:
  - id: my.deny
    effect: deny
    when: {{ path: {{ under: [src] }}{extra} }}
    reason: for the test
    match: [ {{ tool: read_text, args: {{ path: src/b }} }} ]
    not_match: [ {{ tool: read_text, args: {{ path: b }} }} ]
"
        )
    };
    let before = beside(&[(Layer::Workspace, "my.yaml", &deny(""))], &options());
    let call = request("read_text", json!({ "path": "src/a" }));
    let change = before.explain(&call).change.expect("a hint");
    let exclusion = change.split("`not: ").nth(1).and_then(|rest| rest.split('`').next());
    let extra = format!(", not: {}", exclusion.expect("an exclusion"));
    let after = beside(&[(Layer::Workspace, "my.yaml", &deny(&extra))], &options());
    assert_eq!(
        (before.decide(&call).effect, after.decide(&call).effect),
        (Effect::Deny, Effect::Allow)
    );
    assert_eq!(effect(&after, "read_text", json!({ "path": "src/b" })), Effect::Deny);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn allows_the_call_and_none_of_its_near_misses(
        file in "[a-z]{1,8}", dir in "/(tmp|opt)/[a-z]{1,8}", program in "[a-z]{3,8}",
        word in "[a-z]{1,8}", host in "[a-z]{2,8}\\.example", which in 0..3_usize,
    ) {
        thread_local! {
            static SET: PolicySet = in_force();
        }
        let (tool, args, others) = match which {
            0 => ("write_text", json!({ "path": format!("{dir}/{file}"), "text": "x" }), vec![
                json!({ "path": format!("{dir}/{file}x"), "text": "x" }),
                json!({ "path": dir, "text": "x" }),
                json!({ "path": format!("{dir}/../{file}"), "text": "x" }),
            ]),
            1 => ("shell_exec", json!({ "command": [program, word] }), vec![
                json!({ "command": [format!("{program}x"), word] }),
                json!({ "command": [program, word, "--force"] }),
                json!({ "command": format!("{program} {word}; rm -rf /") }),
            ]),
            _ => ("send_mail", json!({ "url": format!("https://{host}/a"), "text": "x" }), vec![
                json!({ "url": format!("https://{host}.evil.example/a"), "text": "x" }),
                json!({ "url": format!("https://x{host}/a"), "text": "x" }),
            ]),
        };
        let call = request(tool, args);
        let suggested = SET.with(|set| (set.decide(&call).effect, set.suggest(&call)));
        let (before, Ok(found)) = suggested else {
            prop_assert_eq!(suggested.0, Effect::Allow, "{:?}", suggested.1);
            return Ok(());
        };
        let after = with(&found.yaml);
        if found.against.is_empty() {
            prop_assert_eq!(after.decide(&call).effect, Effect::Allow);
        } else {
            prop_assert_eq!(after.decide(&call).effect, before);
        }
        for other in others {
            let other = request(tool, other);
            let expected = SET.with(|set| set.decide(&other).effect);
            prop_assert_eq!(after.decide(&other).effect, expected, "{:?}", other.args);
        }
    }
}
