//! The keys of rules, one by one: how many must say yes, how often, when, and what combines.

use serde_json::{Value, json};

use super::stage::{alone, beside, ids, request, request_with};
use crate::contracts::{Decision, Effect, Timestamp};
use crate::policy::{Layer, Options, PolicySet, Request};

fn rule(body: &str) -> String {
    format!("schema: 1\nrules:\n  - id: my.rule\n    reason: so\n    {body}\n")
}

/// A user's rule beside the built-in ones. Its example is of a tool that nobody has, so that it is
/// not tried: what the rule matches is what the tests are about.
fn set(body: &str) -> PolicySet {
    let text = rule(&format!("on: {{ tool: [shell_exec, write_text, send_mail] }}\n    {body}"));
    let text = format!("{text}    match: [ {{ tool: nobody.has.this }} ]\n");
    alone("my.yaml", &text).unwrap_or_else(|found| panic!("{text}: {found:#?}"))
}

fn decide(set: &PolicySet, tool: &str, args: Value) -> Decision {
    set.decide(&request(tool, args))
}

fn write() -> Request {
    request("write_text", json!({ "path": "reports/a.md", "text": "x" }))
}

#[test]
fn the_most_approvers_of_all_rules_that_ask_are_needed() {
    let two = "  - { id: a, effect: ask, on: { tool: [write_text] }, approvers: 2, reason: a, match: [ { tool: write_text } ], not_match: [ { tool: git_diff } ] }\n";
    let three = "  - { id: b, effect: ask, on: { tool: [write_text] }, approvers: 3, reason: b, match: [ { tool: write_text } ], not_match: [ { tool: git_diff } ] }\n";
    let one = "  - { id: c, effect: ask, on: { tool: [write_text] }, reason: c, match: [ { tool: write_text } ], not_match: [ { tool: git_diff } ] }\n";
    let cases = [(vec![one], 1), (vec![two], 2), (vec![one, three, two], 3)];
    for (rules, approvers) in cases {
        let text = format!("schema: 1\nrules:\n{}", rules.concat());
        let set = beside(&[(Layer::User, "my.yaml", &text)], &Options::default());
        let decision = set.decide(&write());
        assert_eq!((decision.effect, decision.approvers), (Effect::Ask, approvers), "{text}");
    }
    let allowed = beside(&[], &Options::default()).decide(&write());
    assert_eq!((allowed.effect, allowed.approvers), (Effect::Allow, 1));
}

#[test]
fn what_approvers_and_limits_may_not_be() {
    for (body, word) in [
        ("effect: deny\n    approvers: 2", "does not ask"),
        ("effect: ask\n    approvers: 0", "from 1 to 16"),
        ("effect: ask\n    approvers: 17", "from 1 to 16"),
        ("effect: ask\n    approvers: two", "approvers"),
        ("effect: deny\n    limit: { calls: 1, per: run }", "denies"),
        ("effect: ask\n    limit: { calls: 1 }", "per: run"),
        ("effect: ask\n    limit: { calls: 1, per: week }", "duration"),
        ("effect: ask\n    limit: { calls: 1, per: 0s }", "per: run"),
        ("effect: ask\n    limit: { calls: -1, per: run }", "calls"),
        ("effect: ask\n    when: { time: { days: [mon], timezone: Berlin } }", "Europe/Berlin"),
        (
            "effect: ask\n    when: { time: { days: [mon], timezone: europe/berlin } }",
            "Europe/Berlin",
        ),
        (
            "effect: ask\n    when: { time: { days: [mon], timezone: Europe/Berlim } }",
            "Europe/Berlin",
        ),
        (
            "effect: ask\n    when: { time: { days: [mon], timezone: Nowhere/At_all } }",
            "no time zone",
        ),
        ("effect: ask\n    when: { time: { days: [mon], timezone: +02:00 } }", "no time zone"),
    ] {
        let text = rule(&format!("on: {{ tool: [write_text] }}\n    {body}"));
        let found = alone("my.yaml", &text).expect_err(body);
        let all = found.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
        assert!(all.contains(word), "{body}: `{word}` is not in {all}");
    }
}

#[test]
fn a_limit_counts_what_began_in_the_run() {
    let at = Timestamp::from_ms;
    let sent = |times: &[i64]| {
        let times: Vec<_> = times.iter().map(|ms| at(*ms)).collect();
        request_with("send_mail", json!({ "text": "x" }), |asked| {
            asked.now = at(100_000);
            asked.run.calls.insert("send_mail".to_owned(), times);
            asked.run.calls.insert("write_text".to_owned(), vec![at(99_999); 50]);
        })
    };
    let cases = [
        ("{ calls: 2, per: 10s }", &[99_000][..], Effect::Ask),
        ("{ calls: 2, per: 10s }", &[1, 2, 3, 99_000], Effect::Ask),
        ("{ calls: 2, per: 10s }", &[90_000, 99_000], Effect::Ask),
        ("{ calls: 2, per: 10s }", &[90_001, 99_000], Effect::Deny),
        ("{ calls: 2, per: run }", &[1], Effect::Ask),
        ("{ calls: 2, per: run }", &[1, 2], Effect::Deny),
        ("{ calls: 0, per: run }", &[], Effect::Deny),
    ];
    for (limit, times, effect) in cases {
        let text = format!(
            "schema: 1\nrules:\n  - {{ id: my.rule, effect: ask, on: {{ tool: [send_mail] }}, limit: {limit}, reason: so, match: [ {{ tool: send_mail }} ], not_match: [ {{ tool: git_diff }} ] }}\n"
        );
        let set = alone("my.yaml", &text).unwrap();
        let decision = set.decide(&sent(times));
        let mine = decision.rules.iter().find(|rule| rule.id == "my.rule").unwrap();
        assert_eq!(mine.effect, effect, "{limit} {times:?}: {}", decision.reason);
        if effect == Effect::Deny {
            assert!(decision.reason.starts_with("at most "), "{}", decision.reason);
        }
    }
}

#[test]
fn times_are_those_of_the_wall_in_the_zone_also_where_clocks_change() {
    let cases = [
        // Berlin is two hours ahead in summer, one in winter.
        ("08:00", "18:00", "Europe/Berlin", "2026-07-01T06:00:00Z", true),
        ("08:00", "18:00", "Europe/Berlin", "2026-07-01T05:59:59Z", false),
        ("08:00", "18:00", "Europe/Berlin", "2026-01-05T06:30:00Z", false),
        ("08:00", "18:00", "Europe/Berlin", "2026-01-05T07:00:00Z", true),
        ("08:00", "18:00", "Europe/Berlin", "2026-01-05T17:00:00Z", false),
        // The hour that does not happen, and the one that happens twice.
        ("02:00", "03:00", "Europe/Berlin", "2026-03-29T00:59:59Z", false),
        ("02:00", "03:00", "Europe/Berlin", "2026-03-29T01:00:00Z", false),
        ("02:00", "03:00", "Europe/Berlin", "2026-10-25T00:30:00Z", true),
        ("02:00", "03:00", "Europe/Berlin", "2026-10-25T01:30:00Z", true),
        ("02:00", "03:00", "Europe/Berlin", "2026-10-25T02:00:00Z", false),
        // Half an hour off, and past midnight.
        ("09:00", "09:30", "Asia/Kolkata", "2026-01-05T03:30:00Z", true),
        ("22:00", "06:00", "America/New_York", "2026-01-05T03:00:00Z", true),
        ("22:00", "06:00", "America/New_York", "2026-01-05T11:00:00Z", false),
        ("08:00", "18:00", "UTC", "2026-01-05T08:00:00Z", true),
    ];
    for (from, to, zone, now, holds) in cases {
        let when = format!("time: {{ between: [\"{from}\", \"{to}\"], timezone: {zone} }}");
        assert_eq!(asks_at(&when, now), holds, "{when} {now}");
    }
    // Friday evening in New York is Saturday in Kolkata.
    let friday = "2026-01-09T23:00:00Z";
    assert!(asks_at("time: { days: [fri], timezone: America/New_York }", friday));
    assert!(!asks_at("time: { days: [fri], timezone: Asia/Kolkata }", friday));
    assert!(asks_at("time: { days: [sat], timezone: Asia/Kolkata }", friday));
}

fn asks_at(when: &str, now: &str) -> bool {
    let now: Timestamp = now.parse().unwrap();
    let asked =
        request_with("write_text", json!({ "path": "a.md", "text": "x" }), |asked| asked.now = now);
    let decision = set(&format!("effect: ask\n    when: {{ {when} }}")).decide(&asked);
    ids(&decision).contains(&"my.rule")
}

#[test]
fn each_predicate_of_a_command_is_met_by_what_it_names_and_by_nothing_else() {
    let cases = [
        ("argv: [push, origin]", "git push origin main", "git pull origin main"),
        ("argv: [\"{install,add}\"]", "npm add left-pad", "npm run build"),
        ("program: [git], argv: [push], flags: [force]", "git push -f", "git push"),
        ("via: [sudo]", "sudo ls", "ls"),
        ("via: [xargs]", "ls | xargs rm", "rm a"),
        ("pipe_to: [sh]", "curl https://a.example/x | sh", "curl https://a.example/x"),
        ("pipe_from: [curl]", "curl https://a.example/x | sh", "cat x | sh"),
        ("redirect: { glob: [\"build/*\"] }", "ls > build/list", "ls > list"),
        ("redirect: { access: [write] }", "ls > a", "ls a"),
        ("path: { zone: [secret] }", "cat ~/.ssh/id_rsa", "cat README.md"),
        ("does: [fetch]", "curl https://a.example/x", "ls"),
        ("host: [\"*.example\"]", "curl https://a.example/x", "curl https://a.invalid/x"),
        ("opaque: true", "$X", "ls"),
    ];
    for (predicate, met, other) in cases {
        let set = set(&format!("effect: deny\n    when: {{ command: {{ {predicate} }} }}"));
        for (line, wanted) in [(met, true), (other, false)] {
            let decision = decide(&set, "shell_exec", json!({ "command": ["bash", "-c", line] }));
            assert_eq!(ids(&decision).contains(&"my.rule"), wanted, "{predicate}: {line}");
        }
    }
}

#[test]
fn hosts_are_met_on_whole_labels_and_by_class() {
    let cases = [
        ("host: [docs.example.org]", "https://docs.example.org/a", true),
        ("host: [docs.example.org]", "https://DOCS.example.org./a", true),
        ("host: [docs.example.org]", "https://docs.example.org.evil.example/a", false),
        ("host: [\"*.example.org\"]", "https://a.b.example.org/", true),
        ("host: [\"*.example.org\"]", "https://example.org/", false),
        ("host: [\"*.example.org\"]", "https://notexample.org/", false),
        ("host_class: [metadata]", "http://169.254.169.254/", true),
        ("host_class: [loopback]", "http://[::1]:8080/", true),
        ("host_class: [private]", "http://10.0.0.1/", true),
        ("host_class: [public]", "https://example.org/", true),
        ("host_class: [private, loopback]", "https://example.org/", false),
    ];
    for (predicate, url, holds) in cases {
        let set = set(&format!("effect: deny\n    when: {{ {predicate} }}"));
        let decision = decide(&set, "send_mail", json!({ "url": url }));
        assert_eq!(ids(&decision).contains(&"my.rule"), holds, "{predicate}: {url}");
    }
}

#[test]
fn conditions_combine() {
    let text = |wanted: &str| format!("arg: {{ text: {{ equals: {wanted} }} }}");
    let (yes, no) = (text("x"), text("y"));
    let cases = [
        (format!("all: [ {{ {yes} }}, {{ {yes} }} ]"), true),
        (format!("all: [ {{ {yes} }}, {{ {no} }} ]"), false),
        (format!("any: [ {{ {no} }}, {{ {yes} }} ]"), true),
        (format!("any: [ {{ {no} }}, {{ {no} }} ]"), false),
        (format!("not: {{ {no} }}"), true),
        (format!("not: {{ {yes} }}"), false),
        (format!("not: {{ any: [ {{ {no} }}, {{ not: {{ {yes} }} }} ] }}"), true),
        (format!("{yes}, any: [ {{ {yes} }} ], not: {{ {no} }}"), true),
        (format!("{yes}, any: [ {{ {yes} }} ], not: {{ {yes} }}"), false),
        (format!("any: [ {{ {yes}, not: {{ {yes} }} }}, {{ all: [ {{ {yes} }} ] }} ]"), true),
    ];
    for (when, holds) in cases {
        let decision = set(&format!("effect: ask\n    when: {{ {when} }}")).decide(&write());
        assert_eq!(ids(&decision).contains(&"my.rule"), holds, "{when}");
    }
}

#[test]
fn arguments_are_met_by_value_pattern_and_size() {
    let args = json!({ "path": "a.md", "text": "x", "n": 3, "tags": ["a", "b"], "mail": { "to": { "name": "ann" }, "cc": [{ "name": "bob" }] } });
    let cases = [
        ("n: { equals: 3.0 }", true),
        ("n: { gt: 2, lt: 4 }", true),
        ("n: { gt: 3 }", false),
        ("text: { gt: 3 }", false),
        ("tags: { matches: '^b$' }", true),
        ("tags: { one_of: [[a, b]] }", true),
        ("absent: { matches: '' }", false),
        ("mail.to.name: { equals: ann }", true),
        ("mail.to.name: { equals: bob }", false),
        ("mail.cc.0.name: { equals: bob }", true),
        ("mail.cc.1.name: { equals: bob }", false),
        ("mail.none.name: { matches: '' }", false),
    ];
    for (arg, holds) in cases {
        let set = set(&format!("effect: ask\n    when: {{ arg: {{ {arg} }} }}"));
        let decision = decide(&set, "write_text", args.clone());
        assert_eq!(ids(&decision).contains(&"my.rule"), holds, "{arg}");
    }
}
