//! Layers: who may tighten, who may loosen, and what a hash covers.

use serde_json::json;

use super::stage::{beside, ids, request, source, vocabulary};
use crate::contracts::{ApprovalMode, Effect, Profile};
use crate::policy::{Layer, Options, built_in, compile};

fn rule(id: &str, effect: &str, path: &str) -> String {
    format!(
        "schema: 1
rules:
  - id: {id}
    effect: {effect}
    on: {{ tool: [write_text] }}
    when: {{ path: {{ under: [{path}] }} }}
    reason: for the test
    match: [ {{ tool: write_text, args: {{ path: {path}/a, text: x }} }} ]
    not_match: [ {{ tool: write_text, args: {{ path: elsewhere/a, text: x }} }} ]
"
    )
}

#[test]
fn every_layer_tightens_and_only_trusted_ones_loosen() {
    use Effect::{Allow, Deny};
    let cases = [
        (Layer::System, "deny", "src", false, Deny),
        (Layer::User, "deny", "src", false, Deny),
        (Layer::Workspace, "deny", "src", false, Deny),
        (Layer::Workspace, "ask", "src", false, Effect::Ask),
        (Layer::System, "allow", "/tmp/x", false, Allow),
        (Layer::User, "allow", "/tmp/x", false, Allow),
        (Layer::Workspace, "allow", "/tmp/x", false, Deny),
        (Layer::Workspace, "allow", "/tmp/x", true, Allow),
    ];
    for (layer, effect, path, trusted, expected) in cases {
        let options = Options { trusted, ..Options::default() };
        let set = beside(&[(layer, "my.yaml", &rule("my.rule", effect, path))], &options);
        let args = json!({ "path": format!("{path}/a"), "text": "x" });
        let decision = set.decide(&request("write_text", args));
        assert_eq!(decision.effect, expected, "{layer:?} {effect} {trusted}: {:?}", ids(&decision));
    }
}

#[test]
fn an_id_of_the_built_in_set_is_replaced_by_those_who_may() {
    let loosened = "schema: 1
rules:
  - id: fs.elsewhere
    effect: deny
    on: { tool: [write_text] }
    when: { path: { under: [/nowhere] } }
    reason: only there
    match: [ { tool: write_text, args: { path: /nowhere/a, text: x } } ]
    not_match: [ { tool: write_text, args: { path: a, text: x } } ]
";
    let asked = request("read_text", json!({ "path": "/etc/hostname" }));
    for (layer, trusted, replaced) in [
        (Layer::User, false, true),
        (Layer::System, false, true),
        (Layer::Workspace, true, true),
        (Layer::Workspace, false, false),
    ] {
        let options = Options { trusted, ..Options::default() };
        let set = beside(&[(layer, "my.yaml", loosened)], &options);
        let decision = set.decide(&asked);
        assert_eq!(!ids(&decision).contains(&"fs.elsewhere"), replaced, "{layer:?} {trusted}");
    }
}

#[test]
fn tools_are_declared_by_those_who_may_and_tightened_by_all() {
    let text = |line: &str| {
        format!("schema: 1\ntools: {{ {line} }}\n{}", &rule("my.rule", "ask", "x")[10..])
    };
    let off = text("user_notification: { enabled: false }");
    let asked = request("user_notification", json!({ "text": "x" }));
    for layer in [Layer::System, Layer::User, Layer::Workspace] {
        let set = beside(&[(layer, "my.yaml", &off)], &Options::default());
        assert_eq!(ids(&set.decide(&asked))[0], "tool-disabled", "{layer:?}");
    }
    let on = text("user_notification: { enabled: true }");
    let enabled = [("user_notification".to_owned(), false)].into();
    let options = Options { enabled, ..Options::default() };
    let set = beside(&[(Layer::User, "my.yaml", &on)], &options);
    assert_eq!(set.decide(&asked).effect, Effect::Deny);
    let risky = text("user_notification: { risk: high }");
    let calm = text("send_mail: { risk: low }");
    let options = Options { require_approval_for_risky: true, ..Options::default() };
    let set = beside(&[(Layer::Workspace, "my.yaml", &risky)], &options);
    assert_eq!(set.decide(&asked).effect, Effect::Ask);
    let set = beside(&[(Layer::Workspace, "my.yaml", &calm)], &options);
    let mail = set.decide(&request("send_mail", json!({ "text": "x" })));
    assert!(ids(&mail).contains(&"require-approval-for-risky"), "an untrusted layer calms nothing");
}

#[test]
fn modes_only_tighten() {
    let write = request("write_text", json!({ "path": "a", "text": "x" }));
    let read = request("read_text", json!({ "path": "a" }));
    let nothing = request("send_mail", json!({ "text": "x" }));
    let options = Options { approval_mode: ApprovalMode::RequireApproval, ..Options::default() };
    let set = beside(&[], &options);
    assert_eq!(set.decide(&write).effect, Effect::Ask);
    assert_eq!(set.decide(&read).effect, Effect::Allow);
    assert_eq!(
        set.decide(&nothing).effect,
        Effect::Deny,
        "a mode does not turn a no into a question"
    );
    let mut unattended = write;
    unattended.unattended = true;
    let decision = set.decide(&unattended);
    assert_eq!(decision.effect, Effect::Deny);
    assert!(
        decision.reason.contains("nobody is there") && decision.reason.contains("approval-mode")
    );
}

#[test]
fn the_hash_names_everything_that_decides() {
    let base = beside(&[], &Options::default()).hash();
    assert_eq!(base, beside(&[], &Options::default()).hash(), "the same set has the same hash");
    let text = rule("my.rule", "deny", "x");
    let mut seen = vec![base];
    for options in [
        Options { trusted: true, ..Options::default() },
        Options { profile: Profile::Ci, ..Options::default() },
        Options { approval_mode: ApprovalMode::RequireApproval, ..Options::default() },
        Options { require_approval_for_risky: true, ..Options::default() },
        Options { enabled: [("read_text".to_owned(), false)].into(), ..Options::default() },
    ] {
        seen.push(beside(&[], &options).hash());
    }
    for (layer, path, text) in [
        (Layer::User, "my.yaml", text.clone()),
        (Layer::System, "my.yaml", text.clone()),
        (Layer::User, "other.yaml", text.clone()),
        (Layer::User, "my.yaml", format!("{text}# a remark\n")),
    ] {
        seen.push(beside(&[(layer, path, &text)], &Options::default()).hash());
    }
    let few = compile(&built_in(), &crate::ports::Vocabulary::default(), &Options::default());
    seen.push(few.expect("sound").hash());
    let count = seen.len();
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), count);
}

#[test]
fn files_of_tests_decide_nothing() {
    let sources = [
        source(Layer::User, "my_test.yaml", "cases: []"),
        source(Layer::User, "a.yaml", &rule("a", "ask", "x")),
    ];
    let set = compile(&sources, &vocabulary(), &Options::default()).expect("sound");
    assert_eq!(set.rules().len(), 1);
}
