//! What looking at rules finds: each mistake with its code, its place and what to do.

use super::stage::{source, vocabulary};
use crate::contracts::{Diagnostic, Severity};
use crate::policy::{Layer, Options, compile};

/// Every mistake in `files`, warnings included.
fn found(files: &[(Layer, &str, &str)]) -> Vec<Diagnostic> {
    let sources: Vec<_> =
        files.iter().map(|(layer, path, text)| source(*layer, path, text)).collect();
    match compile(&sources, &vocabulary(), &Options { trusted: true, ..Options::default() }) {
        Ok(set) => set.warnings().to_vec(),
        Err(mistakes) => mistakes,
    }
}

fn user(path: &str, text: &str) -> Vec<Diagnostic> {
    found(&[(Layer::User, path, text)])
}

/// `text` must give `code` at `line:column`, with `word` in it, and a severity.
fn check(text: &str, path: &str, (code, severity): (&str, Severity), at: (u32, u32), word: &str) {
    let found = user(path, text);
    let hit = found.iter().find(|one| one.code == code);
    let hit = hit.unwrap_or_else(|| panic!("{text}: no {code} in {found:#?}"));
    assert_eq!((hit.line, hit.column, hit.severity), (at.0, at.1, severity), "{text}: {hit}");
    assert!(hit.to_string().contains(word), "{text}: `{word}` is not in {hit}");
    let kind = crate::policy::mistake_kind(code).unwrap_or_else(|| panic!("{code} is no kind"));
    assert!(kind.severity >= severity || severity == Severity::Error, "{code}");
}

/// A rule about `on` and `when`, at line 3, whose examples cannot be tried.
fn rule(on: &str, when: &str) -> String {
    format!(
        "schema: 1\nrules:\n  - id: my.rule\n    effect: deny\n    on: {on}\n    when: {when}\n    reason: no\n    \
         match: [ {{ tool: nowhere_at_all, args: {{}} }} ]\n    not_match: [ {{ tool: nowhere_at_all, args: {{}} }} ]\n"
    )
}

#[test]
fn names_rules_that_can_never_match() {
    use Severity::{Error, Warning};
    let cases = [
        ("{ tool: ['http_*'] }", "{ risk: [low] }", ("unreachable", Warning), (5, 17), "http_*"),
        (
            "{ tool: [read_text], risk: [high] }",
            "{ risk: [low] }",
            ("unreachable", Warning),
            (5, 9),
            "kind",
        ),
        ("{ category: [financial] }", "{ risk: [low] }", ("unreachable", Warning), (5, 9), "kind"),
        (
            "{ tool: [user_notification] }",
            "{ path: { zone: [home] } }",
            ("unreachable", Warning),
            (6, 13),
            "names a path",
        ),
        (
            "{ tool: [read_text] }",
            "{ command: { program: [rm] } }",
            ("unreachable", Warning),
            (6, 13),
            "runs a command",
        ),
        (
            "{ tool: [read_text] }",
            "{ host: [example.org] }",
            ("unreachable", Warning),
            (6, 13),
            "names a host",
        ),
        (
            "{ tool: [read_text] }",
            "{ all: [ { risk: [high] } ] }",
            ("unreachable", Warning),
            (6, 22),
            "risk",
        ),
        (
            "{ tool: [read_text] }",
            "{ category: [legal] }",
            ("unreachable", Warning),
            (6, 13),
            "category",
        ),
        (
            "{ tool: [read_text] }",
            "{ any: [ { risk: [high] }, { host: [a.example] } ] }",
            ("unreachable", Warning),
            (6, 22),
            "risk",
        ),
        (
            "{ tool: [read_text] }",
            "{ time: { between: [\"08:00\", \"08:00\"] } }",
            ("empty-window", Error),
            (6, 30),
            "08:00",
        ),
        (
            "{ tool: [read_text] }",
            "{ run: { cost_usd: { gt: 5, lt: 5 } } }",
            ("never-holds", Error),
            (6, 30),
            "cost_usd",
        ),
        (
            "{ tool: [write_text] }",
            "{ arg: { size: { gt: 5, lt: 3 } } }",
            ("never-holds", Error),
            (6, 26),
            "size",
        ),
    ];
    for (on, when, kind, at, word) in cases {
        check(&rule(on, when), "my.yaml", kind, at, word);
    }
    let elsewhere = rule("{ tool: [read_text] }", "{ profile: [strict] }");
    let elsewhere = elsewhere.replace("rules:", "profiles: [ci]\nrules:");
    check(&elsewhere, "my.yaml", ("never-holds", Error), (7, 22), "ci");
}

#[test]
fn says_nothing_about_rules_that_can_match() {
    let cases = [
        ("{ tool: ['read_*'] }", "{ path: { zone: [home] } }"),
        ("{ tool: [read_text, shell_exec] }", "{ command: { program: [rm] } }"),
        ("{ tool: [send_mail] }", "{ host: [example.org] }"),
        ("{ tool: [shell_exec] }", "{ host: [example.org] }"),
        ("{ tool: [read_text] }", "{ any: [ { risk: [high] }, { risk: [low] } ] }"),
        ("{ tool: [read_text] }", "{ not: { risk: [high] } }"),
        ("{ tool: [read_text] }", "{ time: { between: [\"22:00\", \"06:00\"] } }"),
        ("{ category: [external_comms] }", "{ risk: [high] }"),
    ];
    for (on, when) in cases {
        let found = user("my.yaml", &rule(on, when));
        let others: Vec<&Diagnostic> =
            found.iter().filter(|one| one.code != "example-not-tried").collect();
        assert!(others.is_empty(), "{on} {when}: {others:#?}");
    }
    // What a file says a tool is counts as well, and a declared tool may be anything.
    let declared = |tools: &str| {
        format!("{}tools: {tools}\n", rule("{ category: [legal] }", "{ path: { zone: [home] } }"))
    };
    for tools in ["{ read_text: { category: legal } }", "{ sign_it: { category: legal } }"] {
        let found = user("my.yaml", &declared(tools));
        assert!(!found.iter().any(|one| one.code == "unreachable"), "{tools}: {found:#?}");
    }
}

#[test]
fn names_arguments_that_a_tool_does_not_take() {
    let mut tools = vocabulary().tools().map(|tool| tool.as_ref().clone()).collect::<Vec<_>>();
    for tool in tools.iter_mut().filter(|tool| tool.name == "write_text") {
        tool.schema =
            serde_json::json!({ "type": "object", "properties": { "path": {}, "text": {} } });
    }
    let vocabulary = crate::ports::Vocabulary::new(tools);
    let look = |text: &str| {
        let files = [source(Layer::User, "my.yaml", text)];
        match compile(&files, &vocabulary, &Options::default()) {
            Ok(set) => set.warnings().to_vec(),
            Err(all) => all,
        }
    };
    let text = rule("{ tool: [write_text] }", "{ arg: { txt: { equals: a } } }");
    let found = look(&text);
    let hit = found.iter().find(|one| one.code == "unknown-argument").expect("found");
    assert_eq!((hit.line, hit.column, hit.severity), (6, 20, Severity::Error));
    assert_eq!(hit.suggestion.as_deref(), Some("did you mean `text`?"));
    let example = text.replace("{ arg: { txt: { equals: a } } }", "{ risk: [medium] }").replace(
        "match: [ { tool: nowhere_at_all, args: {} } ]\n    not",
        "match: [ { tool: write_text, args: { pth: a } } ]\n    not",
    );
    let sinks = format!("{example}tools: {{ write_text: {{ sinks: [pathh] }} }}\n");
    let found = look(&sinks);
    let hits: Vec<_> = found.iter().filter(|one| one.code == "unknown-argument").collect();
    assert_eq!(hits.len(), 2, "{found:#?}");
    assert!(hits.iter().all(|one| one.severity == Severity::Warning));
    assert!(hits.iter().all(|one| one.suggestion.as_deref() == Some("did you mean `path`?")));
}

#[test]
fn names_rules_that_contradict_each_other_and_allows_that_a_higher_layer_makes_idle() {
    let one = |id: &str, effect: &str, when: &str| {
        format!(
            "  - {{ id: {id}, effect: {effect}, on: {{ tool: [read_text] }}{when}, reason: x, match: [ {{ tool: read_text, args: {{ path: a }} }} ], not_match: [ {{ tool: write_text, args: {{ path: a }} }} ] }}\n"
        )
    };
    let when = ", when: { path: { under: [a] } }";
    let text = format!("schema: 1\nrules:\n{}{}", one("a", "allow", when), one("b", "ask", when));
    check(&text, "my.yaml", ("contradictory", Severity::Warning), (4, 5), "my.yaml:3");
    let same = text.replace("effect: ask", "effect: allow");
    assert_eq!(user("my.yaml", &same), []);
    let wall = format!("schema: 1\nrules:\n{}", one("wall", "deny", ""));
    let mine = format!("schema: 1\nrules:\n{}", one("mine", "allow", when));
    let all = found(&[
        (Layer::System, "/etc/a.yaml", &wall),
        (Layer::Workspace, "policies/b.yaml", &mine),
    ]);
    let codes: Vec<_> = all.iter().map(|one| (one.code.as_str(), one.file.as_str())).collect();
    assert_eq!(codes, [("idle-allow", "policies/b.yaml")]);
    let below = found(&[
        (Layer::System, "/etc/a.yaml", &mine),
        (Layer::Workspace, "policies/b.yaml", &wall),
    ]);
    assert_eq!(below, []);
}

#[test]
fn names_scripts_that_never_end_never_speak_or_allow_unasked() {
    use Severity::{Error, Warning};
    let body = |body: &str| format!("fn rule(req, ctx) {{\n    {body}\n    deny(\"x\");\n}}\n");
    let endless = [
        "loop { }",
        "while true { let x = 1; }",
        "let x = 1; while x < 3 { let y = 2; }",
        "do { let x = 1; } while true;",
        "do { let x = 1; } until false;",
        "loop { for p in req.paths { break; } }",
        "loop { if req.risk == \"low\" { continue; } }",
    ];
    for text in endless {
        let found = user("my.rhai", &body(text));
        let hit = found.iter().find(|one| one.code == "endless-loop");
        let hit = hit.unwrap_or_else(|| panic!("{text}: {found:#?}"));
        assert_eq!((hit.line, hit.severity), (2, Error), "{text}");
    }
    let sound = [
        "loop { break; }",
        "loop { if req.risk == \"low\" { return; } }",
        "loop { throw \"x\"; }",
        "let x = 1; while x < 3 { x += 1; }",
        "let a = [1]; while a.len > 0 { a.pop(); }",
        "while false { }",
        "for p in req.paths { if p.zone == \"home\" { continue; } }",
        "let x = 1; loop { x += 1; if x > 3 { break; } }",
    ];
    for text in sound {
        assert_eq!(user("my.rhai", &body(text)), [], "{text}");
    }
    let script = |text: &str, kind, at, word| check(text, "my.rhai", kind, at, word);
    script(
        "fn rule(req, ctx) { again(1); }\nprivate fn again(n) { again(n + 1) }\n",
        ("endless-recursion", Error),
        (2, 23),
        "again",
    );
    script(
        "fn rule(req, ctx) { a(1); }\nprivate fn a(n) { b(n) }\nprivate fn b(n) { a(n) }\n",
        ("endless-recursion", Error),
        (2, 19),
        "`a`",
    );
    script("fn rule(req, ctx) { let x = 1; }\n", ("silent-rule", Warning), (1, 1), "never speak");
    script(
        "fn rule(req, ctx) {\n    if req.risk == \"low\" { allow(\"fine\"); }\n}\n",
        ("allow-not-permitted", Warning),
        (2, 28),
        "scripts_may_allow",
    );
    for text in [
        "fn rule(req, ctx) { again(3); }\nprivate fn again(n) { if n > 0 { again(n - 1) } else { deny(\"x\") } }\n",
        "fn rule(req, ctx) { again(3); }\nprivate fn again(n) { if n == 0 { return; } deny(\"x\"); again(n - 1) }\n",
        "fn rule(req, ctx) { req.paths.map(|p| deny(\"x\")); }\n",
        "fn rule(req, ctx) { if req.risk == \"high\" { throw \"no\"; } }\n",
    ] {
        assert_eq!(user("my.rhai", text), [], "{text}");
    }
    let may = "schema: 1\ntools: { read_text: { scripts_may_allow: true } }\nrules:\n  - { id: x, effect: ask, on: { tool: [git_diff] }, reason: x, match: [ { tool: git_diff } ], not_match: [ { tool: read_text } ] }\n";
    let allows = "fn rule(req, ctx) { allow(\"fine\"); }\n";
    assert_eq!(found(&[(Layer::User, "a.yaml", may), (Layer::User, "b.rhai", allows)]), []);
}

#[test]
fn ten_thousand_rules_are_looked_at_in_time() {
    let began = std::time::Instant::now();
    let rule = |n: usize| {
        let effect = if n.is_multiple_of(2) { "deny" } else { "allow" };
        format!(
            "  - {{ id: r{n}, effect: {effect}, on: {{ tool: [t{n}] }}, reason: x, match: [ {{ tool: t{n} }} ] }}\n"
        )
    };
    let file = |from: usize| {
        let rules: String = (from..from + 2_500).map(rule).collect();
        format!("schema: 1\nrules:\n{rules}")
    };
    let texts: Vec<(String, String)> =
        (0..4).map(|n| (format!("{n}.yaml"), file(n * 2_500))).collect();
    let files: Vec<(Layer, &str, &str)> =
        texts.iter().map(|(path, text)| (Layer::User, path.as_str(), text.as_str())).collect();
    let found = found(&files);
    assert!(found.iter().all(|one| one.severity == Severity::Warning), "{:?}", found.first());
    assert!(began.elapsed().as_secs() < 60, "{:?}", began.elapsed());
}
