//! `policy test` and `policy coverage` as a person and as a build use them.

use std::fs;

use serde_json::Value;

use super::tests::{Ground, shown};
use crate::cli::Exit;

const RULES: &str = "schema: 1
rules:
  - id: mine.no-reports
    effect: deny
    on: { tool: [write_text] }
    when: { path: { under: [reports] } }
    reason: reports are written by hand
    match: [ { tool: write_text, args: { path: reports/a, text: x } } ]
    not_match: [ { tool: write_text, args: { path: src/a, text: x } } ]
";

const TESTS: &str = "schema: 1
cases:
  - name: reports <are> \"frozen\"
    request: { tool: write_text, args: { path: reports/a, text: x } }
    expect: { verdict: VERDICT }
";

/// A directory of its own with rules and a test that expects `verdict`.
fn mine(verdict: &str) -> (Ground, String) {
    let ground = Ground::new();
    fs::create_dir(ground.dir.path().join("mine")).unwrap();
    ground.put("mine/a.yaml", RULES);
    ground.put("mine/a_test.yaml", &TESTS.replace("VERDICT", verdict));
    let dir = shown(&ground.dir.path().join("mine")).to_owned();
    (ground, dir)
}

#[test]
fn the_shipped_tests_hold_and_meet_every_shipped_rule() {
    let ground = Ground::new();
    let (exit, text) = ground.run(&["test", "--coverage", "--min", "100"], false, "").unwrap();
    assert_eq!(exit, Exit::Done, "{text}");
    assert!(text.contains(" 0 failed\n") && text.contains("coverage 100 %"), "{text}");
    let (exit, text) = ground.run(&["coverage", "--min", "100"], false, "").unwrap();
    assert_eq!((exit, text.contains("never\n")), (Exit::Done, true), "{text}");
}

#[test]
fn outside_of_a_workspace_the_built_in_tests_run() {
    let mut ground = Ground::new();
    ground.inputs.dirs.workspace = None;
    let (exit, text) = ground.run(&["test", "--coverage", "--min", "100"], false, "").unwrap();
    assert_eq!(exit, Exit::Done, "{text}");
}

#[test]
fn a_failing_test_is_shown_with_its_place_and_what_spoke() {
    let (ground, dir) = mine("allow");
    let (exit, text) = ground.run(&["test", &dir], false, "").unwrap();
    assert_eq!(exit, Exit::Failed);
    for part in [
        "mine/a_test.yaml:3:5",
        "expected allow, got deny: reports are written by hand",
        "mine.no-reports",
        "mine/a.yaml:3",
        "1 tests: 0 passed, 1 failed",
    ] {
        assert!(text.contains(part), "`{part}` is not in {text}");
    }
    let (exit, text) = ground.run(&["test", &dir], true, "").unwrap();
    let value: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((exit, &value["failed"]), (Exit::Failed, &Value::from(1)));
    assert_eq!(value["items"][0]["rules"][0]["id"], "mine.no-reports");
    let broken = ground.run(&["test", &dir, "--filter", "nothing like it"], false, "");
    assert_eq!(broken.unwrap_err().exit, Exit::Usage);
}

#[test]
fn a_test_file_can_be_run_by_itself_and_a_file_of_rules_is_none() {
    let (ground, dir) = mine("deny");
    let file = format!("{dir}/a_test.yaml");
    let (exit, text) = ground.run(&["test", &file, "--filter", "frozen"], false, "").unwrap();
    assert_eq!((exit, text.as_str()), (Exit::Done, "1 tests: 1 passed, 0 failed\n"));
    let error = ground.run(&["test", &format!("{dir}/a.yaml")], false, "").unwrap_err();
    assert!(error.message.contains("no file of tests"), "{}", error.message);
}

#[test]
fn coverage_below_the_least_fails_and_own_examples_do_not_count() {
    let (ground, dir) = mine("deny");
    let (exit, text) = ground.run(&["coverage", &dir, "--min", "100"], false, "").unwrap();
    assert_eq!(exit, Exit::Done, "{text}");
    ground.put("mine/b.yaml", &RULES.replace("mine.no-", "mine.other-"));
    ground.put("mine/c.rhai", "fn late(req, ctx) { if ctx.run.steps_left < 3 { ask(\"late\"); } }");
    let tests = TESTS.replace("VERDICT", "deny").replace("reports/a", "src/a");
    ground.put("mine/a_test.yaml", &tests.replace("verdict: deny", "verdict: allow"));
    let (exit, text) = ground.run(&["coverage", &dir, "--min", "1"], true, "").unwrap();
    let value: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(exit, Exit::Failed);
    assert_eq!(
        (&value["tests"], &value["examples_only"], &value["never"]),
        (&0.into(), &2.into(), &1.into())
    );
    let (exit, _) = ground.run(&["test", &dir, "--coverage", "--min", "95"], false, "").unwrap();
    assert_eq!(exit, Exit::Failed);
}

#[test]
fn junit_says_everything_and_lets_nothing_out() {
    let (ground, dir) = mine("allow");
    let path = ground.dir.path().join("junit.xml");
    ground.run(&["test", &dir, "--junit", shown(&path)], false, "").unwrap();
    let xml = fs::read_to_string(&path).unwrap();
    for part in [
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"bailiwick policy test\" tests=\"1\" failures=\"1\" errors=\"0\"",
        "name=\"reports &lt;are&gt; &quot;frozen&quot;\"",
        "<failure message=\"expected allow, got deny: reports are written by hand\" type=\"test-failed\">",
        "</testsuites>\n",
    ] {
        assert!(xml.contains(part), "`{part}` is not in {xml}");
    }
    assert!(!xml.contains("<are>"));
    ground.put("mine/a_test.yaml", "schema: 1\ncases: [ { requst: 1 } ]\n");
    let error = ground.run(&["test", &dir, "--junit", shown(&path)], false, "").unwrap_err();
    assert_eq!(error.exit, Exit::Usage);
    assert!(error.diagnostics.iter().any(|one| one.code == "unknown-key"));
    let xml = fs::read_to_string(&path).unwrap();
    assert!(xml.contains("type=\"unknown-key\"") && xml.contains("errors=\""), "{xml}");
}

#[test]
fn check_runs_the_tests_unless_told_not_to() {
    let (ground, dir) = mine("allow");
    let (exit, text) = ground.run(&["check", &dir], false, "").unwrap();
    assert_eq!((exit, text.contains("test-failed")), (Exit::Usage, true), "{text}");
    assert!(text.contains("mine/a_test.yaml:3:5"), "{text}");
    let (exit, text) = ground.run(&["check", &dir, "--no-tests"], false, "").unwrap();
    assert_eq!((exit, text.as_str()), (Exit::Done, "1 rules, no mistakes\n"));
    let (ground, dir) = mine("deny");
    let (exit, text) = ground.run(&["check", &dir], false, "").unwrap();
    assert_eq!((exit, text.as_str()), (Exit::Done, "1 rules, no mistakes\n"));
}

#[test]
fn check_points_at_yaml_and_rhai_with_a_caret() {
    let (ground, dir) = mine("deny");
    ground.put("mine/a.yaml", &RULES.replace("effect:", "efect:"));
    ground.put("mine/b.rhai", "fn late(req, ctx) {\n    denny(\"x\");\n}\n");
    let (exit, text) = ground.run(&["check", &dir], false, "").unwrap();
    assert_eq!(exit, Exit::Usage);
    for part in [
        "mine/a.yaml:4:5\n",
        "4 |     efect: deny\n  |     ^^^^^\n",
        "did you mean `effect`?",
        "mine/b.rhai:2:5\n",
        "2 |     denny(\"x\");\n  |     ^^^^^\n",
        "did you mean `deny`?",
    ] {
        assert!(text.contains(part), "`{part}` is not in {text}");
    }
}

/// What SARIF 2.1.0 demands of the parts that are written.
fn assert_sarif(value: &Value) {
    assert_eq!(value["version"], "2.1.0");
    assert!(value["$schema"].as_str().unwrap().contains("sarif-2.1.0"));
    let run = &value["runs"][0];
    let driver = &run["tool"]["driver"];
    assert_eq!(driver["name"], "bailiwick");
    let rules = driver["rules"].as_array().unwrap();
    let ids: Vec<&str> = rules.iter().map(|rule| rule["id"].as_str().unwrap()).collect();
    let unique: std::collections::BTreeSet<_> = ids.iter().collect();
    assert_eq!(unique.len(), ids.len());
    for rule in rules {
        for key in ["shortDescription", "help"] {
            assert!(!rule[key]["text"].as_str().unwrap().is_empty(), "{rule}");
        }
        let level = rule["defaultConfiguration"]["level"].as_str().unwrap();
        assert!(["error", "warning"].contains(&level));
    }
    for result in run["results"].as_array().unwrap() {
        assert!(ids.contains(&result["ruleId"].as_str().unwrap()), "{result}");
        assert!(["error", "warning"].contains(&result["level"].as_str().unwrap()));
        assert!(!result["message"]["text"].as_str().unwrap().is_empty());
        let place = &result["locations"][0]["physicalLocation"];
        let uri = place["artifactLocation"]["uri"].as_str().unwrap();
        assert!(!uri.contains([' ', '<', '>']), "{uri}");
        assert!(place["region"]["startLine"].as_u64().unwrap() >= 1);
        assert!(place["region"]["startColumn"].as_u64().unwrap() >= 1);
    }
}

#[test]
fn sarif_has_what_the_format_demands_and_help_for_each_kind() {
    let (ground, dir) = mine("allow");
    ground.put("mine/b c.yaml", &RULES.replace("effect:", "efect:").replace("mine.no-", "x."));
    let (exit, text) = ground.run(&["check", &dir, "--format", "sarif"], false, "").unwrap();
    let value: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(exit, Exit::Usage);
    assert!(!value["runs"][0]["results"].as_array().unwrap().is_empty());
    assert_sarif(&value);
    let (_, text) = ground.run(&["check", "--format", "sarif"], false, "").unwrap();
    assert_sarif(&serde_json::from_str(&text).unwrap());
}
