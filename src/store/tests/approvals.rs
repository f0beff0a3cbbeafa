use uuid::Uuid;

use super::fixture::*;
use crate::contracts::{ApprovalId, Confinement, EventBody, Hash, StepFinished};
use crate::store::ApprovalStatus::{Approved, Denied, Open, Superseded, Void};
use crate::store::{Append, ApprovalStatus, FindingKind, Store, StoreError};

fn id(question: u128) -> ApprovalId {
    ApprovalId::from_uuid(Uuid::from_u128(question))
}

fn over(path: &str) -> EventBody {
    EventBody::StepFinished(StepFinished::new(path, 1, false, None))
}

fn decided(path: &str) -> EventBody {
    let json = serde_json::json!({
        "call_id": "call_00000000000000000000000000000001",
        "path": path,
        "name": "write_text",
        "decision": {
            "effect": "allow", "reason": "other rules", "rules": [], "policy_hash": Hash::ZERO,
            "confinement": Confinement::default(), "obligations": [], "evaluated_us": 1,
        },
    });
    EventBody::CallDecided(serde_json::from_value(json).unwrap())
}

fn statuses(store: &Store) -> Vec<ApprovalStatus> {
    let mut all = store.reader().approvals(None, None, 100).unwrap();
    all.reverse();
    all.iter().map(|approval| approval.status).collect()
}

#[test]
fn the_inbox_follows_the_events_however_they_are_appended() {
    let cases: [(Vec<EventBody>, &[ApprovalStatus]); 14] = [
        (vec![ask(1, "a", 1)], &[Open]),
        (vec![ask(1, "a", 1), answer(1, true)], &[Approved]),
        (vec![ask(1, "a", 1), answer(1, false)], &[Denied]),
        (vec![ask(1, "a", 1), answer(1, false), answer(1, true)], &[Denied]),
        (vec![ask(1, "a", 1), ask(2, "a", 1)], &[Superseded, Open]),
        (vec![ask(1, "a", 1), ask(2, "a", 1), answer(1, true)], &[Superseded, Open]),
        (vec![ask(1, "a", 1), ask(2, "b", 1), answer(2, true)], &[Open, Approved]),
        (vec![ask(1, "a", 2), answer(1, true)], &[Open]),
        (vec![ask(1, "a", 2), answer(1, true), answer(1, true)], &[Open]),
        (vec![ask(1, "a", 2), answer(1, true), answer_by(1, "user:ann")], &[Approved]),
        (vec![ask(1, "a", 3), answer(1, true), answer_by(1, "user:ann")], &[Open]),
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
    assert_eq!((one.run_id, one.status, one.requested_at), (Some(run(3)), Approved, at(1)));
    assert_eq!((one.by.as_deref(), one.reason.as_deref()), (Some("terminal"), Some("because")));
    assert_eq!((one.resolved_at, one.subject.prompt.as_str()), (Some(at(0)), "go on?"));
    let unknown = store.reader().approval(&id(99)).unwrap_err();
    assert!(matches!(unknown, StoreError::NotFound(_)));
}

/// Writes `status` over that of every row, as a program of another version would have written it.
fn rewrite(root: &std::path::Path, status: &str) {
    let db = rusqlite::Connection::open(root.join(".bailiwick/store.db")).unwrap();
    let sql = "SELECT asked_global, approval_id, run_id, entry FROM approvals";
    let mut query = db.prepare(sql).unwrap();
    let rows = query
        .query_map([], |row| Ok((row.get::<_, i64>(0)?, row.get(1)?, row.get(2)?, row.get(3)?)));
    let rows: Vec<(i64, String, String, String)> = rows.unwrap().collect::<Result<_, _>>().unwrap();
    for (asked, id, run, entry) in rows {
        let fields: [&[u8]; 5] = [
            &asked.to_le_bytes(),
            id.as_bytes(),
            run.as_bytes(),
            status.as_bytes(),
            entry.as_bytes(),
        ];
        let hash = crate::store::digest::digest(b"bailiwick.approval.v1", &fields);
        let sql = "UPDATE approvals SET status = ?2, row_hash = ?3 WHERE asked_global = ?1";
        db.execute(sql, rusqlite::params![asked, status, hash.as_bytes()]).unwrap();
    }
}

#[test]
fn a_question_decided_anew_by_an_older_program_is_no_damage() {
    for (status, sound) in [("void", true), ("superseded", true), ("denied", false)] {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path());
        let bodies = vec![accepted(1), ask(1, "a", 1), decided("a")];
        store.append(Append::new(run(1).to_string(), 0, at(0), bodies)).unwrap();
        assert_eq!(statuses(&store), [Superseded]);
        drop(store);
        rewrite(dir.path(), status);
        let found = verify(dir.path()).findings;
        assert_eq!(found.is_empty(), sound, "{status}: {found:?}");
        let (_, found) = open_damaged(dir.path()).unwrap();
        assert_eq!(found.is_empty(), sound, "{status}: {found:?}");
    }
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
fn an_approval_given_beforehand_is_used_once_with_the_events_that_use_it() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let until = match ask(1, "a", 1) {
        EventBody::ApprovalRequested(subject) => subject.expires_at,
        other => panic!("{other:?}"),
    };
    let given = (1..=3).map(|number| ask(number, &format!("given {number}"), 1)).collect();
    store.append_system(given, at(0)).unwrap();
    assert_eq!(statuses(&store), [Open, Open, Open]);
    let of_nobody = store.reader().approval(&id(1)).unwrap();
    assert_eq!(of_nobody.run_id, None);
    for number in 1..=3 {
        append(&store, number, 0, accepted(number)).unwrap();
    }
    let uses = |run_number: u128, approval, when| {
        let events = vec![ask(run_number + 10, "b", 1), answer(run_number + 10, true)];
        let append = Append::new(run(run_number).to_string(), 1, when, events);
        store.append(Append { uses: Some(approval), ..append })
    };
    uses(1, id(1), at(0)).unwrap();
    for (approval, when, why) in [
        (id(1), at(0), "used"),
        (id(9), at(0), "unknown"),
        (id(2), until.plus_ms(1), "over"),
        (id(11), at(0), "a question of a run"),
    ] {
        let refused = uses(2, approval, when).unwrap_err();
        assert_eq!(refused, StoreError::Used(approval), "{why}");
    }
    assert_eq!(
        store.reader().events(&run(2).to_string(), 0, 9).unwrap().len(),
        1,
        "all or nothing"
    );
    let revoked = answer(3, false);
    store.append_system(vec![revoked], at(0)).unwrap();
    assert_eq!(uses(2, id(3), at(0)).unwrap_err(), StoreError::Used(id(3)));
    let left = store.reader().given_beforehand().unwrap();
    assert_eq!(left.iter().map(|it| it.approval_id).collect::<Vec<_>>(), [id(2)]);
    let used = store.reader().approval(&id(1)).unwrap();
    assert_eq!((used.status, used.by), (Approved, Some(run(1).to_string())));
    assert_eq!(verify(dir.path()).findings, []);
}
