use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::contracts::{ErrorKind, SCHEMA_VERSION};
use crate::ports::UndoEntry;
use crate::tools::fixture::Bench;

/// Takes the snapshot of a write and does it.
fn write(bench: &Bench, args: Value) -> Vec<UndoEntry> {
    let undo = bench.snapshot("write_text", args.clone()).unwrap().unwrap();
    bench.ok("write_text", args);
    undo.entries
}

fn record(entries: Vec<UndoEntry>) -> Undo {
    Undo { schema_version: SCHEMA_VERSION, entries }
}

fn run(bench: &Bench, entries: Vec<UndoEntry>) -> Result<Vec<PathBuf>, UndoError> {
    let jail = Jail::new(bench.root(), &bench.confinement());
    let undo = record(entries);
    put_back(&[&undo], Changed::Stop, &mut Believed::default(), &jail).map(|done| done.changed)
}

#[test]
fn puts_content_and_mode_back() {
    let bench = Bench::new();
    bench.file("a", "old");
    fs::set_permissions(bench.path("a"), fs::Permissions::from_mode(0o640)).unwrap();
    let entries = write(&bench, json!({"path": "a", "text": "new"}));
    fs::set_permissions(bench.path("a"), fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(run(&bench, entries.clone()).unwrap(), [bench.path("a")]);
    assert_eq!(fs::read_to_string(bench.path("a")).unwrap(), "old");
    assert_eq!(fs::metadata(bench.path("a")).unwrap().permissions().mode() & 0o777, 0o640);
    assert!(run(&bench, entries).unwrap().is_empty(), "the second time there is nothing to do");
}

#[test]
fn names_only_the_files_that_it_changed() {
    let bench = Bench::new();
    let mut entries = Vec::new();
    for path in ["a", "b", "c", "c"] {
        entries.extend(write(&bench, json!({"path": path, "text": "x", "mode": "append"})));
    }
    fs::remove_file(bench.path("a")).unwrap();
    let changed = run(&bench, entries.clone()).unwrap();
    assert_eq!(changed, [bench.path("b"), bench.path("c")]);
    assert!(run(&bench, entries).unwrap().is_empty());
}

#[test]
fn the_order_of_writes_is_found_in_the_file() {
    let bench = Bench::new();
    let mut entries = Vec::new();
    for text in ["one", "two", "three"] {
        entries.extend(write(&bench, json!({"path": "a", "text": text, "mode": "append"})));
    }
    entries.swap(0, 1);
    entries.swap(1, 2);
    assert_eq!(run(&bench, entries).unwrap(), [bench.path("a")]);
    assert!(!bench.path("a").exists());
}

#[test]
fn an_undo_waits_for_the_call_that_is_writing() {
    let bench = Bench::new();
    let undo = record(write(&bench, json!({"path": "a", "text": "x"})));
    let (writing, undoing) = (Uuid::from_u128(3_000), Uuid::from_u128(3_001));
    let (writing, undoing) = (CallId::from_uuid(writing), CallId::from_uuid(undoing));
    let watch = Watch::start(Cancel::default(), 60_000);
    turns::take(writing, &bench.path("a"), Stage::Writing, &watch).unwrap();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| wait_for_turns(undoing, &[&undo]).map(drop).is_ok());
        assert!(!waiting.is_finished());
        turns::leave(writing);
        assert!(waiting.join().unwrap());
    });
    let short = Watch::start(Cancel::default(), 0);
    turns::take(writing, &bench.path("a"), Stage::Writing, &short).unwrap();
    turns::leave(writing);
}

#[test]
fn removes_what_was_made() {
    let bench = Bench::new();
    let entries = write(&bench, json!({"path": "new/file", "text": "x"}));
    assert_eq!(run(&bench, entries.clone()).unwrap(), [bench.path("new"), bench.path("new/file")]);
    assert!(!bench.path("new").exists(), "the directory was made on the way");
    assert!(run(&bench, entries).unwrap().is_empty());
}

#[test]
fn goes_back_through_several_writes_of_one_file() {
    let bench = Bench::new();
    let mut entries = Vec::new();
    for text in ["one", "two", "three"] {
        entries.extend(write(&bench, json!({"path": "a", "text": text, "mode": "append"})));
    }
    assert_eq!(fs::read_to_string(bench.path("a")).unwrap(), "onetwothree");
    let last = entries.pop().unwrap();
    run(&bench, vec![last]).unwrap();
    assert_eq!(fs::read_to_string(bench.path("a")).unwrap(), "onetwo");
    assert_eq!(run(&bench, entries).unwrap(), [bench.path("a")]);
    assert!(!bench.path("a").exists());
}

#[test]
fn a_file_that_somebody_changed_stops_all_of_it() {
    let bench = Bench::new();
    bench.file("a", "old a");
    bench.file("b", "old b");
    let mut entries = write(&bench, json!({"path": "a", "text": "new a"}));
    entries.extend(write(&bench, json!({"path": "b", "text": "new b"})));
    for path in ["a", "b"] {
        let kept = fs::read_to_string(bench.path(path)).unwrap();
        bench.file(path, "by hand");
        let error = run(&bench, entries.clone()).unwrap_err();
        assert!(matches!(&error, UndoError::Conflict(p) if *p == bench.path(path)), "{error}");
        bench.file(path, &kept);
    }
    fs::remove_file(bench.path("a")).unwrap();
    assert!(matches!(run(&bench, entries).unwrap_err(), UndoError::Conflict(_)));
    assert_eq!(fs::read_to_string(bench.path("b")).unwrap(), "new b");
}

#[test]
fn holds_to_the_walls() {
    let bench = Bench::new();
    bench.file("dir/a", "old");
    let entries = write(&bench, json!({"path": "dir/a", "text": "new"}));
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("a"), "new").unwrap();
    fs::rename(bench.path("dir"), bench.path("moved")).unwrap();
    std::os::unix::fs::symlink(outside.path(), bench.path("dir")).unwrap();
    let error = run(&bench, entries.clone()).unwrap_err();
    let forbidden = |e: &UndoError| matches!(e, UndoError::Access { error, .. } if error.kind == ErrorKind::Forbidden);
    assert!(forbidden(&error), "{error}");
    assert_eq!(fs::read_to_string(outside.path().join("a")).unwrap(), "new");
    let mut elsewhere = entries;
    for entry in &mut elsewhere {
        entry.path = bench.path("policies/a.yaml");
    }
    assert!(forbidden(&run(&bench, elsewhere).unwrap_err()));
}

#[test]
fn a_damaged_record_changes_nothing() {
    let bench = Bench::new();
    bench.file("a", "old");
    let entries = write(&bench, json!({"path": "a", "text": "new"}));
    let mut damaged = entries.clone();
    damaged[0].before = Some("!".to_owned());
    assert!(matches!(run(&bench, damaged).unwrap_err(), UndoError::BadRecord(_)));
    let newer = Undo { schema_version: SCHEMA_VERSION + 1, entries };
    let jail = Jail::new(bench.root(), &bench.confinement());
    let error = put_back(&[&newer], Changed::Stop, &mut Believed::default(), &jail).unwrap_err();
    assert!(matches!(error, UndoError::BadRecord(_)));
    assert_eq!(fs::read_to_string(bench.path("a")).unwrap(), "new");
}

#[test]
fn says_whether_a_call_has_happened() {
    let bench = Bench::new();
    bench.file("a", "x");
    let args = json!({"path": "a", "text": "y", "mode": "append"});
    let entries = bench.snapshot("write_text", args.clone()).unwrap().unwrap();
    let stands = || standing(&entries, bench.root(), &bench.confinement()).unwrap();
    assert_eq!(stands(), Standing::Before);
    bench.ok("write_text", args);
    assert_eq!(stands(), Standing::After);
    bench.file("a", "z");
    assert_eq!(stands(), Standing::Changed);
}

/// Takes the snapshot of a call and does it.
fn done(bench: &Bench, tool: &str, args: Value) -> Undo {
    let undo = bench.snapshot(tool, args.clone()).unwrap().unwrap();
    bench.ok(tool, args);
    undo
}

fn all_back(bench: &Bench, calls: &[Undo], changed: Changed) -> Result<PutBack, UndoError> {
    let jail = Jail::new(bench.root(), &bench.confinement());
    let calls: Vec<&Undo> = calls.iter().collect();
    put_back(&calls, changed, &mut Believed::default(), &jail)
}

/// Every name in the workspace with what it is, its permission bits and its content.
fn tree(bench: &Bench) -> Vec<(PathBuf, u32, Vec<u8>)> {
    use std::os::unix::ffi::OsStrExt;
    let (mut found, mut open) = (Vec::new(), vec![bench.root().to_owned()]);
    while let Some(dir) = open.pop() {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            let meta = fs::symlink_metadata(&path).unwrap();
            let content = if meta.is_symlink() {
                fs::read_link(&path).unwrap().as_os_str().as_bytes().to_vec()
            } else if meta.is_dir() {
                open.push(path.clone());
                Vec::new()
            } else {
                fs::read(&path).unwrap()
            };
            found.push((path, meta.permissions().mode(), content));
        }
    }
    found.sort();
    found
}

#[test]
fn moves_deletes_links_directories_and_bits_come_back() {
    use std::os::unix::fs::symlink;
    let bench = Bench::new();
    bench.file("dir/a", "a");
    bench.file("dir/deep/b", "b");
    bench.file("run", "x\n");
    bench.file("other/c", "c");
    fs::create_dir(bench.path("dir/empty")).unwrap();
    symlink("../nowhere", bench.path("dir/link")).unwrap();
    for (path, mode) in
        [("dir/a", 0o640), ("dir/deep", 0o750), ("dir/empty", 0o700), ("run", 0o600)]
    {
        fs::set_permissions(bench.path(path), fs::Permissions::from_mode(mode)).unwrap();
    }
    let before = tree(&bench);
    let calls = [
        done(&bench, "move_path", json!({"from": "dir", "to": "new/place/dir"})),
        done(&bench, "write_text", json!({"path": "new/place/dir/a", "text": "changed"})),
        done(
            &bench,
            "apply_patch",
            json!({"patch": "diff --git a/run b/run\nold mode 100644\nnew mode 100755\n"}),
        ),
        done(&bench, "delete_path", json!({"path": "new", "recursive": true})),
        done(&bench, "delete_path", json!({"path": "other", "recursive": true})),
        // A file where a directory was, and a directory where a file was.
        done(&bench, "write_text", json!({"path": "other", "text": "a file"})),
        done(&bench, "delete_path", json!({"path": "run"})),
        done(&bench, "write_text", json!({"path": "run/inside", "text": "x"})),
    ];
    let undone = all_back(&bench, &calls, Changed::Stop).unwrap();
    assert!(undone.left.is_empty() && undone.stay.is_empty(), "{undone:?}");
    assert_eq!(tree(&bench), before);
    let again = all_back(&bench, &calls, Changed::Stop).unwrap();
    assert!(again.changed.is_empty(), "{again:?}");
}

#[test]
fn a_call_of_which_something_was_changed_is_left_alone_as_a_whole() {
    let bench = Bench::new();
    bench.file("a", "a\n");
    bench.file("b", "b\n");
    bench.file("c", "c\n");
    let patch = "--- a/a\n+++ b/a\n@@ -1 +1 @@\n-a\n+A\n--- a/b\n+++ b/b\n@@ -1 +1 @@\n-b\n+B\n";
    let calls = [
        done(&bench, "write_text", json!({"path": "b", "text": "b\n", "mode": "overwrite"})),
        done(&bench, "apply_patch", json!({"patch": patch})),
        done(&bench, "write_text", json!({"path": "c", "text": "C"})),
        done(&bench, "write_text", json!({"path": "b", "text": "newer"})),
    ];
    bench.file("a", "by hand");
    assert!(matches!(all_back(&bench, &calls, Changed::Stop), Err(UndoError::Conflict(_))));
    let undone = all_back(&bench, &calls, Changed::LeaveAlone).unwrap();
    assert_eq!(undone.changed, [bench.path("b"), bench.path("c")]);
    let left: Vec<(usize, PathBuf)> =
        undone.left.into_iter().map(|it| (it.call, it.path)).collect();
    assert_eq!(left[0], (1, bench.path("a")));
    let text = |path: &str| fs::read_to_string(bench.path(path)).unwrap();
    assert_eq!(
        (text("a").as_str(), text("b").as_str(), text("c").as_str()),
        ("by hand", "B\n", "c\n")
    );
}

#[test]
fn a_directory_that_somebody_uses_now_stays() {
    let bench = Bench::new();
    let calls = [done(&bench, "write_text", json!({"path": "new/deep/a", "text": "x"}))];
    bench.file("new/theirs", "t");
    let undone = all_back(&bench, &calls, Changed::LeaveAlone).unwrap();
    assert_eq!(undone.stay, [bench.path("new")]);
    assert!(undone.left.is_empty());
    assert!(!bench.path("new/deep").exists() && bench.path("new/theirs").exists());
}

#[test]
fn nothing_is_put_back_through_a_link_that_took_the_place_of_a_directory() {
    let bench = Bench::new();
    bench.file("dir/a", "old");
    let calls = [done(&bench, "write_text", json!({"path": "dir/a", "text": "new"}))];
    fs::rename(bench.path("dir"), bench.path("moved")).unwrap();
    bench.file("other/a", "new");
    std::os::unix::fs::symlink("other", bench.path("dir")).unwrap();
    let undone = all_back(&bench, &calls, Changed::LeaveAlone).unwrap();
    assert_eq!(undone.left.len(), 1);
    assert_eq!(fs::read_to_string(bench.path("other/a")).unwrap(), "new");
}

#[test]
fn a_call_that_was_cut_off_half_way_stands_in_part() {
    let bench = Bench::new();
    bench.file("dir/a", "a");
    bench.file("dir/b", "b");
    let args = json!({"path": "dir", "recursive": true});
    let undo = bench.snapshot("delete_path", args).unwrap().unwrap();
    let stands = || standing(&undo, bench.root(), &bench.confinement()).unwrap();
    assert_eq!(stands(), Standing::Before);
    fs::remove_file(bench.path("dir/b")).unwrap();
    assert_eq!(stands(), Standing::Part);
    all_back(&bench, std::slice::from_ref(&undo), Changed::Stop).unwrap();
    assert_eq!(stands(), Standing::Before);
    bench.file("dir/a", "other");
    assert_eq!(stands(), Standing::Changed);
    fs::remove_dir_all(bench.path("dir")).unwrap();
    assert_eq!(stands(), Standing::After);
}

#[test]
fn records_of_older_programs_are_read() {
    // As `write_text` kept them before there was anything but files.
    let bench = Bench::new();
    let path = bench.path("a");
    let golden = include_str!("golden_undo_1.json").replace("/PATH", path.to_str().unwrap());
    let undo: Undo = serde_json::from_str(&golden).unwrap();
    bench.file("a", "new");
    all_back(&bench, std::slice::from_ref(&undo), Changed::Stop).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "old ");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
    let written: Value = serde_json::to_value(&undo).unwrap();
    assert_eq!(written, serde_json::from_str::<Value>(&golden).unwrap());
}
