//! Tests of rules hold or fail for the reasons they should.

use super::{Met, Result, check_tests, check_tests_within, run_tests};
use crate::contracts::{Diagnostic, Severity};
use crate::policy::tests::stage::{source, vocabulary};
use crate::policy::{Layer, Options, PolicySet, Source, built_in, compile};

const RULES: &str = "schema: 1
rules:
  - id: my.reports
    effect: deny
    on: { tool: [write_text] }
    when: { path: { under: [reports] } }
    reason: reports are frozen
    match: [ { tool: write_text, args: { path: reports/a, text: x } } ]
    not_match: [ { tool: write_text, args: { path: src/a, text: x } } ]
";

const SCRIPT: &str = "fn late(req, ctx) { if ctx.run.steps_left < 3 { ask(\"late\"); } }\n";

fn set(files: &[(&str, &str)]) -> PolicySet {
    let mut sources = built_in();
    sources.extend(files.iter().map(|(path, text)| source(Layer::Workspace, path, text)));
    let options = Options { trusted: true, ..Options::default() };
    compile(&sources, &vocabulary(), &options).unwrap_or_else(|found| panic!("{found:#?}"))
}

fn mine() -> PolicySet {
    set(&[("policies/my.yaml", RULES), ("policies/my.rhai", SCRIPT)])
}

fn tests(text: &str) -> Vec<Source> {
    vec![source(Layer::Workspace, "policies/my_test.yaml", &format!("schema: 1\n{text}"))]
}

fn found(text: &str) -> Vec<Diagnostic> {
    check_tests(&mine(), &tests(text))
}

#[test]
fn a_case_that_holds_says_nothing() {
    let text = r#"
cases:
  - name: reports are frozen
    request: { tool: write_text, args: { path: reports/a.md, text: x } }
    expect: { verdict: deny, rules: [my.reports], not_rules: [my.late], reason: frozen }
  - name: the rest is not
    request: { tool: write_text, args: { path: src/a.md, text: x } }
    expect: { verdict: allow, rules: [fs.write], not_rules: [my.reports], obligations: [snapshot] }
  - request: { tool: write_text, args: { path: src/a.md, text: x } }
    context: { run: { steps_left: 2 } }
    expect: { verdict: ask, rules: [my.late], reason: late }
  - request: { tool: write_text, args: { path: src/a.md, text: x } }
    context: { run: { steps_left: 2 }, unattended: true }
    expect: { verdict: deny, rules: [unattended, my.late] }
  - request: { tool: write_text, args: { path: src/a.md, text: x } }
    profile: strict
    expect: { verdict: ask, rules: [strict.change] }
  - request: { tool: write_text, args: { path: src/a.md, text: x } }
    context: { permissions: { tools: [write_text], write: [docs] } }
    expect: { verdict: deny, rules: [playbook.permissions] }
  - request: { tool: write_text, args: { path: src/a.md, text: x } }
    context: { approval_mode: require_approval }
    expect: { verdict: ask, rules: [approval-mode] }
  - request: { tool: user_notification, args: { text: x } }
    context: { run: { calls: { user_notification: 30 } } }
    expect: { verdict: deny, reason: at most 30 }
  - request: { tool: write_text, args: { path: x, text: x } }
    context: { unknown: [path] }
    expect: { verdict: depends }
  - request: { tool: no_such_thing_at_all, args: {} }
    expect: { verdict: deny, rules: [unknown-tool] }
commands:
  - { command: "ls -la", verdict: allow, rules: [cmd.run] }
  - { argv: [rm, -rf, /], verdict: deny, rules: [cmd.remove-elsewhere] }
  - { command: "rm -rf build", verdict: deny, profile: ci, rules: [cmd.remove-tree, unattended] }
"#;
    assert_eq!(found(text), []);
}

#[test]
fn a_case_that_fails_says_what_was_expected_what_came_and_what_matched() {
    let text = "commands:
  - { command: ls, verdict: deny }
  - { command: rm -rf build, verdict: ask, rules: [cmd.kill], not_rules: [cmd.remove-tree], reason: none }
";
    let found = found(text);
    let shown: Vec<String> = found.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(shown.join("\n"), @r"
    policies/my_test.yaml:3:5: the test `ls` fails: expected deny, got allow: a command that can be seen and does nothing dangerous runs in its cell, with no network but that of its profile [test-failed]; what matched: `cmd.run`
    policies/my_test.yaml:4:5: the test `rm -rf build` fails: expected the rule `cmd.kill`, which did not match; the rule `cmd.remove-tree` must not match, and it did; expected a reason with `none`, got `removes more than one file; name single files, or let a person say yes` [test-failed]; what matched: `cmd.remove-tree`, `cmd.run`
    ");
    assert!(found.iter().all(|one| one.severity == Severity::Error));
}

#[test]
fn names_each_mistake_of_a_test_file() {
    let call = "request: { tool: write_text, args: { path: a, text: x } }";
    let cases = [
        (
            format!("cases:\n  - {call}\n    expct: {{ verdict: allow }}"),
            "unknown-key",
            4,
            "expect",
        ),
        (
            format!("cases:\n  - {call}\n    expect: {{ verdct: allow }}"),
            "unknown-key",
            4,
            "verdict",
        ),
        (format!("cases:\n  - {call}\n    expect: {{ verdict: alow }}"), "bad-value", 4, "allow"),
        (
            format!("cases:\n  - {call}\n    expect: {{ rules: [fs.write] }}"),
            "missing-key",
            4,
            "verdict",
        ),
        (format!("cases:\n  - {call}"), "missing-key", 3, "expect"),
        ("cases:\n  - expect: { verdict: allow }".to_owned(), "missing-key", 3, "request"),
        (
            format!("cases:\n  - {call}\n    expect: {{ verdict: deny, rules: [my.report] }}"),
            "unknown-rule",
            4,
            "my.reports",
        ),
        (
            format!(
                "cases:\n  - {call}\n    context: {{ runn: {{}} }}\n    expect: {{ verdict: allow }}"
            ),
            "unknown-key",
            4,
            "run",
        ),
        (
            format!(
                "cases:\n  - {call}\n    context: {{ run: {{ secret: true }} }}\n    expect: {{ verdict: allow }}"
            ),
            "unknown-key",
            4,
            "secret",
        ),
        (
            format!(
                "cases:\n  - {call}\n    context: {{ origin: plannr }}\n    expect: {{ verdict: allow }}"
            ),
            "bad-value",
            4,
            "planner",
        ),
        (
            "cases:\n  - request: { tool: write_txt, args: {} }\n    expect: { verdict: allow }"
                .to_owned(),
            "unknown-tool",
            3,
            "write_text",
        ),
        ("commands:\n  - { verdict: allow }".to_owned(), "missing-key", 3, "command"),
        ("commands:\n  - { comand: ls, verdict: allow }".to_owned(), "unknown-key", 3, "command"),
        (
            "of: [mine]\ncommands:\n  - { command: ls, verdict: allow }".to_owned(),
            "unknown-file",
            2,
            "mine",
        ),
        ("comands: []".to_owned(), "unknown-key", 2, "commands"),
        ("cases: []".to_owned(), "zero-tests", 1, "no tests"),
        ("cases: 3".to_owned(), "wrong-type", 2, "list"),
    ];
    for (text, code, line, word) in cases {
        let found = found(&text);
        let hit = found.iter().find(|one| one.code == code);
        let hit = hit.unwrap_or_else(|| panic!("{text}: no {code} in {found:#?}"));
        assert_eq!((hit.line, hit.severity), (line, Severity::Error), "{text}: {hit}");
        assert!(hit.to_string().contains(word), "{text}: {hit}");
    }
}

#[test]
fn a_tool_that_is_not_there_is_a_warning() {
    let text =
        "cases:\n  - request: { tool: quite_another, args: {} }\n    expect: { verdict: deny }";
    let found = found(text);
    assert_eq!((found[0].code.as_str(), found[0].severity), ("test-not-tried", Severity::Warning));
    assert_eq!(found.len(), 1);
}

#[test]
fn a_file_that_names_its_rules_is_judged_by_those_alone() {
    let of = |of: &str| {
        let text =
            format!("{of}commands:\n  - {{ command: ls, verdict: deny, rules: [default-deny] }}");
        check_tests(&mine(), &tests(&text)).len()
    };
    assert_eq!((of(""), of("of: [10-files]\n")), (1, 0));
}

#[test]
fn stops_when_it_is_told_to() {
    let rows = "  - { command: ls, verdict: allow }\n".repeat(5);
    let mut left = 3;
    let found = check_tests_within(&mine(), &tests(&format!("commands:\n{rows}")), &mut || {
        left -= 1;
        left > 0
    });
    assert_eq!(found.iter().map(|one| one.code.as_str()).collect::<Vec<_>>(), ["tests-too-slow"]);
}

#[test]
fn a_shipped_test_that_no_longer_holds_is_a_warning_only() {
    let shipped = crate::policy::default_files();
    let (path, text) =
        shipped.iter().find(|(path, _)| path.ends_with("10-files_test.yaml")).unwrap();
    let frozen = RULES.replace("[reports]", "[.]").replace("src/a", "/tmp/a");
    let own =
        include_str!("../../../policies/10-files.yaml").replacen("effect: allow", "effect: ask", 1);
    let set = set(&[("policies/my.yaml", &frozen), ("policies/10-files.yaml", &own)]);
    let as_it_came = check_tests(&set, &[source(Layer::Workspace, path, text)]);
    assert!(!as_it_came.is_empty());
    assert!(as_it_came.iter().all(|one| one.severity == Severity::Warning), "{as_it_came:#?}");
    let changed = format!("{text}\n# mine now\n");
    let mine = check_tests(&set, &[source(Layer::Workspace, path, &changed)]);
    assert!(mine.iter().any(|one| one.severity == Severity::Error));
}

#[test]
fn coverage_tells_tests_from_examples_and_from_nothing() {
    let text = "commands:\n  - { command: ls, verdict: allow }";
    let report = run_tests(&mine(), &tests(text), &|_| true, &mut || true);
    assert_eq!(report.count(Result::Passed), 1);
    let met = |id: &str| report.coverage.items.iter().find(|rule| rule.id == id).unwrap().met;
    assert_eq!(met("cmd.run"), Met::Tests);
    assert_eq!(met("my.reports"), Met::Examples);
    assert_eq!(met("my.late"), Met::Never);
    assert!(report.coverage.percent() < 20);
    let none = run_tests(&mine(), &tests(text), &|name| name != "ls", &mut || true);
    assert_eq!((none.items.len(), none.coverage.percent()), (0, 0));
}

#[test]
fn the_sample_of_the_user_page_holds() {
    let block = |page: &'static str| {
        let (_, rest) = page.split_once("```yaml\n").expect("a sample");
        rest.split_once("```").expect("its end").0
    };
    let rules = block(include_str!("../../../docs/policies.md"));
    let sample = block(include_str!("../../../docs/testing-policies.md"));
    let set = set(&[("policies/99-mine.yaml", rules)]);
    let tests = [source(Layer::Workspace, "policies/99-mine_test.yaml", sample)];
    assert_eq!(check_tests(&set, &tests), []);
    assert_eq!(run_tests(&set, &tests, &|_| true, &mut || true).items.len(), 6);
}
