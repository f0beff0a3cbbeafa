//! How a path stands, and whether that is what an entry says of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use data_encoding::BASE64;

use super::UndoError;
use crate::contracts::{ErrorKind, Hash, SCHEMA_VERSION};
use crate::ports::{NoFile, Undo, UndoEntry};
use crate::tools::fs::{Current, Jail, Node, shown};
use crate::tools::one_file::FILE_BYTES_MAX;

/// How a path stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum State {
    Absent,
    File {
        hash: Hash,
        mode: u32,
    },
    Link(String),
    Dir,
    /// Something that no call leaves.
    Strange,
}

/// How paths stood before something that undo itself did changed them.
#[derive(Debug, Default)]
pub struct Believed(pub(super) BTreeMap<PathBuf, State>);

impl State {
    pub(super) fn of(node: &Node) -> Self {
        match node {
            Node::Absent => Self::Absent,
            Node::File(Current { bytes, mode }) => {
                Self::File { hash: Hash::of(bytes), mode: *mode }
            }
            Node::Link(target) => Self::Link(target.clone()),
            Node::Dir(_) => Self::Dir,
        }
    }
}

/// How `path` stands now.
pub(super) fn look(jail: &Jail, path: &Path) -> Result<State, UndoError> {
    let found = jail.place(path).and_then(|place| match place.real() == path {
        true => place.node(FILE_BYTES_MAX).map(|node| State::of(&node)),
        // A directory on the way is a link now: what is behind it is another file.
        false => Ok(State::Strange),
    });
    match found {
        Ok(state) => Ok(state),
        Err(error) => match error.kind {
            // A part of the way is no directory any more.
            ErrorKind::NotFound => Ok(State::Absent),
            ErrorKind::TooLarge | ErrorKind::BadContent => Ok(State::Strange),
            _ => Err(UndoError::Access { path: path.to_owned(), error }),
        },
    }
}

/// The entries of a record that can be read.
pub(super) fn checked(undo: &Undo) -> Result<&[UndoEntry], UndoError> {
    if undo.schema_version == SCHEMA_VERSION {
        Ok(&undo.entries)
    } else {
        let version = undo.schema_version;
        Err(UndoError::BadRecord(format!("it has version {version}, known is {SCHEMA_VERSION}")))
    }
}

/// What an entry says was there.
pub(super) fn before(entry: &UndoEntry) -> Result<Node, UndoError> {
    let text = match (&entry.before_other, &entry.before) {
        (Some(NoFile::Directory), _) => return Ok(Node::Dir(entry.mode.unwrap_or(0o755))),
        (Some(NoFile::Link { target }), _) => return Ok(Node::Link(target.clone())),
        (None, None) => return Ok(Node::Absent),
        (None, Some(text)) => text,
    };
    let bytes = BASE64.decode(text.as_bytes()).map_err(|error| {
        UndoError::BadRecord(format!("the old content of `{}`: {error}", shown(&entry.path)))
    })?;
    Ok(Node::File(Current { bytes, mode: entry.mode.unwrap_or(0o644) }))
}

/// Whether a path stands as an entry says it was. Permission bits count where a call changed them.
pub(super) fn is_before(state: &State, before: &Node, bits: bool) -> bool {
    match (state, &State::of(before)) {
        (State::File { hash, mode }, State::File { hash: old, mode: old_mode }) => {
            hash == old && (!bits || mode == old_mode)
        }
        (state, old) => state == old,
    }
}

/// Whether a path stands as the call leaves it.
pub(super) fn is_after(state: &State, entry: &UndoEntry) -> bool {
    match (state, &entry.after_other, &entry.after_hash) {
        (State::Dir, Some(NoFile::Directory), _) => true,
        (State::Link(now), Some(NoFile::Link { target }), _) => now == target,
        (State::File { hash, mode }, None, Some(after)) => {
            hash == after && entry.after_mode.is_none_or(|after| after == *mode)
        }
        (State::Absent, None, None) => true,
        _ => false,
    }
}

/// Whether it is a directory that a call made because it put something into it. Others may have done the
/// same, and put something there since: it goes when it is empty, and stops nothing when it is not.
pub(super) fn is_way(entry: &UndoEntry) -> bool {
    entry.after_other == Some(NoFile::Directory)
        && entry.before.is_none()
        && entry.before_other.is_none()
}
