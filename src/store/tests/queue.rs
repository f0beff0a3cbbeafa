use super::fixture::*;
use crate::contracts::{Priority, RunId};
use crate::store::{Append, ClaimWanted, Claimed, Leave, QueueState, Store, StoreError};

fn runs(claimed: &[Claimed]) -> Vec<RunId> {
    claimed.iter().map(|claimed| claimed.run_id).collect()
}

fn wanted(total_max: u32, per_playbook_max: u32, now: i64) -> ClaimWanted {
    ClaimWanted { count: 100, total_max, per_playbook_max, lease_ms: 1_000, now: at(now) }
}

/// A store in which runs 1, 2, 3… of these playbooks wait.
fn queued(queue: &[(Priority, &str, Option<u32>)]) -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    for (number, (priority, playbook, concurrency)) in (1..).zip(queue) {
        store.append(accept(number, enqueue(*priority, playbook, *concurrency))).unwrap();
    }
    (dir, store)
}

#[test]
fn runs_are_handed_out_by_priority_then_in_order_as_far_as_the_limits_allow() {
    use Priority::{High, Low, Normal};
    let queue = [
        (Low, "a", None),
        (Normal, "a", None),
        (Normal, "b", Some(1)),
        (High, "b", Some(1)),
        (Normal, "c", Some(9)),
        (High, "a", None),
    ];
    let cases: [(u32, u32, &[u128]); 6] = [
        (100, 100, &[4, 6, 2, 5, 1]),
        (2, 100, &[4, 6]),
        (100, 1, &[4, 6, 5]),
        (100, 2, &[4, 6, 2, 5]),
        (0, 100, &[]),
        (100, 0, &[]),
    ];
    for (total, per_playbook, expected) in cases {
        let (_dir, store) = queued(&queue);
        let claimed = store.claim(wanted(total, per_playbook, 0)).unwrap();
        let expected: Vec<RunId> = expected.iter().map(|number| run(*number)).collect();
        assert_eq!(runs(&claimed), expected, "total {total}, per playbook {per_playbook}");
        assert!(claimed.is_sorted_by_key(|claimed| claimed.fence));
        let again = store.claim(wanted(total, per_playbook, 1)).unwrap();
        assert_eq!(again, [], "nothing is handed out twice");
    }
}

#[test]
fn what_waits_behind_a_limit_is_passed_over_by_what_the_runs_say_themselves() {
    use Priority::{High, Normal};
    let mut queue = vec![(High, "a", Some(1)); 3];
    queue.extend([(High, "a", None), (High, "a", Some(2)), (Normal, "a", Some(3))]);
    queue.extend([(Normal, "1 a", Some(1)), (Normal, "b", Some(1)), (Normal, "b", Some(1))]);
    for (per_playbook, expected) in
        [(9, vec![1, 4, 6, 7, 8]), (2, vec![1, 4, 7, 8]), (1, vec![1, 7, 8])]
    {
        let (_dir, store) = queued(&queue);
        let claimed = store.claim(wanted(100, per_playbook, 0)).unwrap();
        let expected: Vec<RunId> = expected.into_iter().map(run).collect();
        assert_eq!(runs(&claimed), expected, "{per_playbook}");
    }
}

#[test]
fn a_place_given_back_is_free_for_the_next_of_its_playbook() {
    let (_dir, store) = queued(&[(Priority::Normal, "a", Some(1)); 2]);
    let first = store.claim(wanted(9, 9, 0)).unwrap();
    store.complete(first[0].run_id, first[0].fence, Leave::Ended).unwrap();
    assert_eq!(runs(&store.claim(wanted(9, 9, 0)).unwrap()), [run(2)]);
    let twice = store.complete(first[0].run_id, first[0].fence, Leave::Ended).unwrap_err();
    assert_eq!(twice, StoreError::StaleFence { run_id: run(1).to_string() });
    assert_eq!(store.reader().queued(&run(1)).unwrap(), None);
}

#[test]
fn whoever_lost_a_run_can_no_longer_append() {
    let (_dir, store) = queued(&[(Priority::Normal, "a", None)]);
    let first = claim(&store, 1, 0)[0];
    let step = |seq, fence| {
        let append = Append::new(run(1).to_string(), seq, at(seq as i64), vec![paused("me")]);
        store.append(append.fence(fence)).map(|events| events.len())
    };
    assert_eq!(step(1, first.fence), Ok(1));
    assert_eq!(claim(&store, 1, 999), [], "the lease still holds");
    assert_eq!(store.heartbeat(&[(run(1), first.fence)], 1_000, at(500)), Ok(vec![]));
    assert_eq!(claim(&store, 1, 1_499), [], "it was renewed");
    let second = claim(&store, 1, 1_500)[0];
    assert!(second.fence > first.fence);
    let stale = StoreError::StaleFence { run_id: run(1).to_string() };
    assert_eq!(step(2, first.fence), Err(stale.clone()));
    assert_eq!(step(1, first.fence), Err(stale.clone()), "a repeat is refused too");
    assert_eq!(store.complete(run(1), first.fence, Leave::Waiting), Err(stale.clone()));
    let claims = [(run(1), first.fence), (run(1), second.fence), (run(9), second.fence)];
    assert_eq!(store.heartbeat(&claims, 1_000, at(1_500)), Ok(vec![run(1), run(9)]));
    assert_eq!(step(2, second.fence), Ok(1));
    store.complete(run(1), second.fence, Leave::Waiting).unwrap();
    assert_eq!(step(3, second.fence), Err(stale), "the place was given back");
    assert_eq!(
        append(&store, 1, 3, paused("somebody")).unwrap().len(),
        1,
        "others may still speak"
    );
}

#[test]
fn a_lease_that_is_over_counts_until_somebody_else_takes_the_run() {
    let (_dir, store) = queued(&[(Priority::Normal, "a", None)]);
    let claimed = claim(&store, 1, 0)[0];
    let late = [(run(1), claimed.fence)];
    assert_eq!(store.heartbeat(&late, 1_000, at(5_000)), Ok(vec![]));
    assert_eq!(claim(&store, 1, 5_500), []);
    store.complete(run(1), claimed.fence, Leave::Ended).unwrap();
}

#[test]
fn a_parked_run_keeps_its_place_and_its_work() {
    let (_dir, store) = queued(&[(Priority::Normal, "a", None); 3]);
    let first = claim(&store, 1, 0)[0];
    store.complete(first.run_id, first.fence, Leave::Waiting).unwrap();
    let depth = store.reader().queue_depth().unwrap();
    assert_eq!((depth.waiting, depth.claimed), (2, 0));
    assert_eq!(runs(&claim(&store, 1, 0)), [run(2)], "it has no work");
    store.requeue(run(1), Priority::Normal, "a", None).unwrap();
    assert_eq!(runs(&claim(&store, 1, 0)), [run(1)], "it came before run 3");
    // Work that comes while somebody is about to leave is not lost.
    store.requeue(run(1), Priority::High, "b", Some(1)).unwrap();
    let entry = store.reader().queued(&run(1)).unwrap().unwrap();
    assert!(entry.again && entry.state == QueueState::Claimed);
    store.complete(run(1), entry.fence.unwrap(), Leave::Waiting).unwrap();
    let order: Vec<_> = store.reader().queue(9).unwrap().iter().map(|e| e.run_id).collect();
    assert_eq!(order, [run(1), run(2), run(3)]);
    assert_eq!(runs(&claim(&store, 1, 0)), [run(1)]);
}

#[test]
fn claims_of_a_host_that_is_gone_are_handed_out_at_once() {
    let (dir, store) = queued(&[(Priority::Normal, "a", None); 2]);
    let before = claim(&store, 1, 0)[0];
    drop(store);
    let store = open(dir.path());
    let after = claim(&store, 9, 1);
    assert_eq!(runs(&after), [run(1), run(2)]);
    assert!(after[0].fence > before.fence);
    let stale = store.complete(run(1), before.fence, Leave::Ended).unwrap_err();
    assert!(matches!(stale, StoreError::StaleFence { .. }));
    let boot = store.reader().queued(&run(1)).unwrap().unwrap().boot_id;
    assert_eq!(boot.as_deref(), Some("boot"));
}

#[test]
fn a_run_that_ended_is_not_handed_out_again() {
    let (dir, store) = queued(&[(Priority::Normal, "a", None)]);
    assert_eq!(claim(&store, 1, 0).len(), 1);
    append(&store, 1, 1, finished()).unwrap();
    append(&store, 1, 2, report(1)).unwrap();
    drop(store);
    // The host was cut off before it gave the place back.
    let store = open(dir.path());
    assert_eq!(claim(&store, 1, 0), []);
    assert_eq!(store.reader().queue(9).unwrap(), []);
    let ended = store.requeue(run(1), Priority::Normal, "a", None).unwrap_err();
    assert_eq!(ended, StoreError::Ended(run(1).to_string()));
}

#[test]
fn what_cannot_be_queued_is_refused() {
    let (_dir, store) = queued(&[]);
    let unknown = store.requeue(run(7), Priority::Normal, "a", None).unwrap_err();
    assert!(matches!(unknown, StoreError::NotFound(_)));
    let queue = enqueue(Priority::Normal, "a", None);
    let system = Append::new(RunId::SYSTEM_TEXT, 0, at(0), vec![paused("me")]).queue(queue);
    assert!(matches!(store.append(system), Err(StoreError::BadRequest(_))));
    append(&store, 1, 0, accepted(1)).unwrap();
    store.requeue(run(1), Priority::Normal, "a", None).unwrap();
    assert_eq!(runs(&claim(&store, 9, 0)), [run(1)], "one that was never queued may be");
}

#[test]
fn a_repeated_acceptance_changes_nothing() {
    let (_dir, store) = queued(&[(Priority::Normal, "a", None)]);
    let claimed = claim(&store, 1, 0)[0];
    let again = store.append(accept(1, enqueue(Priority::Normal, "a", None))).unwrap();
    assert_eq!(again.len(), 1);
    let entry = store.reader().queued(&run(1)).unwrap().unwrap();
    assert_eq!((entry.again, entry.fence), (false, Some(claimed.fence)));
}

#[test]
fn events_of_the_system_go_behind_the_newest() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let seqs: Vec<u64> = std::thread::scope(|scope| {
        let call = |_| scope.spawn(|| store.append_system(vec![paused("me")], at(0)).unwrap());
        let calls: Vec<_> = (0..16).map(call).collect();
        calls.into_iter().map(|call| call.join().unwrap()[0].seq).collect()
    });
    assert_eq!(std::collections::BTreeSet::from_iter(seqs).len(), 16);
    assert_eq!(verify(dir.path()).findings, []);
}
