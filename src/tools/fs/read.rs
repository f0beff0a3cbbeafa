//! Reading regular files, up to a limit.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, OFlags};

use super::names::shown;
use crate::contracts::{ErrorKind, ToolError};

/// Opening a FIFO must not wait for a writer, nor a terminal become ours.
pub(super) const READ: OFlags =
    OFlags::RDONLY.union(OFlags::NONBLOCK).union(OFlags::NOCTTY).union(OFlags::CLOEXEC);

/// A regular file, open for reading.
#[derive(Debug)]
pub(in crate::tools) struct Opened {
    /// The file.
    pub(in crate::tools) file: File,
    /// Where it is, without links.
    pub(in crate::tools) real: PathBuf,
    /// Its size when it was opened.
    pub(in crate::tools) bytes: u64,
}

/// The first `limit` bytes, and whether there are more.
pub(in crate::tools) fn read_at_most(
    file: &File,
    path: &Path,
    limit: u64,
) -> Result<(Vec<u8>, bool), ToolError> {
    let mut bytes = Vec::new();
    let wanted = limit.saturating_add(1);
    file.take(wanted).read_to_end(&mut bytes).map_err(|error| {
        ToolError::new(ErrorKind::Io, format!("cannot read `{}`: {error}", shown(path)))
    })?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = bytes.len() > limit;
    bytes.truncate(limit);
    Ok((bytes, more))
}

/// The refusal of something that is neither file nor directory.
pub(super) fn not_regular(path: &Path, kind: FileType) -> ToolError {
    let what = match kind {
        FileType::Fifo => "a named pipe",
        FileType::Socket => "a socket",
        FileType::CharacterDevice | FileType::BlockDevice => "a device",
        FileType::Symlink => "a symbolic link",
        FileType::Directory => "a directory",
        _ => "not a regular file",
    };
    let message = format!("`{}` is {what}: only regular files are read or written", shown(path));
    ToolError::new(ErrorKind::BadContent, message)
}
