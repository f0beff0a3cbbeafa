//! What cannot be made durable: said plainly, not acknowledged, and nothing is written after it.

use std::path::Path;

use super::fixture::*;
use crate::store::layout::Layout;
use crate::store::open::{self, Ready};
use crate::store::{Store, StoreError};

/// A store whose writer was changed before it began.
fn broken(root: &Path, change: impl FnOnce(&mut Ready)) -> Store {
    let options = options(root);
    let mut ready = open::open(&options).unwrap();
    change(&mut ready);
    Store::start(ready, Layout::new(&options.state_dir)).unwrap().store
}

#[test]
fn an_anchor_that_cannot_be_written_ends_all_writing() {
    let dir = tempfile::tempdir().unwrap();
    let store = broken(dir.path(), |ready| {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        ready.writer.heads.divert(full);
    });
    let newest = store.subscribe();
    let full = append(&store, 1, 0, accepted(1)).unwrap_err();
    assert!(full.is_disk_full(), "{full}");
    assert!(!newest.has_changed().unwrap(), "it was not acknowledged");
    for _ in 0..2 {
        let refused = append(&store, 2, 0, accepted(2)).unwrap_err();
        assert!(matches!(refused, StoreError::Poisoned(_)), "{refused}");
        assert!(store.audit(&entry(1)).is_err());
    }
    assert!(store.poisoned().unwrap().contains("disk is full"));
    drop(store);
    // The next host finds what was committed, anchors it, and goes on.
    let store = open(dir.path());
    assert!(store.reader().run(&run(2)).is_err());
    append(&store, 1, 1, paused("me")).unwrap();
    drop(store);
    assert_eq!(verify(dir.path()).findings, []);
}

#[test]
fn an_anchor_that_cannot_be_synced_ends_all_writing() {
    let dir = tempfile::tempdir().unwrap();
    let store = broken(dir.path(), |ready| {
        // A pipe takes the line and refuses to sync it.
        let (reader, writer) = std::io::pipe().unwrap();
        std::mem::forget(reader);
        ready.writer.heads.divert(std::fs::File::from(std::os::fd::OwnedFd::from(writer)));
    });
    let refused = append(&store, 1, 0, accepted(1)).unwrap_err();
    assert!(matches!(&refused, StoreError::Poisoned(why) if why.contains("sync")), "{refused}");
    assert!(matches!(append(&store, 1, 0, accepted(1)), Err(StoreError::Poisoned(_))));
}

#[test]
fn a_full_disk_refuses_and_goes_on_when_there_is_room() {
    let dir = tempfile::tempdir().unwrap();
    let store = broken(dir.path(), |ready| {
        let pages: i64 =
            ready.writer.db.query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
        let limit = format!("PRAGMA max_page_count = {}", pages + 3);
        ready.writer.db.query_row(&limit, [], |_| Ok(())).unwrap();
    });
    append(&store, 1, 0, accepted(1)).unwrap();
    let full = append(&store, 1, 1, paused(&"x".repeat(100_000))).unwrap_err();
    assert_eq!((full.is_disk_full(), store.poisoned()), (true, None));
    let next = append(&store, 1, 1, paused("me")).unwrap();
    assert_eq!((next[0].seq, next[0].global_seq), (2, 2));
    drop(store);
    assert_eq!(verify(dir.path()).findings, []);
}

#[test]
fn an_audit_file_that_cannot_be_written_is_caught_up_later() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    fill(&store, 1);
    let logs = dir.path().join("logs");
    std::fs::remove_dir_all(&logs).unwrap();
    std::fs::write(&logs, "in the way").unwrap();
    fill(&store, 2);
    assert_eq!(store.reader().audit_tail(9).unwrap().len(), 2);
    std::fs::remove_file(&logs).unwrap();
    fill(&store, 3);
    let text = std::fs::read_to_string(audit_path(dir.path())).unwrap();
    assert_eq!(text.lines().count(), 3);
}
