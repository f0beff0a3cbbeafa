//! Processes killed with -9 at random moments: nothing acknowledged is lost, nothing that finished is
//! done again.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use super::harness::{Moments, Space, kills};

const PLAYBOOK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/playbooks/edit-test-report.yaml");

#[test]
fn killed_at_any_moment_every_run_ends_or_is_in_doubt_and_the_journal_is_whole() {
    let space = Space::new();
    let mut moments = Moments(7);
    let mut life = whole_life(&space);
    let (mut killed, mut too_late) = (0, 0);
    while killed < kills(16) {
        let text = format!("text=round {killed}\n");
        let mut child = space.spawn(&edit(&text));
        std::thread::sleep(Duration::from_millis(moments.next(life)));
        if child.try_wait().unwrap().is_some() {
            // It ended by itself, so nothing was killed: the machine has become quicker.
            too_late += 1;
            assert!(too_late <= kills(16), "runs of {life} ms end before they can be killed");
            life = (life * 9 / 10).max(1);
            continue;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        killed += 1;
        if killed % 10 == 0 {
            settle(&space);
        }
    }
    settle(&space);
    let runs = space.run(&["runs", "ls", "--limit", "1000", "--json"]).expect(0).json();
    assert!(!runs["items"].as_array().unwrap().is_empty(), "no run was accepted at all");
    finished_effects_happened_once(&space);
}

fn edit(text: &str) -> [&str; 6] {
    ["run", PLAYBOOK, "--input", "file=notes.md", "--input", text]
}

/// How long a run takes that nobody kills, in milliseconds: the moments of the kills are spread over it.
fn whole_life(space: &Space) -> u64 {
    let began = Instant::now();
    space.spawn(&edit("text=first\n")).wait().unwrap();
    u64::try_from(began.elapsed().as_millis()).unwrap()
}

fn settle(space: &Space) {
    let resumed = space.run(&["runs", "resume", "--all"]);
    assert!([0, 1, 7].contains(&resumed.code), "{}{}", resumed.stdout, resumed.stderr);
    space.run(&["verify"]).expect(0);
    let runs = space.run(&["runs", "ls", "--limit", "1000", "--json"]).expect(0).json();
    for run in runs["items"].as_array().unwrap() {
        let status = run["status"].as_str().unwrap();
        let settled = ["succeeded", "failed", "in_doubt"].contains(&status);
        assert!(settled, "{run}");
    }
}

/// No call that returned was started again, by the journal of every run.
fn finished_effects_happened_once(space: &Space) {
    let runs = space.run(&["runs", "ls", "--limit", "1000", "--json"]).expect(0).json();
    for run in runs["items"].as_array().unwrap() {
        let id = run["run_id"].as_str().unwrap();
        let shown = space.run(&["runs", "show", id, "--events", "--json"]).expect(0).json();
        let mut returned = BTreeMap::new();
        for event in shown["events"].as_array().unwrap() {
            let call = event["payload"]["call_id"].as_str().unwrap_or_default().to_owned();
            match event["kind"].as_str().unwrap() {
                "call.finished" => {
                    returned.insert(call, ());
                }
                "call.started" => assert!(!returned.contains_key(&call), "{id}: {call} ran again"),
                _ => {}
            }
        }
    }
}

const COUNTING: &str = r#"schema: 1
name: counting
description: Counts how often a command that must not be repeated was run.
permissions: { tools: [shell_exec], read: ["."], write: ["scratch/"] }
steps:
  - id: effect
    tool: shell_exec
    args: { command: ["python3", "scratch/effect.py"] }
"#;

/// Notes that it began, waits, notes that it is done.
const EFFECT: &str = "import time\nopen('scratch/began','a').write('x')\ntime.sleep(0.6)\nopen('scratch/done','a').write('x')\n";

#[test]
fn a_command_that_may_not_be_repeated_is_in_doubt_and_a_person_settles_it() {
    if !Path::new("/usr/bin/python3").exists() {
        eprintln!("skipped: /usr/bin/python3 is not there");
        return;
    }
    let space = Space::new();
    space.write("scratch/effect.py", EFFECT);
    let playbook = space.write("counting.yaml", COUNTING);
    let args = ["run", playbook.to_str().unwrap()];
    let mut child = space.spawn(&args);
    wait_for(&space.path("scratch/began"));
    child.kill().unwrap();
    child.wait().unwrap();
    let says = ["in_doubt", "effect was cut off", "scratch/effect.py", "--did-not-happen"];
    space.run(&["runs", "resume", "--all"]).expect(7).says(&says);
    space.run(&["runs", "show"]).expect(0).says(&["scratch/effect.py"]);
    assert_eq!(space.read("scratch/began"), "x", "it was not run again by itself");
    let id = space.run(&["runs", "ls", "--json"]).json()["items"][0]["run_id"]
        .as_str()
        .unwrap()
        .to_owned();
    space.run(&["runs", "resolve", &id, "--did-not-happen"]).expect(0);
    assert_eq!(space.read("scratch/began"), "xx", "a person said that it did not happen");
    space.run(&["verify"]).expect(0);
    space.run(&["runs", "resolve", &id, "--happened"]).expect(2).says(&["in doubt"]);
}

fn wait_for(path: &Path) {
    for _ in 0..500 {
        if fs::metadata(path).is_ok_and(|about| about.len() > 0) {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("`{}` does not appear", path.display());
}

#[test]
fn an_append_that_was_cut_off_is_not_appended_twice() {
    let space = Space::new();
    let playbook = space.write(
        "append.yaml",
        r#"schema: 1
name: append
description: Appends a line, many times.
permissions: { tools: [write_text], read: ["."], write: ["notes/"] }
steps:
  - id: lines
    foreach: { in: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], as: line, limit: 10 }
    tool: write_text
    args: { path: notes/lines.txt, mode: append, text: "${{ line }}\n" }
"#,
    );
    let mut moments = Moments(3);
    let lines = space.path("notes/lines.txt");
    for _ in 0..10 {
        let _ = fs::remove_file(&lines);
        let mut child = space.spawn(&["run", playbook.to_str().unwrap()]);
        wait_for(&lines);
        std::thread::sleep(Duration::from_millis(moments.next(300)));
        let _ = child.kill();
        child.wait().unwrap();
        space.run(&["runs", "resume", "--all"]).expect(0);
        let wanted: String = (1..=10).map(|line| format!("{line}\n")).collect();
        assert_eq!(space.read("notes/lines.txt"), wanted);
    }
}
