//! Putting files back to what they were before a call.
//!
//! All of it or nothing: every file is looked at before the first is changed, and a file that
//! somebody else has changed since stops the whole undo. Directories that a call made stay.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use data_encoding::BASE64;
use serde_json::Value;

use super::fs::{Current, Existing, Jail, shown};
use super::turns::{self, Leaving, Stage};
use super::watch::Watch;
use super::write_text::FILE_BYTES_MAX;
use crate::contracts::{CallId, Confinement, Hash, SCHEMA_VERSION, ToolCall, ToolError};
use crate::policy::{Authorized, without_dots};
use crate::ports::{Cancel, Undo, UndoEntry};

/// How long calls that write the same files are waited for.
const WAIT_MS: u64 = 60_000;

/// Why a call is not undone. Nothing was changed, but for `Interrupted`.
#[derive(Debug, thiserror::Error)]
pub enum UndoError {
    /// Somebody else changed the file since.
    #[error("`{}` was changed since: it is neither what the call left nor what was before", shown(.0))]
    Conflict(PathBuf),
    /// Nobody allowed it.
    #[error("nobody allowed to write `{}`", shown(.0))]
    NoLeave(PathBuf),
    /// The file cannot be looked at.
    #[error("cannot undo `{}`: {}", shown(.path), .error.message)]
    Access {
        /// The file.
        path: PathBuf,
        /// Why.
        error: ToolError,
    },
    /// Putting a file back failed half-way; repeating the undo finishes it.
    #[error("put back {done} of {all} files, then failed at `{}`: {}", shown(.path), .error.message)]
    Interrupted {
        /// Files that are back.
        done: usize,
        /// Files to put back.
        all: usize,
        /// Where it failed.
        path: PathBuf,
        /// Why.
        error: ToolError,
    },
    /// The record is of a newer version of this program, or damaged.
    #[error("the undo record cannot be read: {0}")]
    BadRecord(String),
}

/// How the files of an undo record stand now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// All as before the call: it has not happened, or was undone.
    Before,
    /// All as the call leaves them: it has happened.
    After,
    /// Neither.
    Changed,
}

/// Puts every file of `undo` back. Each needs leave to be written: a sealed call that names it. To
/// undo several calls, hand in one record with their entries in the order in which they happened.
/// Returns the files that were changed, each once, sorted; one that is already as before is left as it
/// is and not among them, so that nothing at all is an empty list.
///
/// # Errors
/// When a file has no leave, was changed since, cannot be reached in the walls of its leave, or the
/// record is damaged.
pub fn undo(
    leave: &[Authorized<ToolCall>],
    undo: &Undo,
    root: &Path,
) -> Result<Vec<PathBuf>, UndoError> {
    let named = |entry: &UndoEntry| {
        leave.iter().any(|sealed| {
            let path = sealed.call().args.get("path").and_then(Value::as_str);
            path.is_some_and(|path| without_dots(&root.join(path)) == entry.path)
        })
    };
    if let Some(entry) = undo.entries.iter().find(|entry| !named(entry)) {
        return Err(UndoError::NoLeave(entry.path.clone()));
    }
    // Leaves are of one tool in one workspace, so that their walls are the same.
    match leave.first() {
        Some(sealed) => {
            let _leaving = wait_for_turns(sealed.call().id, undo)?;
            put_back(undo, root, sealed.confinement())
        }
        None => Ok(Vec::new()),
    }
}

/// Waits until no call writes one of the files; nobody else does until the answer is dropped. Always
/// in the same order, so that two do not wait for each other.
fn wait_for_turns(call: CallId, undo: &Undo) -> Result<Leaving, UndoError> {
    let leaving = Leaving(call);
    let watch = Watch::start(Cancel::default(), WAIT_MS);
    let paths: BTreeSet<&PathBuf> = undo.entries.iter().map(|entry| &entry.path).collect();
    for path in paths {
        turns::take(call, path, Stage::Writing, &watch)
            .map_err(|error| UndoError::Access { path: path.clone(), error })?;
    }
    Ok(leaving)
}

/// [`undo`] within given walls.
fn put_back(
    undo: &Undo,
    root: &Path,
    confinement: &Confinement,
) -> Result<Vec<PathBuf>, UndoError> {
    let jail = Jail::new(root, confinement);
    let plan = plan(undo, &jail)?;
    let all = plan.len();
    let mut done: Vec<PathBuf> = Vec::new();
    for (path, target) in plan {
        match restore(&jail, &path, &target) {
            Ok(()) => done.push(path),
            Err(error) => {
                return Err(UndoError::Interrupted { done: done.len(), all, path, error });
            }
        }
    }
    Ok(done)
}

/// Puts the files of a call that was cut off back, if it changed them. `Changed` when somebody else
/// did since: nothing is put back then.
///
/// # Errors
/// As [`undo`].
pub fn roll_back(
    leave: &Authorized<ToolCall>,
    undo: &Undo,
    root: &Path,
) -> Result<Standing, UndoError> {
    let _leaving = wait_for_turns(leave.call().id, undo)?;
    match standing(undo, root, leave.confinement())? {
        Standing::After => {
            put_back(undo, root, leave.confinement())?;
            Ok(Standing::Before)
        }
        standing => Ok(standing),
    }
}

/// How the files of `undo` stand: whether a call that a crash cut off has happened.
///
/// # Errors
/// When a file cannot be reached in these walls, or the record is damaged.
fn standing(undo: &Undo, root: &Path, confinement: &Confinement) -> Result<Standing, UndoError> {
    let jail = Jail::new(root, confinement);
    let (mut before, mut after) = (true, true);
    for entry in checked(undo)? {
        let now = digest(current(&jail, &entry.path)?.as_ref());
        before &= now == digest(old(entry)?.as_ref());
        after &= now == entry.after_hash;
    }
    Ok(match (before, after) {
        (_, true) => Standing::After,
        (true, false) => Standing::Before,
        (false, false) => Standing::Changed,
    })
}

/// What each file must become; `None` for one that was not there.
type Plan = BTreeMap<PathBuf, Option<Current>>;

/// Goes back through the entries in mind only.
fn plan(undo: &Undo, jail: &Jail) -> Result<Plan, UndoError> {
    let mut by_path: BTreeMap<&PathBuf, Vec<&UndoEntry>> = BTreeMap::new();
    for entry in checked(undo)? {
        by_path.entry(&entry.path).or_default().push(entry);
    }
    let mut plan = Plan::new();
    for (path, entries) in by_path {
        let standing = digest(current(jail, path)?.as_ref());
        if let Some(target) = target(path, entries, standing)? {
            plan.insert(path.clone(), target);
        }
    }
    Ok(plan)
}

/// What the file at `path` must become, going back through its entries from the newest; `None` when
/// it is that already.
fn target(
    path: &Path,
    mut entries: Vec<&UndoEntry>,
    mut standing: Option<Hash>,
) -> Result<Option<Option<Current>>, UndoError> {
    let mut target = None;
    if let Some(oldest) = entries.first()
        && digest(old(oldest)?.as_ref()) == standing
    {
        return Ok(None);
    }
    while let Some(newest) = entries.last() {
        if digest(old(newest)?.as_ref()) == standing {
            entries.pop();
            continue;
        }
        // Of calls that began in the same millisecond, nobody knows the order but the file itself.
        let Some(last) = entries.iter().rposition(|entry| entry.after_hash == standing) else {
            return Err(UndoError::Conflict(path.to_owned()));
        };
        let before = old(entries.remove(last))?;
        standing = digest(before.as_ref());
        target = Some(before);
    }
    Ok(target)
}

fn checked(undo: &Undo) -> Result<&[UndoEntry], UndoError> {
    if undo.schema_version == SCHEMA_VERSION {
        Ok(&undo.entries)
    } else {
        let version = undo.schema_version;
        Err(UndoError::BadRecord(format!("it has version {version}, known is {SCHEMA_VERSION}")))
    }
}

/// The content that an entry kept.
fn old(entry: &UndoEntry) -> Result<Option<Current>, UndoError> {
    let Some(text) = &entry.before else { return Ok(None) };
    let bytes = BASE64.decode(text.as_bytes()).map_err(|error| {
        UndoError::BadRecord(format!("the old content of `{}`: {error}", shown(&entry.path)))
    })?;
    Ok(Some(Current { bytes, mode: entry.mode.unwrap_or(0o644) }))
}

fn current(jail: &Jail, path: &Path) -> Result<Option<Current>, UndoError> {
    jail.place(path)
        .and_then(|place| place.current(FILE_BYTES_MAX))
        .map_err(|error| UndoError::Access { path: path.to_owned(), error })
}

fn digest(file: Option<&Current>) -> Option<Hash> {
    file.map(|file| Hash::of(&file.bytes))
}

fn restore(jail: &Jail, path: &Path, target: &Option<Current>) -> Result<(), ToolError> {
    let place = jail.place(path)?;
    let Some(target) = target else { return place.remove() };
    let place = jail.make_way(place)?;
    let scratch = format!(".undo-{}.tmp", Hash::of(&target.bytes));
    place.put(&target.bytes, Some(target.mode), Existing::Replace, &scratch).map(drop)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use serde_json::{Value, json};
    use uuid::Uuid;

    use super::*;
    use crate::contracts::ErrorKind;
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
        put_back(&record(entries), bench.root(), &bench.confinement())
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
            let waiting = scope.spawn(|| wait_for_turns(undoing, &undo).map(drop).is_ok());
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
        assert_eq!(run(&bench, entries.clone()).unwrap(), [bench.path("new/file")]);
        assert!(!bench.path("new/file").exists());
        fs::remove_dir(bench.path("new")).unwrap();
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
        let error = put_back(&newer, bench.root(), &bench.confinement()).unwrap_err();
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
}
