//! The workspace's last good rules, kept in its state directory for the next start.
//!
//! The state directory is as much of the workspace as its rules are: whoever made the workspace may
//! have made it. So only rules of that layer are kept and read here, whatever the file says, and
//! what is read is trusted less than the rules themselves; see [`super::LivePolicy`].

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::contracts::SCHEMA_VERSION;
use crate::durable::{PRIVATE, replace};
use crate::policy::{Layer, Source};

/// What people call the directory of the workspace's rules.
pub(super) const SHOWN: &str = "policies/";
/// Largest document that is read, in bytes.
const BYTES_MAX: u64 = 64 << 20;

/// Where it is kept.
pub(super) fn place(state_dir: &Path) -> PathBuf {
    state_dir.join("policy/last-good.json")
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    schema_version: u32,
    files: Vec<Kept>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    path: String,
    text: String,
}

/// The workspace's files that were kept; none when nothing was.
///
/// # Errors
/// When it cannot be read or is not what was written.
pub(super) fn load(state_dir: &Path) -> io::Result<Vec<Source>> {
    let Some(text) = read(&place(state_dir))? else { return Ok(Vec::new()) };
    let document: Document = serde_json::from_str(&text).map_err(io::Error::other)?;
    if document.schema_version != SCHEMA_VERSION {
        let message = format!("its schema version is {}", document.schema_version);
        return Err(io::Error::other(message));
    }
    document.files.into_iter().map(source).collect()
}

/// Reasons name files: one of the workspace must not pass for one of the user.
fn source(file: Kept) -> io::Result<Source> {
    if !file.path.starts_with(SHOWN) {
        return Err(io::Error::other(format!("`{}` is no file of `{SHOWN}`", file.path)));
    }
    Ok(Source { layer: Layer::Workspace, path: file.path, bytes: file.text.into_bytes() })
}

fn read(path: &Path) -> io::Result<Option<String>> {
    let found = match fs::symlink_metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    // Before it is opened: opening a pipe would wait for a writer.
    if !found.is_file() {
        return Err(io::Error::other("it is no regular file"));
    }
    let mut text = String::new();
    File::open(path)?.take(BYTES_MAX + 1).read_to_string(&mut text)?;
    if u64::try_from(text.len()).unwrap_or(u64::MAX) > BYTES_MAX {
        return Err(io::Error::other(format!("it has more than {BYTES_MAX} bytes")));
    }
    Ok(Some(text))
}

/// Keeps the workspace's `files`: after this returns, a crash finds either the old or the new
/// document, whole.
///
/// # Errors
/// When it cannot be written, or its directory is a link that leads elsewhere.
pub(super) fn save(state_dir: &Path, files: &[Source]) -> io::Result<()> {
    let files = files.iter().map(|source| {
        let text = String::from_utf8(source.bytes.clone()).map_err(io::Error::other)?;
        Ok(Kept { path: source.path.clone(), text })
    });
    let files = files.collect::<io::Result<Vec<_>>>()?;
    let document = Document { schema_version: SCHEMA_VERSION, files };
    let text = serde_json::to_vec_pretty(&document).map_err(io::Error::other)?;
    let path = place(state_dir);
    let dir = path.parent().unwrap_or(state_dir);
    fs::create_dir_all(dir)?;
    if fs::symlink_metadata(dir)?.is_symlink() {
        return Err(io::Error::other("its directory is a symlink"));
    }
    replace(&path, &text, PRIVATE)
}
