//! A daemon killed with -9 at random moments under load: every acknowledged task ends or is in doubt,
//! open questions stay open, schedules are neither doubled nor silently missed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::daemon_space::{Daemon, PATIENCE};
use super::harness::{Space, kills};

/// Tasks that are given to each daemon at most: all of them end in the end, which takes its time.
const TASKS: usize = 8;
/// The longest that a daemon lives after it listens, in milliseconds: as long as a few tasks take.
const LIFE_MAX_MS: u64 = 200;

const ONCE: &str = r#"
schema: 1
name: once
description: Leaves one line in a file.
inputs: { id: { type: string, required: true } }
permissions: { tools: [shell_exec, list_dir], read: ["."], write: ["effects"] }
steps:
  - { id: look, tool: list_dir, args: { path: "." } }
  - { id: leave, tool: shell_exec, args: { command: ["tee", "-a", "effects/log"], stdin: "${{ inputs.id }}\n" } }
  - { id: again, tool: list_dir, args: { path: "effects" } }
"#;

const GATED: &str = r#"
schema: 1
name: gated
description: Waits for a person.
permissions: { tools: [list_dir], read: ["."] }
steps:
  - { id: gate, approval: { prompt: "Go on?", ttl: 1h } }
  - { id: look, tool: list_dir, args: { path: "." } }
"#;

const TICK: &str = r#"
schema: 1
name: tick
description: Is started by the clock.
permissions: { tools: [list_dir], read: ["."] }
steps:
  - { id: look, tool: list_dir, args: { path: "." } }
"#;

/// What the daemons acknowledged.
#[derive(Default)]
struct Promised {
    once: BTreeMap<String, String>,
    gated: BTreeSet<String>,
}

#[test]
fn a_daemon_that_is_killed_again_and_again_keeps_every_promise() {
    let space = Space::new();
    for (name, text) in [("once", ONCE), ("gated", GATED), ("tick", TICK)] {
        space.write(&format!("playbooks/{name}.yaml"), text);
    }
    fs::create_dir(space.path("effects")).unwrap();
    let mut promised = Promised::default();
    let schedule = schedule(&space);
    for round in 0..kills(16) {
        let daemon = Daemon::start(&space);
        let life = Duration::from_millis(10 + round.wrapping_mul(7_919) % LIFE_MAX_MS);
        give_tasks(&daemon, round, life, &mut promised);
        daemon.kill();
    }
    assert!(!promised.once.is_empty() && !promised.gated.is_empty(), "nothing was acknowledged");
    let daemon = Daemon::start(&space);
    every_task_ends(&daemon, &space, &promised);
    every_question_is_still_there(&daemon, &promised);
    no_time_is_doubled_or_silently_missed(&daemon, &schedule);
    assert_eq!(daemon.stop(), 0);
    space.run(&["verify"]).expect(0);
}

/// A schedule that is due every minute.
fn schedule(space: &Space) -> String {
    let daemon = Daemon::start(space);
    let reply = daemon.post(
        "/schedules",
        &json!({ "playbook": "tick", "cron": "* * * * *", "catch_up": "all", "window": "1h" }),
    );
    assert_eq!(reply.status, 201, "{reply:?}");
    assert_eq!(daemon.stop(), 0);
    reply.body["schedule_id"].as_str().unwrap().to_owned()
}

fn give_tasks(daemon: &Daemon, round: u64, life: Duration, promised: &mut Promised) {
    let until = Instant::now() + life;
    for task in 0..TASKS {
        if Instant::now() >= until {
            return;
        }
        let gated = task % 4 == 3;
        let id = format!("{round}-{task}");
        let body = match gated {
            true => json!({ "playbook": "gated" }),
            false => json!({ "playbook": "once", "inputs": { "id": id } }),
        };
        let reply = daemon.post("/tasks", &body);
        assert_eq!(reply.status, 202, "{reply:?}");
        let run = reply.body["run_id"].as_str().unwrap().to_owned();
        match gated {
            true => drop(promised.gated.insert(run)),
            false => drop(promised.once.insert(run, id)),
        }
    }
    std::thread::sleep(until.saturating_duration_since(Instant::now()));
}

fn every_task_ends(daemon: &Daemon, space: &Space, promised: &Promised) {
    let mut done = BTreeSet::new();
    for (run, id) in &promised.once {
        let shown = daemon.wait_for(run, &["succeeded", "in_doubt"]);
        if shown["status"] == "succeeded" {
            done.insert(id.clone());
        }
    }
    let mut effects = BTreeMap::new();
    for line in fs::read_to_string(space.path("effects/log")).unwrap_or_default().lines() {
        *effects.entry(line.to_owned()).or_insert(0) += 1;
    }
    let doubled: Vec<_> = effects.iter().filter(|(_, times)| **times > 1).collect();
    assert!(doubled.is_empty(), "done twice: {doubled:?}");
    let missing: Vec<_> = done.iter().filter(|id| !effects.contains_key(*id)).collect();
    assert!(missing.is_empty(), "said to be done and not done: {missing:?}");
}

fn every_question_is_still_there(daemon: &Daemon, promised: &Promised) {
    for run in &promised.gated {
        daemon.wait_for(run, &["waiting_approval"]);
    }
    let mut open = BTreeMap::new();
    let mut cursor = String::new();
    loop {
        let page =
            daemon.get(&format!("/api/v1/execution/approvals?status=open&limit=100{cursor}"));
        for item in page.body["approvals"].as_array().unwrap() {
            let text = |key: &str| item[key].as_str().unwrap().to_owned();
            assert!(open.insert(text("run_id"), text("approval_id")).is_none(), "{item}");
        }
        match page.body["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(open.keys().collect::<Vec<_>>(), promised.gated.iter().collect::<Vec<_>>());
    for approval in open.values() {
        let path = format!("/api/v1/execution/approvals/{approval}");
        let reply = daemon.post(&path, &json!({ "approved": true }));
        assert_eq!(reply.status, 200, "{reply:?}");
    }
    for run in &promised.gated {
        daemon.wait_for(run, &["succeeded"]);
    }
}

fn no_time_is_doubled_or_silently_missed(daemon: &Daemon, schedule: &str) {
    let until = Instant::now() + PATIENCE;
    let minutes = loop {
        let shown = daemon.get(&format!("/schedules/{schedule}")).body;
        let fires: Vec<Value> = shown["fires"].as_array().unwrap().clone();
        let due: Vec<i64> = fires.iter().map(|fire| minute(&fire["due_at"])).collect();
        let first = minute(&shown["schedule"]["created_at"]) + 1;
        let last = now_minute();
        let mut expected: Vec<i64> = (first..=last).collect();
        let mut found = due.clone();
        found.sort_unstable();
        if found == expected || Instant::now() > until {
            expected.sort_unstable();
            assert_eq!(found, expected, "{shown}");
            break due;
        }
        std::thread::sleep(Duration::from_millis(100));
    };
    assert_eq!(minutes.iter().collect::<BTreeSet<_>>().len(), minutes.len(), "a time twice");
}

/// Minutes since the beginning of time.
fn minute(time: &Value) -> i64 {
    let time: bailiwick::contracts::Timestamp = time.as_str().unwrap().parse().unwrap();
    time.ms().div_euclid(60_000)
}

fn now_minute() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(since.as_secs() / 60).unwrap()
}
