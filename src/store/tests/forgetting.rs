use std::path::Path;

use uuid::Uuid;

use super::fixture::*;
use crate::contracts::NewRecord;
use crate::contracts::{Area, EventBody, Hash, MemoryId, MemoryMetadata, MemoryWritten, Stored};
use crate::store::{Append, Store, StoreError};

fn remember(store: &Store, number: u128, expected: u64, text: &Stored) {
    let id = MemoryId::from_uuid(Uuid::from_u128(number));
    let record = NewRecord {
        id,
        area: Area::Solutions,
        text: text.reference.clone(),
        metadata: MemoryMetadata { tags: vec!["t".to_owned()], ..MemoryMetadata::default() },
        created_at: at(1),
        updated_at: at(2),
        content_hash: Hash::of(&text.content),
    };
    let written = EventBody::MemoryWritten(MemoryWritten {
        memory_id: id,
        area: Area::Solutions,
        text: text.reference.clone(),
        tags: vec!["t".to_owned()],
    });
    let append = Append::new(run(1).to_string(), expected, at(2), vec![written]);
    store.append(append.texts(vec![text.clone()]).record(record)).unwrap();
}

fn files_with(dir: &Path, needle: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    for item in std::fs::read_dir(dir).unwrap() {
        let path = item.unwrap().path();
        if path.is_dir() {
            found.extend(files_with(&path, needle));
        } else if std::fs::read(&path).unwrap().windows(needle.len()).any(|w| w == needle) {
            found.push(path.display().to_string());
        }
    }
    found
}

#[test]
fn memory_records_are_a_chained_log_beside_their_events() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    remember(&store, 1, 0, &text("the sky is blue", 1));
    remember(&store, 2, 1, &text("water is wet", 2));
    remember(&store, 1, 2, &text("the sky is grey", 3));
    let rows = store.reader().records(0, 10).unwrap();
    assert_eq!(rows.iter().map(|row| row.record_seq).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(rows[0].id, rows[2].id);
    assert_eq!(store.reader().blob(&rows[2].text).unwrap(), b"the sky is grey");
    assert_eq!(store.reader().records(2, 10).unwrap(), rows[2..]);
    assert_eq!((verify(dir.path()).records, verify(dir.path()).findings), (3, vec![]));
}

#[test]
fn forgetting_erases_every_trace_and_leaves_the_chain_whole() {
    for content in ["wolframite-short ".repeat(3), "wolframite-long ".repeat(4_000)] {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path());
        let secret = text(&content, 1);
        remember(&store, 1, 0, &secret);
        assert_ne!(files_with(dir.path(), b"wolframite"), [""; 0]);
        store.forget_blob(&secret.reference, at(9)).unwrap();
        store.forget_blob(&secret.reference, at(9)).unwrap();
        assert_eq!(files_with(dir.path(), b"wolframite"), [""; 0]);
        assert_eq!(files_with(dir.path(), Hash::of(&secret.content).as_bytes()), [""; 0]);
        assert_eq!(files_with(dir.path(), &secret.salt), [""; 0]);
        let forgotten = store.reader().blob(&secret.reference).unwrap_err();
        assert!(matches!(forgotten, StoreError::Forgotten(_)));
        assert_eq!(store.reader().records(0, 10).unwrap()[0].content_hash, None);
        let report = verify(dir.path());
        assert_eq!((report.forgotten, report.blobs, report.findings), (1, 0, vec![]));
        drop(store);
        assert_eq!(files_with(dir.path(), b"wolframite"), [""; 0]);
        drop(open(dir.path()));
    }
}

#[test]
fn a_crash_in_the_middle_of_forgetting_is_finished_at_the_next_start() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let secret = text(&"wolframite ".repeat(4_000), 1);
    remember(&store, 1, 0, &secret);
    let hex = secret.reference.salted_hash.to_string();
    let file = dir.path().join(".bailiwick/blobs").join(&hex[..2]).join(&hex);
    let content = std::fs::read(&file).unwrap();
    store.forget_blob(&secret.reference, at(9)).unwrap();
    drop(store);
    std::fs::write(&file, content).unwrap();
    let db = rusqlite::Connection::open(dir.path().join(".bailiwick/store.db")).unwrap();
    db.execute("UPDATE forgotten SET file_pending = 1", []).unwrap();
    drop(db);
    drop(open(dir.path()));
    assert!(!file.exists());
}

#[test]
fn what_was_never_stored_cannot_be_forgotten() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let unknown = store.forget_blob(&text("x", 1).reference, at(0)).unwrap_err();
    assert!(matches!(unknown, StoreError::NotFound(_)));
}

#[test]
fn changed_memory_records_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    remember(&store, 1, 0, &text("the sky is blue", 1));
    remember(&store, 2, 1, &text("water is wet", 2));
    drop(store);
    for sql in [
        "UPDATE records SET area = 'main' WHERE record_seq = 1",
        "UPDATE records SET metadata = replace(metadata, '\"t\"', '\"u\"')",
        "UPDATE records SET content_hash = zeroblob(32) WHERE record_seq = 2",
        "UPDATE records SET content_hash = NULL WHERE record_seq = 2",
        "DELETE FROM records WHERE record_seq = 1",
        "DELETE FROM records WHERE record_seq = 2",
    ] {
        let copied = tempfile::tempdir().unwrap();
        copy(dir.path(), copied.path());
        let db = rusqlite::Connection::open(copied.path().join(".bailiwick/store.db")).unwrap();
        assert!(db.execute(sql, []).unwrap() > 0, "{sql}");
        drop(db);
        assert!(!verify(copied.path()).is_sound(), "{sql}");
    }
}

#[test]
fn erasing_a_record_leaves_nothing_of_its_text_or_metadata_in_any_file() {
    const LONG: usize = 40_000;
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let long = format!("ZEBRA-PASSPHRASE {}", "x".repeat(LONG));
    let texts = [text("QUAGGA-SENTENCE is short", 7), text(&long, 8), text("what stays", 9)];
    for (number, text) in (1..).zip(&texts) {
        let metadata = MemoryMetadata {
            tags: vec![format!("OKAPI-TAG-{number}")],
            subject: Some(format!("OKAPI-SUBJECT-{number}")),
            external_ids: vec![format!("OKAPI-NAME-{number}")],
            ..MemoryMetadata::default()
        };
        append_record(&store, number, metadata, text);
    }
    let ids = [1, 2, 2, 99].map(|number| MemoryId::from_uuid(Uuid::from_u128(number)));
    let erased = store.erase_records(&ids, vec![said(2)], at(9)).unwrap();
    assert_eq!((erased.texts, erased.rows, erased.rows_kept), (2, 4, 0));
    assert!(erased.compacted);
    for gone in ["QUAGGA", "ZEBRA", "OKAPI-TAG-1", "OKAPI-SUBJECT-2", "OKAPI-NAME-1"] {
        assert_eq!(files_with(dir.path(), gone.as_bytes()), Vec::<String>::new(), "{gone}");
    }
    for hash in [Hash::of(&texts[0].content), Hash::of(&texts[1].content)] {
        assert_eq!(files_with(dir.path(), hash.as_bytes()), Vec::<String>::new());
    }
    assert!(!files_with(dir.path(), b"OKAPI-TAG-3").is_empty());
    assert_eq!(verify(dir.path()).findings, vec![]);
    let again = store.erase_records(&ids, vec![said(2)], at(10)).unwrap();
    assert_eq!(again.rows, 0);
    let rows = store.reader().records(0, 100).unwrap();
    assert_eq!(rows.len(), 5, "the last rows say that two are gone");
    let mut named = rows.iter().filter(|row| row.id == ids[0]);
    assert!(named.all(|row| row.content_hash.is_none() && row.metadata.tags.is_empty()));
    drop(store);
    let store = open(dir.path());
    assert_eq!(store.reader().records(0, 100).unwrap(), rows);
}

fn said(number: u128) -> EventBody {
    EventBody::MemoryWritten(MemoryWritten {
        memory_id: MemoryId::from_uuid(Uuid::from_u128(number)),
        area: Area::Fragments,
        text: text("an event needs a text", 5).reference,
        tags: Vec::new(),
    })
}

pub(super) fn append_record(store: &Store, number: u128, metadata: MemoryMetadata, text: &Stored) {
    let id = MemoryId::from_uuid(Uuid::from_u128(number));
    let record = NewRecord {
        id,
        area: Area::Fragments,
        text: text.reference.clone(),
        metadata,
        created_at: at(1),
        updated_at: at(1),
        content_hash: Hash::of(&text.content),
    };
    let (area, reference) = (Area::Fragments, text.reference.clone());
    let written = MemoryWritten { memory_id: id, area, text: reference, tags: Vec::new() };
    let append = crate::ports::RecordAppend {
        at: at(1),
        records: vec![record],
        texts: vec![text.clone(), self::text("an event needs a text", 5)],
        events: vec![EventBody::MemoryWritten(written)],
        proposals: Vec::new(),
    };
    store.append_records(append).unwrap();
}
