//! The journal's format. These numbers may never change: stores in the field have them.

use std::path::Path;

use super::fixture::*;
use crate::contracts::{MemoryMetadata, RunId};
use crate::store::{Append, ApprovalStatus, Fired};

/// A state directory that version 1 wrote: never to be written again.
const VERSION_1: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/store-v1");

#[test]
fn hashes_of_known_events_are_what_they_always_were() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    fill(&store, 1);
    let system = Append::new(RunId::SYSTEM_TEXT, 0, at(1), vec![paused("host")]);
    store.append(system).unwrap();
    let events = store.reader().events_all(0, 100).unwrap();
    let hashes: Vec<String> =
        events.iter().map(|e| format!("{} {} {}", e.seq, e.kind.as_str(), e.hash)).collect();
    insta::assert_snapshot!(hashes.join("\n"), @r"
        1 task.accepted 6bcb36b459f111d5fd5b754a3fcf94a98d9fb05beed8a76aa5b43d0d50065834
        2 step.finished 8a4f7cea5c3a93af25873b497aecd584977a99aa6de03968527bb42e35720639
        3 step.finished 2be7dc7201826f1bfda12e41d171ca328e73cce0f0598ed84d456e3b5ca275af
        4 step.finished e5081b9606cc056536fa91b1014a6b7431d95e9d3a95a366e939d86000e8174c
        5 step.finished a3d6302a2ab8815888ffcac070e71484a5c8246026f9355b7e6b69ca388d6fdc
        6 step.finished e6d57221f1c3f09bae6e71832e2b4436821a6d5cd4c6668399d106ba2375be87
        7 run.finished 0541db67014b8ed9fc6f49ad42bd614eac1f88cd2a72fd857102721707d60425
        8 report.ready 93e64dd7e46bb332c7abefd715ae428b50e376e58d5bc7e7c9c4ffdd2791e6f1
        1 run.paused ac380f87e9fd42d9184980f7c203fc1c5955dacdce22f155e56290f6a17078ad
    ");
    let audit = store.reader().audit_tail(1).unwrap();
    insta::assert_snapshot!(audit[0].json, @r#"{"at":"2023-11-14T22:13:20.005Z","run_id":"run_00000000000000000000000000000001","call_id":"call_00000000000000000000000000000001","tool":"write_text","args_summary":"{\"path\":\"a \\\"b\\\",\\\"hash\\\":\\\"c\"}","decision":"allow","dry_run":false,"ok":true,"duration_ms":12,"hash":"1cf95762616207df781b1ee50bdd9bce972cf039d1634a9e82306a60999a2a02"}"#);
}

#[test]
fn a_store_of_version_1_opens_verifies_and_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    copy(&Path::new(VERSION_1).join("state"), &dir.path().join(".bailiwick"));
    std::fs::create_dir(dir.path().join("logs")).unwrap();
    let audit = Path::new(VERSION_1).join("tools_audit.jsonl");
    std::fs::copy(audit, audit_path(dir.path())).unwrap();
    let report = verify(dir.path());
    assert_eq!((report.events, report.blobs, report.audit_entries), (9, 2, 1));
    assert_eq!(report.findings, []);
    let store = open(dir.path());
    let long = text(&"long ".repeat(8_000), 1);
    assert_eq!(store.reader().blob(&long.reference).unwrap(), long.content);
    let unfinished = store.reader().unfinished().unwrap();
    assert_eq!(unfinished.iter().map(|run| run.run_id).collect::<Vec<_>>(), [run(2)]);
    append(&store, 2, 1, paused("me")).unwrap();
    assert_eq!(verify(dir.path()).findings, []);
}

/// One that version 2 wrote: never to be written again.
const VERSION_2: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/store-v2");

#[test]
fn a_store_of_version_2_opens_verifies_and_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    copy(&Path::new(VERSION_2).join("state"), &dir.path().join(".bailiwick"));
    std::fs::create_dir(dir.path().join("logs")).unwrap();
    let audit = Path::new(VERSION_2).join("tools_audit.jsonl");
    std::fs::copy(audit, audit_path(dir.path())).unwrap();
    assert_eq!(verify(dir.path()).findings, []);
    let store = open(dir.path());
    let reader = store.reader();
    assert_eq!(reader.schedules().unwrap()[0].last_due, Some(at(60_000)));
    let fires = reader.fires(&schedule_id(1), 9).unwrap();
    assert_eq!(fires.iter().map(|fire| fire.run_id).collect::<Vec<_>>(), [None, Some(run(14))]);
    let open = reader.approvals(Some(ApprovalStatus::Open), None, 9).unwrap();
    assert_eq!(open.iter().map(|approval| approval.run_id).collect::<Vec<_>>(), [Some(run(12))]);
    let known = reader.remembered("POST /tasks", "key-11").unwrap().unwrap();
    assert_eq!((known.run_id, known.status), (Some(run(11)), Some(202)));
    let claimed: Vec<_> = claim(&store, 9, 0).iter().map(|claimed| claimed.run_id).collect();
    assert_eq!(claimed, [run(11), run(12), run(14)], "run 13 waits for room in its playbook");
    assert_eq!(store.fire(fire(1, 0, None)), Ok(Fired::Already));
    assert_eq!(verify(dir.path()).findings, []);
}

#[test]
fn records_of_version_2_fit_their_chain_and_those_of_today_follow_them() {
    let dir = tempfile::tempdir().unwrap();
    copy(&Path::new(VERSION_2).join("state"), &dir.path().join(".bailiwick"));
    std::fs::create_dir(dir.path().join("logs")).unwrap();
    let audit = Path::new(VERSION_2).join("tools_audit.jsonl");
    std::fs::copy(audit, audit_path(dir.path())).unwrap();
    let before = reader(dir.path()).records(0, 100).unwrap();
    let store = open(dir.path());
    assert_eq!(store.reader().records(0, 100).unwrap(), before);
    super::forgetting::append_record(&store, 77, MemoryMetadata::default(), &text("new", 77));
    let after = store.reader().records(0, 100).unwrap();
    assert_eq!(after.len(), before.len() + 1);
    let ids: Vec<_> = after.iter().map(|row| row.id).collect();
    let erased = store.erase_records(&ids, vec![paused("me")], at(99)).unwrap();
    let gone = usize::try_from(erased.rows + erased.rows_kept).unwrap();
    assert!(gone >= after.len(), "{erased:?}");
    assert!(erased.copies_removed.iter().all(|copy| !copy.exists()));
    assert_eq!(erased.copies_removed.len(), 1, "the copy of version 2 had the texts as well");
    assert_eq!(verify(dir.path()).findings, []);
}

/// A state directory that version 3 wrote: never to be written again.
const VERSION_3: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/store-v3");

#[test]
fn a_store_of_version_3_opens_keeps_its_records_and_takes_proposals() {
    let dir = tempfile::tempdir().unwrap();
    copy(&Path::new(VERSION_3).join("state"), &dir.path().join(".bailiwick"));
    std::fs::create_dir(dir.path().join("logs")).unwrap();
    let audit = Path::new(VERSION_3).join("tools_audit.jsonl");
    std::fs::copy(audit, audit_path(dir.path())).unwrap();
    let before = reader(dir.path());
    assert_eq!(before.proposals().unwrap(), [], "a reader of an older store sees none");
    let records = before.records(0, 100).unwrap();
    assert!(records.iter().any(|row| row.metadata.tags == ["v3"]), "{records:?}");
    let store = open(dir.path());
    assert_eq!(store.reader().records(0, 100).unwrap(), records);
    super::proposals::append_proposal(&store, 5);
    assert_eq!(store.reader().proposals().unwrap().len(), 1);
    assert_eq!(verify(dir.path()).findings, []);
}
