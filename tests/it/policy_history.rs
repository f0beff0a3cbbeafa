//! What was decided, asked again: explained, suggested from, and judged by other rules.

use super::harness::{Ran, Space};

/// Writes a file that the rules refuse.
const OUTSIDE: &str = r#"schema: 1
name: outside
description: Writes beside the workspace.
permissions: { tools: [write_text], write: ["/tmp"] }
steps:
  - { id: write, tool: write_text, args: { path: /tmp/bailiwick-one.txt, text: "x" } }
"#;

/// Asks before it removes a directory.
const ASKS: &str = r#"schema: 1
name: asks
description: Removes a directory.
permissions: { tools: [shell_exec], read: ["."], write: ["build"] }
steps:
  - { id: remove, tool: shell_exec, args: { command: ["rm", "-r", "build"] } }
"#;

/// Takes the first call out of the rule that refuses it, and allows it.
const LOOSE: &str = r#"schema: 1
rules:
  - id: fs.elsewhere
    effect: deny
    on: { tool: [write_text] }
    when: { path: { glob: ["/tmp/bailiwick-two.txt"] } }
    reason: not here
    match: [ { tool: write_text, args: { path: /tmp/bailiwick-two.txt, text: x } } ]
    not_match: [ { tool: write_text, args: { path: /tmp/bailiwick-one.txt, text: x } } ]
  - id: loose.one
    effect: allow
    on: { tool: [write_text] }
    when: { path: { glob: ["/tmp/bailiwick-one.txt"] } }
    reason: for the test
    match: [ { tool: write_text, args: { path: /tmp/bailiwick-one.txt, text: x } } ]
    not_match: [ { tool: write_text, args: { path: /tmp/bailiwick-two.txt, text: x } } ]
"#;

/// A workspace in which one call was refused, and its id.
fn refused() -> (Space, String) {
    let space = Space::new();
    let playbook = space.write("p.yaml", OUTSIDE);
    space.run(&["run", playbook.to_str().unwrap()]).expect(3);
    let call = decided(&space);
    (space, call)
}

/// The call that was decided last.
fn decided(space: &Space) -> String {
    let shown = space.run(&["runs", "show", "--events", "--json"]).expect(0).json();
    let events = shown["events"].as_array().unwrap();
    let decided = events.iter().rev().find(|event| event["kind"] == "call.decided").unwrap();
    let text = decided.to_string();
    let at = text.find("call_0").unwrap();
    text[at..].chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect()
}

fn backtest(space: &Space, more: &[&str]) -> Ran {
    let mut words = vec!["policy", "backtest", "--candidate", "new"];
    words.extend(more);
    space.run(&words)
}

#[test]
fn a_refused_call_is_explained_as_it_was_and_as_it_would_be() {
    let (space, call) = refused();
    space.run(&["policy", "explain", &call]).expect(0).says(&[
        "then     deny by policy",
        "default-deny",
        "now      the same: deny",
        "/tmp/bailiwick-one.txt",
    ]);
    let json = space.run(&["policy", "explain", &call, "--json"]).expect(0).json();
    assert_eq!(json["call_id"], call.as_str());
    assert_eq!((&json["same"], &json["decided"]["effect"]), (&true.into(), &"deny".into()));
    assert_eq!(json["explanation"]["facts"]["paths"][0]["zone"], "temp");
    space.run(&["policy", "explain", "call_00000000000000000000000000000000"]).expect(2);
}

#[test]
fn what_is_suggested_for_a_refused_call_is_a_sound_file_that_names_the_file_alone() {
    let (space, call) = refused();
    let suggested = space.run(&["policy", "suggest", &call]).expect(0).says(&[
        r#"when: {"path":{"glob":["/tmp/bailiwick-one.txt"],"access":["write"]}}"#,
        r#""under":["/tmp"]"#,
    ]);
    space.write("new/90-reviewed.yaml", &suggested.stdout);
    space.run(&["policy", "check", "new"]).expect(0);
    let json = space.run(&["policy", "suggest", &call, "--json"]).expect(0).json();
    assert_eq!(json["against"].as_array().unwrap().len(), 0);
    space.run(&["policy", "suggest", "$X -rf /"]).expect(3).says(&["cannot be seen"]);
}

#[test]
fn what_a_playbook_does_not_allow_itself_is_named_with_the_line_to_add() {
    let space = Space::new();
    let playbook = space.write("p.yaml", &OUTSIDE.replace("/tmp\"]", "reports/\"]"));
    space.run(&["run", playbook.to_str().unwrap()]).expect(3);
    let call = decided(&space);
    space.run(&["policy", "suggest", &call]).expect(3).says(&["`permissions`"]);
    space
        .run(&["policy", "explain", &call])
        .expect(0)
        .says(&["p.yaml, add to `permissions`: `write: [\"/tmp/bailiwick-one.txt\"]`"]);
}

#[test]
fn a_question_is_explained_and_the_rule_that_asks_is_named() {
    let space = Space::new();
    let playbook = space.write("p.yaml", ASKS);
    space.write("build/a.txt", "x");
    let ran = space.run(&["run", playbook.to_str().unwrap()]);
    assert_ne!(ran.code, 0, "somebody has to answer");
    let call = decided(&space);
    space.run(&["policy", "explain", &call]).expect(0).says(&["ask", "cmd.remove-tree"]);
    space.run(&["policy", "suggest", &call]).expect(0).says(&["`cmd.remove-tree`"]);
}

#[test]
fn a_candidate_that_loosens_is_refused_until_it_is_accepted_by_name() {
    let (space, call) = refused();
    space.write("new/90-loose.yaml", LOOSE);
    backtest(&space, &[]).expect(1).says(&["newly allowed: 1", "loose.one", &call]);
    let json = backtest(&space, &["--json"]).expect(1).json();
    assert_eq!(json["result"]["counts"]["newly_allowed"], 1);
    assert_eq!(json["result"]["flips"]["newly_allowed"][0]["call_id"], call.as_str());
    assert_eq!(json["written"], false);
    backtest(&space, &["--accept", "loose.one"]).expect(0).says(&["accepted: 1"]);
    backtest(&space, &["--accept", &call]).expect(0);
    backtest(&space, &["--accept", "loose.two", "--write"]).expect(1);
    assert!(!space.path(".bailiwick/policy/accepted.json").exists());
    backtest(&space, &["--accept", "loose.one", "--write"]).expect(0).says(&["kept"]);
    assert!(space.path(".bailiwick/policy/accepted.json").exists());
    space.write("new/90-loose.yaml", "schema: 1\nrules: nothing\n");
    backtest(&space, &[]).expect(2).says(&["new/90-loose.yaml:2"]);
}

#[test]
fn two_directories_of_rules_are_compared_by_their_rules_and_about_a_call() {
    let (space, call) = refused();
    space.write("old/90-mine.yaml", super::policies::DENY);
    space.write("new/90-loose.yaml", LOOSE);
    let diff = ["policy", "explain", "--diff", "old", "new"];
    space
        .run(&diff)
        .expect(0)
        .says(&["+ allow    loose.one (new/90-loose.yaml", "- deny     mine.no-reports"]);
    let about: Vec<&str> = diff.iter().copied().chain([call.as_str()]).collect();
    space.run(&about).expect(0).says(&[
        "old  deny",
        "new  allow",
        "+ allow    loose.one",
        "- deny     default-deny",
    ]);
    let json = space.run(&["--json", "policy", "explain", "--diff", "old", "new"]).expect(0).json();
    assert_eq!(json["added"].as_array().unwrap().len(), 2);
    assert_eq!(json["removed"][0]["id"], "mine.no-reports");
}

#[test]
fn rules_on_trial_are_shown_with_their_mistakes() {
    let (space, _) = refused();
    // The file of a workspace that nobody trusts may not name one.
    let shown = ["--set", "policy.shadow=trial", "policy", "show", "--json"];
    let json = space.run(&shown).expect(0).json();
    assert_eq!(json["trial"]["errors"][0]["code"], "no-directory");
    space.write("trial/90-mine.yaml", super::policies::DENY);
    let json = space.run(&shown).expect(0).json();
    assert_eq!(json["trial"]["errors"].as_array().unwrap().len(), 0);
    assert!(json["trial"]["policy_hash"].is_string());
    space.run(&["--set", "policy.shadow=trial", "run", PLAYBOOK]);
    space
        .run(&["policy", "backtest", "--shadow"])
        .expect(0)
        .says(&["allow -> deny", "mine.no-reports"]);
}

const PLAYBOOK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/playbooks/repo-health.yaml");
