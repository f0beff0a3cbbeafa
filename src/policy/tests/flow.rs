//! Where values come from, and what the rules make of it.

use serde_json::{Value, json};

use super::stage::{alone, beside, ids, request_with, tool};
use crate::contracts::{CallEffect, Decision, Effect, Risk};
use crate::policy::{Layer, Options, PolicySet};

/// A call with one label on each of some arguments.
fn labelled(set: &PolicySet, tool: &str, args: Value, labels: &[(&str, &str)]) -> Decision {
    set.decide(&request_with(tool, args, |asked| {
        for (arg, label) in labels {
            asked.labels.insert((*arg).to_owned(), vec![(*label).to_owned()]);
        }
    }))
}

const RULES: &str = r#"schema: 1
tools: { user_notification: { sinks: [title] } }
rules:
  - id: all
    effect: allow
    reason: whatever
    match: [ { tool: write_text, args: { path: a, text: x } } ]
    not_match: [ { tool: send_mail, args: { text: x }, labels: { url: [x] } } ]
    on: { tool: [write_text, shell_exec, user_notification, read_text] }
  - id: aim
    effect: deny
    when: { label: { sink: [untrusted] } }
    reason: aimed
    match: [ { tool: send_mail, args: { recipient: a }, labels: { recipient: ["untrusted:web"] } } ]
    not_match: [ { tool: send_mail, args: { text: a }, labels: { text: ["untrusted:web"] } } ]
"#;

#[test]
fn a_sink_is_what_the_tool_or_a_rule_declares_a_command_and_any_url() {
    let set = alone("mine.yaml", RULES).unwrap();
    let url = "https://example.org/x";
    for (tool, args, arg, effect) in [
        ("write_text", json!({ "path": "a", "text": "x" }), "text", Effect::Allow),
        ("write_text", json!({ "path": "a", "text": url }), "text", Effect::Deny),
        ("read_text", json!({ "path": "a" }), "path", Effect::Allow),
        ("user_notification", json!({ "text": "a", "title": "b" }), "text", Effect::Allow),
        ("user_notification", json!({ "text": "a", "title": "b" }), "title", Effect::Deny),
        ("user_notification", json!({ "text": [{ "at": url }] }), "text", Effect::Deny),
        ("shell_exec", json!({ "command": ["ls"] }), "command", Effect::Deny),
    ] {
        let decision = labelled(&set, tool, args.clone(), &[(arg, "untrusted:web")]);
        assert_eq!(decision.effect, effect, "{tool} {args} {arg}");
        let user = labelled(&set, tool, args.clone(), &[(arg, "user")]);
        assert_eq!(user.effect, Effect::Allow, "{tool} {args} {arg}");
    }
}

#[test]
fn what_a_tool_answers_is_trusted_as_the_rules_say() {
    let trust = |word: &str| {
        let text = RULES.replace("{ sinks: [title] }", &format!("{{ output_trust: {word} }}"));
        alone("mine.yaml", &text).unwrap()
    };
    let labels = |own: &[&str]| {
        let mut descriptor = tool("user_notification", Risk::Low, CallEffect::Read);
        descriptor.labels = own.iter().map(|label| (*label).to_owned()).collect();
        descriptor
    };
    let unsaid = alone("mine.yaml", RULES).unwrap();
    for (set, own, expected) in [
        (&unsaid, &["workspace"][..], &["workspace"][..]),
        (&unsaid, &["untrusted:web"], &["untrusted:web"]),
        (&unsaid, &[], &["trusted:user_notification"]),
        (&trust("trusted"), &["untrusted:web", "x"], &["x", "trusted:user_notification"]),
        (&trust("untrusted"), &["workspace"], &["workspace", "untrusted:user_notification"]),
        (&trust("untrusted"), &["untrusted:web"], &["untrusted:web"]),
    ] {
        assert_eq!(set.output_labels(&labels(own)), expected, "{own:?}");
    }
}

#[test]
fn an_untrusted_workspace_cannot_make_a_tool_trusted() {
    let text = RULES.replace("{ sinks: [title] }", "{ output_trust: trusted }");
    let set = beside(&[(Layer::Workspace, "policies/90.yaml", &text)], &Options::default());
    let mut web = tool("user_notification", Risk::Low, CallEffect::Read);
    web.labels = vec!["untrusted:web".to_owned()];
    assert_eq!(set.output_labels(&web), ["untrusted:web"]);
}

#[test]
fn the_shipped_set_keeps_secrets_in_and_asks_where_untrusted_text_aims() {
    let set = beside(&[], &Options::default());
    let write = || json!({ "path": "reports/x", "text": "x" });
    for (tool, args, arg, label, effect, rule) in [
        ("write_text", write(), "path", "untrusted:web", Effect::Ask, "untrusted_aim"),
        ("write_text", write(), "text", "untrusted:web", Effect::Allow, ""),
        ("write_text", write(), "path", "workspace", Effect::Allow, ""),
        ("write_text", write(), "text", "secret:KEY", Effect::Allow, ""),
        (
            "shell_exec",
            json!({ "command": ["ls"] }),
            "command",
            "secret:file",
            Effect::Deny,
            "secret_out",
        ),
        (
            "shell_exec",
            json!({ "command": ["ls"] }),
            "command",
            "untrusted:x",
            Effect::Ask,
            "untrusted_aim",
        ),
        ("send_mail", json!({ "text": "x" }), "text", "secret:KEY", Effect::Deny, "secret_out"),
        (
            "send_mail",
            json!({ "recipient": "x" }),
            "recipient",
            "secret",
            Effect::Deny,
            "secret_out",
        ),
    ] {
        let decision = labelled(&set, tool, args.clone(), &[(arg, label)]);
        assert_eq!(decision.effect, effect, "{tool} {args} {label}: {decision:#?}");
        let found = ids(&decision).iter().any(|id| id.ends_with(&format!(".{rule}")));
        assert!(rule.is_empty() || found, "{tool} {label}: {:?}", ids(&decision));
    }
}
