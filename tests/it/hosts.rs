//! Several processes in one workspace.

use super::harness::{Ran, Space};

const HEALTH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/playbooks/repo-health.yaml");

const SLOW: &str = r#"schema: 1
name: slow
description: Waits, then writes.
permissions: { tools: [shell_exec, write_text], read: ["."], write: ["reports/"] }
steps:
  - { id: wait, tool: shell_exec, args: { command: ["sleep", "1"] }, effect: idempotent }
  - { id: write, tool: write_text, args: { path: reports/slow.md, text: "done" } }
"#;

fn wait_for_host(space: &Space) {
    for _ in 0..500 {
        if space.path(".bailiwick/host.sock").exists() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    panic!("no process becomes the host");
}

#[test]
fn two_runs_at_once_both_end_well() {
    let space = Space::new();
    let slow = space.write("slow.yaml", SLOW);
    let first = space.spawn(&["run", slow.to_str().unwrap(), "--json"]);
    wait_for_host(&space);
    let second = space.spawn(&["run", HEALTH, "--json"]);
    let (first, second) = (first.wait_with_output().unwrap(), second.wait_with_output().unwrap());
    let (first, second) = (Ran::of(first).expect(0), Ran::of(second).expect(0));
    assert_eq!(first.json()["outcome"], "succeeded");
    assert_eq!(second.json()["outcome"], "succeeded");
    assert_ne!(first.json()["run_id"], second.json()["run_id"]);
    space.run(&["verify"]).expect(0);
}

#[test]
fn eight_runs_at_once_all_end_well() {
    let space = Space::new();
    let children: Vec<_> = (0..8).map(|_| space.spawn(&["run", HEALTH, "--json"])).collect();
    for child in children {
        Ran::of(child.wait_with_output().unwrap()).expect(0);
    }
    let runs = space.run(&["runs", "ls", "--json"]).expect(0).json();
    assert_eq!(runs["items"].as_array().unwrap().len(), 8);
    space.run(&["verify"]).expect(0);
}

#[test]
fn a_guest_goes_on_with_its_run_when_the_host_is_killed() {
    let space = Space::new();
    let slow = space.write("slow.yaml", SLOW);
    let mut host = space.spawn(&["run", slow.to_str().unwrap()]);
    wait_for_host(&space);
    let guest = space.spawn(&["run", slow.to_str().unwrap(), "--json"]);
    std::thread::sleep(std::time::Duration::from_millis(500));
    host.kill().unwrap();
    host.wait().unwrap();
    let guest = Ran::of(guest.wait_with_output().unwrap()).expect(0);
    assert_eq!(guest.json()["outcome"], "succeeded");
    space.run(&["runs", "resume", "--all"]).expect(0);
    space.run(&["verify"]).expect(0);
}

#[test]
fn a_guest_is_refused_for_a_wrong_input_as_the_host_would_be() {
    let space = Space::new();
    let slow = space.write("slow.yaml", SLOW);
    let mut host = space.spawn(&["run", slow.to_str().unwrap()]);
    wait_for_host(&space);
    space.run(&["run", HEALTH, "--input", "repoo=."]).expect(2).says(&["repoo", "did you mean"]);
    host.wait().unwrap();
}

#[test]
fn a_process_with_another_configuration_is_not_run_under_the_hosts() {
    let space = Space::new();
    let slow = space.write("slow.yaml", SLOW);
    let mut host = space.spawn(&["run", slow.to_str().unwrap()]);
    wait_for_host(&space);
    let args = ["run", HEALTH, "--set", "policy.profile=strict"];
    let ran = space.run(&args);
    host.wait().unwrap();
    // Where the host was gone already, its own configuration asks.
    let refused = ran.code == 1 && ran.stderr.contains("another configuration");
    assert!(refused || [0, 4].contains(&ran.code), "{} {}", ran.code, ran.stderr);
}
