//! Where a path really leads: name by name, symlinks followed, also where the end does not exist.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};

use crate::policy::{PathFault, Places, absolute};

/// As many symlinks as Linux follows.
const LINKS_MAX: usize = 40;

/// The absolute path that `text` leads to, from the workspace root. Names that do not exist stand
/// for themselves; `..` goes up from where a link led, as it does in the system.
///
/// # Errors
/// When the text names no path, links go in a circle, or a directory on the way cannot be looked
/// at: what cannot be seen cannot be judged.
pub fn resolve(text: &str, places: &Places) -> Result<PathBuf, PathFault> {
    real(&absolute(text, places)?, text)
}

/// The real path of `path`, which is absolute.
pub(super) fn real(path: &Path, shown: &str) -> Result<PathBuf, PathFault> {
    let mut left: VecDeque<OsString> = parts(path);
    let mut here = PathBuf::from("/");
    let mut links = 0;
    while let Some(name) = left.pop_front() {
        if name == ".." {
            here.pop();
            continue;
        }
        let next = here.join(&name);
        match target(&next)? {
            None => here = next,
            Some(target) => {
                links += 1;
                if links > LINKS_MAX {
                    return Err(PathFault::Loop(shown.to_owned()));
                }
                if target.is_absolute() {
                    here = PathBuf::from("/");
                }
                for part in parts(&target).into_iter().rev() {
                    left.push_front(part);
                }
            }
        }
    }
    Ok(here)
}

/// Where `path` points, if it is a symlink.
fn target(path: &Path) -> Result<Option<PathBuf>, PathFault> {
    let unreadable = |error: std::io::Error| PathFault::Unreadable {
        path: path.display().to_string(),
        reason: error.to_string(),
    };
    match std::fs::symlink_metadata(path) {
        Ok(found) if found.is_symlink() => std::fs::read_link(path).map(Some).map_err(unreadable),
        Ok(_) => Ok(None),
        Err(error) => match error.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::InvalidFilename => Ok(None),
            _ => Err(unreadable(error)),
        },
    }
}

/// The names of a path, `..` among them.
fn parts(path: &Path) -> VecDeque<OsString> {
    path.components()
        .filter_map(|part| match part {
            Component::Normal(name) => Some(name.to_owned()),
            Component::ParentDir => Some(OsString::from("..")),
            _ => None,
        })
        .collect()
}
