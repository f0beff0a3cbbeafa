//! The daemon from outside: the commands that talk to it, and what it does between its first and last
//! word.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixDatagram;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::daemon_space::{Daemon, PATIENCE};
use super::harness::{Ran, Space};
use super::policies::DENY;

const HEALTH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/playbooks/repo-health.yaml");

/// Waits, then writes.
const SLOW: &str = r#"schema: 1
name: slow
description: Waits, then writes.
inputs: { seconds: { type: string, default: "1" } }
permissions: { tools: [shell_exec, write_text, list_dir], read: ["."], write: ["reports/"] }
steps:
  - { id: look, tool: list_dir, args: { path: "." } }
  - { id: wait, tool: shell_exec, args: { command: ["sleep", "${{ inputs.seconds }}"] }, effect: idempotent }
  - { id: write, tool: write_text, args: { path: reports/slow.md, text: "done" } }
always:
  - { id: clean, tool: list_dir, args: { path: "." } }
"#;

const GATED: &str = r#"schema: 1
name: gated
description: Waits for a person.
permissions: { tools: [write_text], write: ["reports/"] }
steps:
  - { id: gate, approval: { prompt: "Go on?", ttl: 1h } }
  - { id: write, tool: write_text, args: { path: reports/gated.md, text: "done" } }
"#;

fn space() -> Space {
    let space = Space::new();
    space.write("playbooks/slow.yaml", SLOW);
    space.write("playbooks/gated.yaml", GATED);
    space
}

/// Waits until `found` gives something.
#[track_caller]
fn eventually<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let until = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(Instant::now() < until, "{what} does not come");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Waits until a run has begun a call of the step at `path`.
fn at_work(space: &Space, run: &str, path: &str) {
    eventually("the call", || {
        let shown = space.run(&["runs", "show", run, "--events", "--json"]).expect(0).json();
        let events = shown["events"].as_array().unwrap().clone();
        let mut begun = events.iter().filter(|event| event["kind"] == "call.started");
        begun.any(|event| event["payload"]["path"] == path).then_some(())
    });
}

/// The stream of a run's events, read line by line.
struct Stream(BufReader<std::net::TcpStream>, u16);

impl Stream {
    fn open(daemon: &Daemon, run: &str, last: Option<u64>) -> Self {
        let address = daemon.url.strip_prefix("http://").unwrap();
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let last = last.map(|id| format!("last-event-id: {id}\r\n")).unwrap_or_default();
        // Version 1.0: the answer comes without frames and ends with the connection.
        let head = format!("GET /runs/{run}/events HTTP/1.0\r\nhost: {address}\r\n{last}\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let status = line.split(' ').nth(1).unwrap().parse().unwrap();
        while line.trim() != "" {
            line.clear();
            reader.read_line(&mut line).unwrap();
        }
        Self(reader, status)
    }

    /// The ids of up to `count` events, and whether the end was seen.
    fn ids(&mut self, count: usize) -> (Vec<u64>, bool) {
        let (mut ids, mut line) = (Vec::new(), String::new());
        while ids.len() < count && self.0.read_line(&mut line).unwrap() > 0 {
            if let Some(id) = line.strip_prefix("id: ") {
                ids.push(id.trim().parse().unwrap());
            } else if line.trim() == "event: end" {
                return (ids, true);
            }
            line.clear();
        }
        (ids, false)
    }
}

fn seqs(ran: &Ran) -> Vec<u64> {
    let event = |line: &str| serde_json::from_str::<Value>(line).unwrap()["seq"].as_u64().unwrap();
    ran.stdout.lines().map(event).collect()
}

#[test]
fn watchers_see_every_event_once_whether_they_were_cut_off_or_not() {
    let space = space();
    let daemon = Daemon::start(&space);
    let taken = space.run(&["submit", "slow", "--json"]).expect(0).json();
    let run = taken["run_id"].as_str().unwrap().to_owned();
    let watching = space.spawn(&["runs", "watch", &run, "--json", "--url", &daemon.url]);
    let (mut first, _) = Stream::open(&daemon, &run, None).ids(5);
    assert_eq!(first, [1, 2, 3, 4, 5]);
    let (rest, ended) = Stream::open(&daemon, &run, Some(5)).ids(usize::MAX);
    assert!(ended, "{rest:?}");
    first.extend(rest);
    let whole: Vec<u64> = (1..=first.len() as u64).collect();
    assert_eq!(first, whole);
    let watched = Ran::of(watching.wait_with_output().unwrap()).expect(0);
    assert_eq!(seqs(&watched), whole);
    let last: Value = serde_json::from_str(watched.stdout.lines().last().unwrap()).unwrap();
    assert_eq!(last["kind"], "report.ready");
    let end = *whole.last().unwrap();
    assert_eq!(Stream::open(&daemon, &run, Some(end)).1, 204);
    let after = (end - 2).to_string();
    let again = space.run(&["runs", "watch", &run, "--json", "--after", &after]).expect(0);
    assert_eq!(seqs(&again), [end - 1, end]);
    space.run(&["runs", "watch", &run[..16]]).expect(0).says(&["slow succeeded", "✓ write"]);
    assert_eq!(daemon.stop(), 0);
    // The journal says the same when nobody serves it.
    let read = space.run(&["runs", "watch", &run, "--json"]).expect(0);
    assert_eq!(read.stdout, watched.stdout);
    space.run(&["verify"]).expect(0);
}

#[test]
fn what_is_submitted_without_a_daemon_is_run_by_the_next_one() {
    let space = space();
    let args = ["submit", "slow", "--input", "seconds=0", "--key", "k1", "--json"];
    let taken = space.run(&args).expect(0).says(&["`bailiwick serve` will run it"]).json();
    let run = taken["run_id"].as_str().unwrap();
    assert_eq!(taken["status"], "queued");
    assert_eq!(space.run(&args).expect(0).json()["run_id"], run, "the same key is the same task");
    space.run(&["submit", "slow", "--key", "k1"]).expect(2).says(&["another request"]);
    space.run(&["runs", "watch", run]).expect(4).says(&["bailiwick serve goes on with it"]);
    let daemon = Daemon::start(&space);
    daemon.wait_for(run, &["succeeded"]);
    let again = space.run(&args).expect(0).json();
    assert_eq!(again["run_id"], run, "the daemon knows the key too");
    assert_eq!(daemon.stop(), 0);
}

#[test]
fn submit_waits_and_ends_as_the_run_does() {
    let space = space();
    let daemon = Daemon::start(&space);
    let done = space.run(&["submit", "slow", "--input", "seconds=0", "--wait", "--json"]).expect(0);
    assert_eq!(done.json()["outcome"], "succeeded");
    let waits = space.run(&["submit", "gated", "--wait", "--json"]).expect(4).json();
    assert_eq!(waits["status"], "waiting_approval");
    let gated = waits["run_id"].as_str().unwrap();
    space.run(&["runs", "resume", gated, "--yes-approve", "gate"]).expect(2).says(&["approvals"]);
    space.run(&["runs", "cancel", gated]).expect(0);
    daemon.wait_for(gated, &["cancelled"]);
    space.run(&["runs", "watch", gated]).expect(130);
    space.run(&["runs", "cancel", gated]).expect(2).says(&["ended"]);
}

#[test]
fn an_answer_counts_after_a_restart_and_without_a_daemon() {
    let space = space();
    let daemon = Daemon::start(&space);
    let submit = || {
        let run = daemon.submit("gated", json!({}));
        daemon.wait_for(&run, &["waiting_approval"]);
        run
    };
    let (first, second, third) = (submit(), submit(), submit());
    assert_eq!(daemon.stop(), 0);
    let asked = space.run(&["approvals", "ls", "--json"]).expect(0).json();
    let of = |run: &str| {
        let items = asked["items"].as_array().unwrap().iter();
        let mut found = items.filter(|item| item["run_id"] == run);
        found.next().unwrap()["approval_id"].as_str().unwrap().to_owned()
    };
    space.run(&["approvals", "approve", &of(&first)]).expect(0).says(&["runs resume"]);
    space.run(&["approvals", "approve", &of(&first)]).expect(2);
    let daemon = Daemon::start(&space);
    daemon.wait_for(&first, &["succeeded"]);
    space.run(&["approvals", "show", &of(&second)]).expect(0).says(&["Go on?", "approve apr_"]);
    let with = ["--reason", "looked at it", "--json"];
    let mut args = vec!["approvals", "approve"];
    let id = of(&second);
    args.push(&id);
    args.extend(with);
    assert_eq!(space.run(&args).expect(0).json()["approved"], true);
    daemon.wait_for(&second, &["succeeded"]);
    let shown = space.run(&["runs", "show", &second, "--events"]).expect(0);
    shown.says(&["looked at it", "user:"]);
    space.run(&["approvals", "deny", &of(&third), "--url", &daemon.url]).expect(0);
    daemon.wait_for(&third, &["failed", "denied"]);
    let all = space.run(&["approvals", "ls", "--all", "--json"]).expect(0).json();
    let mut stands: Vec<&str> =
        all["items"].as_array().unwrap().iter().map(|it| it["status"].as_str().unwrap()).collect();
    stands.sort_unstable();
    assert_eq!(stands, ["approved", "approved", "denied"]);
    space.run(&["approvals", "ls"]).expect(0).says(&["nothing waits"]);
    space.run(&["approvals", "show", "apr_ffff"]).expect(2).says(&["approvals ls"]);
}

#[test]
fn an_edited_policy_counts_for_the_next_call_and_a_broken_one_changes_nothing() {
    let space = space();
    let daemon = Daemon::start(&space);
    let before = daemon.get("/readyz").body;
    assert_eq!(before["ready"], true);
    let run = daemon.submit("slow", json!({ "seconds": "2" }));
    at_work(&space, &run, "wait");
    space.write("policies/90-mine.yaml", DENY);
    daemon.wait_for(&run, &["denied"]);
    space.run(&["runs", "watch", &run]).expect(3).says(&["reports are written by hand here"]);
    let denying = daemon.get("/readyz").body;
    assert_ne!(denying["policy"]["hash"], before["policy"]["hash"]);
    space.write("policies/90-mine.yaml", "schema: 1\nrules:\n  - id: x\n    efect: deny\n");
    let broken = eventually("the broken edit", || {
        let ready = daemon.get("/readyz").body;
        (ready["policy"]["errors"] != 0).then_some(ready)
    });
    assert_eq!(broken["policy"]["hash"], denying["policy"]["hash"]);
    let again = daemon.submit("slow", json!({ "seconds": "0" }));
    daemon.wait_for(&again, &["denied"]);
}

#[test]
fn cancelling_kills_the_tree_and_still_reports_soon() {
    let space = space();
    let daemon = Daemon::start(&space);
    let run = daemon.submit("slow", json!({ "seconds": "293" }));
    at_work(&space, &run, "wait");
    let running = || {
        let all = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
        let lines = all.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
        lines.filter(|line| line.starts_with(b"sleep\x00293")).count()
    };
    eventually("the command", || (running() > 0).then_some(()));
    let began = Instant::now();
    space.run(&["runs", "cancel", &run, "--reason", "enough"]).expect(0);
    space.run(&["runs", "watch", &run]).expect(130);
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert_eq!(running(), 0);
    let shown = daemon.get(&format!("/runs/{run}")).body;
    let steps = shown["report"]["steps"].as_array().unwrap();
    assert!(steps.iter().any(|step| step["path"] == "clean" && step["ok"] == true), "{shown}");
}

#[test]
fn a_run_is_held_and_goes_on() {
    let space = space();
    let daemon = Daemon::start(&space);
    let run = daemon.submit("slow", json!({ "seconds": "1" }));
    at_work(&space, &run, "wait");
    space.run(&["runs", "pause", &run, "--url", &daemon.url]).expect(0);
    daemon.wait_for(&run, &["paused"]);
    space.run(&["runs", "pause", &run]).expect(2).says(&["paused already"]);
    space.run(&["runs", "resume", "--all", "--json"]).expect(0).says(&[&run]);
    daemon.wait_for(&run, &["succeeded"]);
}

#[test]
fn a_stop_is_orderly_and_the_next_start_goes_on() {
    let space = space();
    let manager_path = space.outside().join("notify");
    let manager = UnixDatagram::bind(&manager_path).unwrap();
    manager.set_read_timeout(Some(PATIENCE)).unwrap();
    let heard = || {
        let mut word = [0; 64];
        let length = manager.recv(&mut word).unwrap();
        String::from_utf8(word[..length].to_vec()).unwrap()
    };
    let args = ["serve", "--listen", "127.0.0.1:0", "--json", "--set", "server.stop_grace=200ms"];
    let mut command = space.command(&args);
    command.env("NOTIFY_SOCKET", &manager_path);
    let daemon = Daemon::of(command);
    assert_eq!(heard(), "READY=1");
    let run = daemon.submit("slow", json!({ "seconds": "3" }));
    at_work(&space, &run, "wait");
    let began = Instant::now();
    assert_eq!(daemon.stop(), 0);
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    assert_eq!(heard(), "STOPPING=1");
    for socket in ["host.sock", "api.sock"] {
        assert!(!space.path(".bailiwick").join(socket).exists(), "{socket} is left");
    }
    let shown = space.run(&["runs", "show", &run, "--json"]).expect(0).json();
    assert_eq!(shown["status"], "paused");
    space.run(&["verify"]).expect(0);
    let daemon = Daemon::start(&space);
    daemon.wait_for(&run, &["succeeded"]);
}

#[test]
fn what_is_wrong_is_refused_with_a_reason_and_leaves_nothing() {
    let space = space();
    space.write("playbooks/broken.yaml", "schema: 1\nname: broken\nsteps: 7\n");
    let outside = space.outside().join("other.yaml");
    std::fs::write(&outside, SLOW).unwrap();
    let daemon = Daemon::start(&space);
    for (args, said) in [
        (vec!["nope"], "nope"),
        (vec!["slow", "--input", "secnds=1"], "secnds"),
        (vec!["slow", "--input", "seconds"], "has no `=`"),
        (vec!["slow", "--label", "x"], "has no `=`"),
        (vec!["broken"], "broken.yaml:"),
        (vec!["--goal", "knit a pullover"], "no playbook fits"),
        (vec![], "nothing to run"),
        (vec![outside.to_str().unwrap()], "outside of the workspace"),
    ] {
        for place in [vec![], vec!["--url", &daemon.url]] {
            let all: Vec<&str> = ["submit"].iter().chain(&args).chain(&place).copied().collect();
            let ran = space.run(&all);
            // A path means nothing at another place, so that it is no playbook there either.
            let far = !place.is_empty() && said == "outside of the workspace";
            assert_eq!(ran.code, 2, "{all:?}: {}", ran.stderr);
            assert!(far || ran.stderr.contains(said), "{all:?}: {}", ran.stderr);
            assert!(ran.stdout.is_empty(), "{all:?}: {}", ran.stdout);
        }
    }
    for (path, body, status) in [
        ("/tasks", json!({}), 422),
        ("/tasks", json!({ "playbook": "slow", "colour": "red" }), 422),
        ("/tasks", json!({ "playbook": 7 }), 422),
        ("/tasks", json!({ "playbook": "slow", "priority": "urgent" }), 422),
        ("/tasks", json!([]), 422),
        ("/runs/run_1/cancel", json!({}), 404),
        ("/runs/run_00000000000070008000000000000000/cancel", json!({}), 404),
        ("/nowhere", json!({}), 404),
        ("/readyz", json!({}), 405),
    ] {
        let reply = daemon.post(path, &body);
        let fits = reply.status == status || reply.status == 400 && status == 422;
        assert!(fits, "{path} {body}: {reply:?}");
        assert_eq!(reply.body["status"], reply.status, "{path} {body}: {reply:?}");
        assert!(reply.body["title"].is_string(), "{path} {body}: {reply:?}");
    }
    assert_eq!(daemon.get("/runs").body["items"], json!([]));
}

#[test]
fn it_listens_where_it_may_and_says_why_it_does_not() {
    let space = space();
    space.run(&["serve", "--listen", "0.0.0.0:0"]).expect(2).says(&["EXECUTION_TOKEN"]);
    space.run(&["serve", "--listen", "nonsense"]).expect(2).says(&["127.0.0.1:8787"]);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    space.run(&["serve", "--listen", &address]).expect(1).says(&["another program", "--listen"]);
    let _daemon = Daemon::start(&space);
    space
        .run(&["serve", "--listen", "127.0.0.1:0"])
        .expect(5)
        .says(&["a daemon runs in this workspace already", "api.sock"]);
    let gone = format!("http://{address}");
    drop(taken);
    for args in [vec!["runs", "ls"], vec!["submit", "slow"], vec!["approvals", "ls"]] {
        let args: Vec<&str> = args.into_iter().chain(["--url", &gone]).collect();
        space.run(&args).expect(5).says(&["cannot be reached", "bailiwick serve"]);
    }
}

#[test]
fn a_token_is_wanted_over_tcp_and_not_over_the_socket() {
    let space = space();
    let mut command = space.command(&["serve", "--listen", "127.0.0.1:0", "--json"]);
    command.env("EXECUTION_TOKEN", "a-token-for-tests");
    let daemon = Daemon::of(command);
    let url = daemon.url.clone();
    let with = |token: &str| {
        let mut command = space.command(&["runs", "ls", "--json"]);
        command.env("BAILIWICK_URL", &url).env("EXECUTION_TOKEN", token);
        Ran::of(command.output().unwrap())
    };
    with("").expect(2).says(&["--token"]);
    with("a-token-for-test").expect(2).says(&["--token"]);
    assert_eq!(with("a-token-for-tests").expect(0).json(), json!({ "items": [] }));
    let flags = ["runs", "ls", "--url", &url, "--token", "a-token-for-tests"];
    space.run(&flags).expect(0);
    space.run(&["submit", "slow", "--input", "seconds=0", "--wait"]).expect(0);
}

#[test]
fn a_run_beside_the_daemon_is_handed_over() {
    let space = space();
    let daemon = Daemon::start(&space);
    let report = space.run(&["run", HEALTH, "--json"]).expect(0).json();
    let there = daemon.get(&format!("/runs/{}", report["run_id"].as_str().unwrap()));
    assert_eq!(there.body["status"], "succeeded");
}

#[test]
fn schedules_are_made_held_started_and_removed() {
    let space = space();
    let daemon = Daemon::start(&space);
    let add = ["schedules", "add", "slow", "0 4 * * 1", "--input", "seconds=0", "--json"];
    let made = space.run(&add).expect(0).json();
    let (id, name) =
        (made["schedule_id"].as_str().unwrap(), made["name"].as_str().unwrap().to_owned());
    space.run(&["schedules", "add", "slow", "0 4 * *"]).expect(2).says(&["cron"]);
    space.run(&["schedules", "ls"]).expect(0).says(&[&name, "0 4 * * 1"]);
    let next = space.run(&["schedules", "next", id, "-n", "3", "--json"]).expect(0).json();
    assert_eq!(next["items"][0]["next"].as_array().unwrap().len(), 3);
    space.run(&["schedules", "pause", &name]).expect(0).says(&["paused"]);
    space.run(&["schedules", "ls"]).expect(0).says(&["paused"]);
    space.run(&["schedules", "resume", id]).expect(0);
    let begun = space.run(&["schedules", "run-now", id, "--json"]).expect(0).json();
    daemon.wait_for(begun["run_id"].as_str().unwrap(), &["succeeded"]);
    space.run(&["schedules", "rm", id]).expect(0);
    space.run(&["schedules", "next", id]).expect(2);
    space.run(&["schedules", "pause", "nobody"]).expect(2).says(&["schedules ls"]);
}

#[test]
fn schedules_are_kept_for_the_next_daemon_where_none_runs() {
    let space = space();
    let add = ["schedules", "add", "slow", "0 4 * * 1", "--input", "seconds=0", "--json"];
    let made = space.run(&add).expect(0).json();
    let (id, name) =
        (made["schedule_id"].as_str().unwrap(), made["name"].as_str().unwrap().to_owned());
    space.run(&["schedules", "add", "slow", "0 4 * *"]).expect(2).says(&["cron"]);
    space.run(&["schedules", "ls"]).expect(0).says(&[&name, "0 4 * * 1", "bailiwick serve"]);
    let next = space.run(&["schedules", "next", &name, "-n", "3", "--json"]).expect(0).json();
    assert_eq!(next["items"][0]["next"].as_array().unwrap().len(), 3);
    space.run(&["schedules", "pause", &name]).expect(0).says(&["paused"]);
    space.run(&["schedules", "ls"]).expect(0).says(&["paused"]);
    space.run(&["schedules", "resume", id]).expect(0);
    let begun = space.run(&["schedules", "run-now", id, "--json"]).expect(0).json();
    space.run(&["schedules", "rm", id]).expect(0);
    space.run(&["schedules", "next", id]).expect(2).says(&["schedules ls"]);
    space.run(&["schedules", "pause", "nobody"]).expect(2).says(&["schedules ls"]);
    let daemon = Daemon::start(&space);
    daemon.wait_for(begun["run_id"].as_str().unwrap(), &["succeeded"]);
}

/// The first block of code behind `heading`.
fn example(heading: &str) -> String {
    let page = include_str!("../../docs/streaming.md");
    let section = page.split(&format!("\n## {heading}\n")).nth(1).unwrap();
    let block = section.split("```").nth(1).unwrap();
    block.split_once('\n').unwrap().1.to_owned()
}

#[test]
fn the_examples_of_the_page_about_streams_run() {
    let space = space();
    let mut command = space.command(&["serve", "--listen", "127.0.0.1:0", "--json"]);
    command.env("EXECUTION_TOKEN", "a-token-for-tests");
    let daemon = Daemon::of(command);
    let taken = space.run(&["submit", "slow", "--json"]).expect(0).json();
    let run = taken["run_id"].as_str().unwrap();
    let mut ran = 0;
    for (heading, program, flags) in [
        ("curl", "sh", vec!["-c"]),
        ("Python", "python3", vec!["-c"]),
        ("Node", "node", vec!["--input-type=module", "-e"]),
    ] {
        let needed = if program == "sh" { "curl" } else { program };
        if Command::new(needed).arg("--version").output().is_err() {
            continue;
        }
        let mut command = Command::new(program);
        command.args(flags).arg(example(heading)).stdin(Stdio::null());
        command.env("BAILIWICK_URL", &daemon.url).env("RUN", run);
        command.env("EXECUTION_TOKEN", "a-token-for-tests");
        let said = Ran::of(command.output().unwrap()).expect(0).stdout;
        let last = said.trim_end().lines().last().unwrap();
        assert!(last.contains("succeeded"), "{heading}: {said}");
        ran += 1;
    }
    assert!(ran > 0, "none of the programs is here");
}
