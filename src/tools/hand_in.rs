//! Files of the workspace that are copied into the directory of a call, for what runs there.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use super::area::failed;
use super::fs::read_at_most;
use super::typed::Call;
use crate::contracts::{ErrorKind, ToolError};

/// Most files of a call, and bytes in all.
pub(super) const FILES_MAX: usize = 32;
const BYTES_MAX: u64 = 64 << 20;

/// The names under which the files of `arg` are copied: their own, each once, and none of `taken`.
pub(super) fn names<'a>(
    arg: &str,
    paths: &'a [String],
    taken: &[&str],
) -> Result<Vec<&'a str>, ToolError> {
    let bad = |why: String| {
        Err(ToolError::new(ErrorKind::BadArguments, format!("argument `{arg}`: {why}")))
    };
    let mut names: Vec<&str> = Vec::new();
    for path in paths {
        let name = path.rsplit('/').next().unwrap_or(path);
        if matches!(name, "" | "." | "..") {
            return bad(format!("`{}` names no file", path.escape_debug()));
        }
        if names.contains(&name) || taken.contains(&name) {
            return bad(format!("there would be two files `{}`", name.escape_debug()));
        }
        names.push(name);
    }
    Ok(names)
}

/// Copies the files of `arg` into `dir`.
pub(super) fn copy(
    arg: &str,
    paths: &[String],
    at: &Call<'_>,
    dir: &Path,
) -> Result<(), ToolError> {
    let mut room = BYTES_MAX;
    for (path, name) in paths.iter().zip(names(arg, paths, &[])?) {
        at.watch.check()?;
        let opened = at.jail.open_file(path)?;
        let (content, more) = read_at_most(&opened.file, &opened.real, room)?;
        if more {
            let message = format!("`{arg}` are larger than {BYTES_MAX} bytes in all");
            return Err(ToolError::new(ErrorKind::TooLarge, message));
        }
        room = room.saturating_sub(content.len() as u64);
        put(&dir.join(name), &content)?;
    }
    Ok(())
}

/// A file that was not there before.
pub(super) fn put(path: &Path, content: &[u8]) -> Result<(), ToolError> {
    File::create_new(path)
        .and_then(|mut file| file.write_all(content))
        .map_err(|error| failed(path, &error))
}
