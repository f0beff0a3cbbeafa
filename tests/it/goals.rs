//! Goals in words without a language model, through the program: to playbooks with inputs, to single tools,
//! or back with reasons.

use super::harness::Space;

#[test]
fn a_goal_gives_a_playbook_its_inputs() {
    let space = Space::new();
    space.write("src/net.rs", "fn cast() {}\n// TODO: mend the net\n");
    let goal = "List the TODO comments in this repository and write them to reports/todo.md";
    let ran = space.run(&["run", "--goal", goal]).expect(0);
    ran.says(&["list-matches", "succeeded"]);
    let report = space.read("reports/todo.md");
    assert!(report.contains("mend the net") && report.contains("line 2"), "{report}");
    space.run(&["verify"]).expect(0);
}

#[test]
fn a_goal_becomes_a_single_governed_call() {
    let space = Space::new();
    let goal = "write \"hello\" to notes/greeting.txt";
    space.run(&["run", "--goal", goal]).expect(0).says(&["write_text", "succeeded"]);
    assert_eq!(space.read("notes/greeting.txt"), "hello");
    // Nothing said that what is there may be replaced.
    space.run(&["run", "--goal", "write \"bye\" to notes/greeting.txt"]).expect(1);
    assert_eq!(space.read("notes/greeting.txt"), "hello");
    // Rules hold as for everybody.
    space.run(&["run", "--goal", "write \"x\" to /etc/motd"]).expect(3);
    let audit = space.audit();
    assert!(audit.iter().any(|entry| entry["tool"] == "write_text"), "{audit:?}");
    space.run(&["run", "--dry-run", "--goal", "read README.md"]).expect(0).says(&["read_text"]);
}

#[test]
fn what_is_unclear_or_dangerous_is_refused_with_reasons() {
    let space = Space::new();
    space.write("notes/a.txt", "A");
    for (goal, why) in [
        ("delete notes/a.txt", "high risk"),
        ("do not read notes/a.txt", "`not`"),
        ("move notes/a.txt", "does not say `to`"),
        ("fais le menage", "no playbook fits"),
    ] {
        space.run(&["run", "--goal", goal]).expect(5).says(&[why]);
    }
    assert_eq!(space.read("notes/a.txt"), "A");
}
