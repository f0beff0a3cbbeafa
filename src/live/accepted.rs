//! What a person accepted of one edit of the workspace's rules, kept in its state directory.
//!
//! It is bound to the content of the files: another edit has to be accepted anew. No tool can write there,
//! as none can write the rules.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::contracts::{Hash, SCHEMA_VERSION};
use crate::durable::{PRIVATE, replace};
use crate::policy::{Source, SourceKind};

/// Largest document that is read, in bytes.
const BYTES_MAX: u64 = 1 << 20;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    schema_version: u32,
    files: Hash,
    names: Vec<String>,
}

/// Where it is kept.
pub(super) fn place(state_dir: &Path) -> PathBuf {
    state_dir.join("policy/accepted.json")
}

/// Names what files say that decide, wherever they lie.
pub(super) fn fingerprint(files: &[Source]) -> Hash {
    let decides = files.iter().filter(|file| file.kind() != SourceKind::Tests);
    let each = decides.map(|file| {
        let name = file.path.rsplit('/').next().unwrap_or_default();
        format!("{name} {}\n", Hash::of(&file.bytes))
    });
    let mut lines: Vec<String> = each.collect();
    lines.sort_unstable();
    Hash::of(lines.concat().as_bytes())
}

/// Keeps `names` as accepted for rules with the fingerprint `files`, in the place of what was accepted
/// before.
///
/// # Errors
/// When it cannot be written.
pub fn accept(state_dir: &Path, files: Hash, names: &[String]) -> io::Result<()> {
    let document = Document { schema_version: SCHEMA_VERSION, files, names: names.to_vec() };
    let text = serde_json::to_vec_pretty(&document).map_err(io::Error::other)?;
    let path = place(state_dir);
    let dir = path.parent().unwrap_or(state_dir);
    fs::create_dir_all(dir)?;
    if fs::symlink_metadata(dir)?.is_symlink() {
        return Err(io::Error::other("its directory is a symlink"));
    }
    replace(&path, &text, PRIVATE)
}

/// What was accepted for rules with the fingerprint `files`.
///
/// # Errors
/// When it cannot be read or is not what was written.
pub fn accepted(state_dir: &Path, files: Hash) -> io::Result<Vec<String>> {
    let path = place(state_dir);
    let found = match fs::symlink_metadata(&path) {
        Ok(found) => found,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    // Before it is opened: opening a pipe would wait for a writer.
    if !found.is_file() || found.len() > BYTES_MAX {
        return Err(io::Error::other("it is no regular file, or too large"));
    }
    let document: Document = serde_json::from_slice(&fs::read(&path)?).map_err(io::Error::other)?;
    if document.schema_version != SCHEMA_VERSION {
        let message = format!("its schema version is {}", document.schema_version);
        return Err(io::Error::other(message));
    }
    Ok(if document.files == files { document.names } else { Vec::new() })
}
