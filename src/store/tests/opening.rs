use std::os::unix::fs::PermissionsExt;

use rusqlite::Connection;

use super::fixture::*;
use crate::contracts::RunStatus;
use crate::store::schema::{MIGRATIONS, Step, migrate, version};
use crate::store::{FindingKind, Reader, Store, StoreError};

#[test]
fn a_second_host_is_refused_and_told_who_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let refused = Store::open(&options(dir.path())).unwrap_err();
    let StoreError::Locked { pid, boot_id, started_at, .. } = &refused else { panic!("{refused}") };
    assert_eq!((*pid, boot_id.as_deref()), (Some(std::process::id()), Some("boot")));
    assert!(started_at.is_some() && refused.to_string().contains("is in use"), "{refused}");
    let kept = store.clone();
    drop(store);
    assert!(Store::open(&options(dir.path())).is_err(), "a clone still holds it");
    drop(kept);
    open(dir.path());
}

#[test]
fn a_lock_file_that_does_not_say_who_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let _store = open(dir.path());
    for (text, why) in [("", "EOF"), ("{}", "missing field"), ("\u{0}", "expected value")] {
        std::fs::write(dir.path().join(".bailiwick/lock"), text).unwrap();
        let refused = Store::open(&options(dir.path())).unwrap_err();
        assert!(matches!(&refused, StoreError::Locked { pid: None, unread: Some(_), .. }));
        assert!(refused.to_string().contains(why), "{refused}");
    }
}

#[test]
fn reading_needs_no_host_and_no_lock() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join(".bailiwick");
    assert!(matches!(Reader::open(&state), Err(StoreError::NoState(_))));
    std::fs::create_dir(&state).unwrap();
    assert!(matches!(Reader::open(&state), Err(StoreError::NoState(_))));
    let store = open(dir.path());
    fill(&store, 1);
    let beside = reader(dir.path());
    assert_eq!(beside.run(&run(1)).unwrap().status, RunStatus::Succeeded);
    fill(&store, 2);
    assert_eq!(beside.runs(None, 9).unwrap().len(), 2);
    drop(store);
    assert_eq!(beside.runs(None, 9).unwrap().len(), 2);
    assert_eq!(reader(dir.path()).runs(None, 9).unwrap().len(), 2);
    assert_eq!(verify(dir.path()).findings, []);
}

#[test]
fn state_is_for_its_owner_alone() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join(".bailiwick");
    std::fs::create_dir(&state).unwrap();
    std::fs::set_permissions(&state, std::fs::Permissions::from_mode(0o755)).unwrap();
    let store = open(dir.path());
    fill(&store, 1);
    let mut seen = 0;
    let mut waiting = vec![state];
    while let Some(path) = waiting.pop() {
        let found = std::fs::metadata(&path).unwrap();
        assert_eq!(found.permissions().mode() & 0o077, 0, "{}", path.display());
        seen += 1;
        if found.is_dir() {
            waiting.extend(std::fs::read_dir(&path).unwrap().map(|item| item.unwrap().path()));
        }
    }
    assert!(seen > 7, "{seen}");
}

#[test]
fn planted_symbolic_links_are_not_followed() {
    for planted in [
        ".bailiwick",
        ".bailiwick/store.db",
        ".bailiwick/lock",
        ".bailiwick/heads.log",
        ".bailiwick/blobs",
        "logs",
        "logs/tools_audit.jsonl",
    ] {
        let (dir, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (link, target) = (dir.path().join(planted), outside.path().join("target"));
        std::fs::create_dir_all(link.parent().unwrap()).unwrap();
        if planted.contains('.') && planted.contains('/') && !planted.ends_with("blobs") {
            std::fs::write(&target, "").unwrap();
        } else {
            std::fs::create_dir(&target).unwrap();
        }
        std::os::unix::fs::symlink(&target, &link).unwrap();
        let refused = Store::open(&options(dir.path()));
        assert!(refused.is_err(), "{planted}");
        let empty = match std::fs::read_dir(&target) {
            Ok(mut items) => items.next().is_none(),
            Err(_) => std::fs::read(&target).unwrap().is_empty(),
        };
        assert!(empty, "{planted} was written through");
    }
}

#[test]
fn a_database_of_a_newer_version_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()));
    let path = dir.path().join(".bailiwick/store.db");
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let newer = StoreError::NewerSchema { found: 99, known: 5 };
    assert_eq!(Store::open(&options(dir.path())).unwrap_err(), newer);
    assert_eq!(reader_error(dir.path()), newer);
}

fn reader_error(root: &std::path::Path) -> StoreError {
    Reader::open(&root.join(".bailiwick")).unwrap_err()
}

#[test]
fn migrating_keeps_a_copy_and_is_all_or_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.db");
    let mut db = Connection::open(&path).unwrap();
    let steps = ["CREATE TABLE a (x)", "ALTER TABLE a ADD COLUMN y", "CREATE TABLE a (z)"];
    let steps = steps.map(Step::sql);
    migrate(&mut db, &path, &steps[..1], |_| Ok(())).unwrap();
    db.execute("INSERT INTO a VALUES (1)", []).unwrap();
    migrate(&mut db, &path, &steps, |_| Ok(())).unwrap_err();
    assert_eq!(version(&db).unwrap(), 1);
    assert!(db.prepare("SELECT y FROM a").is_err(), "the second step was rolled back");
    migrate(&mut db, &path, &steps[..2], |_| panic!("it was not empty")).unwrap();
    let (x, y): (i64, Option<i64>) =
        db.query_row("SELECT x, y FROM a", [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    assert_eq!((x, y, version(&db).unwrap()), (1, None, 2));
    let copy = Connection::open(dir.path().join("store.db.v1")).unwrap();
    assert_eq!(version(&copy).unwrap(), 1);
    assert_eq!(copy.query_row("SELECT x FROM a", [], |row| row.get::<_, i64>(0)).unwrap(), 1);
    assert_eq!(MIGRATIONS.len(), 5);
}

#[test]
fn a_planted_trigger_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()));
    let db = Connection::open(dir.path().join(".bailiwick/store.db")).unwrap();
    db.execute_batch("CREATE TRIGGER t AFTER INSERT ON audit BEGIN DELETE FROM audit; END")
        .unwrap();
    drop(db);
    let refused = Store::open(&options(dir.path())).unwrap_err();
    assert!(matches!(refused, StoreError::Corrupt { .. }), "{refused}");
    assert!(!verify(dir.path()).is_sound());
}

#[test]
fn a_lost_database_is_not_started_afresh() {
    let dir = tempfile::tempdir().unwrap();
    fill(&open(dir.path()), 1);
    std::fs::remove_file(dir.path().join(".bailiwick/store.db")).unwrap();
    let refused = Store::open(&options(dir.path())).unwrap_err();
    assert!(refused.to_string().contains("held 8 events"), "{refused}");
    assert!(!dir.path().join(".bailiwick/store.db").exists());
}

#[test]
fn lost_heads_are_named_and_written_anew_once() {
    let dir = tempfile::tempdir().unwrap();
    fill(&open(dir.path()), 1);
    std::fs::remove_file(dir.path().join(".bailiwick/heads.log")).unwrap();
    assert!(!verify(dir.path()).is_sound());
    let (store, findings) = open_damaged(dir.path()).unwrap();
    assert_eq!(findings.iter().map(|f| f.kind).collect::<Vec<_>>(), [FindingKind::Heads]);
    fill(&store, 2);
    drop(store);
    fill(&open(dir.path()), 3);
    let kinds: Vec<_> = verify(dir.path()).findings.iter().map(|f| f.kind).collect();
    assert_eq!(kinds, [FindingKind::Heads], "nobody acknowledged it");
}

#[test]
fn heads_of_another_database_are_refused() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fill(&open(one.path()), 1);
    let mut options = options(two.path());
    options.clock.uuid();
    let Ok(opened) = Store::open(&options) else { panic!("a fresh store") };
    fill(&opened.store, 1);
    drop(opened);
    let heads = ".bailiwick/heads.log";
    std::fs::copy(one.path().join(heads), two.path().join(heads)).unwrap();
    options.boot_id = "other".to_owned();
    let refused = Store::open(&options).unwrap_err();
    assert!(refused.to_string().contains("another database"), "{refused}");
    assert!(!verify(two.path()).is_sound());
}
