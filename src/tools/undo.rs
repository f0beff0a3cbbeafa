//! Putting files, links and directories back to what they were before calls.
//!
//! A call is put back as a whole or not at all: every path is looked at before the first is changed.
//! What somebody else has changed since is never touched: either it stops the whole undo, or its
//! call is left alone and told, with all that was done before at the same paths. A directory that was
//! made on the way goes when nothing is in it any more.

mod plan;
mod state;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::fs::{Existing, Jail, Node, shown};
use super::turns::{self, Leaving, Stage};
use super::watch::Watch;
use crate::contracts::{CallId, Confinement, ErrorKind, Hash, ToolCall, ToolError};
use crate::policy::{Authorized, without_dots};
use crate::ports::{Cancel, Undo};
use plan::{Plan, plan};
pub use state::Believed;
use state::{State, before, checked, is_after, is_before, is_way, look};

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

/// What is done about calls of which somebody else has changed something since.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Changed {
    /// Nothing at all is put back.
    Stop,
    /// They are left alone, and the others are put back.
    LeaveAlone,
}

/// What became of an undo.
#[derive(Debug, Default)]
pub struct PutBack {
    /// Paths that were changed, each once, sorted. One that was as before already is not among them.
    pub changed: Vec<PathBuf>,
    /// Calls that were left alone.
    pub left: Vec<LeftAlone>,
    /// Directories that a call made and that stay, because something else is in them.
    pub stay: Vec<PathBuf>,
}

/// A call that was left alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftAlone {
    /// Which of the calls.
    pub call: usize,
    /// The path that is the reason.
    pub path: PathBuf,
    /// In words.
    pub why: String,
}

/// How the files of an undo record stand now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// All as before the call: it has not happened, or was undone.
    Before,
    /// All as the call leaves them: it has happened.
    After,
    /// Each is one of the two: it has happened in part.
    Part,
    /// Something is neither.
    Changed,
}

/// Puts back what calls changed, in the order in which they happened. Each path needs leave to be
/// written: a sealed call that names it. What `believed` knows of a path counts instead of how it
/// stands, and learns how what was put back stands now.
///
/// # Errors
/// When a path has no leave or cannot be reached in the walls of its leave, the record is damaged, or,
/// with [`Changed::Stop`], something was changed since.
pub fn undo(
    leave: &[Authorized<ToolCall>],
    calls: &[&Undo],
    changed: Changed,
    believed: &mut Believed,
    root: &Path,
) -> Result<PutBack, UndoError> {
    let named: BTreeSet<PathBuf> = leave.iter().filter_map(|sealed| named(sealed, root)).collect();
    let mut entries = calls.iter().flat_map(|undo| &undo.entries);
    if let Some(entry) = entries.find(|entry| !named.contains(&entry.path)) {
        return Err(UndoError::NoLeave(entry.path.clone()));
    }
    // Leaves are of one tool in one workspace, so that their walls are the same.
    let Some(sealed) = leave.first() else { return Ok(PutBack::default()) };
    let _leaving = wait_for_turns(sealed.call().id, calls)?;
    put_back(calls, changed, believed, &Jail::new(root, sealed.confinement()))
}

fn named(sealed: &Authorized<ToolCall>, root: &Path) -> Option<PathBuf> {
    let path = sealed.call().args.get("path").and_then(Value::as_str)?;
    Some(without_dots(&root.join(path)))
}

/// What [`undo`] would do. Looks at the files and changes nothing, so it needs nobody's leave.
///
/// # Errors
/// As [`undo`].
pub fn foresee(
    calls: &[&Undo],
    changed: Changed,
    root: &Path,
    protected: &[PathBuf],
) -> Result<PutBack, UndoError> {
    let whole = Confinement {
        read: vec![root.to_owned()],
        write: vec![root.to_owned()],
        protected: protected.to_vec(),
        ..Confinement::default()
    };
    let jail = Jail::new(root, &whole);
    let Plan { targets, left, first } = plan(calls, &jail, &Believed::default())?;
    match first {
        Some(error) if changed == Changed::Stop => Err(error),
        _ => Ok(PutBack { changed: targets.into_keys().collect(), left, stay: Vec::new() }),
    }
}

/// Notes how the paths of `calls` stand, before something else that is undone changes them.
///
/// # Errors
/// When the record is damaged.
pub fn note(
    leave: &[Authorized<ToolCall>],
    calls: &[&Undo],
    believed: &mut Believed,
    root: &Path,
) -> Result<(), UndoError> {
    let Some(sealed) = leave.first() else { return Ok(()) };
    let jail = Jail::new(root, sealed.confinement());
    for undo in calls {
        for entry in checked(undo)? {
            if !believed.0.contains_key(&entry.path)
                && let Ok(state) = look(&jail, &entry.path)
            {
                believed.0.insert(entry.path.clone(), state);
            }
        }
    }
    Ok(())
}

/// Waits until no call writes one of the files; nobody else does until the answer is dropped. Always
/// in the same order, so that two do not wait for each other.
fn wait_for_turns(call: CallId, calls: &[&Undo]) -> Result<Leaving, UndoError> {
    let leaving = Leaving(call);
    let watch = Watch::start(Cancel::default(), WAIT_MS);
    let entries = calls.iter().flat_map(|undo| &undo.entries);
    let paths: BTreeSet<&PathBuf> = entries.map(|entry| &entry.path).collect();
    for path in paths {
        turns::take(call, path, Stage::Writing, &watch)
            .map_err(|error| UndoError::Access { path: path.clone(), error })?;
    }
    Ok(leaving)
}

/// [`undo`] within given walls.
fn put_back(
    calls: &[&Undo],
    changed: Changed,
    believed: &mut Believed,
    jail: &Jail,
) -> Result<PutBack, UndoError> {
    let Plan { targets, left, first } = plan(calls, jail, believed)?;
    if let (Some(error), Changed::Stop) = (first, changed) {
        return Err(error);
    }
    let mut doing = Doing { jail, all: targets.len(), out: PutBack { left, ..PutBack::default() } };
    // What is in the way goes first, the inner before the outer.
    for (path, (now, to)) in targets.iter().rev() {
        if in_the_way(now, to) {
            doing.step(path, &Node::Absent, *to == Node::Absent)?;
        }
    }
    // Then directories, so that they can be filled whatever their permission bits.
    let dirs = || targets.iter().filter(|(_, (_, to))| matches!(to, Node::Dir(_)));
    for (path, _) in dirs() {
        doing.step(path, &Node::Dir(0o700), false)?;
    }
    for (path, (_, to)) in &targets {
        if matches!(to, Node::File(_) | Node::Link(_)) {
            doing.step(path, to, true)?;
        }
    }
    for (path, (_, to)) in dirs().rev() {
        doing.step(path, to, true)?;
    }
    let mut out = doing.out;
    out.changed.sort();
    for (path, (_, to)) in targets {
        believed.0.insert(path, State::of(&to));
    }
    Ok(out)
}

/// Whether what is there has to go before the name can be had.
fn in_the_way(now: &State, to: &Node) -> bool {
    match (now, to) {
        (State::Absent, _) => false,
        (_, Node::Absent) | (State::Dir, Node::File(_) | Node::Link(_)) => true,
        (State::Dir, Node::Dir(_)) => false,
        (_, Node::Dir(_)) => true,
        _ => false,
    }
}

struct Doing<'a> {
    jail: &'a Jail,
    all: usize,
    out: PutBack,
}

impl Doing<'_> {
    /// One step; `last` of those of its path.
    fn step(&mut self, path: &Path, to: &Node, last: bool) -> Result<(), UndoError> {
        match restore(self.jail, path, to) {
            Ok(()) if last => self.out.changed.push(path.to_owned()),
            Ok(()) => {}
            // Somebody put something into a directory that a call made.
            Err(error) if *to == Node::Absent && last && error.kind == ErrorKind::Conflict => {
                self.out.stay.push(path.to_owned());
            }
            Err(error) => {
                let (done, all, path) = (self.out.changed.len(), self.all, path.to_owned());
                return Err(UndoError::Interrupted { done, all, path, error });
            }
        }
        Ok(())
    }
}

fn restore(jail: &Jail, path: &Path, to: &Node) -> Result<(), ToolError> {
    let place = match to {
        Node::Absent => jail.place(path)?,
        _ => jail.way_to(path)?,
    };
    let scratch = match to {
        Node::File(current) => Hash::of(&current.bytes),
        _ => Hash::of(path.as_os_str().as_encoded_bytes()),
    };
    place.become_node(to, Existing::Replace, &format!(".undo-{scratch}.tmp"))
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
    let _leaving = wait_for_turns(leave.call().id, &[undo])?;
    match standing(undo, root, leave.confinement())? {
        Standing::After | Standing::Part => {
            let jail = Jail::new(root, leave.confinement());
            put_back(&[undo], Changed::Stop, &mut Believed::default(), &jail)?;
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
    let (mut before_all, mut after_all, mut known) = (true, true, true);
    for entry in checked(undo)?.iter().filter(|entry| !is_way(entry)) {
        let now = look(&jail, &entry.path)?;
        let old = is_before(&now, &before(entry)?, entry.after_mode.is_some());
        let new = is_after(&now, entry);
        before_all &= old;
        after_all &= new;
        known &= old || new;
    }
    Ok(match (before_all, after_all, known) {
        (_, true, _) => Standing::After,
        (true, ..) => Standing::Before,
        (.., true) => Standing::Part,
        _ => Standing::Changed,
    })
}

#[cfg(test)]
mod tests;
