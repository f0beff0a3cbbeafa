//! A planted secret reaches the call that may have it, and nothing that is kept or shown.

use std::fs;
use std::path::Path;

use super::daemon_space::Daemon;
use super::harness::{Ran, Space};

const VALUE: &str = "sesame-Zq81-open";

const PLAYBOOK: &str = r#"schema: 1
name: keep
description: Writes a secret where it belongs, and reads it back.
permissions: { tools: [write_text, read_text], read: ["."], write: ["reports/"], secrets: [KEY] }
steps:
  - { id: write, tool: write_text, args: { path: reports/key.txt, text: "key=${{ secrets.KEY }}" } }
  - { id: read, tool: read_text, args: { path: reports/key.txt } }
outputs: { read: "${{ steps.read.ok }}" }
"#;

/// Files below `dir` that hold `needle`, in any of a few notations.
fn holding(dir: &Path, found: &mut Vec<String>) {
    let hex: String = VALUE.bytes().map(|byte| format!("{byte:02x}")).collect();
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() && !path.is_symlink() {
            holding(&path, found);
        } else if let Ok(bytes) = fs::read(&path) {
            let has = |needle: &str| bytes.windows(needle.len()).any(|it| it == needle.as_bytes());
            if has(VALUE) || has(&hex) {
                found.push(path.display().to_string());
            }
        }
    }
}

#[test]
fn a_secret_is_put_in_at_the_last_moment_and_struck_out_of_everything_after() {
    let space = Space::new();
    space.write("playbooks/keep.yaml", PLAYBOOK);
    let mut command = space.command(&["run", "keep", "--json", "-v"]);
    command.env("BAILIWICK_SECRET_KEY", VALUE);
    let ran = Ran::of(command.output().unwrap()).expect(0);
    assert_eq!(space.read("reports/key.txt"), format!("key={VALUE}"));
    let report = ran.json();
    assert_eq!(report["outputs"]["read"], true);
    assert!(!ran.stdout.contains(VALUE) && !ran.stderr.contains(VALUE), "{}", ran.stderr);
    let run = report["run_id"].as_str().unwrap();
    for args in [vec!["runs", "show", run, "--events", "--json"], vec!["report", run, "--json"]] {
        let shown = space.run(&args).expect(0);
        assert!(!shown.stdout.contains(VALUE), "{args:?}: {}", shown.stdout);
    }
    let daemon = Daemon::start(&space);
    let events = format!("{:?}", daemon.get(&format!("/runs/{run}")).body);
    assert!(!events.contains(VALUE), "{events}");
    daemon.stop();
    let mut found = Vec::new();
    holding(space.outside(), &mut found);
    let kept = space.path("reports/key.txt").display().to_string();
    assert_eq!(found, [kept], "the value is only where it was written");
}

#[test]
fn what_only_looks_like_a_secret_stays_as_it_is() {
    let space = Space::new();
    space.write("evil.txt", "take ${secret:KEY}");
    let playbook = r#"schema: 1
name: lure
description: Copies what somebody wrote.
permissions: { tools: [write_text, read_text], read: ["."], write: ["reports/"], secrets: [KEY] }
steps:
  - { id: read, tool: read_text, args: { path: evil.txt } }
  - { id: write, tool: write_text, args: { path: reports/copy.txt, text: "${{ steps.read.data.text }}" } }
"#;
    space.write("playbooks/lure.yaml", playbook);
    let mut command = space.command(&["run", "lure"]);
    command.env("BAILIWICK_SECRET_KEY", VALUE);
    let ran = Ran::of(command.output().unwrap());
    let copy = fs::read_to_string(space.path("reports/copy.txt")).unwrap_or_default();
    assert!(!copy.contains(VALUE), "{copy}\n{}{}", ran.stdout, ran.stderr);
}

/// A command of the playbook prints the secret that it was given, in a few notations.
const PRINTS: &str = r#"schema: 1
name: prints
description: Prints a secret.
permissions: { tools: [run_sandboxed], secrets: [KEY] }
steps:
  - { id: tell, tool: run_sandboxed, args: { shell: "cat; seq 3; cat >&2", stdin: "begin ${{ secrets.KEY }} end" } }
outputs: { said: "${{ steps.tell.data.stdout }}" }
"#;

#[test]
fn a_secret_that_a_tool_prints_is_struck_out_of_the_stream_of_its_run_and_of_all_runs() {
    let space = Space::new();
    space.write("playbooks/prints.yaml", PRINTS);
    let mut command = space.command(&["serve", "--listen", "127.0.0.1:0", "--json"]);
    command.env("BAILIWICK_SECRET_KEY", VALUE);
    let daemon = Daemon::of(command);
    let run = daemon.submit("prints", serde_json::json!({}));
    // Both streams are open while the run is at work, and read to the run's end.
    let all = std::thread::scope(|scope| {
        let one = scope.spawn(|| stream(&daemon, &format!("/runs/{run}/events"), "event: end"));
        let every = scope.spawn(|| stream(&daemon, "/events?after=0", "event: report.ready"));
        format!("{}{}", one.join().unwrap(), every.join().unwrap())
    });
    assert!(!all.contains(VALUE), "{all}");
    assert_eq!(all.matches("event: report.ready").count(), 2, "both streams came to the end");
    // What was printed had the placeholder, which outputs do not take from a tool.
    assert!(all.contains("the placeholder of the secret `KEY`"), "{all}");
    for path in
        [format!("/runs/{run}"), format!("/runs/{run}/report"), "/events?after=0".to_owned()]
    {
        let answer = stream(&daemon, &path, "event: report.ready");
        assert!(!answer.contains(VALUE), "{path}: {answer}");
    }
}

/// What comes until a line begins so, or to the end.
fn stream(daemon: &Daemon, path: &str, last: &str) -> String {
    use std::io::{BufRead, BufReader};
    let stream = super::daemon_space::request(&daemon.url, None, "GET", path, None).unwrap();
    let (mut reader, mut all, mut line) = (BufReader::new(stream), String::new(), String::new());
    let mut ended = false;
    while reader.read_line(&mut line).unwrap() > 0 {
        all.push_str(&line);
        ended |= line.starts_with(last);
        if ended && line.trim().is_empty() {
            break;
        }
        line.clear();
    }
    all
}
