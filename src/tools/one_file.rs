//! Writing one file so that undo can put the old one back: what `write_text` and `download` share.
//!
//! A call takes its turn at the file, keeps what is there, and writes only if that is still there.

use std::path::Path;

use data_encoding::BASE64;

use super::changes::Changes;
use super::fs::{Current, Existing, Place, shown};
use super::turns::{self, Stage};
use super::typed::Call;
use crate::contracts::{ErrorKind, Hash, SCHEMA_VERSION, ToolError};
use crate::ports::{Undo, UndoEntry};

/// Largest file that is written, and largest old content that is kept for undo, in bytes.
pub(super) const FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// The file's place, once it is this call's turn to write it.
pub(super) fn turn(path: &str, at: &Call<'_>, stage: Stage) -> Result<Place, ToolError> {
    let path = at.jail.absolute(path)?;
    let real = at.jail.place(&path)?.real();
    turns::take(at.call.id, &real, stage, &at.watch)?;
    // Whoever was before may have made directories that were missing.
    let place = at.jail.place(&path)?;
    if place.real() == real { Ok(place) } else { Err(moved(&real)) }
}

/// Keeps what is at `place` and remembers that it is there; `after` is what the call will write.
pub(super) fn keep(place: &Place, before: Option<Current>, after: &[u8], at: &Call<'_>) -> Undo {
    turns::saw(at.call.id, &place.real(), hash(before.as_ref()));
    let entry = UndoEntry {
        path: place.real(),
        after_hash: Some(Hash::of(after)),
        mode: before.as_ref().map(|current| current.mode),
        before: before.map(|current| BASE64.encode(&current.bytes)),
        ..UndoEntry::default()
    };
    let mut way = Changes::default();
    way.way(place);
    let entries = way.undo().entries.into_iter().chain([entry]).collect();
    Undo { schema_version: SCHEMA_VERSION, entries }
}

/// What is there now, where the old content was kept: it must be that, or undo would bring back
/// something else, and what somebody wrote in between would be lost. `None` where nothing was kept.
pub(super) fn unchanged(
    place: &Place,
    at: &Call<'_>,
) -> Result<Option<Option<Current>>, ToolError> {
    let Some((path, seen)) = turns::kept(at.call.id) else { return Ok(None) };
    let now = place.current(FILE_BYTES_MAX)?;
    if path == place.real() && seen == hash(now.as_ref()) {
        return Ok(Some(now));
    }
    Err(moved(&place.real()))
}

/// Puts the file there, whole; missing directories are made. Its place, and whether it is new.
pub(super) fn put(
    place: Place,
    bytes: &[u8],
    existing: Existing,
    at: &Call<'_>,
) -> Result<(Place, bool), ToolError> {
    let place = at.jail.make_way(place)?;
    let scratch = format!(".{}.tmp", at.call.id);
    let created = place.put(bytes, None, existing, &scratch)?;
    Ok((place, created))
}

fn hash(current: Option<&Current>) -> Option<Hash> {
    current.map(|current| Hash::of(&current.bytes))
}

fn moved(path: &Path) -> ToolError {
    let path = shown(path);
    let message = format!(
        "`{path}` was changed by somebody else just before it was written: nothing was written; \
         try again"
    );
    ToolError::retryable(ErrorKind::Conflict, message)
}
