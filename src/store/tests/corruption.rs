//! Flipped bits, lost commits, rewritten history: a sound answer is a finding, an error, or content
//! that is exactly what was written. Never a panic, never something else.

use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::fixture::*;
use crate::contracts::{EventBody, RunId, RunSignal, Stored};
use crate::store::{FindingKind, Reader, StoreError};

/// Everything that can be read, as text; an error where it cannot.
fn read_all(root: &Path) -> Vec<Result<String, StoreError>> {
    let reader = match Reader::open(&root.join(".bailiwick")) {
        Ok(reader) => reader,
        Err(error) => return vec![Err(error)],
    };
    let mut all = Vec::new();
    for number in 1..=3 {
        all.push(reader.events(&run(number).to_string(), 0, 100).map(|e| format!("{e:?}")));
        all.push(reader.run(&run(number)).map(|run| format!("{run:?}")));
        let long = text(&"long ".repeat(8_000), u8::try_from(number).unwrap());
        for text in [text("short", u8::try_from(number).unwrap()), long] {
            all.push(reader.blob(&text.reference).map(|bytes| format!("{bytes:?}")));
        }
    }
    all.push(reader.events_all(0, 100).map(|events| format!("{events:?}")));
    all.push(reader.runs(None, 100).map(|runs| format!("{runs:?}")));
    all.push(reader.audit_tail(100).map(|lines| format!("{lines:?}")));
    all
}

fn filled() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    (1..=3).for_each(|number| fill(&store, number));
    drop(store);
    dir
}

/// Places spread over a file, the same each time.
fn places(length: usize, count: usize) -> impl Iterator<Item = (usize, u8)> {
    let mut state: u64 = 0x9e37_79b9_7f4a_7c15;
    std::iter::repeat_with(move || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let random = usize::try_from(state >> 33).unwrap();
        (random % length, 1 << ((state >> 20) % 8))
    })
    .take(count)
}

struct Tally {
    detected: usize,
    unaffected: usize,
}

/// Flips one bit at a time in `file` of a copy, and looks at everything.
fn flip(root: &Path, file: &str, count: usize) -> Tally {
    let truth: Vec<_> = read_all(root).into_iter().map(Result::unwrap).collect();
    let sound = std::fs::read(root.join(file)).unwrap();
    let mut tally = Tally { detected: 0, unaffected: 0 };
    let copies = tempfile::tempdir().unwrap();
    for (number, (at, bit)) in places(sound.len(), count).enumerate() {
        let copied: PathBuf = copies.path().join(number.to_string());
        copy(root, &copied);
        let mut flipped = sound.clone();
        flipped[at] ^= bit;
        std::fs::write(copied.join(file), flipped).unwrap();
        let place = format!("{file} byte {at} bit {bit:#x}");
        let report = Reader::open(&copied.join(".bailiwick"))
            .and_then(|reader| reader.verify(None, Some(&audit_path(&copied))));
        let detected = report.map_or(true, |report| !report.is_sound());
        let answers = read_all(&copied);
        let whole = answers.iter().all(Result::is_ok);
        for (answer, truth) in answers.iter().zip(&truth) {
            // Lists may miss rows of a damaged database, but then `verify` says so.
            let same = answer.as_ref().is_ok_and(|answer| answer == truth);
            assert!(same || answer.is_err() || detected, "{place}: wrong and unnoticed");
        }
        assert!(whole || detected, "{place}: unreadable, and `verify` says that all is well");
        if number.is_multiple_of(4) {
            // The host must not panic either, and must not lose what it could still read.
            drop(open_damaged(&copied));
        }
        tally.detected += usize::from(detected);
        tally.unaffected += usize::from(!detected);
        std::fs::remove_dir_all(&copied).unwrap();
    }
    tally
}

#[test]
fn flipped_bits_in_the_database_never_go_unnoticed() {
    let dir = filled();
    let tally = flip(dir.path(), ".bailiwick/store.db", 160);
    assert!(tally.detected > 15 && tally.unaffected > 20, "{} detected", tally.detected);
}

#[test]
fn flipped_bits_in_the_write_ahead_log_never_go_unnoticed() {
    let dir = tempfile::tempdir().unwrap();
    let alive = tempfile::tempdir().unwrap();
    let store = open(alive.path());
    (1..=3).for_each(|number| fill(&store, number));
    // As a kill would leave it: everything is still in the log.
    copy(alive.path(), dir.path());
    drop(store);
    std::fs::remove_file(dir.path().join(".bailiwick/store.db-shm")).unwrap();
    let tally = flip(dir.path(), ".bailiwick/store.db-wal", 80);
    assert!(tally.detected > 50, "{} detected", tally.detected);
}

#[test]
fn flipped_bits_beside_the_database_never_go_unnoticed() {
    let dir = filled();
    let long: Stored = text(&"long ".repeat(8_000), 2);
    let hex = long.reference.salted_hash.to_string();
    let blob = format!(".bailiwick/blobs/{}/{hex}", &hex[..2]);
    for (file, count) in [(blob.as_str(), 30), ("logs/tools_audit.jsonl", 60)] {
        let tally = flip(dir.path(), file, count);
        // A flip of the last line feed makes a line that a crash cut, which is caught up.
        assert!(tally.unaffected <= 1, "{file}: {} unnoticed", tally.unaffected);
    }
    let tally = flip(dir.path(), ".bailiwick/heads.log", 80);
    assert!(tally.unaffected <= 2, "{} unnoticed", tally.unaffected);
}

#[test]
fn cut_and_emptied_files_never_go_unnoticed() {
    let dir = filled();
    let truth: Vec<_> = read_all(dir.path()).into_iter().map(Result::unwrap).collect();
    for file in ["store.db", "heads.log"] {
        let whole = std::fs::read(dir.path().join(".bailiwick").join(file)).unwrap();
        for part in [0, 1, whole.len() / 3, whole.len() / 2, whole.len() * 9 / 10] {
            let copied = tempfile::tempdir().unwrap();
            copy(dir.path(), copied.path());
            std::fs::write(copied.path().join(".bailiwick").join(file), &whole[..part]).unwrap();
            let report = Reader::open(&copied.path().join(".bailiwick"))
                .and_then(|reader| reader.verify(None, None));
            let sound = report.is_ok_and(|report| report.is_sound());
            // A cut inside the last line of heads is what a crash leaves.
            let same = read_all(copied.path()).into_iter().eq(truth.iter().cloned().map(Ok));
            assert!(!sound || (same && file == "heads.log"), "{file} cut at {part}");
            if let Ok((_, findings)) = open_damaged(copied.path()) {
                assert!(!findings.is_empty() || sound, "{file} cut at {part}");
            }
        }
    }
}

#[test]
fn a_database_that_lost_acknowledged_commits_is_named_and_takes_no_more() {
    let (dir, before) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = open(dir.path());
    append(&store, 1, 0, accepted(1)).unwrap();
    append(&store, 2, 0, accepted(2)).unwrap();
    drop(store);
    copy(dir.path(), before.path());
    let store = open(dir.path());
    append(&store, 1, 1, step("a", None)).unwrap();
    append(&store, 1, 2, step("b", None)).unwrap();
    drop(store);
    let database = ".bailiwick/store.db";
    std::fs::copy(before.path().join(database), dir.path().join(database)).unwrap();

    let (store, findings) = open_damaged(dir.path()).unwrap();
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert_eq!(findings[0].kind, FindingKind::JournalShort);
    assert_eq!(findings[0].run_id, Some(run(1).to_string()));
    let refused = append(&store, 1, 1, step("other", None)).unwrap_err();
    assert!(matches!(refused, StoreError::Quarantined { .. }), "{refused}");
    let new = append(&store, 2, 1, step("a", None)).unwrap();
    assert_eq!(
        new[0].global_seq, 6,
        "numbers of lost events are not given again; 5 is the incident"
    );
    drop(store);
    // It is not forgotten by the next start, nor by verify.
    assert_eq!(open_damaged(dir.path()).unwrap().1.len(), 1);
    let kinds: Vec<_> = verify(dir.path()).findings.iter().map(|f| f.kind).collect();
    assert!(kinds.contains(&FindingKind::JournalShort), "{kinds:?}");
    let one = reader(dir.path()).verify(Some(&run(1).to_string()), None).unwrap();
    assert_eq!((one.runs, one.findings.len()), (1, 1));
    let two = reader(dir.path()).verify(Some(&run(2).to_string()), None).unwrap();
    assert_eq!((two.events, two.findings.len()), (2, 0));
}

/// Changes the database behind the store's back.
fn tamper(root: &Path, sql: &str) {
    let db = Connection::open(root.join(".bailiwick/store.db")).unwrap();
    db.execute_batch(sql).unwrap();
}

#[test]
fn rewritten_history_is_named() {
    use FindingKind::*;
    let cases = [
        (
            "UPDATE events SET payload = replace(payload, 'look', 'hide') WHERE seq = 2",
            JournalAltered,
        ),
        ("UPDATE events SET at_ms = at_ms + 1 WHERE seq = 2", JournalAltered),
        ("UPDATE events SET kind = 'run.paused' WHERE seq = 2", JournalAltered),
        ("UPDATE events SET kind = 'no.such' WHERE seq = 2", JournalAltered),
        ("UPDATE events SET hash = zeroblob(32) WHERE seq = 2", JournalAltered),
        ("UPDATE events SET hash = zeroblob(9) WHERE seq = 2", JournalAltered),
        ("DELETE FROM events WHERE seq = 3", JournalHole),
        ("DELETE FROM events WHERE seq = 8", JournalShort),
        ("DELETE FROM events", JournalShort),
        ("UPDATE events SET global_seq = global_seq + 100 WHERE seq = 8", GlobalOrder),
        ("UPDATE runs SET summary = replace(summary, 'succeeded', 'failed')", RunRow),
        ("UPDATE runs SET unfinished = 1", RunRow),
        ("PRAGMA foreign_keys = OFF; DELETE FROM runs", RunRow),
        ("UPDATE blobs SET content = CAST('shorn' AS BLOB) WHERE content IS NOT NULL", Blob),
        ("UPDATE blobs SET content = zeroblob(5) WHERE content IS NOT NULL", Blob),
        ("UPDATE blobs SET salt = zeroblob(32)", Blob),
        ("UPDATE blobs SET bytes = bytes + 1", Blob),
        ("DELETE FROM blobs", Blob),
        ("UPDATE audit SET entry = replace(entry, 'allow', 'deny')", Audit),
        ("DELETE FROM audit WHERE audit_seq = 3", Audit),
        ("DELETE FROM audit WHERE audit_seq = 2", Audit),
    ];
    let sound = filled();
    for (sql, kind) in cases {
        let dir = tempfile::tempdir().unwrap();
        copy(sound.path(), dir.path());
        tamper(dir.path(), sql);
        let report = verify(dir.path());
        let kinds: Vec<_> = report.findings.iter().map(|f| (f.kind, &f.message)).collect();
        let named = report.findings.iter().any(|finding| finding.kind == kind);
        assert!(named, "{sql}: {kinds:?}");
    }
}

#[test]
fn a_longer_journal_with_right_hashes_is_caught_where_it_was_replaced() {
    // Somebody who can compute hashes rewrites a run from its second event on.
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let signal = |by: &str| EventBody::RunPaused(RunSignal { by: by.to_owned(), reason: None });
    for (root, by) in [(dir.path(), "me"), (other.path(), "them")] {
        let store = open(root);
        append(&store, 1, 0, accepted(1)).unwrap();
        append(&store, 1, 1, signal(by)).unwrap();
        if by == "them" {
            append(&store, 1, 2, signal(by)).unwrap();
        }
    }
    let database = ".bailiwick/store.db";
    std::fs::copy(other.path().join(database), dir.path().join(database)).unwrap();
    let (_, findings) = open_damaged(dir.path()).unwrap();
    assert!(findings.iter().any(|f| f.kind == FindingKind::JournalAltered), "{findings:?}");
}

#[test]
fn shortened_heads_are_noticed() {
    let dir = filled();
    let path = dir.path().join(".bailiwick/heads.log");
    let text = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    std::fs::write(&path, lines[..lines.len() - 3].concat()).unwrap();
    assert!(verify(dir.path()).findings.iter().any(|f| f.kind == FindingKind::Heads));
    let (_, findings) = open_damaged(dir.path()).unwrap();
    assert!(findings.iter().any(|f| f.kind == FindingKind::Heads), "{findings:?}");
    let kept = std::fs::read_dir(dir.path().join(".bailiwick"))
        .unwrap()
        .any(|item| item.unwrap().file_name().to_string_lossy().starts_with("heads.damaged-"));
    assert!(kept);
}

#[test]
fn the_system_stream_is_checked_like_any_run() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let append = crate::store::Append::new(RunId::SYSTEM_TEXT, 0, at(0), vec![paused("host")]);
    store.append(append).unwrap();
    drop(store);
    tamper(dir.path(), "UPDATE events SET payload = replace(payload, 'host', 'else')");
    let report = verify(dir.path());
    assert_eq!(report.findings[0].run_id.as_deref(), Some(RunId::SYSTEM_TEXT));
}
