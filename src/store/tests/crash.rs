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

const WORK: &str = "BAILIWICK_TEST_CRASH_WORK";

/// Does nothing unless it was started by [`worked_until_killed`].
#[test]
fn child_that_accepts_fires_and_claims_until_it_is_killed() {
    let Ok(dir) = std::env::var(WORK) else { return };
    let store = open(Path::new(&dir));
    let first = store.reader().runs(None, 10_000).unwrap().len() as u128 + 1;
    if first == 1 {
        store.save_schedule(schedule(1)).unwrap();
    }
    std::thread::scope(|scope| {
        let store = &store;
        // Even numbers are accepted, odd ones fired; the kill comes long before the end.
        let end = u64::MAX.into();
        scope.spawn(move || (first..end).for_each(|turn| accept_one(store, turn * 2)));
        scope.spawn(move || (first..end).for_each(|turn| fire_one(store, turn * 2 + 1)));
        scope.spawn(move || (0..i64::MAX).for_each(|turn| claim_one(store, turn)));
    });
}

fn accept_one(store: &Store, number: u128) {
    let key = new_key(&number.to_string(), "one");
    let queue = enqueue(crate::contracts::Priority::Normal, "a", None);
    store.append(accept(number, queue).key(key)).unwrap();
    println!("ack accepted {number}");
}

fn fire_one(store: &Store, number: u128) {
    let due = i64::try_from(number).unwrap() * 1_000;
    assert_eq!(store.fire(fire(1, due, Some(number))), Ok(crate::store::Fired::Now));
    println!("ack fired {number}");
}

fn claim_one(store: &Store, turn: i64) {
    for claimed in claim(store, 1, turn) {
        println!("ack claimed {} {}", claimed.run_id.uuid().as_u128(), claimed.fence);
        if turn % 2 == 0 {
            store.complete(claimed.run_id, claimed.fence, crate::store::Leave::Ended).unwrap();
            println!("ack ended {}", claimed.run_id.uuid().as_u128());
        }
    }
}

/// What a child acknowledged before it was killed, in order.
fn worked_until_killed(dir: &Path, lines: usize) -> Vec<Vec<String>> {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args([
            "--exact",
            "store::tests::crash::child_that_accepts_fires_and_claims_until_it_is_killed",
        ])
        .args(["--nocapture", "--test-threads=1"])
        .env(WORK, dir)
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let (mut acknowledged, mut line) = (Vec::new(), String::new());
    while output.read_line(&mut line).unwrap() > 0 {
        // A line without its end was cut by the kill and acknowledges nothing.
        if let Some((_, rest)) = line.strip_suffix('\n').and_then(|line| line.split_once("ack ")) {
            acknowledged.push(rest.split(' ').map(str::to_owned).collect());
            if acknowledged.len() == lines {
                child.kill().unwrap();
            }
        }
        line.clear();
    }
    child.wait().unwrap();
    assert!(acknowledged.len() >= lines, "the child ended by itself: {acknowledged:?}");
    acknowledged
}

#[test]
fn what_was_accepted_fired_and_claimed_survives_a_kill_whole() {
    let dir = tempfile::tempdir().unwrap();
    let (mut newest_fence, mut ended) = (0, std::collections::BTreeSet::new());
    for round in 0..6 {
        let acknowledged = worked_until_killed(dir.path(), 1 + round * 23);
        assert_eq!(verify(dir.path()).findings, [], "round {round}");
        let store = open(dir.path());
        let reader = store.reader();
        let place = |number: u128| reader.queued(&run(number)).unwrap();
        let said = acknowledged.iter().filter(|it| it[0] == "ended");
        ended.extend(said.map(|it| it[1].parse::<u128>().unwrap()));
        let fires = reader.fires(&schedule_id(1), 10_000).unwrap();
        for words in &acknowledged {
            let number: u128 = words[1].parse().unwrap();
            let there = reader.run(&run(number)).map(|run| run.last_seq);
            assert_eq!(there, Ok(1), "{words:?}");
            match words[0].as_str() {
                "accepted" => {
                    let of_key = reader.run_of_key("POST /tasks", &words[1]).unwrap();
                    assert_eq!(of_key, Some(run(number)));
                }
                "fired" => assert!(fires.iter().any(|fire| fire.run_id == Some(run(number)))),
                "claimed" => newest_fence = newest_fence.max(words[2].parse().unwrap()),
                _ => assert_eq!(place(number), None, "{words:?}"),
            }
        }
        // Who has no place has ended; a kill may swallow the word about one.
        let all = reader.runs(None, 10_000).unwrap();
        let without = all.iter().filter(|it| reader.queued(&it.run_id).unwrap().is_none());
        let unsaid = without.filter(|it| !ended.contains(&it.run_id.uuid().as_u128())).count();
        assert!(unsaid <= round + 1, "round {round}: {unsaid} runs lost their place");
        // Nothing by halves: each due time has its event, its run and its place or its end.
        let begun: Vec<_> = fires.iter().filter_map(|fire| fire.run_id).collect();
        assert!(begun.iter().all(|run_id| reader.run(run_id).is_ok()));
        let events = reader.events(crate::contracts::RunId::SYSTEM_TEXT, 0, 10_000);
        assert_eq!(events.map_or(0, |events| events.len()), fires.len(), "round {round}");
        for claimed in claim(&store, 1, 0) {
            let fence: u64 = claimed.fence.to_string().parse().unwrap();
            assert!(fence > newest_fence, "a fence was given twice");
            newest_fence = fence;
        }
    }
}
