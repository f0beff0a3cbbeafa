//! The shipped playbooks on real repositories, and what lint says of broken ones.

use std::fs;

use super::harness::Space;

const SHIPPED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/playbooks");

fn shipped(name: &str) -> String {
    format!("{SHIPPED}/{name}.yaml")
}

#[test]
fn repo_health_reports_on_the_workspace_itself() {
    let space = Space::new();
    let ran = space.run(&["run", &shipped("repo-health")]).expect(0);
    let report = space.read("reports/health.md");
    for part in ["README", "TODO", "main"] {
        assert!(report.contains(part), "`{part}` is not in:\n{report}");
    }
    ran.says(&["repo-health", "succeeded", "run_"]);
    space.run(&["verify"]).expect(0).says(&["sound"]);
}

#[test]
fn repo_health_reports_on_another_repository() {
    let (space, other) = (Space::new(), Space::new());
    other.write("src/lib.rs", "// TODO: everything\n");
    let input = format!("repo={}", other.root().display());
    space.run(&["run", &shipped("repo-health"), "--input", &input]).expect(0);
    let report = space.read("reports/health.md");
    assert!(report.contains("src/lib.rs"), "{report}");
    assert!(!other.path("reports").exists(), "nothing is written where only reading was granted");
}

#[test]
fn edit_test_report_edits_tests_and_reports_and_undo_puts_it_back() {
    let space = Space::new();
    let before = space.read("README.md");
    let ran = space
        .run(&[
            "run",
            &shipped("edit-test-report"),
            "--json",
            "--input",
            "file=README.md",
            "--input",
            "text=changed\n",
            "--input",
            r#"command=["test","-s","README.md"]"#,
        ])
        .expect(0);
    assert_eq!(space.read("README.md"), "changed\n");
    let run = ran.json()["run_id"].as_str().unwrap().to_owned();
    space.run(&["undo", &run]).expect(0);
    assert_eq!(space.read("README.md"), before);
    space.run(&["verify"]).expect(0);
}

#[test]
fn a_failing_test_command_fails_the_run_and_says_why() {
    let space = Space::new();
    space
        .run(&[
            "run",
            &shipped("edit-test-report"),
            "--input",
            "file=README.md",
            "--input",
            "text=x\n",
            "--input",
            r#"command=["false"]"#,
        ])
        .expect(1)
        .says(&["exit_status"]);
}

#[test]
fn undo_refuses_when_something_else_changed_the_file_since() {
    let space = Space::new();
    let args = [
        "run",
        &shipped("edit-test-report"),
        "--json",
        "--input",
        "file=README.md",
        "--input",
        "text=mine\n",
    ];
    let run = space.run(&args).expect(0).json()["run_id"].as_str().unwrap().to_owned();
    space.write("README.md", "somebody else's\n");
    let ran = space.run(&["undo", &run]);
    assert_ne!(ran.code, 0);
    ran.says(&["README.md"]);
    assert_eq!(space.read("README.md"), "somebody else's\n");
}

#[test]
fn shipped_playbooks_lint_and_their_scenarios_hold() {
    let space = Space::new();
    for entry in fs::read_dir(SHIPPED).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|it| it == "yaml") {
            let path = path.to_str().unwrap();
            space.run(&["playbook", "lint", path]).expect(0);
            space.run(&["playbook", "test", path]).expect(0);
        }
    }
}

#[test]
fn a_goal_chooses_a_playbook_or_is_refused_with_reasons() {
    let space = Space::new();
    space.run(&["run", "--goal", "inspect the repository and report its health"]).expect(0);
    assert!(space.path("reports/health.md").exists());
    space.run(&["run", "--goal", "paint the fence"]).expect(5).says(&["no playbook fits"]);
}
