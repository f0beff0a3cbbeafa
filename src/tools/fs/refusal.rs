//! What the system said, in words for a person: what, why, and which link was the matter.

use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Mode, OFlags};
use rustix::io::Errno;

use super::beneath::PLACE;
use super::names::shown;
use crate::contracts::{ErrorKind, ToolError};

/// The failure `errno` while something (`doing`, such as `read`) was done with `path`.
pub(super) fn failed(doing: &str, path: &Path, errno: Errno) -> ToolError {
    let path = shown(path);
    let of = |kind, why: &str| ToolError::new(kind, format!("cannot {doing} `{path}`: {why}"));
    match errno {
        Errno::NOENT => of(ErrorKind::NotFound, "there is nothing of that name"),
        Errno::NOTDIR => of(ErrorKind::NotFound, "a part of the path is not a directory"),
        Errno::ISDIR => of(ErrorKind::Conflict, "it is a directory"),
        Errno::EXIST => of(ErrorKind::Conflict, "it exists already"),
        Errno::XDEV => of(ErrorKind::Forbidden, "it leads out of the roots this call may touch"),
        Errno::LOOP => of(ErrorKind::Forbidden, "a symbolic link on the way is not followed"),
        Errno::ACCESS | Errno::PERM => of(ErrorKind::Forbidden, "the system does not permit it"),
        Errno::ROFS => of(ErrorKind::Forbidden, "the file system is read-only"),
        Errno::NXIO | Errno::NODEV => of(ErrorKind::BadContent, "it is not a regular file"),
        Errno::NAMETOOLONG => of(ErrorKind::BadArguments, "the name is too long"),
        Errno::NOSPC => of(ErrorKind::Io, "no space is left on the device"),
        Errno::DQUOT => of(ErrorKind::Io, "the disk quota is used up"),
        Errno::FBIG => of(ErrorKind::TooLarge, "it is larger than the system allows"),
        Errno::MFILE | Errno::NFILE => ToolError::retryable(
            ErrorKind::Io,
            format!("cannot {doing} `{path}`: too many files are open"),
        ),
        other => of(ErrorKind::Io, &other.to_string()),
    }
}

/// As [`failed`], for a path opened from `start` (at `base`), naming the link that was refused.
pub(super) fn failed_beneath(
    doing: &str,
    start: impl AsFd,
    base: &Path,
    below: &Path,
    errno: Errno,
) -> ToolError {
    let path = base.join(below);
    if !matches!(errno, Errno::XDEV | Errno::LOOP | Errno::NOTDIR) {
        return failed(doing, &path, errno);
    }
    match first_link(start, below) {
        Some((link, target)) => ToolError::new(
            ErrorKind::Forbidden,
            format!(
                "cannot {doing} `{}`: `{}` is a symbolic link to `{}`, which is not followed \
                 because it leads out of `{}` or into a place that links must not reach",
                shown(&path),
                shown(&base.join(link)),
                shown(&target),
                shown(base),
            ),
        ),
        None => failed(doing, &path, errno),
    }
}

/// The first symbolic link on the way, and where it points. Only words are made of the answer, so
/// it does not matter that the world may have changed since.
fn first_link(start: impl AsFd, below: &Path) -> Option<(PathBuf, PathBuf)> {
    let mut here: OwnedFd = rustix::fs::openat(start, ".", PLACE, Mode::empty()).ok()?;
    let mut walked = PathBuf::new();
    for part in below.components() {
        walked.push(part);
        let name = part.as_os_str();
        let stat = rustix::fs::statat(&here, name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
        if FileType::from_raw_mode(stat.st_mode) == FileType::Symlink {
            let target = rustix::fs::readlinkat(&here, name, Vec::new()).ok()?;
            return Some((walked, PathBuf::from(target.to_string_lossy().into_owned())));
        }
        here = rustix::fs::openat(&here, name, PLACE | OFlags::NOFOLLOW, Mode::empty()).ok()?;
    }
    None
}

/// The failure of a path that no root grants.
pub(super) fn outside(doing: &str, path: &Path, roots: &[PathBuf]) -> ToolError {
    let roots = match roots {
        [] => "nothing".to_owned(),
        some => some.iter().map(|r| format!("`{}`", shown(r))).collect::<Vec<_>>().join(", "),
    };
    ToolError::new(
        ErrorKind::Forbidden,
        format!("cannot {doing} `{}`: this call may {doing} {roots} only", shown(path)),
    )
}
