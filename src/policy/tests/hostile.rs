//! Rules that loosen are read narrowly, rules that tighten widely.

use serde_json::{Value, json};

use super::stage::{beside, ids, request};
use crate::contracts::Effect;
use crate::policy::{Layer, Options};

fn rules(rules: &str) -> String {
    format!("schema: 1\nrules:\n{rules}")
}

fn decide(text: &str, tool: &str, args: Value) -> crate::contracts::Decision {
    let set = beside(&[(Layer::User, "my.yaml", text)], &Options::default());
    set.decide(&request(tool, args))
}

#[test]
fn an_allow_needs_every_path_and_a_deny_one() {
    let text = rules(
        "  - id: move
    effect: allow
    on: { tool: [move_path] }
    when: { path: { under: [build] } }
    reason: inside build
    match: [ { tool: move_path, args: { from: build/a, to: build/b } } ]
    not_match:
      - { tool: move_path, args: { from: build/a, to: src/b } }
      - { tool: move_path, args: { from: src/a, to: build/b } }
      - { tool: move_path, args: {} }
  - id: not-src
    effect: deny
    on: { tool: [move_path] }
    when: { path: { under: [src] } }
    reason: not src
    match:
      - { tool: move_path, args: { from: build/a, to: src/b } }
      - { tool: move_path, args: { from: src/a, to: build/b } }
    not_match: [ { tool: move_path, args: { from: build/a, to: build/b } } ]
",
    );
    let args = |from: &str, to: &str| json!({ "from": from, "to": to });
    assert_eq!(decide(&text, "move_path", args("build/a", "build/b")).effect, Effect::Allow);
    assert_eq!(ids(&decide(&text, "move_path", args("build/a", "/etc/x")))[0], "fs.elsewhere");
    assert_eq!(decide(&text, "move_path", args("build/a", "docs/x")).effect, Effect::Deny);
    assert_eq!(ids(&decide(&text, "move_path", args("src/a", "build/b")))[0], "not-src");
}

#[test]
fn not_turns_the_reading_round() {
    let text = rules(
        "  - id: only-build
    effect: deny
    on: { tool: [move_path] }
    when: { not: { path: { under: [build] } } }
    reason: only build
    match:
      - { tool: move_path, args: { from: build/a, to: src/b } }
      - { tool: move_path, args: {} }
    not_match: [ { tool: move_path, args: { from: build/a, to: build/b } } ]
  - id: anywhere-else
    effect: allow
    on: { tool: [move_path] }
    when: { not: { path: { under: [docs] } } }
    reason: not docs
    match: [ { tool: move_path, args: { from: build/a, to: build/b } } ]
    not_match: [ { tool: move_path, args: { from: build/a, to: docs/b } } ]
",
    );
    let args = json!({ "from": "build/a", "to": "build/b" });
    assert_eq!(decide(&text, "move_path", args).effect, Effect::Allow);
}

#[test]
fn no_rule_makes_an_opaque_command_better_than_a_question() {
    let text = rules(
        "  - id: all
    effect: allow
    on: { tool: [shell_exec] }
    reason: everything
    match: [ { command: ls }, { argv: [ls] } ]
    not_match: [ { tool: read_text, args: {} } ]
",
    );
    assert_eq!(decide(&text, "shell_exec", json!({ "command": ["ls"] })).effect, Effect::Allow);
    let code = json!(["python3", "-c", "import os; os.remove('x')"]);
    for command in [json!("$X"), json!("sh < x"), json!(["sudo", "-s"]), code, json!([])] {
        let decision = decide(&text, "shell_exec", json!({ "command": command }));
        assert_eq!(decision.effect, Effect::Ask, "{command}");
    }
}

#[test]
fn a_rule_about_programs_does_not_allow_what_it_cannot_see() {
    let text = rules(
        "  - id: ls
    effect: allow
    on: { tool: [shell_exec] }
    when: { command: { program: [ls] } }
    reason: looks only
    match: [ { argv: [ls, -l] } ]
    not_match: [ { argv: [rm, x] } ]
",
    );
    let decision = decide(&text, "shell_exec", json!({ "command": "ls; $X" }));
    assert!(!ids(&decision).contains(&"ls"), "{:?}", ids(&decision));
}

#[test]
fn aliases_are_the_tool_itself() {
    let text = rules(
        "  - id: by-alias
    effect: deny
    on: { tool: [filesystem_write] }
    reason: by its other name
    match: [ { tool: write_text, args: {} }, { tool: filesystem_write, args: {} } ]
    not_match: [ { tool: read_text, args: {} } ]
",
    );
    let decision = decide(&text, "filesystem_write", json!({ "path": "a", "text": "x" }));
    assert_eq!(ids(&decision)[0], "by-alias");
}

#[test]
fn every_rule_that_matched_is_named_strictest_first() {
    let decision = decide(
        &rules(
            "  - id: ask-first
    effect: ask
    on: { tool: [write_text] }
    reason: ask
    match: [ { tool: write_text, args: {} } ]
    not_match: [ { tool: read_text, args: {} } ]
",
        ),
        "write_text",
        json!({ "path": "a", "text": "x" }),
    );
    assert_eq!(ids(&decision), ["ask-first", "fs.write"]);
    assert_eq!(decision.reason, "ask");
}

#[test]
fn explains_each_rule_and_what_would_change_it() {
    let set = beside(&[], &Options::default());
    let explanation = set.explain(&request("read_text", json!({ "path": "/tmp/x" })));
    let read = explanation.rules.iter().find(|trace| trace.id == "fs.read").expect("the rule");
    assert!(
        read.why.contains("zone workspace") && read.why.contains("`/tmp/x` (read, temp)"),
        "{}",
        read.why
    );
    assert!(explanation.change.expect("a change").contains("add a rule"));
    let json = serde_json::to_value(set.explain(&request("read_text", json!({ "path": "a" }))));
    assert_eq!(json.expect("json")["decision"]["effect"], "allow");
}
