//! Scripts that misbehave: each is refused when it is read, or denies with its name, and the engine
//! is as it was.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;

use super::stage::{alone, request};
use crate::contracts::{Decision, Effect};
use crate::policy::{PolicySet, Request, SCRIPT_OVERTIME};

fn set_of(text: &str) -> PolicySet {
    alone("my.rhai", text).unwrap_or_else(|found| panic!("{text}: {found:#?}"))
}

fn rule(body: &str) -> String {
    format!("fn rule(req, ctx) {{\n{body}\n}}\n")
}

/// The same loop with an end that only running it can tell: rules with one that is seen are refused.
fn unseen(body: &str) -> String {
    body.replace("loop {", "while req.tool != \"\" {")
}

/// Runs `work` where there is as little stack as the threads of the program have.
fn on_a_small_stack(work: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(2 * 1024 * 1024).spawn(work).unwrap();
    thread.join().unwrap();
}

fn write() -> Request {
    request("write_text", json!({ "path": "reports/a.md", "text": "hello", "n": 3, "list": ["3"] }))
}

/// The decision of `text` about a harmless call; and that another rule decides as ever after it.
fn denied(text: &str) -> Decision {
    let decision = set_of(text).decide(&write());
    assert_eq!(decision.effect, Effect::Deny, "{text}: {decision:?}");
    let named = decision.rules.iter().any(|rule| rule.id == "my.rule" && rule.file == "my.rhai");
    assert!(named && decision.reason.contains("`my.rule` failed"), "{text}: {decision:?}");
    let after = set_of(&rule("if req.arg(\"text\").trim() == \"hello\" { ask(\"as ever\"); }"));
    assert_eq!(after.decide(&write()).reason, "as ever", "after {text}");
    decision
}

#[test]
fn each_is_denied_by_name_and_leaves_the_engine_unharmed() {
    let cases = [
        // Work without end.
        ("loop {}", "50000 operations"),
        ("let n = 0; while n < 1 { n += 0; }", "50000 operations"),
        ("for i in 0..9223372036854775807 { }", "50000 operations"),
        ("for i in range(0, 9000000000000000000) { }", "50000 operations"),
        ("let a = []; a.pad(4000, 0); for i in 0..100 { a.map(|x| x + 1); }", "50000 operations"),
        ("try { loop {} } catch { }", "50000 operations"),
        // Text without end, also by functions of our own.
        ("let s = \"x\"; loop { s += s; }", "too large"),
        ("let s = \"x\"; loop { s = s + s; }", "too large"),
        ("let s = \"x\"; loop { s.append(s); }", "too large"),
        ("let s = \"x\"; s.pad(9000000000000000000, \"ab\");", "too large"),
        ("let s = \"x\"; s.pad(60000, 'a'); s.replace(\"a\", s);", "too large"),
        ("let s = \"x\"; s.pad(60000, 'a'); s.replace('a', s);", "too large"),
        ("let s = \"x\"; s.pad(60000, 'a'); s.to_chars();", "too large"),
        ("let s = \"x\"; s.pad(60000, 'a'); s.split(\"\");", "too large"),
        // Lists and maps without end.
        ("let a = [1]; loop { a += a; }", "too large"),
        ("let a = [1]; loop { a.push(a); }", "too large"),
        ("let a = []; loop { a.push(1); }", "50000 operations"),
        ("let a = []; a.pad(1000000000, 1);", "too large"),
        ("let m = #{}; let i = 0; loop { m[\"k\" + i] = i; i += 1; }", "50000 operations"),
        // What is not there.
        ("req.paths[7];", "ndex"),
        ("req.arg(\"nothing\");", "has_arg"),
        ("req.arg(\"text\").zone;", "zone"),
        ("let f = 1; f.call();", ""),
        ("req.tool = \"other\";", "tool"),
        ("1 / 0;", "zero"),
        ("9223372036854775807 + 1;", "overflow"),
        ("throw \"no idea\";", "no idea"),
        ("throw #{ why: 1 };", "why"),
        // Comparing what is never the same.
        ("if req.risk == 3 { ask(\"x\"); }", "never the same"),
        ("if 3 != req.risk { ask(\"x\"); }", "never the same"),
        ("if req.arg(\"n\") == \"3\" { ask(\"x\"); }", "never the same"),
        ("if \"10\" < 9 { ask(\"x\"); }", "never the same"),
        ("if \"10\" >= 9.5 { ask(\"x\"); }", "never the same"),
        ("if req.sends_network == \"true\" { ask(\"x\"); }", "never the same"),
        ("if req.sends_network == 1 { ask(\"x\"); }", "never the same"),
        ("if 3 in req.arg(\"list\") { ask(\"x\"); }", "never the same"),
        ("if req.arg(\"list\").contains(3) { ask(\"x\"); }", "never the same"),
        ("if req.arg(\"list\").index_of(3) >= 0 { ask(\"x\"); }", "never the same"),
        ("if req.arg(\"list\") == \"3\" { ask(\"x\"); }", "never the same"),
        ("if req.paths[0] == \"reports/a.md\" { ask(\"x\"); }", "never the same"),
        ("if \"reports/a.md\" in req.paths { ask(\"x\"); }", "never the same"),
        ("if req.arg(\"list\").get(7) > 3 { ask(\"x\"); }", "never the same"),
        // Nothing is neither yes nor no.
        ("if [1].push(2) { ask(\"x\"); }", ""),
        ("if req.paths.find(|p| p.zone == \"no\") { ask(\"x\"); }", ""),
        ("if req.tool { ask(\"x\"); }", ""),
        ("if ctx.count(\"x\") { ask(\"x\"); }", ""),
        ("if \"a\".index_of(\"b\") { ask(\"x\"); }", ""),
        // Patterns and versions that are none.
        ("let p = \"(\"; matches(\"x\", p);", "no regular expression"),
        ("let p = \"(a{1000}){1000}\"; matches(\"x\", p);", "too large a regular expression"),
        ("let p = \"[\"; glob(\"x\", p);", "no glob"),
        ("semver(\"one\", \"^1\");", "no version"),
        ("semver(\"1.0.0\", \"one\");", "no requirement"),
        ("host_in(\"a\", [1]);", "host pattern"),
        ("deny(\"  \");", "needs a reason"),
    ];
    for (body, word) in cases {
        let decision = denied(&rule(&unseen(body)));
        assert!(decision.reason.contains(word), "{body}: `{word}`: {}", decision.reason);
    }
}

#[test]
fn values_inside_each_other_without_end_do_not_use_up_the_stack() {
    on_a_small_stack(|| {
        for body in [
            "let a = [1]; loop { a = [a]; }",
            "let a = [1]; loop { a[0] = a; }",
            "let a = [1]; loop { a.insert(0, a); a.pop(); }",
            "let a = [1]; loop { a = a.map(|x| [x]); }",
            "let a = [1]; loop { let b = a; a = [[[[b]]]]; }",
            "let a = [1]; loop { try { a = [a]; } catch { a = [[a]]; } }",
            "[0].reduce(|all, n| { while type_of(n) != \"\" { all = [all]; } }, 1);",
            "let m = #{}; loop { m[\"x\"] = m; }",
            "let m = #{}; loop { m = #{ x: m }; }",
            "let m = #{ x: #{ x: 1 } }; loop { m[\"x\"][\"x\"] = m; }",
        ] {
            let decision = denied(&rule(&unseen(body)));
            assert!(decision.reason.contains("nested too deeply"), "{body}: {}", decision.reason);
        }
    });
}

#[test]
fn calls_inside_each_other_do_not_use_up_the_stack() {
    on_a_small_stack(|| {
        let nested = |deep: usize, inner: &str| {
            let (open, close) = ("[".repeat(deep), "]".repeat(deep));
            format!(
                "private fn down(n) {{ if n > 90 {{ 1 }} else {{ {open}{inner}{close} }} }}\n{}",
                rule("down(req.paths.len());"),
            )
        };
        for inner in ["down(n + 1)", "[n].map(|x| down(x + 1))", "#{ x: down(n + 1) }"] {
            let most = (1..64).rev().find(|deep| alone("my.rhai", &nested(*deep, inner)).is_ok());
            let most = most.unwrap_or_else(|| panic!("nothing can be read with {inner}"));
            for deep in 1..=most {
                let decision = denied(&nested(deep, inner));
                assert!(decision.reason.contains("too deeply"), "{deep}: {}", decision.reason);
            }
        }
    });
}

#[test]
fn a_value_as_deep_as_an_argument_may_be_is_no_mistake() {
    let text = rule("let v = req.arg(\"deep\"); if v.len() == 1 { ask(\"one\"); }");
    let deep = (0..120).fold(json!(1), |inner, _| json!([inner]));
    let asked = request("write_text", json!({ "path": "a", "text": "x", "deep": deep }));
    assert_eq!(set_of(&text).decide(&asked).reason, "one");
    let many = json!({ "path": "a", "text": "x", "deep": vec![1; 20_000] });
    let decision = set_of(&text).decide(&request("write_text", many));
    assert!(decision.reason.contains("too large"), "{}", decision.reason);
}

#[test]
fn loops_that_can_be_seen_to_have_no_end_are_refused_when_they_are_read() {
    for body in [
        "loop {}",
        "try { loop {} } catch { }",
        "let s = \"x\"; loop { s += s; }",
        "let a = [1]; loop { a = [a]; }",
        "let m = #{}; loop { m.x = m; }",
    ] {
        let found = alone("my.rhai", &rule(body)).map(|_| ()).expect_err(body);
        assert!(found.iter().any(|mistake| mistake.code == "endless-loop"), "{body}: {found:#?}");
    }
}

#[test]
fn long_texts_are_work_too() {
    let long = "let s = \"a\"; s.pad(60000, \"ab\");";
    for body in [
        "for i in 0..1000 { matches(s, \"[ab]+c\"); }",
        "for i in 0..1000 { glob(s, \"*c\"); }",
        "for i in 0..1000 { s.trim(); }",
        "for i in 0..1000 { host_in(s, [\"a\", \"b\"]); }",
    ] {
        let decision = denied(&rule(&format!("{long} {body}")));
        assert!(decision.reason.contains("50000 operations"), "{body}: {}", decision.reason);
    }
    let few = format!(
        "{long} for i in 0..10 {{ if matches(s, \"c\") {{ deny(\"no\"); }} }} ask(\"done\");"
    );
    assert_eq!(set_of(&rule(&few)).decide(&write()).reason, "done");
}

#[test]
fn what_would_silence_or_hide_a_rule_is_refused_when_it_is_read() {
    let deep = format!("fn rule(req, ctx) {{ let x = {}1{}; }}", "(".repeat(100), ")".repeat(100));
    let long = format!("fn rule(req, ctx) {{ let x = \"{}\"; }}", "a".repeat(70_000));
    let wide = format!("fn rule(req, ctx) {{ let x = [{}]; }}", "1,".repeat(5_000));
    let many = "fn r(req, ctx) { }\n".repeat(2);
    let cases = [
        ("private fn deny(x) { } fn rule(req, ctx) { deny(\"x\"); }", "shadowed-function"),
        ("private fn matches(a, b) { true } fn rule(req, ctx) { }", "shadowed-function"),
        ("private fn trim(a) { a } fn rule(req, ctx) { }", "shadowed-function"),
        ("fn ask(req, ctx) { }", "shadowed-function"),
        ("fn rule(req, ctx) { if req.risk >= \"medium\" { ask(\"x\"); } }", "text-order"),
        (
            "fn rule(req, ctx) { for p in req.paths { if \"a\" < p.zone { ask(\"x\"); } } }",
            "text-order",
        ),
        ("fn rule(req, ctx) { eval(\"deny()\"); }", "script-syntax"),
        ("fn rule(req, ctx) { import \"x\" as y; }", "script-syntax"),
        ("fn rule(req, ctx) { if matches(req.id, \"(\") { deny(\"x\"); } }", "bad-regex"),
        (
            "fn rule(req, ctx) { if req.id.matches(\"(a{1000}){1000}\") { deny(\"x\"); } }",
            "bad-regex",
        ),
        ("fn rule(req, ctx) { if req.paths.some(|p| p.glob(\"[\")) { deny(\"x\"); } }", "bad-glob"),
        (
            "fn rule(req, ctx) { for h in req.hosts { if h.host_in([\"a\", \"https://b\"]) { deny(\"x\"); } } }",
            "bad-host",
        ),
        ("fn rule(req, ctx) { let f = |x| x; f.curry(f); }", "script-syntax"),
        ("fn rule(req, ctx) { [1].map(|| this); }", "script-syntax"),
        ("fn rule(req, ctx) { Fn(\"rule\").call(req, ctx); }", "unknown-function"),
        ("fn rule(req, ctx) { Fn(\"eval\").call(\"deny()\"); }", "unknown-function"),
        ("fn rule(req, ctx) { Fn(\"allow\").call(\"fine\"); }", "unknown-function"),
        ("fn rule(req, ctx) { let a = 1; let f = || a; a = f; }", "captured-variable"),
        (
            "fn rule(req, ctx) { let f = |x| x; loop { let x = f; let y = f; f = || [x, y]; } }",
            "captured-variable",
        ),
        ("fn rule(req, ctx) { [1].some(|n| req.tool == \"shell_exec\"); }", "captured-variable"),
        ("fn rule(req, ctx) { [1].for_each(|n| deny(\"x\")); }", "unknown-function"),
        (deep.as_str(), "script-syntax"),
        (long.as_str(), "script-syntax"),
        (wide.as_str(), "script-syntax"),
        (many.as_str(), "script-syntax"),
    ];
    for (text, code) in cases {
        let found = alone("my.rhai", text);
        let short: String = text.chars().take(80).collect();
        let found = found.map(|_| ()).expect_err(&short);
        assert!(found.iter().any(|mistake| mistake.code == code), "{short}: {found:#?}");
    }
}

#[test]
fn a_name_of_ones_own_for_deny_does_not_silence_it() {
    for body in ["let deny = |x| 1; deny(\"no\");", "let deny = 1; deny(\"no\");"] {
        let found = alone("my.rhai", &rule(body));
        let Ok(set) = found else { continue };
        assert_eq!(set.decide(&write()).rules[0].id, "my.rule", "{body}");
    }
}

#[test]
fn functions_of_texts_change_in_place_and_give_what_they_made() {
    let holds = [
        "let s = \" a \"; s.trim() == \"a\" && s == \"a\"",
        "let s = \"aXa\"; s.replace(\"a\", \"b\") == \"bXb\" && s == \"bXb\"",
        "let s = \"aa\"; s.replace('a', 'b') == \"bb\"",
        "let s = \"abc\"; s.crop(1) == \"bc\" && s == \"bc\"",
        "let s = \"abcd\"; s.crop(1, 2) == \"bc\"",
        "let s = \"abcd\"; s.crop(-2) == \"cd\"",
        "let s = \"abcd\"; s.crop(1..3) == \"bc\"",
        "let s = \"abcd\"; s.crop(1..=2) == \"bc\"",
        "let s = \"abc\"; s.truncate(1) == \"a\" && s == \"a\"",
        "let s = \"abc\"; s.truncate(-1) == \"\"",
        "let s = \"ab\"; s.make_upper() == \"AB\" && s == \"AB\"",
        "let s = \"AB\"; s.make_lower() == \"ab\" && s == \"ab\"",
        "let s = \"a\"; s.pad(3, 'x') == \"axx\" && s == \"axx\"",
        "let s = \"a\"; s.pad(4, \"xy\") == \"axyx\"",
        "let s = \"a\"; s.append(\"b\") == \"ab\" && s == \"ab\"",
        "let s = \"aba\"; s.remove(\"a\") == \"b\" && s == \"b\"",
        "let s = \"aba\"; s.set(1, 'x') == \"axa\"",
        "let s = \"ab\"; s.clear() == \"\" && s == \"\"",
        "req.arg(\"text\").crop(0, 2) == \"he\" && req.arg(\"text\") == \"hello\"",
        "req.tool.replace(\"_\", \"-\") == \"write-text\" && req.tool == \"write_text\"",
        "let s = \"dü\"; s.crop(1) == \"ü\" && s.len == 1",
        "3 == 3.0 && 2 < 2.5 && [1] == [1] && () == () && [1].get(3) == () && () != 3",
        "\"3\" + 4 == \"34\"",
    ];
    for body in holds {
        let (before, condition) = body.rsplit_once("; ").unwrap_or(("", body));
        let text = rule(&format!("{before}; if {condition} {{ ask(\"holds\"); }}"));
        assert_eq!(set_of(&text).decide(&write()).reason, "holds", "{body}");
    }
}

/// Each look takes 600 ms.
fn slow_watch() -> u64 {
    static LOOKS: AtomicU64 = AtomicU64::new(0);
    LOOKS.fetch_add(600, Ordering::Relaxed)
}

#[test]
fn a_rule_that_takes_too_long_is_stopped_by_name_and_it_is_told_apart() {
    let busy = rule("let n = 0; for i in 0..1000 { n += 1; }");
    let decision = set_of(&busy).with_watch(slow_watch).decide(&write());
    assert_eq!(decision.effect, Effect::Deny);
    let ids: Vec<_> = decision.rules.iter().map(|rule| rule.id.as_str()).collect();
    assert!(ids.contains(&"my.rule") && ids.contains(&SCRIPT_OVERTIME), "{ids:?}");
    assert!(decision.reason.contains("did not end within 1000 ms"), "{}", decision.reason);
    let still = || 0;
    let decision = set_of(&busy).with_watch(still).decide(&write());
    assert_eq!(decision.rules[0].id, "default-deny", "{decision:?}");
}

#[test]
fn hostile_decisions_do_not_hold_up_a_harmless_one() {
    let hostile = set_of(&rule(&unseen("loop { matches(\"x\" + req.id, \"^x+$\"); }")));
    let harmless = set_of(&rule("if req.tool == \"write_text\" { ask(\"mine\"); }"));
    let asked = write();
    let quiet = Instant::now();
    assert_eq!(harmless.decide(&asked).reason, "mine");
    // Threads share processors; they must not share locks. Eight on one processor are nine times
    // slower, and the rest is for a machine with other things to do.
    let bound = quiet.elapsed() * 50 + Duration::from_secs(2);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..3 {
                    let decision = hostile.decide(&asked);
                    assert!(decision.reason.contains("50000 operations"), "{}", decision.reason);
                }
            });
        }
        for _ in 0..20 {
            let began = Instant::now();
            assert_eq!(harmless.decide(&asked).reason, "mine");
            assert!(began.elapsed() < bound, "{:?}", began.elapsed());
        }
    });
}

#[test]
fn tools_that_are_not_there_are_noted_where_a_script_names_them() {
    for (condition, unknown) in [
        ("req.tool == \"write_txt\"", Some("write_txt")),
        ("\"write_txt\" != req.tool", Some("write_txt")),
        ("req.tool in [\"write_text\", \"write_txt\"]", Some("write_txt")),
        ("ctx.count(\"write_txt\") > 3", Some("write_txt")),
        ("req.tool == \"filesystem_write\"", Some("filesystem_write")),
        ("req.tool == \"write_text\"", None),
        ("req.tool in [\"write_text\", \"shell_exec\"]", None),
        ("req.tool == \"mcp:example:call\"", None),
        ("req.id == \"write_txt\"", None),
    ] {
        let set = set_of(&rule(&format!("if {condition} {{ ask(\"x\"); }}")));
        let found: Vec<_> =
            set.warnings().iter().filter(|one| one.code == "unknown-tool").collect();
        assert_eq!(found.len(), usize::from(unknown.is_some()), "{condition}: {found:?}");
        for one in found {
            assert!(one.message.contains(unknown.unwrap_or_default()), "{condition}: {one:?}");
            assert_eq!((one.file.as_str(), one.line), ("my.rhai", 2), "{condition}");
        }
    }
}
