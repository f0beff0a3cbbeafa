//! What rules demand beside their verdict, seen where it shows: files, the audit log, questions.

use std::fs;

use super::harness::Space;

/// Looks like somebody's token, so that it is struck out wherever it stands.
const TOKEN: &str = "ghp_16C7e42F292c6912E7710c838347Ae178B4a";

const PLAYBOOK: &str = r#"schema: 1
name: p
description: Writes.
permissions: { tools: [write_text, shell_exec], read: ["."], write: ["."] }
steps:
"#;

/// A space whose user has a rule about `tool`, with these keys.
fn space(tool: &str, keys: &str) -> Space {
    let space = Space::new();
    let rule = format!(
        "schema: 1\nrules:\n  - id: my.rule\n    on: {{ tool: [{tool}] }}\n    reason: the user wishes it\n    {keys}\n    match: [ {{ tool: {tool}, args: {{ path: a, text: b, command: [ls] }} }} ]\n    not_match: [ {{ tool: git_diff }} ]\n"
    );
    user_rules(&space, "my.yaml", &rule);
    space
}

fn user_rules(space: &Space, name: &str, text: &str) {
    let dir = space.home().join(".config/bailiwick/policies");
    fs::create_dir_all(&dir).unwrap();
    fs::write(dir.join(name), text).unwrap();
}

fn playbook(space: &Space, step: &str) -> String {
    let path = space.write("p.yaml", &format!("{PLAYBOOK}  - {step}\n"));
    path.to_str().unwrap().to_owned()
}

#[test]
fn dry_run_says_what_would_happen_and_does_nothing() {
    let space = space("write_text", "effect: allow\n    obligations: [dry_run]");
    let step = "{ id: own, tool: write_text, args: { path: reports/a.md, text: \"x\" } }";
    let playbook = playbook(&space, step);
    space.run(&["run", &playbook]).expect(0);
    assert!(!space.path("reports/a.md").exists());
    let audit = space.audit();
    let entry = audit.iter().find(|entry| entry["tool"] == "write_text").unwrap();
    assert_eq!((&entry["dry_run"], &entry["ok"]), (&true.into(), &true.into()), "{entry}");
    let undone = space.run(&["undo"]);
    assert_ne!(undone.code, 0, "nothing was changed: {}", undone.stdout);
}

#[test]
fn log_full_keeps_whole_arguments_in_the_audit_log_without_secrets() {
    let text = format!("{} {TOKEN} the end", "word ".repeat(400));
    let step = format!(
        "{{ id: own, tool: write_text, args: {{ path: reports/a.md, text: \"{text}\" }} }}"
    );
    for (keys, whole) in
        [("effect: allow", false), ("effect: allow\n    obligations: [log_full]", true)]
    {
        let space = space("write_text", keys);
        let playbook = playbook(&space, &step);
        space.run(&["run", &playbook]).expect(0);
        let audit = space.audit();
        let entry = audit.iter().find(|entry| entry["tool"] == "write_text").unwrap();
        let summary = entry["args_summary"].as_str().unwrap();
        assert_eq!(summary.contains("the end"), whole, "{summary}");
        assert_eq!(summary.ends_with('…'), !whole, "{summary}");
        assert!(!summary.contains(TOKEN), "{summary}");
        assert!(space.read("reports/a.md").contains("the end"));
    }
}

#[test]
fn redact_strikes_arguments_out_of_the_audit_log_and_the_question() {
    let space = space("write_text", "effect: ask\n    obligations: [redact]");
    let script = "fn says(req, ctx) { if req.tool == \"write_text\" { ask(\"writes \" + req.arg(\"text\")); } }\n";
    user_rules(&space, "aaa.rhai", script);
    let step =
        "{ id: own, tool: write_text, args: { path: reports/a.md, text: \"private matter\" } }";
    let playbook = playbook(&space, step);
    let asked = space.run(&["run", &playbook]).expect(4);
    let listed = space.run(&["approvals", "ls", "--json"]).expect(0);
    for shown in [&asked.stdout, &asked.stderr] {
        assert!(!shown.contains("private matter"), "{shown}");
    }
    let question = &listed.json()["items"][0];
    let prompt = question["prompt"].as_str().unwrap();
    assert!(prompt.contains("wants to call `write_text`"), "{prompt}");
    assert!(!prompt.contains("private matter"), "{prompt}");
    // Who says yes sees what to.
    assert_eq!(question["args"]["text"], "private matter");
    let args = ["run", &playbook, "--yes-approve", "my.rule", "--yes-approve", "aaa.says"];
    space.run(&args).expect(0);
    assert_eq!(space.read("reports/a.md"), "private matter");
    let audit = fs::read_to_string(space.path("logs/tools_audit.jsonl")).unwrap();
    assert!(audit.contains("[redacted]") && !audit.contains("private matter"), "{audit}");
}

#[test]
fn snapshot_refuses_a_call_whose_tool_cannot_keep_what_it_changes() {
    let space = space("shell_exec", "effect: allow\n    obligations: [snapshot]");
    let playbook =
        playbook(&space, "{ id: own, tool: shell_exec, args: { command: [\"touch\", \"made\"] } }");
    let ran = space.run(&["run", &playbook]);
    assert_ne!(ran.code, 0, "{}", ran.stdout);
    let said = format!("{}{}", ran.stdout, ran.stderr);
    assert!(said.contains("cannot keep what it will change"), "{said}");
    assert!(!space.path("made").exists());
}

#[test]
fn a_rule_that_takes_too_long_refuses_by_name() {
    let space = Space::new();
    let slow = "fn slow(req, ctx) {\n    let s = \"a\"; s.pad(60000, \"a\");\n    for i in 0..9000 { s.sub_string(1, 59000); }\n}\n";
    user_rules(&space, "my.rhai", slow);
    let playbook = playbook(
        &space,
        "{ id: own, tool: write_text, args: { path: reports/a.md, text: \"x\" } }",
    );
    let began = std::time::Instant::now();
    space.run(&["run", &playbook]).expect(3).says(&["my.slow", "did not end within 1000 ms"]);
    assert!(began.elapsed().as_secs() < 60);
    assert!(!space.path("reports/a.md").exists());
}
