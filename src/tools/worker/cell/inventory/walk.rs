//! Through a directory in order of names, without following links and without end.

use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Most entries of one walk, and deepest directory.
const VISITS_MAX: u64 = 200_000;
const DEPTH_MAX: usize = 100;

/// Largest file that is read for what it names.
const TEXT_BYTES_MAX: u64 = 32 << 20;

const SET_ID_BITS: u32 = 0o6000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Dir,
    Link,
    Other,
}

/// An entry on the way.
#[derive(Debug)]
pub(super) struct Found<'a> {
    /// Below the start.
    pub(super) path: &'a Path,
    pub(super) kind: Kind,
    pub(super) bytes: u64,
    /// Whether it runs as its owner or group.
    pub(super) set_id: bool,
}

/// Calls `visit` for everything below `tree`. Whether a limit ended it early.
///
/// # Errors
/// When a directory cannot be read.
pub(super) fn walk(tree: &Path, visit: &mut dyn FnMut(&Found<'_>)) -> io::Result<bool> {
    let mut left = vec![PathBuf::new()];
    let mut visits = 0;
    while let Some(at) = left.pop() {
        if at.components().count() >= DEPTH_MAX {
            return Ok(true);
        }
        let mut names = Vec::new();
        for entry in fs::read_dir(tree.join(&at))? {
            names.push(entry?.file_name());
            visits += 1;
            if visits > VISITS_MAX {
                return Ok(true);
            }
        }
        names.sort_unstable();
        let mut dirs = Vec::new();
        for name in names {
            let path = at.join(name);
            let meta = fs::symlink_metadata(tree.join(&path))?;
            let kind = match meta.file_type() {
                kind if kind.is_dir() => Kind::Dir,
                kind if kind.is_file() => Kind::File,
                kind if kind.is_symlink() => Kind::Link,
                _ => Kind::Other,
            };
            let set_id = kind == Kind::File && meta.mode() & SET_ID_BITS != 0;
            visit(&Found { path: &path, kind, bytes: meta.len(), set_id });
            if kind == Kind::Dir {
                dirs.push(path);
            }
        }
        left.extend(dirs.into_iter().rev());
    }
    Ok(false)
}

/// A whole file as text.
///
/// # Errors
/// With the reason why it cannot be read.
pub(super) fn read_text(path: &Path) -> Result<String, String> {
    let file = fs::File::open(path).map_err(|error| error.to_string())?;
    let mut bytes = Vec::new();
    let limit = TEXT_BYTES_MAX + 1;
    file.take(limit).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() as u64 > TEXT_BYTES_MAX {
        return Err(format!("it is larger than {TEXT_BYTES_MAX} bytes"));
    }
    String::from_utf8(bytes).map_err(|_not_utf8| "it is not UTF-8".to_owned())
}
