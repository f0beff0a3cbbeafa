//! A daemon among bombs: they end within their limits, it goes on answering, and when it is killed
//! itself nothing of its calls is left.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{eventually, has, marker, processes_with};
use crate::daemon_space::Daemon;
use crate::harness::{Ran, Space};

/// Runs the program that it is given as input.
const BOMB: &str = r#"schema: 1
name: bomb
description: Runs a program that wants too much.
inputs: { program: { type: string } }
permissions: { tools: [shell_exec], read: ["."] }
steps:
  - { id: bomb, tool: shell_exec, args: { command: ["python3", "${{ inputs.program }}"] } }
"#;

const SLEEP: &str = r#"schema: 1
name: sleeper
description: Waits.
inputs: { seconds: { type: string } }
permissions: { tools: [shell_exec], read: ["."] }
steps:
  - { id: wait, tool: shell_exec, args: { command: ["sleep", "${{ inputs.seconds }}"] } }
"#;

const BOMBS: [(&str, &str); 3] = [
    ("memory.py", "x = []\nwhile True: x.append(bytearray(1 << 24))\n"),
    ("processes.py", "import os\nwhile True:\n  if os.fork() == 0: os.setsid()\n"),
    ("cpu.py", "while True: pass\n"),
];

const HEALTHY: Duration = Duration::from_millis(100);
/// Each bomb's time-out is three seconds.
const ENDED: Duration = Duration::from_secs(30);

#[test]
fn bombs_end_within_their_limits_while_the_daemon_answers() {
    if !has("python3") {
        return;
    }
    let space = Space::new();
    space.write("playbooks/bomb.yaml", BOMB);
    for (name, program) in BOMBS {
        space.write(name, program);
    }
    let mut command = space.command(&["serve", "--listen", "127.0.0.1:0", "--json"]);
    for (key, value) in [("PIDS", "32"), ("MEMORY", "256MiB"), ("TIMEOUT", "3s"), ("CPU", "2s")] {
        command.env(format!("BAILIWICK_SANDBOX__PROFILES__SHELL_EXEC__{key}"), value);
    }
    let daemon = Daemon::of(command);
    let start = Instant::now();
    let runs = BOMBS.map(|(name, _)| daemon.submit("bomb", json!({ "program": name })));
    let (mut took, mut open) = (Vec::new(), runs.to_vec());
    while !open.is_empty() {
        let asked = Instant::now();
        assert_eq!(daemon.get("/healthz").status, 200);
        took.push(asked.elapsed());
        open.retain(|run| {
            let status = daemon.get(&format!("/runs/{run}")).body["status"].clone();
            !["failed", "denied", "succeeded"].contains(&status.as_str().unwrap_or_default())
        });
        assert!(start.elapsed() < ENDED, "{open:?} still run");
        std::thread::sleep(Duration::from_millis(10));
    }
    for run in &runs {
        assert_eq!(daemon.get(&format!("/runs/{run}")).body["status"], "failed");
    }
    // Others use this machine as well, so that one answer may be late; the daemon as such is not.
    took.sort_unstable();
    let median = took[took.len() / 2];
    eprintln!("{} answers: median {median:?}, slowest {:?}", took.len(), took.last());
    assert!(median < HEALTHY, "{median:?}");
    assert_eq!(daemon.stop(), 0);
}

#[test]
fn a_profile_ends_a_command_sooner_than_the_call_would() {
    let space = Space::new();
    let args = r#"{"command": ["sleep", "50"]}"#;
    let mut command = space.command(&["tools", "call", "shell_exec", "--args", args]);
    command.env("BAILIWICK_SANDBOX__PROFILES__SHELL_EXEC__TIMEOUT", "300ms");
    let start = Instant::now();
    Ran::of(command.output().unwrap()).says(&["timeout: `sleep` was stopped", "300 ms"]);
    assert!(start.elapsed() < ENDED, "{:?}", start.elapsed());
}

#[test]
fn a_daemon_that_is_killed_in_a_call_leaves_no_process() {
    let (space, marker) = (Space::new(), marker());
    space.write("playbooks/sleeper.yaml", SLEEP);
    let daemon = Daemon::start(&space);
    daemon.submit("sleeper", json!({ "seconds": marker }));
    assert!(eventually(|| !processes_with(&marker).is_empty()), "the call does not begin");
    daemon.kill();
    assert!(eventually(|| processes_with(&marker).is_empty()), "the command goes on");
}
