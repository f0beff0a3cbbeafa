//! Damage that the host repairs, or that takes the journal away as a whole: it stays known.

use std::path::Path;

use super::fixture::*;
use crate::contracts::{EventKind, RunId};
use crate::store::{Finding, FindingKind, Reader, Store, StoreError};

fn filled() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    (1..=3).for_each(|number| fill(&store, number));
    drop(store);
    dir
}

fn kinds(findings: &[Finding]) -> Vec<FindingKind> {
    findings.iter().map(|finding| finding.kind).collect()
}

fn incidents(store: &Store) -> usize {
    let events = store.reader().events(RunId::SYSTEM_TEXT, 0, 100).unwrap_or_default();
    events.iter().filter(|event| event.kind == EventKind::IncidentRaised).count()
}

#[test]
fn a_database_that_is_gone_is_damage_wherever_something_knows_of_it() {
    for (case, keep) in [("removed", "heads.log"), ("emptied", "heads.log"), ("removed", "blobs")] {
        let dir = filled();
        let state = dir.path().join(".bailiwick");
        let database = state.join("store.db");
        match case {
            "removed" => std::fs::remove_file(&database).unwrap(),
            _ => std::fs::write(&database, "").unwrap(),
        }
        match keep {
            "blobs" => std::fs::remove_file(state.join("heads.log")).unwrap(),
            _ => std::fs::remove_dir_all(state.join("blobs")).unwrap(),
        }
        for refused in [Reader::open(&state).unwrap_err(), open_damaged(dir.path()).unwrap_err()] {
            assert!(refused.is_integrity(), "{case} {keep}: {refused}");
            assert!(refused.to_string().contains(keep), "{refused}");
        }
        let length = database.metadata().map_or(0, |found| found.len());
        assert_eq!(length, 0, "nothing was begun in its place");
    }
}

#[test]
fn a_database_without_tables_beside_heads_is_damage() {
    let dir = filled();
    let state = dir.path().join(".bailiwick");
    std::fs::remove_file(state.join("store.db")).unwrap();
    let blank = rusqlite::Connection::open(state.join("store.db")).unwrap();
    blank.pragma_update(None, "journal_mode", "WAL").unwrap();
    drop(blank);
    for refused in [Reader::open(&state).unwrap_err(), open_damaged(dir.path()).unwrap_err()] {
        assert!(refused.is_integrity() && refused.to_string().contains("24 events"), "{refused}");
    }
}

#[test]
fn a_directory_in_place_of_the_database_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join(".bailiwick");
    std::fs::create_dir_all(state.join("store.db")).unwrap();
    for refused in [Reader::open(&state).unwrap_err(), open_damaged(dir.path()).unwrap_err()] {
        assert!(refused.to_string().contains("store.db"), "{refused}");
    }
}

#[test]
fn a_dropped_table_is_damage_to_every_reader() {
    let dir = filled();
    let db = rusqlite::Connection::open(dir.path().join(".bailiwick/store.db")).unwrap();
    db.execute_batch("DROP TABLE events").unwrap();
    drop(db);
    let reader = reader(dir.path());
    let refused = [
        reader.events(&run(1).to_string(), 0, 9).unwrap_err(),
        reader.events_all(0, 9).unwrap_err(),
        reader.verify(Some(&run(1).to_string()), None).unwrap_err(),
        open_damaged(dir.path()).unwrap_err(),
    ];
    assert!(refused.iter().all(StoreError::is_integrity), "{refused:?}");
    assert!(!verify(dir.path()).is_sound());
}

#[test]
fn a_clean_end_leaves_everything_in_the_database_itself() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let beside = reader(dir.path());
    fill(&store, 1);
    // Connections that only read, here and in other processes, keep SQLite from doing it alone.
    assert_eq!(beside.runs(None, 9).unwrap().len(), 1);
    assert_eq!(store.reader().runs(None, 9).unwrap().len(), 1);
    drop(store);
    let state = dir.path().join(".bailiwick");
    let log = state.join("store.db-wal").metadata().map_or(0, |found| found.len());
    assert_eq!(log, 0);
    assert_eq!(beside.runs(None, 9).unwrap().len(), 1);
    let alone = tempfile::tempdir().unwrap();
    copy(dir.path(), alone.path());
    for lost in ["store.db-wal", "store.db-shm"] {
        let _ = std::fs::remove_file(alone.path().join(".bailiwick").join(lost));
    }
    assert_eq!(verify(alone.path()).findings, []);
}

#[test]
fn a_reader_at_work_keeps_its_state_and_the_log() {
    let dir = filled();
    let store = open(dir.path());
    let db = rusqlite::Connection::open(dir.path().join(".bailiwick/store.db")).unwrap();
    db.execute_batch("BEGIN").unwrap();
    let count =
        || -> i64 { db.query_row("SELECT COUNT(*) FROM runs", [], |row| row.get(0)).unwrap() };
    assert_eq!(count(), 3);
    fill(&store, 4);
    drop(store);
    assert_eq!(count(), 3);
    db.execute_batch("COMMIT").unwrap();
    assert_eq!(count(), 4);
    drop(open(dir.path()));
    assert_eq!(verify(dir.path()).findings, []);
}

/// Damages a sound store, has a host repair it, and looks whether it stays known.
fn stays_known(damage: impl Fn(&Path), kind: FindingKind) {
    let dir = filled();
    damage(dir.path());
    assert!(kinds(&verify(dir.path()).findings).contains(&kind), "{:?}", verify(dir.path()));
    let (store, found) = open_damaged(dir.path()).unwrap();
    assert!(kinds(&found).contains(&kind), "{found:?}");
    assert_eq!(incidents(&store), 1);
    fill(&store, 4);
    drop(store);
    let store = open(dir.path());
    assert_eq!(incidents(&store), 1, "it is raised once");
    let known = verify(dir.path()).findings;
    assert_eq!(kinds(&known), kinds(&found), "{known:?}");
    assert!(known[0].message.contains("acknowledge"), "{known:?}");
    assert!(store.acknowledge_findings(" ", at(9)).is_err());
    store.acknowledge_findings("me", at(9)).unwrap();
    drop(store);
    assert_eq!(verify(dir.path()).findings, []);
    damage(dir.path());
    let (store, _) = open_damaged(dir.path()).unwrap();
    assert_eq!(incidents(&store), 2, "it happened again");
    drop(store);
    assert!(kinds(&verify(dir.path()).findings).contains(&kind));
}

#[test]
fn lost_and_cut_heads_stay_known_until_somebody_acknowledges_them() {
    let heads = |root: &Path| root.join(".bailiwick/heads.log");
    stays_known(|root| std::fs::remove_file(heads(root)).unwrap(), FindingKind::Heads);
    let cut = |root: &Path| {
        let text = std::fs::read_to_string(heads(root)).unwrap();
        std::fs::write(heads(root), text.split_inclusive('\n').next().unwrap()).unwrap();
    };
    stays_known(cut, FindingKind::Heads);
    let altered = |root: &Path| {
        let text = std::fs::read_to_string(heads(root)).unwrap();
        std::fs::write(heads(root), text.replacen("audit", "tidua", 1)).unwrap();
    };
    stays_known(altered, FindingKind::Heads);
}

#[test]
fn a_lost_cut_or_altered_audit_file_stays_known_until_somebody_acknowledges_it() {
    let keep = |root: &Path, lines: std::ops::Range<usize>| {
        let text = std::fs::read_to_string(audit_path(root)).unwrap();
        let kept: Vec<&str> = text.split_inclusive('\n').collect();
        std::fs::write(audit_path(root), kept[lines].concat()).unwrap();
    };
    let kind = FindingKind::AuditFile;
    stays_known(|root| std::fs::remove_file(audit_path(root)).unwrap(), kind);
    stays_known(|root| keep(root, 0..0), kind);
    stays_known(|root| keep(root, 0..2), kind);
    stays_known(|root| keep(root, 1..3), kind);
    stays_known(|root| std::fs::write(audit_path(root), "{}\n").unwrap(), kind);
}

#[test]
fn removed_heads_are_noticed_even_when_the_database_was_told_to_forget_them() {
    let dir = filled();
    std::fs::remove_file(dir.path().join(".bailiwick/heads.log")).unwrap();
    tamper(dir.path(), "UPDATE meta SET value = '0' WHERE key = 'anchored_line'");
    assert_eq!(kinds(&verify(dir.path()).findings), [FindingKind::Heads]);
    let one = reader(dir.path()).verify(Some(&run(1).to_string()), None).unwrap();
    assert_eq!(kinds(&one.findings), [FindingKind::Heads]);
    assert_eq!(kinds(&open_damaged(dir.path()).unwrap().1), [FindingKind::Heads]);
}

#[test]
fn the_list_of_findings_cannot_be_shortened_or_rewritten() {
    for sql in [
        "DELETE FROM findings",
        "UPDATE findings SET entry = replace(entry, 'missing', 'mossing')",
        "UPDATE findings SET at_ms = at_ms + 1",
    ] {
        let dir = filled();
        std::fs::remove_file(dir.path().join(".bailiwick/heads.log")).unwrap();
        drop(open_damaged(dir.path()).unwrap());
        tamper(dir.path(), sql);
        let found = kinds(&verify(dir.path()).findings);
        assert!(found.contains(&FindingKind::Findings), "{sql}: {found:?}");
    }
}

fn tamper(root: &Path, sql: &str) {
    let db = rusqlite::Connection::open(root.join(".bailiwick/store.db")).unwrap();
    db.execute_batch(sql).unwrap();
}
