use super::fixture::*;
use crate::contracts::Priority;
use crate::store::{ANSWER_BYTES_MAX, StoreError};

fn accept_under(number: u128, key: &str, request: &str) -> crate::store::Append {
    accept(number, enqueue(Priority::Normal, "a", None)).key(new_key(key, request))
}

#[test]
fn a_key_accepts_one_run_and_says_which() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    store.append(accept_under(1, "k", "one")).unwrap();
    for request in ["one", "two"] {
        let taken = store.append(accept_under(2, "k", request)).unwrap_err();
        let StoreError::KeyTaken { remembered } = taken else { panic!("{taken}") };
        assert_eq!((remembered.run_id, remembered.status), (Some(run(1)), None));
        assert_eq!(remembered.request_hash == new_key("k", request).request_hash, request == "one");
    }
    assert!(store.reader().run(&run(2)).is_err(), "nothing of it was kept");
    assert_eq!(store.reader().queue(9).unwrap().len(), 1);
    let again = store.append(accept_under(1, "k", "one")).unwrap();
    assert_eq!(again.len(), 1, "the same append again is the same append");
    store.append(accept_under(2, "other", "one")).unwrap();
    let known = store.reader().run_of_key("POST /tasks", "other").unwrap();
    assert_eq!(known, Some(run(2)));
    assert_eq!(store.reader().run_of_key("another scope", "other").unwrap(), None);
}

#[test]
fn callers_at_once_under_one_key_get_one_run() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let taken: usize = std::thread::scope(|scope| {
        let call = |number| {
            let store = &store;
            scope.spawn(move || store.append(accept_under(number, "k", "one")).is_err())
        };
        let calls: Vec<_> = (1..=16).map(call).collect();
        calls.into_iter().map(|call| usize::from(call.join().unwrap())).sum()
    });
    assert_eq!((taken, store.reader().runs(None, 99).unwrap().len()), (15, 1));
}

#[test]
fn the_first_answer_is_the_one_that_counts() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    store.append(accept_under(1, "k", "one")).unwrap();
    store.remember(remembered("k", "one", 202)).unwrap();
    store.remember(remembered("k", "one", 500)).unwrap();
    store.remember(remembered("alone", "one", 200)).unwrap();
    let other = store.remember(remembered("k", "two", 200)).unwrap_err();
    assert!(matches!(other, StoreError::KeyTaken { .. }), "{other}");
    drop(store);
    let store = open(dir.path());
    let known = |key| store.reader().remembered("POST /tasks", key).unwrap().unwrap();
    assert_eq!((known("k").run_id, known("k").status), (Some(run(1)), Some(202)));
    assert_eq!(known("k").body.as_deref(), Some("{\"n\":202}"));
    assert_eq!((known("alone").run_id, known("alone").status), (None, Some(200)));
    assert_eq!(verify(dir.path()).findings, []);
}

#[test]
fn old_keys_can_be_removed_and_are_free_again() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    store.append(accept_under(1, "k", "one")).unwrap();
    store.remember(remembered("later", "one", 200)).unwrap();
    assert_eq!(store.prune_keys(at(7)), Ok(1));
    assert_eq!(store.reader().remembered("POST /tasks", "k").unwrap(), None);
    store.append(accept_under(2, "k", "two")).unwrap();
    assert_eq!(store.prune_keys(at(8)), Ok(2));
}

#[test]
fn keys_and_answers_have_a_length() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    for key in ["", &"k".repeat(2_000)] {
        let refused = store.append(accept_under(1, key, "one")).unwrap_err();
        assert!(matches!(refused, StoreError::BadRequest(_)), "{refused}");
        assert!(store.remember(remembered(key, "one", 200)).is_err());
    }
    let mut long = remembered("k", "one", 200);
    long.body = "x".repeat(ANSWER_BYTES_MAX + 1);
    assert!(matches!(store.remember(long), Err(StoreError::BadRequest(_))));
}
