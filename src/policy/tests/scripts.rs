//! Rhai rules: what they see, what they may not do, how they fail.

use serde_json::json;

use super::stage::{alone, beside, ids, request, request_with};
use crate::contracts::{Decision, Effect};
use crate::policy::{Layer, Options, Request};

/// The decision of one rule body about a call that the built-in set allows.
fn decide(body: &str, request: &Request) -> Decision {
    let text = format!("fn rule(req, ctx) {{\n{body}\n}}\n");
    beside(&[(Layer::User, "my.rhai", &text)], &Options::default()).decide(request)
}

fn write() -> Request {
    request("write_text", json!({ "path": "reports/a.md", "text": "hello" }))
}

#[test]
fn sees_the_facts_it_is_promised() {
    let holds = [
        "req.tool == \"write_text\" && req.risk == \"medium\" && req.category == \"\"",
        "req.effect == \"idempotent\" && req.origin == \"playbook\"",
        "!req.sends_network && !req.reads_secret && !req.unattended && req.id == \"\"",
        "req.arg(\"text\") == \"hello\" && req.has_arg(\"text\") && !req.has_arg(\"no\")",
        "req.arg_label(\"text\", \"untrusted\") && req.label_sources(\"text\") == \"untrusted:web\"",
        "!req.arg_label(\"text\", \"untrust\") && req.label_sources(\"path\") == \"\"",
        "req.paths.len == 1 && req.paths[0].zone == \"workspace\"",
        "req.paths[0].access == \"write\" && req.paths[0].text == \"reports/a.md\"",
        "under(req.paths[0], \"reports\") && !req.paths[0].under(\"src\")",
        "glob(req.paths[0], \"reports/*.md\") && !glob(\"a/b\", \"*\")",
        "matches(req.arg(\"text\"), \"^h.llo$\") && req.paths.some(|p| p.zone == \"workspace\")",
        "req.hosts.is_empty() && host_in(\"a.example.net\", [\"*.example.net\"])",
        "req.command.leaves.is_empty() && !req.command.opaque && req.command.text == \"\"",
        "ctx.profile == \"workspace\" && ctx.mode == \"auto\" && ctx.now == 5000",
        "ctx.run.steps_used == 3 && ctx.run.untrusted && ctx.run.playbook == \"\"",
        "ctx.count(\"read_text\") == 2 && ctx.last(\"read_text\") == 4000 && ctx.last(\"x\") == 0",
        "\" a \".trim() == \"a\" && \"aa\".replace(\"a\", \"b\") == \"bb\"",
    ];
    let asked =
        request_with("write_text", json!({ "path": "reports/a.md", "text": "hello" }), |asked| {
            let at = crate::contracts::Timestamp::from_ms;
            asked.labels.insert("text".to_owned(), vec!["untrusted:web".to_owned()]);
            asked.now = at(5_000);
            asked.run.steps_used = 3;
            asked.run.untrusted = true;
            asked.run.calls.insert("read_text".to_owned(), vec![at(3_000), at(4_000)]);
        });
    for condition in holds {
        let decision = decide(&format!("if {condition} {{ ask(\"seen\"); }}"), &asked);
        assert_eq!(
            (decision.effect, decision.reason.as_str()),
            (Effect::Ask, "seen"),
            "{condition}"
        );
    }
}

#[test]
fn sees_commands() {
    let asked = request("shell_exec", json!({ "command": ["grep", "-rn", "x", "~/.ssh/config"] }));
    let condition = "for leaf in req.command.leaves {
        if leaf.program == \"grep\" && leaf.has_flag(\"recursive\") && leaf.argv.len == 3
            && leaf.via.is_empty() && leaf.paths[1].zone == \"secret\" { deny(\"seen\"); }
    }";
    assert_eq!(ids(&decide(condition, &asked))[..2], ["cmd.secret", "my.rule"]);
}

#[test]
fn whatever_goes_wrong_denies_and_says_why() {
    let cases = [
        ("loop { if ctx.now < 0 { break; } }", "50000 operations"),
        ("while ctx.now >= 0 { let x = 1; }", "50000 operations"),
        ("let s = \"x\"; loop { s += s; if s == \"\" { break; } }", "too large"),
        ("let a = [1]; loop { a += a; if a.is_empty() { break; } }", "too large"),
        ("req.arg(\"nothing\");", "has_arg"),
        ("deny(\"\");", "needs a reason"),
        ("ctx.config(\"nothing\");", "no configuration"),
        ("let x = req.paths[7];", "ndex"),
        ("throw \"no idea\";", "no idea"),
        ("allow(\"why not\");", "not permitted"),
        ("let p = \"(\"; matches(\"x\", p);", "regular expression"),
        ("req.tool = \"other\";", ""),
        ("let p = req.paths[0]; let q = p.text.zone;", "zone"),
    ];
    for (body, word) in cases {
        let decision = decide(body, &write());
        assert_eq!(decision.effect, Effect::Deny, "{body}: {decision:?}");
        assert_eq!(decision.rules[0].id, "my.rule", "{body}");
        assert!(decision.reason.contains(word), "{body}: `{}`", decision.reason);
    }
}

#[test]
fn endless_recursion_denies() {
    let text =
        "private fn again(n) { if n >= 0 { again(n + 1) } }\nfn rule(req, ctx) { again(0); }\n";
    let set = beside(&[(Layer::User, "my.rhai", text)], &Options::default());
    let decision = set.decide(&write());
    assert_eq!(decision.effect, Effect::Deny);
    assert!(decision.reason.contains("too deeply"), "{}", decision.reason);
    assert_eq!((decision.rules[0].file.as_str(), decision.rules[0].line), ("my.rhai", 2));
}

#[test]
fn allows_only_where_yaml_lets_it() {
    let script = "fn rule(req, ctx) { if req.tool == \"send_mail\" { allow(\"fine\"); } }\n";
    let terms = "schema: 1
tools: { send_mail: { scripts_may_allow: true } }
rules:
  - { id: x, effect: ask, on: { tool: [git_diff] }, reason: x, match: [ { tool: git_diff } ], not_match: [ { tool: read_text } ] }
";
    let asked = request("send_mail", json!({ "text": "x" }));
    let decide = |files: &[(Layer, &str, &str)], trusted: bool| {
        beside(files, &Options { trusted, ..Options::default() }).decide(&asked).effect
    };
    use Layer::{User, Workspace};
    let user = (User, "my.rhai", script);
    assert_eq!(decide(&[user, (User, "my.yaml", terms)], false), Effect::Allow);
    assert_eq!(decide(&[user], false), Effect::Deny);
    assert_eq!(decide(&[user, (Workspace, "w.yaml", terms)], false), Effect::Deny);
    let theirs = (Workspace, "my.rhai", script);
    assert_eq!(decide(&[theirs, (User, "my.yaml", terms)], false), Effect::Deny);
    assert_eq!(decide(&[theirs, (Workspace, "w.yaml", terms)], true), Effect::Allow);
}

#[test]
fn mistakes_are_named_before_it_runs() {
    let cases = [
        ("fn rule(req, ctx) { req.tol == 1; }", "unknown-property", "did you mean `tool`"),
        ("fn rule(req, ctx) { ctx.run.untrustd; }", "unknown-property", "untrusted"),
        ("fn rule(req, ctx) { req.zone; }", "unknown-property", "zone"),
        ("fn rule(req, ctx) { for p in req.paths { p.zon; } }", "unknown-property", "zon"),
        ("fn rule(req, ctx) { denny(\"x\"); }", "unknown-function", "did you mean `deny`"),
        ("fn rule(req, ctx) { deny(\"x\", 1); }", "wrong-arity", "deny"),
        ("fn rule(req, ctx) { helper(1); } private fn helper(a, b) { a }", "wrong-arity", "helper"),
        ("fn rule(req) { deny(\"x\"); }", "wrong-arity", "private fn"),
        ("fn rule(req, ctx) { deny(x); }", "script-syntax", "x"),
        ("fn rule(req, ctx) { eval(\"1\"); }", "script-syntax", "eval"),
        ("fn rule(req, ctx) { print(\"1\"); }", "script-syntax", "print"),
        ("fn rule(req, ctx) { import \"x\" as y; }", "script-syntax", "import"),
        ("fn rule(req, ctx) { sleep(1); }", "unknown-function", "sleep"),
        ("fn rule(req, ctx) { timestamp(); }", "unknown-function", "timestamp"),
        ("fn rule(req, ctx) { rand(); }", "unknown-function", "rand"),
        ("fn rule(req, ctx) { if }", "script-syntax", ""),
        ("let x = 1; fn rule(req, ctx) { }", "script-statement", "never run"),
        ("private fn rule(req, ctx) { }", "zero-rules", ""),
        ("fn a(req, ctx) { }\nfn a(req, ctx) { }", "script-syntax", "a"),
    ];
    for (text, code, word) in cases {
        let found = alone("my.rhai", text).expect_err(text);
        let hit = found.iter().find(|mistake| mistake.code == code);
        let hit = hit.unwrap_or_else(|| panic!("{text}: {found:#?}"));
        assert!(hit.to_string().contains(word), "{text}: {hit}");
        assert_eq!(hit.line, 1 + u32::from(text.contains('\n')), "{text}");
    }
}

#[test]
fn the_shipped_script_stops_secrets_and_asks_about_foreign_text() {
    let set = beside(&[], &Options::default());
    let sending = request_with("send_mail", json!({ "text": "x" }), |asked| {
        asked.run.read_secret = true;
    });
    assert!(ids(&set.decide(&sending)).contains(&"50-exfiltration.secret_then_network"));
    let foreign = request_with("send_mail", json!({ "text": "x" }), |asked| {
        asked.labels.insert("text".to_owned(), vec!["untrusted:web".to_owned()]);
    });
    let decision = set.decide(&foreign);
    assert!(ids(&decision).contains(&"50-exfiltration.untrusted_text_out"), "{decision:?}");
    let inner = request("send_mail", json!({ "url": "http://169.254.169.254/latest" }));
    let decision = set.decide(&inner);
    assert_eq!(decision.reason, "`169.254.169.254` is a metadata address");
}
