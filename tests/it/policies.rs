//! Policies edited while the program is in use.

use super::harness::Space;

const PLAYBOOK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/playbooks/repo-health.yaml");

/// Refuses what the shipped and the tests' playbooks write below `reports/`.
pub const DENY: &str = r#"schema: 1
rules:
  - id: mine.no-reports
    effect: deny
    on: { tool: [write_text] }
    when: { path: { under: ["reports/"], access: [write] } }
    reason: reports are written by hand here
    match: [ { tool: write_text, args: { path: "reports/health.md", text: "x" } } ]
    not_match: [ { tool: write_text, args: { path: "notes.md", text: "x" } } ]
"#;

#[test]
fn a_new_deny_ends_the_next_run_naming_rule_file_and_line() {
    let space = Space::new();
    space.run(&["run", PLAYBOOK]).expect(0);
    space.write("policies/90-mine.yaml", DENY);
    space
        .run(&["run", PLAYBOOK])
        .expect(3)
        .says(&["reports are written by hand here", "mine.no-reports (policies/90-mine.yaml:3)"]);
    space.run(&["runs", "show"]).says(&["mine.no-reports", "policies/90-mine.yaml:3"]);
    assert!(space.audit().iter().any(|entry| entry["decision"] == "deny"));
}

#[test]
fn a_broken_edit_leaves_the_last_good_set_in_force_and_is_shown_with_its_place() {
    let space = Space::new();
    space.write("policies/90-mine.yaml", DENY);
    space.run(&["run", PLAYBOOK]).expect(3);
    space.write(
        "policies/90-mine.yaml",
        "schema: 1\nrules:\n  - id: mine.no-reports\n    efect: deny\n",
    );
    space.run(&["run", PLAYBOOK]).expect(3).says(&["policies/90-mine.yaml:4:5"]);
    space.run(&["policy", "check"]).expect(2).says(&["policies/90-mine.yaml:4:5", "did you mean"]);
    space.write("policies/90-mine.yaml", &DENY.replace("deny", "note"));
    space.run(&["run", PLAYBOOK]).expect(3);
}

#[test]
fn an_untrusted_workspace_can_tighten_and_not_loosen() {
    let space = Space::new();
    let allow = DENY
        .replace("effect: deny", "effect: allow")
        .replace("reports/", "policies/")
        .replace("{ path: \"policies/health.md\"", "{ path: \"policies/x.yaml\"");
    space.write("policies/90-mine.yaml", &allow);
    let playbook = space.write(
        "p.yaml",
        "schema: 1\nname: p\ndescription: Rewrites the rules.\npermissions: { tools: [write_text], write: [\"policies/\"] }\nsteps:\n  - { id: own, tool: write_text, args: { path: policies/x.yaml, text: \"schema: 1\" } }\n",
    );
    space.run(&["run", playbook.to_str().unwrap()]).expect(3);
    assert!(!space.path("policies/x.yaml").exists());
}

#[test]
fn a_rule_edited_while_a_run_is_at_work_decides_the_next_call() {
    let space = Space::new();
    let playbook = space.write(
        "p.yaml",
        r#"schema: 1
name: p
description: Waits, then writes.
permissions: { tools: [shell_exec, write_text], read: ["."], write: ["reports/"] }
steps:
  - { id: wait, tool: shell_exec, args: { command: ["sleep", "3"] } }
  - { id: late, tool: write_text, args: { path: reports/late.md, text: "x" } }
"#,
    );
    let child = space.spawn(&["run", playbook.to_str().unwrap()]);
    let began = std::time::Instant::now();
    loop {
        assert!(began.elapsed().as_secs() < 10, "the run does not begin");
        let shown = space.run(&["runs", "show", "--json"]);
        if shown.code == 0 && shown.json()["decisions"].as_array().is_some_and(|d| !d.is_empty()) {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    space.write("policies/90-mine.yaml", DENY);
    let ran = super::harness::Ran::of(child.wait_with_output().unwrap());
    ran.expect(3).says(&["reports are written by hand here"]);
    assert!(!space.path("reports/late.md").exists());
    let shown = space.run(&["runs", "show", "--events", "--json"]).expect(0).json();
    let reloaded =
        shown["events"].as_array().unwrap().iter().any(|e| e["kind"] == "policy.reloaded");
    assert!(reloaded, "the journal says that the rules changed");
}
