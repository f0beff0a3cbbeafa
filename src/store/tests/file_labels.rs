//! Labels of files: added in the transaction of events, found by path and beneath directories, checked.

use std::collections::BTreeSet;

use super::fixture::*;
use crate::store::{Append, FileLabels, FindingKind, Store};

fn labels(all: &[&str]) -> BTreeSet<String> {
    all.iter().map(|label| (*label).to_owned()).collect()
}

fn label(store: &Store, number: u128, files: &[(&str, &[&str])]) {
    let file = |(path, all): &(&str, &[&str])| FileLabels {
        path: (*path).to_owned(),
        labels: labels(all),
    };
    let append = Append::new(run(number).to_string(), 0, at(0), vec![accepted(number)]);
    let files = files.iter().map(file).collect();
    store.append(Append { files, ..append }).unwrap();
}

#[test]
fn labels_are_added_and_found_at_a_path_and_beneath_it() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    label(&store, 1, &[("/w/a/x", &["untrusted:web"]), ("/w/a-b", &["secret:K"])]);
    label(&store, 2, &[("/w/a/x", &["untrusted:mail"]), ("/w/a/\u{fc}/y%_", &["secret:file"])]);
    for (path, expected) in [
        ("/w/a/x", &["untrusted:mail", "untrusted:web"][..]),
        ("/w/a", &["secret:file", "untrusted:mail", "untrusted:web"]),
        ("/w/a/", &["secret:file", "untrusted:mail", "untrusted:web"]),
        ("/w/a-b", &["secret:K"]),
        ("/", &["secret:K", "secret:file", "untrusted:mail", "untrusted:web"]),
        ("/w/a/x/y", &[]),
        ("/w/A/x", &[]),
        ("/w/%", &[]),
    ] {
        assert_eq!(store.reader().file_labels(path).unwrap(), labels(expected), "{path}");
    }
    drop(store);
    assert_eq!(verify(dir.path()).findings, []);
}

#[test]
fn a_changed_row_is_named_and_no_answer() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    label(&store, 1, &[("/w/x", &["untrusted:web"])]);
    let db = rusqlite::Connection::open(dir.path().join(".bailiwick/store.db")).unwrap();
    assert_eq!(db.execute("UPDATE file_labels SET labels = '[]'", []).unwrap(), 1);
    drop(db);
    let error = store.reader().file_labels("/w/x").unwrap_err().to_string();
    assert!(error.contains("what is known of `/w/x` does not fit its hash"), "{error}");
    drop(store);
    let kinds: Vec<_> = verify(dir.path()).findings.iter().map(|it| it.kind).collect();
    assert_eq!(kinds, [FindingKind::FileLabels]);
}
