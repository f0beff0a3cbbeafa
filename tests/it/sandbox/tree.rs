//! Nothing is left: not of daemons, not of bombs, not when a helper or the program itself dies.

use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use bailiwick::ports::{Cancel, CommandOutput, Ending, Sandbox, SandboxError};
use rustix::process::{Pid, Signal, kill_process};

use super::{
    BINARY, eventually, marker, parent_of, processes_with, run, sandbox, shell, spec, text,
};

fn kill(pid: i32) {
    kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL).unwrap();
}

/// A command that leaves a process in another session behind, then waits itself.
fn with_daemon(marker: &str) -> String {
    format!("setsid sh -c 'sleep {marker} & sleep {marker}' & sleep {marker} & wait")
}

#[test]
fn a_daemon_that_cut_every_tie_is_gone_when_the_command_ends() {
    let marker = marker();
    let script = format!(
        "setsid sh -c '(sleep {marker} >/dev/null 2>&1 &) ; sleep {marker}' >/dev/null 2>&1 & \
         sleep 0.1; echo done"
    );
    let output = run(&shell(&script)).unwrap();
    assert_eq!((output.ending, text(&output.stdout).as_str()), (Ending::Exited(0), "done\n"));
    assert!(processes_with(&marker).is_empty(), "not gone when the result was there");
}

#[test]
fn time_out_and_cancel_end_the_whole_tree_at_once() {
    let marker = marker();
    let mut timed = shell(&with_daemon(&marker));
    timed.limits.wall_ms = 200;
    let start = Instant::now();
    assert_eq!(run(&timed).unwrap().ending, Ending::TimedOut);
    assert!(start.elapsed() < Duration::from_secs(2));
    assert!(processes_with(&marker).is_empty());

    let (cancel, asked) = (Cancel::default(), Cancel::default());
    let (ours, spec) = (cancel.clone(), shell(&with_daemon(&marker)));
    let running = thread::spawn(move || sandbox().run(&spec, &ours).map(|o| o.ending));
    assert!(eventually(|| processes_with(&marker).len() == 3));
    let start = Instant::now();
    cancel.request();
    assert!(matches!(running.join().unwrap(), Ok(Ending::Cancelled)));
    assert!(start.elapsed() < Duration::from_millis(500), "{:?}", start.elapsed());
    assert!(processes_with(&marker).is_empty());

    // One that was asked before it began does not begin for long.
    asked.request();
    let start = Instant::now();
    let ending = sandbox().run(&spec_of_sleep(), &asked).unwrap().ending;
    assert_eq!(ending, Ending::Cancelled);
    assert!(start.elapsed() < Duration::from_secs(1));
}

fn spec_of_sleep() -> bailiwick::ports::CommandSpec {
    spec(&["sleep", "100"])
}

/// A supervisor kills a tree that is too large; a control group refuses the fork, and the command
/// fails by itself.
fn stopped_by_its_number(output: &CommandOutput) {
    let enforced = &output.receipt.enforced;
    if enforced.contains(&"pids:exceeded".to_owned()) {
        assert_eq!(output.ending, Ending::Signalled(9));
    } else {
        assert!(enforced.iter().any(|layer| layer.starts_with("pids:")), "{enforced:?}");
        assert!(!enforced.contains(&"pids:supervised".to_owned()), "it was not noticed");
        assert_ne!(output.ending, Ending::Exited(0));
    }
}

#[test]
fn a_fork_bomb_is_ended_and_nothing_of_it_is_left() {
    let marker = marker();
    let script = format!("b() {{ sleep {marker} & b | b & }}; b; wait");
    let mut bomb = shell(&script);
    bomb.limits.pids = 32;
    bomb.limits.wall_ms = 10_000;
    let start = Instant::now();
    let output = run(&bomb).unwrap();
    stopped_by_its_number(&output);
    assert!(start.elapsed() < Duration::from_secs(8), "{:?}", start.elapsed());
    assert!(processes_with(&marker).is_empty());
}

/// Each process leaves its group and session at once, so that none can be killed with another.
#[test]
fn a_bomb_that_scatters_is_ended_too() {
    if !super::has("python3") {
        return;
    }
    let script = "import os\nwhile True:\n  if os.fork() == 0: os.setsid()";
    let mut bomb = spec(&["python3", "-c", script]);
    bomb.limits.pids = 32;
    bomb.limits.wall_ms = 10_000;
    bomb.env = vec![("BOMB".into(), marker())];
    let output = run(&bomb).unwrap();
    stopped_by_its_number(&output);
}

#[test]
fn threads_count_as_processes_do() {
    if !super::has("python3") {
        return;
    }
    let script = "import threading, time\n\
                  for _ in range(40): threading.Thread(target=time.sleep, args=(50,)).start()";
    let mut many = spec(&["python3", "-c", script]);
    many.limits.pids = 20;
    stopped_by_its_number(&run(&many).unwrap());
}

/// The supervisor is the parent of the command, the guard is the supervisor's.
#[test]
fn killing_one_helper_leaves_nothing() {
    for which in ["supervisor", "guard"] {
        let marker = marker();
        let spec = shell(&with_daemon(&marker));
        let running = thread::spawn(move || sandbox().run(&spec, &Cancel::default()));
        assert!(eventually(|| processes_with(&marker).len() == 3));
        let supervisor = processes_with(&marker)
            .into_iter()
            .map(|sleep| parent_of(parent_of(sleep)))
            .find(|pid| parent_of(parent_of(*pid)) == std::process::id().cast_signed())
            .expect("a sleeper whose shell is the command");
        kill(if which == "guard" { parent_of(supervisor) } else { supervisor });
        let result = running.join().unwrap();
        assert!(matches!(result, Err(SandboxError::Helper(_))), "{which}: {result:?}");
        // Of a helper that was killed there is no report: the kernel ends what is left.
        assert!(eventually(|| processes_with(&marker).is_empty()), "{which}");
    }
}

#[test]
fn killing_the_program_leaves_nothing() {
    let (marker, scratch) = (marker(), super::place());
    #[allow(clippy::disallowed_methods, reason = "the test starts the program itself")]
    let mut program = Command::new(BINARY)
        .env("TMPDIR", &scratch.path)
        .args(["sandbox", "exec", "--", "sh", "-c", &with_daemon(&marker)])
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    assert!(eventually(|| processes_with(&marker).len() == 3));
    program.kill().unwrap();
    program.wait().unwrap();
    assert!(eventually(|| processes_with(&marker).is_empty()));
    assert!(eventually(|| scratch.path.read_dir().unwrap().count() == 0), "a directory is left");
}

#[test]
fn a_stopped_command_is_ended_too() {
    let mut stopped = shell("kill -STOP $$");
    stopped.limits.wall_ms = 200;
    assert_eq!(run(&stopped).unwrap().ending, Ending::TimedOut);
}

#[test]
fn many_cells_at_once_do_not_disturb_each_other() {
    let threads: Vec<_> = (0..8)
        .map(|number| {
            thread::spawn(move || {
                let output = run(&shell(&format!("echo {number}; sleep 0.1; exit {number}")));
                let output = output.unwrap();
                assert_eq!(output.ending, Ending::Exited(number));
                assert_eq!(text(&output.stdout), format!("{number}\n"));
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
}
