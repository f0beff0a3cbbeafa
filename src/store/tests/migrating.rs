//! From version 1 to version 2: with questions open, with damage, with nobody writing.

use std::path::Path;

use rusqlite::Connection;

use super::fixture::*;
use crate::contracts::Priority;
use crate::store::ApprovalStatus::{Approved, Open, Superseded, Void};
use crate::store::{Append, FindingKind, StoreError};

/// Makes a store what version 1 would have made of the same events.
fn downgrade(root: &Path) {
    let db = Connection::open(root.join(".bailiwick/store.db")).unwrap();
    db.execute_batch(
        "DROP INDEX runs_status; DROP INDEX runs_playbook; DROP INDEX runs_task;
         DROP TABLE counters; DROP TABLE queue;
         DROP TABLE approvals; DROP TABLE schedules; DROP TABLE fires; DROP TABLE keys;
         DROP TABLE emptied; DROP TABLE records; DROP TABLE proposals; DROP TABLE file_labels;
         PRAGMA user_version = 1",
    )
    .unwrap();
    let records = include_str!("../schema.sql").split_once("CREATE TABLE records").unwrap().1;
    let records = records.split_once("CREATE TABLE audit").unwrap().0;
    db.execute_batch(&format!("CREATE TABLE records{records}")).unwrap();
    let mut query = db.prepare("SELECT run_id, summary FROM runs").unwrap();
    let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    let rows: Vec<(String, String)> = rows.collect::<Result<_, _>>().unwrap();
    for (run_id, summary) in rows {
        let row = crate::store::rows::load_run(&db, &run_id).unwrap().unwrap();
        let mut json: serde_json::Value = serde_json::from_str(&summary).unwrap();
        let fields = json.as_object_mut().unwrap();
        for new in ["paused_by", "priority", "waits"] {
            assert!(fields.remove(new).is_some(), "{new}");
        }
        let summary = json.to_string();
        let hash = crate::store::summary::row_hash(&row, &summary);
        let sql = "UPDATE runs SET summary = ?2, row_hash = ?3 WHERE run_id = ?1";
        db.execute(sql, rusqlite::params![run_id, summary, hash.as_bytes()]).unwrap();
    }
}

/// Version 1 with a finished run, one that was paused, and questions of every kind.
fn version_1() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    fill(&store, 1);
    let asked = vec![accepted(2), ask(1, "a", 1), ask(2, "a", 1), ask(3, "b", 1), answer(3, true)];
    store.append(Append::new(run(2).to_string(), 0, at(0), asked)).unwrap();
    let over = vec![accepted(3), ask(4, "a", 1), paused("shutdown"), finished()];
    store.append(Append::new(run(3).to_string(), 0, at(0), over)).unwrap();
    drop(store);
    downgrade(dir.path());
    dir
}

#[test]
fn open_questions_are_in_the_inbox_after_the_migration() {
    let dir = version_1();
    let events = reader(dir.path()).events_all(0, 99).unwrap().len();
    let store = open(dir.path());
    assert!(dir.path().join(".bailiwick/store.db.v1").exists());
    let inbox = store.reader().approvals(None, None, 9).unwrap();
    let statuses: Vec<_> = inbox.iter().rev().map(|approval| approval.status).collect();
    assert_eq!(statuses, [Superseded, Open, Approved, Void]);
    assert_eq!(store.reader().events_all(0, 99).unwrap().len(), events);
    assert_eq!(store.reader().run(&run(3)).unwrap().paused_by.as_deref(), Some("shutdown"));
    assert_eq!(verify(dir.path()).findings, []);
    append(&store, 2, 5, answer(2, true)).unwrap();
    assert_eq!(store.reader().approvals(Some(Open), None, 9).unwrap(), []);
    store.requeue(run(2), Priority::Normal, "a", None).unwrap();
    assert_eq!(claim(&store, 9, 0).len(), 1);
    drop(store);
    drop(open(dir.path()));
    assert_eq!(verify(dir.path()).findings, []);
}

#[test]
fn whoever_only_reads_reads_version_1_as_it_is() {
    let dir = version_1();
    let reader = reader(dir.path());
    assert_eq!(verify(dir.path()).findings, []);
    assert_eq!(reader.runs(None, 9).unwrap().len(), 3);
    let older = StoreError::OlderSchema { found: 1, known: 2 };
    assert_eq!(reader.approvals(None, None, 9).unwrap_err(), older);
    assert_eq!(reader.queue(9).unwrap_err(), older);
    assert_eq!(reader.queue_depth().unwrap_err(), older);
    assert_eq!(reader.schedules().unwrap_err(), older);
    assert_eq!(reader.fires(&schedule_id(1), 9).unwrap_err(), older);
    assert_eq!(reader.remembered("a", "b").unwrap_err(), older);
    assert_eq!(reader.runs_filtered(None, None, None, 9).unwrap_err(), older);
    assert_eq!(reader.run_of_task(&task_id(2)).unwrap_err(), older);
    assert_eq!(reader.runs_to_forget(at(0), 9).unwrap_err(), older);
    assert!(!dir.path().join(".bailiwick/store.db.v1").exists(), "nothing was changed");
}

#[test]
fn damage_of_version_1_is_still_damage_afterwards() {
    for (sql, kind) in [
        (
            "UPDATE events SET payload = replace(payload, 'goal 2', 'gaol 2')",
            FindingKind::JournalAltered,
        ),
        ("UPDATE runs SET summary = replace(summary, 'goal 2', 'gaol 2')", FindingKind::RunRow),
        ("UPDATE runs SET summary = 'x' WHERE summary LIKE '%goal 2%'", FindingKind::RunRow),
        (
            "DELETE FROM events WHERE seq = 5 AND kind = 'approval.resolved'",
            FindingKind::JournalShort,
        ),
    ] {
        let dir = version_1();
        assert!(tamper(dir.path(), sql) > 0, "{sql}");
        let (store, found) = match open_damaged(dir.path()) {
            Ok(opened) => opened,
            // What cannot be read at all stops the migration; the database stays as it was.
            Err(error) => {
                assert!(error.is_integrity(), "{sql}: {error}");
                continue;
            }
        };
        assert!(found.iter().any(|found| found.kind == kind), "{sql}: {found:?}");
        append(&store, 4, 0, accepted(4)).unwrap();
        let refused = append(&store, 2, 5, paused("me")).unwrap_err();
        assert!(matches!(refused, StoreError::Quarantined { .. }), "{sql}: {refused}");
        drop(store);
        assert!(!verify(dir.path()).is_sound(), "{sql}");
    }
}
