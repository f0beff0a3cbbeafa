//! Changes to several files as one: planned from what is there, kept for undo, done whole or not at
//! all.
//!
//! A tool says what each path is to become. Here it takes its turn at every path, notices what
//! somebody else did in between, and goes back by itself when a change fails half-way.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use data_encoding::BASE64;

use super::fs::{Current, Existing, Jail, Node, Place, shown};
use super::one_file::FILE_BYTES_MAX;
use super::turns::{self, Seen, Stage};
use super::typed::Call;
use crate::contracts::{ErrorKind, Hash, SCHEMA_VERSION, ToolError};
use crate::ports::{NoFile, Undo, UndoEntry};

/// Most paths that one call changes.
pub(super) const PATHS_MAX: usize = 2_000;
/// Most bytes of old content that are kept for one call.
pub(super) const KEPT_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// What one path is and will be.
#[derive(Debug, Clone)]
pub(super) struct Change {
    /// Absolute, without links.
    pub(super) path: PathBuf,
    pub(super) before: Node,
    pub(super) after: Node,
}

/// All changes of a call, in the order in which they are done.
#[derive(Debug, Default)]
pub(super) struct Changes(pub(super) Vec<Change>);

impl Changes {
    /// Adds the directories that are missing on the way to `place`, each once.
    pub(super) fn way(&mut self, place: &Place) {
        for path in place.missing_dirs() {
            if !self.0.iter().any(|change| change.path == path) {
                self.0.push(Change { path, before: Node::Absent, after: Node::Dir(0o755) });
            }
        }
    }

    /// Fails when it is more than can be kept.
    pub(super) fn within_limits(&self) -> Result<(), ToolError> {
        let too_large = |message| Err(ToolError::new(ErrorKind::TooLarge, message));
        if self.0.len() > PATHS_MAX {
            let message =
                format!("more than {PATHS_MAX} paths would change: it could not be undone");
            return too_large(message);
        }
        let bytes: usize = self.0.iter().map(|change| size(&change.before)).sum();
        if u64::try_from(bytes).is_ok_and(|bytes| bytes <= KEPT_BYTES_MAX) {
            return Ok(());
        }
        let message =
            format!("{bytes} bytes would have to be kept for undo, more than {KEPT_BYTES_MAX}");
        too_large(message)
    }

    /// What undo needs.
    pub(super) fn undo(&self) -> Undo {
        let entries = self.0.iter().map(entry).collect();
        Undo { schema_version: SCHEMA_VERSION, entries }
    }

    /// The paths with a content of their own: those that calls take turns at.
    fn paths(&self) -> BTreeSet<&Path> {
        let of_files = self.0.iter().filter(|change| !is_way(change));
        of_files.map(|change| change.path.as_path()).collect()
    }

    fn seen(&self) -> Vec<(PathBuf, Seen)> {
        let of_files = self.0.iter().filter(|change| !is_way(change));
        let mut seen: Vec<_> =
            of_files.map(|change| (change.path.clone(), seen(&change.before))).collect();
        seen.sort();
        seen
    }

    /// Does all of it, or nothing: what was done is taken back when a change fails.
    pub(super) fn apply(&self, at: &Call<'_>) -> Result<(), ToolError> {
        let scratch = format!(".{}.tmp", at.call.id);
        for (done, change) in self.0.iter().enumerate() {
            let went = at.watch.check();
            let went = went.and_then(|()| become_node(&at.jail, change, &scratch));
            if let Err(error) = went {
                self.take_back(done, &at.jail, &scratch, &error)?;
                return Err(error);
            }
        }
        Ok(())
    }

    /// Takes the first `done` changes back.
    pub(super) fn take_back(
        &self,
        done: usize,
        jail: &Jail,
        scratch: &str,
        cause: &ToolError,
    ) -> Result<(), ToolError> {
        for change in self.0.iter().take(done).rev() {
            let Change { path, before, after } = change.clone();
            let back = Change { path, before: after, after: before };
            become_node(jail, &back, scratch).map_err(|error| {
                let message = format!(
                    "{}; and `{}` could not be put back: {}; `bailiwick undo` of this call finishes it",
                    cause.message,
                    shown(&back.path),
                    error.message
                );
                ToolError::new(ErrorKind::Io, message)
            })?;
        }
        Ok(())
    }
}

/// Whether it is a directory that is made because something is put into it. Several calls may make the
/// same one, so that nobody waits for another there.
fn is_way(change: &Change) -> bool {
    change.before == Node::Absent && matches!(change.after, Node::Dir(_))
}

const fn size(node: &Node) -> usize {
    match node {
        Node::File(current) => current.bytes.len(),
        Node::Absent | Node::Link(_) | Node::Dir(_) => 0,
    }
}

fn become_node(jail: &Jail, change: &Change, scratch: &str) -> Result<(), ToolError> {
    let place = match change.after {
        Node::Absent => jail.place(&change.path)?,
        _ => jail.way_to(&change.path)?,
    };
    let existing = if change.before == Node::Absent { Existing::Refuse } else { Existing::Replace };
    place.become_node(&change.after, existing, scratch)
}

/// Plans with `plan`, takes the turn at each path, and plans again: whoever was before may have
/// changed them.
pub(super) fn settled(
    at: &Call<'_>,
    stage: Stage,
    plan: impl Fn() -> Result<Changes, ToolError>,
) -> Result<Changes, ToolError> {
    let first = plan()?;
    first.within_limits()?;
    for path in first.paths() {
        turns::take(at.call.id, path, stage, &at.watch)?;
    }
    let second = plan()?;
    second.within_limits()?;
    if second.paths() == first.paths() { Ok(second) } else { Err(meanwhile(None)) }
}

/// Keeps what undo needs, before the call.
pub(super) fn keep(
    at: &Call<'_>,
    plan: impl Fn() -> Result<Changes, ToolError>,
) -> Result<Option<Undo>, ToolError> {
    let changes = settled(at, Stage::Keeping, plan)?;
    for (path, seen) in changes.seen() {
        turns::saw(at.call.id, &path, seen);
    }
    Ok(Some(changes.undo()))
}

/// The changes to do now. Where the old content was kept, it must be what is there: undo would bring
/// back something else, and what somebody wrote in between would be lost.
pub(super) fn to_do(
    at: &Call<'_>,
    plan: impl Fn() -> Result<Changes, ToolError>,
) -> Result<Changes, ToolError> {
    at.watch.check()?;
    let changes = settled(at, Stage::Writing, plan)?;
    let mut kept = turns::all_kept(at.call.id);
    kept.sort();
    let seen = changes.seen();
    if kept.is_empty() || kept == seen {
        return Ok(changes);
    }
    let other = seen.iter().find(|one| !kept.contains(one)).map(|(path, _)| path.as_path());
    Err(meanwhile(other))
}

fn meanwhile(path: Option<&Path>) -> ToolError {
    let what = path.map_or_else(|| "something".to_owned(), |path| format!("`{}`", shown(path)));
    let message = format!(
        "{what} was changed by somebody else just before the call: nothing was changed; try again"
    );
    ToolError::retryable(ErrorKind::Conflict, message)
}

fn seen(node: &Node) -> Seen {
    match node {
        Node::Absent => None,
        Node::File(current) => Some(Hash::of(&current.bytes)),
        Node::Link(target) => Some(Hash::of(format!("link {target}").as_bytes())),
        Node::Dir(_) => Some(Hash::of(b"directory")),
    }
}

/// What undo needs of one change.
pub(super) fn entry(change: &Change) -> UndoEntry {
    let Change { path, before, after } = change;
    let mode = mode(before);
    UndoEntry {
        path: path.clone(),
        before: match before {
            Node::File(current) => Some(BASE64.encode(&current.bytes)),
            Node::Absent | Node::Link(_) | Node::Dir(_) => None,
        },
        mode,
        before_other: no_file(before),
        after_hash: match after {
            Node::File(current) => Some(Hash::of(&current.bytes)),
            Node::Absent | Node::Link(_) | Node::Dir(_) => None,
        },
        after_other: no_file(after),
        after_mode: match (before, after) {
            (Node::File(Current { mode: old, .. }), Node::File(Current { mode: new, .. })) => {
                Some(*new).filter(|new| new != old)
            }
            _ => None,
        },
    }
}

const fn mode(node: &Node) -> Option<u32> {
    match node {
        Node::File(Current { mode, .. }) | Node::Dir(mode) => Some(*mode),
        Node::Absent | Node::Link(_) => None,
    }
}

fn no_file(node: &Node) -> Option<NoFile> {
    match node {
        Node::Absent | Node::File(_) => None,
        Node::Link(target) => Some(NoFile::Link { target: target.clone() }),
        Node::Dir(_) => Some(NoFile::Directory),
    }
}

/// What has the name of `place`, as far as it can be put back.
pub(super) fn current(place: &Place) -> Result<Node, ToolError> {
    place.node(FILE_BYTES_MAX)
}
