use uuid::Uuid;

use super::fixture::*;
use crate::contracts::{ApprovalId, EventBody, RunId, StepFinished};
use crate::store::ApprovalStatus::{Approved, Denied, Open, Superseded, Void};
use crate::store::{Append, ApprovalStatus, FindingKind, Store, StoreError};

fn id(question: u128) -> ApprovalId {
    ApprovalId::from_uuid(Uuid::from_u128(question))
}

fn over(path: &str) -> EventBody {
    EventBody::StepFinished(StepFinished::new(path, 1, false, None))
}

fn statuses(store: &Store) -> Vec<ApprovalStatus> {
    let mut all = store.reader().approvals(None, None, 100).unwrap();
    all.reverse();
    all.iter().map(|approval| approval.status).collect()
}

#[test]
fn the_inbox_follows_the_events_however_they_are_appended() {
    let cases: [(Vec<EventBody>, &[ApprovalStatus]); 12] = [
        (vec![ask(1, "a", 1)], &[Open]),
        (vec![ask(1, "a", 1), answer(1, true)], &[Approved]),
        (vec![ask(1, "a", 1), answer(1, false)], &[Denied]),
        (vec![ask(1, "a", 1), answer(1, false), answer(1, true)], &[Denied]),
        (vec![ask(1, "a", 1), ask(2, "a", 1)], &[Superseded, Open]),
        (vec![ask(1, "a", 1), ask(2, "a", 1), answer(1, true)], &[Superseded, Open]),
        (vec![ask(1, "a", 1), ask(2, "b", 1), answer(2, true)], &[Open, Approved]),
        (vec![ask(1, "a", 2), answer(1, true)], &[Open]),
        (vec![ask(1, "a", 2), answer(1, true), answer(1, true)], &[Approved]),
        (vec![ask(1, "a", 2), answer(1, true), answer(1, false)], &[Denied]),
        (vec![ask(1, "a", 1), over("b"), over("a")], &[Void]),
        (vec![ask(1, "a", 1), ask(2, "b", 1), finished()], &[Void, Void]),
    ];
    for (bodies, expected) in cases {
        let what = format!("{bodies:?}");
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path());
        // In one append, and one by one.
        let mut whole = vec![accepted(1)];
        whole.extend(bodies.clone());
        store.append(Append::new(run(1).to_string(), 0, at(0), whole)).unwrap();
        assert_eq!(statuses(&store), expected, "{what}");
        append(&store, 2, 0, accepted(2)).unwrap();
        for (seq, body) in (1..).zip(bodies) {
            append(&store, 2, seq, body).unwrap();
        }
        assert_eq!(statuses(&store), [expected, expected].concat(), "{what}");
        drop(store);
        assert_eq!(verify(dir.path()).findings, [], "{what}");
        drop(open(dir.path()));
    }
}

#[test]
fn the_inbox_is_listed_newest_first_by_status_and_paged() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    for number in 1..=6 {
        let bodies = vec![accepted(number), ask(number, "a", 1)];
        store.append(Append::new(run(number).to_string(), 0, at(1), bodies)).unwrap();
    }
    append(&store, 3, 2, answer(3, true)).unwrap();
    let list = |status, before, limit| store.reader().approvals(status, before, limit).unwrap();
    let ids = |status, before, limit| -> Vec<ApprovalId> {
        list(status, before, limit).iter().map(|approval| approval.approval_id).collect()
    };
    assert_eq!(ids(Some(Open), None, 3), [id(6), id(5), id(4)]);
    let cursor = list(Some(Open), None, 3)[2].cursor;
    assert_eq!(ids(Some(Open), Some(cursor), 9), [id(2), id(1)]);
    assert_eq!(ids(Some(Approved), None, 9), [id(3)]);
    assert_eq!(ids(None, None, 9).len(), 6);
    let one = store.reader().approval(&id(3)).unwrap();
    assert_eq!((one.run_id, one.status, one.requested_at), (run(3), Approved, at(1)));
    assert_eq!((one.by.as_deref(), one.reason.as_deref()), (Some("terminal"), Some("because")));
    assert_eq!((one.resolved_at, one.subject.prompt.as_str()), (Some(at(0)), "go on?"));
    let unknown = store.reader().approval(&id(99)).unwrap_err();
    assert!(matches!(unknown, StoreError::NotFound(_)));
}

#[test]
fn an_inbox_that_is_not_what_the_events_say_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let bodies = vec![accepted(1), ask(1, "a", 1), ask(2, "b", 1), answer(2, true)];
    store.append(Append::new(run(1).to_string(), 0, at(0), bodies)).unwrap();
    drop(store);
    for sql in [
        "DELETE FROM approvals WHERE status = 'open'",
        "UPDATE approvals SET status = 'approved'",
        "UPDATE approvals SET entry = replace(entry, 'go on?', 'go up?')",
        "UPDATE approvals SET asked_global = asked_global + 100",
        "UPDATE approvals SET approval_id = 'apr_00000000000000000000000000000009'",
        "UPDATE approvals SET row_hash = zeroblob(32)",
    ] {
        let copied = tempfile::tempdir().unwrap();
        copy(dir.path(), copied.path());
        assert!(tamper(copied.path(), sql) > 0, "{sql}");
        let found = verify(copied.path()).findings;
        assert!(found.iter().any(|found| found.kind == FindingKind::Approval), "{sql}: {found:?}");
        let (store, found) = open_damaged(copied.path()).unwrap();
        assert!(found.iter().any(|found| found.kind == FindingKind::Approval), "{sql}: {found:?}");
        let refused = append(&store, 1, 4, paused("me")).unwrap_err();
        assert!(matches!(refused, StoreError::Quarantined { .. }), "{sql}: {refused}");
    }
}

#[test]
fn questions_of_the_system_stream_are_nobodys() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    store.append_system(vec![ask(1, "a", 1)], at(0)).unwrap();
    assert_eq!(statuses(&store), []);
    assert_eq!(verify(dir.path()).findings, []);
    assert_eq!(store.reader().events(RunId::SYSTEM_TEXT, 0, 9).unwrap().len(), 1);
}
