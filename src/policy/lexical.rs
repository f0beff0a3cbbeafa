//! Paths as texts: what is refused outright, and what a path means without looking at the disk.

use std::path::{Component, Path, PathBuf};

use super::Places;

/// Longest path, in bytes.
const PATH_BYTES_MAX: usize = 4096;

/// Why a text is not a path that policy can judge.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathFault {
    /// There is nothing.
    #[error("the path is empty: write `.` for the workspace itself")]
    Empty,
    /// Longer than any path may be.
    #[error("the path has more than {PATH_BYTES_MAX} bytes")]
    TooLong,
    /// A control character, NUL among them.
    #[error("the path `{0}` has a control character")]
    Control(String),
    /// `~name`.
    #[error("the path `{0}` names another user's home: write it out")]
    OtherHome(String),
    /// `~` where no home is known.
    #[error("the path `{0}` starts in a home directory, and none is known")]
    NoHome(String),
    /// More symlinks than the system would follow.
    #[error("the path `{0}` goes through too many symlinks")]
    Loop(String),
    /// A directory on the way cannot be looked at.
    #[error("cannot look at `{path}`: {reason}")]
    Unreadable {
        /// Where it stopped.
        path: String,
        /// What the system said.
        reason: String,
    },
}

/// The absolute path that `text` means, with `..` and symlinks still in it.
///
/// # Errors
/// When no path could be meant, or one that means different things to different programs.
pub fn absolute(text: &str, places: &Places) -> Result<PathBuf, PathFault> {
    if text.is_empty() {
        return Err(PathFault::Empty);
    }
    if text.len() > PATH_BYTES_MAX {
        return Err(PathFault::TooLong);
    }
    if text.chars().any(char::is_control) {
        return Err(PathFault::Control(text.escape_debug().to_string()));
    }
    let Some(rest) = text.strip_prefix('~') else { return Ok(places.root.join(text)) };
    if !rest.is_empty() && !rest.starts_with('/') {
        return Err(PathFault::OtherHome(text.to_owned()));
    }
    let home = places.home.as_ref().ok_or_else(|| PathFault::NoHome(text.to_owned()))?;
    Ok(home.join(rest.trim_start_matches('/')))
}

/// What `text` means on a machine without symlinks: for examples and for requests about another
/// machine.
///
/// # Errors
/// As [`absolute`].
pub fn resolve_lexically(text: &str, places: &Places) -> Result<PathBuf, PathFault> {
    Ok(without_dots(&absolute(text, places)?))
}

/// `path` with `.` and `..` taken out, name by name.
#[must_use]
pub fn without_dots(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                plain.pop();
            }
            other => plain.push(other),
        }
    }
    plain
}
