//! Damage in what is no journal: every column of every row is covered, and nothing stops work that
//! the damage does not touch.

use super::fixture::*;
use crate::contracts::Priority;
use crate::store::{FindingKind, Store, StoreError};

const TABLES: [(&str, FindingKind); 6] = [
    ("queue", FindingKind::Queue),
    ("counters", FindingKind::Queue),
    ("approvals", FindingKind::Approval),
    ("schedules", FindingKind::Schedule),
    ("fires", FindingKind::Schedule),
    ("keys", FindingKind::Key),
];

fn filled() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fill_work(&open(dir.path()));
    assert_eq!(verify(dir.path()).findings, []);
    dir
}

fn columns(root: &std::path::Path, table: &str) -> Vec<(String, String)> {
    let db = rusqlite::Connection::open(root.join(".bailiwick/store.db")).unwrap();
    let sql = format!("SELECT name, type FROM pragma_table_info('{table}')");
    let mut query = db.prepare(&sql).unwrap();
    let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

#[test]
fn every_column_of_every_row_is_covered() {
    let dir = filled();
    let mut changes = 0;
    for (table, kind) in TABLES {
        for (column, of) in columns(dir.path(), table) {
            let changed = match of.as_str() {
                "INTEGER" => format!("COALESCE({column}, 0) + 1000"),
                "BLOB" => "zeroblob(32)".to_owned(),
                _ => format!("COALESCE({column}, '') || 'x'"),
            };
            let key = if table == "fires" { "due_ms" } else { "row_hash" };
            let sql = format!(
                "UPDATE {table} SET {column} = {changed}
                 WHERE {key} = (SELECT MAX({key}) FROM {table})"
            );
            let copied = tempfile::tempdir().unwrap();
            copy(dir.path(), copied.path());
            assert_eq!(tamper(copied.path(), &sql), 1, "{sql}");
            let found = verify(copied.path()).findings;
            let named = found.iter().any(|found| found.kind == kind);
            assert!(named || column == "run_id" && !found.is_empty(), "{sql}: {found:?}");
            changes += 1;
        }
    }
    assert!(changes > 35, "{changes}");
}

/// Every place in the file where `marker` stands.
fn places(bytes: &[u8], marker: &[u8]) -> Vec<usize> {
    let at = bytes.windows(marker.len()).enumerate();
    at.filter(|(_, window)| *window == marker).map(|(at, _)| at).collect()
}

#[test]
fn every_flipped_bit_of_a_row_is_found() {
    let dir = filled();
    let file = dir.path().join(".bailiwick/store.db");
    let sound = std::fs::read(&file).unwrap();
    let markers: [&[u8]; 6] =
        [b"nightly-1", b"Europe/Berlin", b"key-13", b"the run before was", b"because", b"boot"];
    let mut flips = 0;
    for marker in markers {
        let places = places(&sound, marker);
        assert!(!places.is_empty(), "{}", String::from_utf8_lossy(marker));
        for at in places.into_iter().flat_map(|at| (at..at + marker.len()).step_by(3)) {
            let mut flipped = sound.clone();
            flipped[at] ^= 1 << (at % 8);
            std::fs::write(&file, flipped).unwrap();
            assert!(!verify(dir.path()).is_sound(), "byte {at} bit {}", at % 8);
            flips += 1;
        }
    }
    assert!(flips > 20, "{flips}");
}

#[test]
fn a_damaged_place_does_not_keep_the_others_from_work() {
    let dir = filled();
    let sql = "UPDATE queue SET playbook = 'x' WHERE state = 'waiting' AND position = 2";
    assert_eq!(tamper(dir.path(), sql), 1);
    let (store, found) = open_damaged(dir.path()).unwrap();
    let kinds: Vec<_> = found.iter().map(|found| found.kind).collect();
    assert_eq!(kinds, [FindingKind::Queue]);
    let claimed: Vec<_> = claim(&store, 9, 0).iter().map(|claimed| claimed.run_id).collect();
    assert_eq!(claimed, [run(11), run(13), run(14)]);
    append(&store, 12, 4, paused("me")).unwrap();
    // Whoever looks for runs without a place gives it one again.
    store.requeue(run(12), Priority::High, "b", None).unwrap();
    assert_eq!(claim(&store, 9, 0)[0].run_id, run(12));
    store.acknowledge_findings("me", at(9)).unwrap();
    assert_eq!(verify(dir.path()).findings, []);
}

#[test]
fn what_is_damaged_is_never_returned() {
    let dir = filled();
    for sql in [
        "UPDATE schedules SET entry = replace(entry, '0 3 * * *', '0 4 * * *')",
        "UPDATE keys SET body = 'x' WHERE key = 'key-11'",
        "UPDATE fires SET reason = 'x' WHERE state = 'missed'",
        "UPDATE counters SET value = 0",
    ] {
        assert_eq!(tamper(dir.path(), sql), 1, "{sql}");
    }
    let reader = reader(dir.path());
    let refused: [StoreError; 5] = [
        reader.schedules().unwrap_err(),
        reader.schedule(&schedule_id(1)).unwrap_err(),
        reader.remembered("POST /tasks", "key-11").unwrap_err(),
        reader.fires(&schedule_id(1), 9).unwrap_err(),
        Store::open(&options(dir.path())).unwrap_err(),
    ];
    assert!(refused.iter().all(StoreError::is_integrity), "{refused:?}");
}

#[test]
fn a_fence_that_was_never_given_is_found() {
    let dir = filled();
    let before = tempfile::tempdir().unwrap();
    drop(open(before.path()));
    // The counter as it was before the claim, with a hash that fits.
    let db = rusqlite::Connection::open(dir.path().join(".bailiwick/store.db")).unwrap();
    let older = before.path().join(".bailiwick/store.db");
    db.execute("ATTACH ?1 AS older", [older.to_str().unwrap()]).unwrap();
    db.execute_batch("DELETE FROM counters; INSERT INTO counters SELECT * FROM older.counters")
        .unwrap();
    drop(db);
    let kinds: Vec<_> = verify(dir.path()).findings.iter().map(|found| found.kind).collect();
    assert_eq!(kinds, [FindingKind::Queue]);
}
