use super::fixture::*;
use crate::contracts::{Hash, RunId, RunStatus, event_hash};
use crate::store::{Append, StoreError};

#[test]
fn events_are_chained_numbered_and_read_back_byte_for_byte() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let first = append(&store, 1, 0, accepted(1)).unwrap();
    let other = append(&store, 2, 0, accepted(2)).unwrap();
    let bodies = vec![step("a", None), paused("me")];
    let more = store.append(Append::new(run(1).to_string(), 1, at(3), bodies)).unwrap();
    let numbers: Vec<_> =
        first.iter().chain(&other).chain(&more).map(|e| (e.seq, e.global_seq)).collect();
    assert_eq!(numbers, [(1, 1), (1, 2), (2, 3), (3, 4)]);
    assert_eq!((first[0].prev_hash, more[0].prev_hash), (Hash::ZERO, first[0].hash));
    let event = &more[1];
    let hash = event_hash(&more[0].hash, &run(1).to_string(), 3, at(3), event.kind, &event.payload);
    assert_eq!(event.hash, hash);
    let there = store.reader().events(&run(1).to_string(), 0, 10).unwrap();
    assert_eq!(there.len(), 3);
    assert_eq!(there[2].payload, event.payload);
    let all = store.reader().events_all(1, 2).unwrap();
    assert_eq!(all.iter().map(|e| e.global_seq).collect::<Vec<_>>(), [2, 3]);
}

#[test]
fn a_repeated_append_answers_with_what_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    append(&store, 1, 0, accepted(1)).unwrap();
    let bodies = vec![step("a", None), step("b", None)];
    let two = Append::new(run(1).to_string(), 1, at(3), bodies);
    let first = store.append(two.clone()).unwrap();
    append(&store, 1, 3, step("c", None)).unwrap();
    let again = store.append(two).unwrap();
    let hashes = |events: &[crate::contracts::Event]| -> Vec<_> {
        events.iter().map(|event| (event.global_seq, event.hash)).collect()
    };
    assert_eq!(hashes(&again), hashes(&first));
    assert_eq!(store.reader().run(&run(1)).unwrap().last_seq, 4);
}

#[test]
fn another_content_at_a_taken_place_is_a_conflict() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    append(&store, 1, 0, accepted(1)).unwrap();
    append(&store, 1, 1, step("a", None)).unwrap();
    let conflict =
        |expected| StoreError::Conflict { run_id: run(1).to_string(), expected, actual: 2 };
    assert_eq!(append(&store, 1, 1, step("b", None)).unwrap_err(), conflict(1));
    assert_eq!(append(&store, 1, 3, step("b", None)).unwrap_err(), conflict(3));
    // The same events at another time, and a repeat that goes beyond what is there.
    let late = Append::new(run(1).to_string(), 1, at(1), vec![step("a", None)]);
    assert_eq!(store.append(late).unwrap_err(), conflict(1));
    let longer = vec![step("a", None), step("b", None)];
    let longer = Append::new(run(1).to_string(), 1, at(0), longer);
    assert_eq!(store.append(longer).unwrap_err(), conflict(1));
    assert_eq!(append(&store, 1, 2, step("b", None)).unwrap()[0].seq, 3);
}

#[test]
fn one_refused_append_does_not_touch_its_neighbours() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let results: Vec<_> = std::thread::scope(|scope| {
        let calls: Vec<_> = (1..=32_u128)
            .map(|n| {
                let store = &store;
                let expected = u64::from(n % 4 == 0) * 7;
                scope.spawn(move || append(store, n, expected, accepted(n)).is_ok())
            })
            .collect();
        calls.into_iter().map(|call| call.join().unwrap()).collect()
    });
    assert_eq!(results.iter().filter(|ok| **ok).count(), 24);
    assert_eq!(store.reader().runs(None, 100).unwrap().len(), 24);
    drop(store);
    let report = verify(dir.path());
    assert_eq!((report.events, report.findings), (24, vec![]));
}

#[test]
fn many_callers_on_one_run_never_share_a_place() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    append(&store, 1, 0, accepted(1)).unwrap();
    std::thread::scope(|scope| {
        for caller in 0..8 {
            let store = &store;
            scope.spawn(move || {
                for turn in 0..5 {
                    let body = paused(&format!("{caller}/{turn}"));
                    let mut expected = store.reader().run(&run(1)).unwrap().last_seq;
                    while let Err(error) = append(store, 1, expected, body.clone()) {
                        let StoreError::Conflict { actual, .. } = error else { panic!("{error}") };
                        expected = actual;
                    }
                }
            });
        }
    });
    assert_eq!(store.reader().run(&run(1)).unwrap().last_seq, 41);
    assert_eq!(verify(dir.path()).findings, []);
}

#[test]
fn the_summary_follows_the_events() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let status = || store.reader().run(&run(1)).unwrap().status;
    append(&store, 1, 0, accepted(1)).unwrap();
    assert_eq!(status(), RunStatus::Queued);
    append(&store, 1, 1, paused("me")).unwrap();
    assert_eq!(status(), RunStatus::Paused);
    assert_eq!(store.reader().unfinished().unwrap().len(), 1);
    append(&store, 1, 2, finished()).unwrap();
    assert_eq!(status(), RunStatus::Succeeded);
    assert_eq!(store.reader().unfinished().unwrap().len(), 1, "the report is still to be written");
    append(&store, 1, 3, report(1)).unwrap();
    assert_eq!(store.reader().unfinished().unwrap(), []);
    let info = store.reader().run(&run(1)).unwrap();
    assert_eq!((info.goal.as_str(), info.playbook.as_deref()), ("goal 1", Some("repo-health")));
    let ended = append(&store, 1, 4, paused("me")).unwrap_err();
    assert_eq!(ended, StoreError::Ended(run(1).to_string()));
}

#[test]
fn refuses_what_cannot_be_stored() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let missing = text("never handed in", 1).reference;
    let mut wrong = text("right", 2);
    wrong.content = b"wrong".to_vec();
    let named = wrong.reference.clone();
    let system = RunId::SYSTEM_TEXT;
    let bad = [
        Append::new("run_x", 0, at(0), vec![paused("me")]),
        Append::new("../etc", 0, at(0), vec![paused("me")]),
        Append::new(system, 0, at(0), vec![]),
        Append::new(system, 0, at(0), vec![step("a", Some(missing))]),
        Append::new(system, 0, at(0), vec![step("a", Some(named))]).texts(vec![wrong]),
        Append::new(system, 0, at(0), vec![paused(&"x".repeat(9 << 20))]),
        Append::new(system, 0, at(0), vec![paused("me"); 2_000]),
    ];
    for append in bad {
        let refused = store.append(append).unwrap_err();
        assert!(matches!(refused, StoreError::BadRequest(_)), "{refused}");
    }
    assert_eq!(*store.subscribe().borrow(), 0);
}

#[test]
fn the_system_stream_is_no_run_and_never_ends() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let system = |expected, body| Append::new(RunId::SYSTEM_TEXT, expected, at(0), vec![body]);
    store.append(system(0, report(1))).unwrap();
    store.append(system(1, paused("me"))).unwrap();
    assert_eq!(store.reader().runs(None, 10).unwrap(), []);
    assert_eq!(store.reader().unfinished().unwrap(), []);
    assert_eq!(store.reader().events(RunId::SYSTEM_TEXT, 0, 10).unwrap().len(), 2);
}

#[test]
fn runs_are_listed_newest_first_and_paged_by_cursor() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    for number in [5, 3, 9, 1] {
        append(&store, number, 0, accepted(number)).unwrap();
    }
    let page = store.reader().runs(None, 3).unwrap();
    assert_eq!(page.iter().map(|r| r.run_id).collect::<Vec<_>>(), [run(1), run(9), run(3)]);
    let rest = store.reader().runs(Some(page[2].cursor), 3).unwrap();
    assert_eq!(rest.iter().map(|r| r.run_id).collect::<Vec<_>>(), [run(5)]);
}

#[test]
fn a_prefix_names_a_run_only_when_it_is_the_only_one() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    for number in [0x1_u128, 0xa0 << 120, 0xa1 << 120] {
        append(&store, number, 0, accepted(number)).unwrap();
    }
    let resolve = |prefix: &str| store.reader().run_id_prefix(prefix);
    assert_eq!(resolve("run_a0").unwrap(), run(0xa0 << 120));
    assert_eq!(resolve("a1").unwrap(), run(0xa1 << 120));
    assert_eq!(resolve(&run(1).to_string()).unwrap(), run(1));
    assert!(matches!(resolve("run_a"), Err(StoreError::Ambiguous { .. })));
    for unknown in ["", "run_", "run_b", "run_system", "%", "a'", "A0"] {
        assert!(matches!(resolve(unknown), Err(StoreError::NotFound(_))), "{unknown}");
    }
}

#[test]
fn texts_of_any_length_come_back_and_unknown_runs_do_not() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let lengths = [0, 1, 16 * 1024, 16 * 1024 + 1, 300_000];
    let texts: Vec<_> = (1..).zip(lengths).map(|(salt, n)| text(&"x".repeat(n), salt)).collect();
    let bodies = texts.iter().map(|text| step("a", Some(text.reference.clone()))).collect();
    let append = Append::new(run(1).to_string(), 0, at(0), bodies).texts(texts.clone());
    store.append(append).unwrap();
    for text in &texts {
        assert_eq!(store.reader().blob(&text.reference).unwrap(), text.content);
    }
    let unknown = store.reader().blob(&text("other", 9).reference).unwrap_err();
    assert!(matches!(unknown, StoreError::NotFound(_)));
    let unknown = store.reader().events(&run(7).to_string(), 0, 1).unwrap_err();
    assert!(matches!(unknown, StoreError::NotFound(_)));
}

#[test]
fn subscribers_hear_of_every_commit_after_it_can_be_read() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let mut newest = store.subscribe();
    assert_eq!(*newest.borrow_and_update(), 0);
    append(&store, 1, 0, accepted(1)).unwrap();
    assert!(newest.has_changed().unwrap());
    let seen = *newest.borrow_and_update();
    assert_eq!(store.reader().events_all(0, 10).unwrap().last().unwrap().global_seq, seen);
}

#[tokio::test]
async fn async_callers_share_the_writer() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let calls = (1..=20_u128).map(|number| {
        let append = Append::new(run(number).to_string(), 0, at(0), vec![accepted(number)]);
        let store = store.clone();
        tokio::spawn(async move { store.append_async(append).await.map(|events| events.len()) })
    });
    for call in calls.collect::<Vec<_>>() {
        assert_eq!(call.await.unwrap(), Ok(1));
    }
    assert_eq!(store.reader().runs(None, 100).unwrap().len(), 20);
}
