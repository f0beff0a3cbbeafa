//! The file of tokens: read as a whole, replaced as a whole, for its owner's eyes alone.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::contracts::{Hash, Timestamp};
use crate::durable;

/// The version of the file.
const SCHEMA: u32 = 1;
/// Largest file that is read, in bytes.
const BYTES_MAX: u64 = 256 * 1024;
/// What others may do with it: nothing.
const OTHERS: u32 = 0o077;

/// A token as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Kept {
    pub name: String,
    /// Of the whole token. Nobody guesses 256 random bits, so no slow hash is needed.
    pub hash: Hash,
    pub created_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    schema: u32,
    tokens: Vec<Kept>,
}

/// The tokens in `path`; `None` where none was ever made.
pub(super) fn read(path: &Path) -> io::Result<Option<Vec<Kept>>> {
    let mut options = File::options();
    options.read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_CLOEXEC);
    let file = match options.open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    let found = file.metadata()?;
    let ours = found.uid() == rustix::process::geteuid().as_raw();
    if !found.is_file() || !ours || found.mode() & OTHERS != 0 {
        return Err(io::Error::new(
            ErrorKind::PermissionDenied,
            "it must be a file that only you can read and write: chmod 600",
        ));
    }
    let mut text = String::new();
    file.take(BYTES_MAX + 1).read_to_string(&mut text)?;
    if text.len() as u64 > BYTES_MAX {
        return Err(io::Error::new(ErrorKind::InvalidData, "it is larger than any that is made"));
    }
    let document: Document = serde_json::from_str(&text)?;
    if document.schema != SCHEMA {
        return Err(io::Error::new(ErrorKind::InvalidData, "it was made by another version"));
    }
    Ok(Some(document.tokens))
}

/// Puts `tokens` into the place of what is there.
pub(super) fn write(path: &Path, tokens: Vec<Kept>) -> io::Result<()> {
    let mut text = serde_json::to_vec_pretty(&Document { schema: SCHEMA, tokens })?;
    text.push(b'\n');
    durable::replace(path, &text, durable::PRIVATE)
}
