//! What the shipped set decides.

use serde_json::{Value, json};

use super::stage::{beside, ids, request, request_with};
use crate::contracts::{Effect, Obligation, Profile};
use crate::policy::Options;

fn check(options: &Options, cases: &[(&str, Value, Effect, &str)]) {
    let set = beside(&[], options);
    for (tool, args, effect, rule) in cases {
        let decision = set.decide(&request(tool, args.clone()));
        assert_eq!(decision.effect, *effect, "{tool} {args}: {decision:#?}");
        assert!(ids(&decision).contains(rule), "{tool} {args}: {:?}", ids(&decision));
        assert!(!decision.reason.is_empty());
    }
}

#[test]
fn a_call_that_cannot_be_understood_is_told_why() {
    let set = beside(&[], &Options::default());
    for (tool, args, says) in [
        ("read_text", json!({ "path": "a\nb" }), "control character"),
        ("shell_exec", json!({ "command": ["ls", 3] }), "command"),
    ] {
        let decision = set.decide(&request(tool, args));
        assert_eq!((decision.effect, ids(&decision)[0]), (Effect::Deny, "bad-facts"));
        assert!(decision.reason.contains(says), "{}", decision.reason);
    }
}

#[test]
fn decides_the_everyday_calls() {
    use Effect::{Allow, Ask, Deny};
    let path = |path: &str| json!({ "path": path });
    let text = |path: &str| json!({ "path": path, "text": "x" });
    let argv = |words: &[&str]| json!({ "command": words });
    check(
        &Options::default(),
        &[
            ("read_text", path("README.md"), Allow, "fs.read"),
            ("git_status", path("."), Allow, "fs.read"),
            ("read_text", path("policies/10-files.yaml"), Allow, "fs.read-governing"),
            ("read_text", path(".bailiwick/journal.db"), Deny, "fs.self-read"),
            ("read_text", path("sub/.git/config"), Deny, "fs.self-read"),
            ("read_text", path("/etc/passwd"), Deny, "fs.elsewhere"),
            ("read_text", path("~/notes"), Deny, "fs.elsewhere"),
            ("read_text", path("../x"), Deny, "fs.elsewhere"),
            ("read_text", path(".env.local"), Deny, "fs.secret"),
            ("read_text", path(".vault-token"), Deny, "fs.secret"),
            ("read_text", path("backup.tar.GPG"), Deny, "fs.secret"),
            ("read_text", path(".env.example"), Allow, "fs.read"),
            ("read_text", path("/tmp/x"), Deny, "default-deny"),
            ("write_text", text("reports/a.md"), Allow, "fs.write"),
            ("write_text", text("policies/a.yaml"), Deny, "fs.self-write"),
            ("write_text", text(".git/HEAD"), Deny, "fs.self-write"),
            ("write_text", text("sub/.git/hooks/x"), Deny, "fs.self-write"),
            ("write_text", text("/tmp/x"), Deny, "default-deny"),
            ("shell_exec", argv(&["cargo", "test"]), Allow, "cmd.run"),
            ("shell_exec", argv(&["rm", "-rf", "build"]), Ask, "cmd.remove-tree"),
            ("shell_exec", argv(&["rm", "-rf", "/"]), Deny, "cmd.remove-elsewhere"),
            ("shell_exec", argv(&["rm", "-rf", "/*"]), Deny, "cmd.remove-elsewhere"),
            ("shell_exec", argv(&["dd", "if=/dev/zero", "of=/dev/sda"]), Deny, "cmd.device"),
            ("shell_exec", argv(&["cat", ".env"]), Deny, "cmd.secret"),
            ("shell_exec", argv(&["sh", "-c", "ls"]), Allow, "cmd.run"),
            ("shell_exec", argv(&["sh", "-c", "$X"]), Ask, "cmd.opaque"),
            ("shell_exec", json!({ "command": "ls | wc -l" }), Allow, "cmd.run"),
            ("shell_exec", argv(&[]), Ask, "cmd.opaque"),
            ("shell_exec", json!({ "command": ["ls", 3] }), Deny, "bad-facts"),
            ("shell_exec", json!({ "command": {} }), Deny, "bad-facts"),
            ("shell_exec", json!({ "command": ["ls"], "workdir": "/" }), Deny, "fs.elsewhere"),
            ("user_notification", json!({ "text": "x" }), Allow, "notify"),
            ("send_mail", json!({ "text": "x" }), Deny, "default-deny"),
            ("move_path", json!({ "from": "a" }), Deny, "default-deny"),
        ],
    );
}

#[test]
fn a_write_keeps_the_old_content() {
    let set = beside(&[], &Options::default());
    let decision = set.decide(&request("write_text", json!({ "path": "a", "text": "x" })));
    assert_eq!(decision.obligations, [Obligation::Snapshot]);
}

#[test]
fn strict_asks_and_ci_denies_what_would_ask() {
    let text = json!({ "path": "a", "text": "x" });
    let strict = Options { profile: Profile::Strict, ..Options::default() };
    check(&strict, &[("write_text", text.clone(), Effect::Ask, "strict.change")]);
    let ci = Options { profile: Profile::Ci, ..Options::default() };
    check(
        &ci,
        &[
            ("write_text", text, Effect::Allow, "fs.write"),
            ("shell_exec", json!({ "command": "rm -rf build" }), Effect::Deny, "unattended"),
        ],
    );
}

#[test]
fn a_rate_limit_denies_when_it_is_met() {
    let set = beside(&[], &Options::default());
    let with_calls = |count: usize, at: i64| {
        request_with("user_notification", json!({ "text": "x" }), |asked| {
            asked.now = crate::contracts::Timestamp::from_ms(100_000);
            let times = vec![crate::contracts::Timestamp::from_ms(at); count];
            asked.run.calls.insert("user_notification".to_owned(), times);
        })
    };
    assert_eq!(set.decide(&with_calls(29, 90_000)).effect, Effect::Allow);
    let refused = set.decide(&with_calls(30, 90_000));
    assert_eq!(refused.effect, Effect::Deny);
    assert!(refused.reason.contains("at most 30 calls per 1m"), "{}", refused.reason);
    assert_eq!(set.decide(&with_calls(30, 10_000)).effect, Effect::Allow);
}

#[test]
fn a_dry_run_depends_only_on_what_can_still_change() {
    let set = beside(&[], &Options::default());
    let unknown = |tool: &str, args: Value, arg: &str| {
        set.decide(&request_with(tool, args, |asked| asked.unknown = vec![arg.to_owned()]))
    };
    let placeholder = json!({ "path": "<from steps.x>", "text": "x" });
    assert_eq!(unknown("write_text", placeholder, "path").effect, Effect::Depends);
    let denied = json!({ "path": "policies/x", "text": "<from steps.x>" });
    assert_eq!(unknown("write_text", denied, "text").effect, Effect::Deny);
    let allowed = json!({ "path": "a", "text": "<from steps.x>" });
    assert_eq!(unknown("write_text", allowed, "text").effect, Effect::Depends);
    let nothing = json!({ "path": "/tmp/x", "text": "<from steps.x>" });
    assert_eq!(unknown("write_text", nothing, "text").effect, Effect::Deny);
}

/// What a profile makes of a rule: its own effect, `-` where it does not count, and in `ci`, where
/// nobody can be asked, a denial.
fn in_profile(set: &crate::policy::PolicySet, id: &str, unattended: bool) -> &'static str {
    let rules = set.rules();
    let Some(rule) = rules.iter().find(|rule| rule.id == id) else { return "-" };
    match rule.effect {
        Some(Effect::Ask) if unattended => "deny",
        Some(effect) => effect.as_str(),
        None => "script",
    }
}

#[test]
fn the_manual_lists_every_rule_in_every_profile() {
    use std::fmt::Write as _;
    let set = |profile| beside(&[], &Options { profile, ..Options::default() });
    let (workspace, strict, ci) = (set(Profile::Workspace), set(Profile::Strict), set(Profile::Ci));
    let mut table =
        String::from("| rule | `workspace` | `strict` | `ci` | why |\n|---|---|---|---|---|\n");
    for rule in strict.rules() {
        let id = rule.id.as_str();
        writeln!(
            table,
            "| `{id}` | {} | {} | {} | {} |",
            in_profile(&workspace, id, false),
            in_profile(&strict, id, false),
            in_profile(&ci, id, true),
            rule.reason.replace('|', "\\|"),
        )
        .expect("a text");
    }
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/policies.md");
    let page = std::fs::read_to_string(&path).expect("the manual");
    let (start, end) = ("<!-- rules: made by a test, BLESS=1 -->\n", "<!-- end of rules -->");
    let (before, rest) = page.split_once(start).expect("a start mark");
    let (found, after) = rest.split_once(end).expect("an end mark");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, format!("{before}{start}{table}{end}{after}")).expect("written");
        return;
    }
    assert_eq!(found, table, "docs/policies.md has drifted: BLESS=1 cargo nextest run --lib");
}
