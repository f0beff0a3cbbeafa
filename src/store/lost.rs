//! Telling a state directory in which nothing was ever stored from one that lost its database: what
//! lies beside the database bears witness.

use std::path::Path;

use super::error::{PathContext, StoreError};
use super::heads::Anchored;
use super::layout::Layout;

/// Whether the database is a file with something in it; `false` when there is none. A database
/// that is anything but a file, or gone while others know of it, is damage.
pub(super) fn database_is_there(layout: &Layout) -> Result<bool, StoreError> {
    let path = layout.database();
    match std::fs::symlink_metadata(&path) {
        Ok(found) if !found.is_file() => Err(StoreError::corrupt(
            format!("`{}`", path.display()),
            "it is no file: move it away and restore the database",
        )),
        Ok(found) if found.len() > 0 => Ok(true),
        Ok(_) => refuse_lost(layout, "it is empty").map(|()| false),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            refuse_lost(layout, "it is missing").map(|()| false)
        }
        Err(error) => Err(StoreError::io("could not look at", &path, &error)),
    }
}

/// An error when there was a journal: starting afresh would bury what was lost. `how` is how the
/// loss shows.
pub(super) fn refuse_lost(layout: &Layout, how: &str) -> Result<(), StoreError> {
    let Some(witness) = witness(layout)? else { return Ok(()) };
    let reason = format!(
        "{how}, and {witness}: restore it, or move the whole directory away to start afresh"
    );
    Err(StoreError::corrupt(format!("`{}`", layout.database().display()), reason))
}

/// What says that there was a journal.
fn witness(layout: &Layout) -> Result<Option<String>, StoreError> {
    let heads = layout.heads();
    if !is_empty_file(&heads)? {
        let held = match Anchored::read(&heads)? {
            Some(anchored) if anchored.line > 0 => {
                format!("says that it held {} events", anchored.tip.global_seq)
            }
            _ => "is not empty".to_owned(),
        };
        return Ok(Some(format!("`{}` {held}", heads.display())));
    }
    let blobs = layout.blobs();
    Ok(has_entries(&blobs)?.then(|| format!("`{}` has texts of it", blobs.display())))
}

fn is_empty_file(path: &Path) -> Result<bool, StoreError> {
    match std::fs::symlink_metadata(path) {
        Ok(found) => Ok(found.len() == 0),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(StoreError::io("could not look at", path, &error)),
    }
}

fn has_entries(dir: &Path) -> Result<bool, StoreError> {
    match std::fs::read_dir(dir) {
        Ok(mut entries) => Ok(entries.next().is_some()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error).at("could not list", dir),
    }
}
