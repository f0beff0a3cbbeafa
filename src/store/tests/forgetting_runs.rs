use uuid::Uuid;

use super::fixture::*;
use crate::contracts::NewRecord;
use crate::contracts::{Area, Hash, MemoryId, MemoryMetadata, RunId, Stored};
use crate::store::{Append, RunForgotten, Store, StoreError};

/// Appends steps that name these texts, handed in anew.
fn name(store: &Store, number: u128, expected: u64, texts: &[&Stored]) {
    let bodies = texts.iter().map(|text| step("a", Some(text.reference.clone()))).collect();
    let append = Append::new(run(number).to_string(), expected, at(0), bodies);
    store.append(append.texts(texts.iter().map(|text| (*text).clone()).collect())).unwrap();
}

fn end(store: &Store, number: u128, expected: u64, ms: i64) {
    let bodies = vec![finished(), report(number)];
    store.append(Append::new(run(number).to_string(), expected, at(ms), bodies)).unwrap();
}

#[test]
fn all_texts_of_an_ended_run_are_forgotten_but_for_what_others_need() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let (own, long) = (text("own", 1), text(&"long ".repeat(8_000), 1));
    let (shared, kept) = (text("pinned for a child", 2), text("remembered", 3));
    name(&store, 1, 0, &[&own, &long, &shared, &kept, &own]);
    name(&store, 2, 0, &[&shared]);
    let record = NewRecord {
        id: MemoryId::from_uuid(Uuid::from_u128(1)),
        area: Area::Main,
        text: kept.reference.clone(),
        metadata: MemoryMetadata::default(),
        created_at: at(0),
        updated_at: at(0),
        content_hash: Hash::of(&kept.content),
    };
    let append = Append::new(run(1).to_string(), 5, at(0), vec![paused("me")]).record(record);
    store.append(append).unwrap();
    let early = store.forget_run_texts(run(1), at(9)).unwrap_err();
    assert!(matches!(early, StoreError::BadRequest(_)), "{early}");
    end(&store, 1, 6, 5);
    let old = |before| store.reader().runs_to_forget(at(before), 9).unwrap();
    assert_eq!((old(5), old(6)), (vec![], vec![run(1)]));
    let done = store.forget_run_texts(run(1), at(9)).unwrap();
    assert_eq!(done, RunForgotten { forgotten: 2, kept: 1 });
    let there = |text: &Stored| store.reader().blob(&text.reference).is_ok();
    assert_eq!([&own, &long, &shared, &kept].map(there), [false, false, true, true]);
    assert_eq!(old(6), [run(1)], "some of it is still needed");
    end(&store, 2, 1, 5);
    let rest = store.forget_run_texts(run(1), at(9)).unwrap();
    assert_eq!(rest, RunForgotten { forgotten: 1, kept: 0 });
    assert_eq!(old(6), [run(2)]);
    let nothing = store.forget_run_texts(run(2), at(9)).unwrap();
    assert_eq!((nothing.forgotten, old(6)), (0, vec![]));
    assert!(there(&kept));
    let report = verify(dir.path());
    assert_eq!((report.findings, report.orphans), (vec![], 0));
}

#[test]
fn the_system_stream_and_unknown_runs_are_not_forgotten() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    store.append_system(vec![paused("me"), report(1)], at(0)).unwrap();
    assert_eq!(store.reader().runs_to_forget(at(99), 9).unwrap(), [] as [RunId; 0]);
    let unknown = store.forget_run_texts(run(7), at(0)).unwrap_err();
    assert!(matches!(unknown, StoreError::NotFound(_)));
}
