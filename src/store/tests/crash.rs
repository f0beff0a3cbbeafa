//! kill -9, for real: a child appends and says what was acknowledged; whatever it said must be
//! there afterwards.
#![allow(
    clippy::disallowed_methods,
    reason = "the test starts itself again as the process to be killed"
)]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use super::fixture::*;
use crate::contracts::{Event, Hash};
use crate::store::{Append, Store};

const DIR: &str = "BAILIWICK_TEST_CRASH_DIR";
const EARLY: &str = "BAILIWICK_TEST_CRASH_EARLY";
const CALLERS: u128 = 4;

/// Does nothing unless it was started by [`killed_after`].
#[test]
fn child_that_appends_until_it_is_killed() {
    let Ok(dir) = std::env::var(DIR) else { return };
    let early = std::env::var(EARLY).is_ok();
    let store = open(Path::new(&dir));
    std::thread::scope(|scope| {
        for caller in 1..=CALLERS {
            let store = &store;
            scope.spawn(move || append_forever(store, caller, early));
        }
    });
}

fn append_forever(store: &Store, caller: u128, early: bool) {
    let last = |store: &Store| store.reader().run(&run(caller)).map_or(0, |run| run.last_seq);
    let mut seq = last(store);
    loop {
        let salt = u8::try_from(seq % 250).unwrap() + u8::try_from(caller).unwrap();
        let length = if seq.is_multiple_of(5) { 20_000 } else { 100 };
        let note = text(&format!("{caller}/{seq}/{}", "x".repeat(length)), salt);
        let bodies = vec![step("a", Some(note.reference.clone())), paused("me")];
        let append = Append::new(run(caller).to_string(), seq, at(0), bodies)
            .texts(vec![note])
            .audit(entry(caller));
        if early {
            // The planted bug: acknowledged before it is durable.
            println!("ack {caller} {} {}", seq + 2, Hash::ZERO);
        }
        let events = store.append(append).unwrap();
        seq += 2;
        if !early {
            println!("ack {caller} {seq} {}", events[1].hash);
        }
    }
}

/// What a child acknowledged before it was killed: the newest of each run.
fn killed_after(dir: &Path, lines: usize, early: bool) -> BTreeMap<u128, (u64, String)> {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "store::tests::crash::child_that_appends_until_it_is_killed"])
        .args(["--nocapture", "--test-threads=1"])
        .env(DIR, dir)
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    if early {
        command.env(EARLY, "1");
    }
    let mut child = command.spawn().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut acknowledged = BTreeMap::new();
    let (mut line, mut seen) = (String::new(), 0);
    while output.read_line(&mut line).unwrap() > 0 {
        // A line without its end was cut by the kill and acknowledges nothing.
        if let Some(rest) = line.trim_start_matches("test ").strip_suffix('\n')
            && let Some(at) = rest.find("ack ")
        {
            let words: Vec<&str> = rest[at..].split(' ').collect();
            let (caller, seq) = (words[1].parse().unwrap(), words[2].parse().unwrap());
            acknowledged.insert(caller, (seq, words[3].to_owned()));
            seen += 1;
            if seen == lines {
                child.kill().unwrap();
            }
        }
        line.clear();
    }
    child.wait().unwrap();
    assert!(seen >= lines, "the child ended by itself after {seen} lines");
    acknowledged
}

fn lost(store: &Store, acknowledged: &BTreeMap<u128, (u64, String)>) -> Vec<String> {
    let mut lost = Vec::new();
    for (caller, (seq, hash)) in acknowledged {
        let there = store.reader().events(&run(*caller).to_string(), seq - 1, 1);
        let there: Option<Event> = there.ok().and_then(|events| events.into_iter().next());
        if there.is_none_or(|event| event.hash.to_string() != *hash) {
            lost.push(format!("{caller}/{seq}"));
        }
    }
    lost
}

#[test]
fn nothing_acknowledged_is_lost_by_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    for round in 0..12 {
        let acknowledged = killed_after(dir.path(), 1 + (round * 37) % 90, false);
        // Another process reads first, as it was left.
        assert_eq!(verify(dir.path()).findings, [], "round {round}");
        let store = open(dir.path());
        assert_eq!(lost(&store, &acknowledged), [""; 0], "round {round}");
        assert_eq!(verify(dir.path()).findings, [], "round {round}");
    }
    let report = verify(dir.path());
    let file = std::fs::read_to_string(audit_path(dir.path())).unwrap();
    assert_eq!(file.lines().count() as u64, report.audit_entries);
    assert_eq!((report.events / 2, report.runs), (report.audit_entries, 4));
}

#[test]
fn the_rig_catches_a_store_that_acknowledges_too_early() {
    let dir = tempfile::tempdir().unwrap();
    let missed = (0..20).any(|round| {
        let acknowledged = killed_after(dir.path(), 3 + round, true);
        let store = open(dir.path());
        acknowledged.iter().any(|(caller, (seq, _))| {
            store.reader().run(&run(*caller)).map_or(0, |run| run.last_seq) < *seq
        })
    });
    assert!(missed, "a lost acknowledgement went unnoticed");
}
