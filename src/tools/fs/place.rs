//! Where a file is or will be: its directory held open, so that what was checked is what is written.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Mode, Stat};
use rustix::io::Errno;

use super::beneath::{Links, PLACE, open, open_plain, real_path};
use super::jail::{Jail, LOOK, root_failed};
use super::names::shown;
use super::read::{READ, not_regular, read_at_most};
use super::refusal::{failed, failed_beneath, outside};
use crate::contracts::{ErrorKind, ToolError};

/// A place for a file under a root that may be written.
#[derive(Debug)]
pub(in crate::tools) struct Place {
    /// The deepest directory on the way that exists.
    pub(super) dir: OwnedFd,
    /// Where that is, without links.
    dir_real: PathBuf,
    /// Directories still to be made in it.
    missing: Vec<OsString>,
    /// The file's name.
    pub(super) name: OsString,
}

/// A file as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::tools) struct Current {
    /// Its content.
    pub(in crate::tools) bytes: Vec<u8>,
    /// Its permission bits.
    pub(in crate::tools) mode: u32,
}

impl Jail {
    /// Finds the place of a file that is to be written. Makes nothing.
    pub(in crate::tools) fn place(&self, path: &Path) -> Result<Place, ToolError> {
        let Some(root) = self.write.iter().find(|root| path.starts_with(root)) else {
            return Err(outside("write", path, &self.write));
        };
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(ToolError::new(ErrorKind::Conflict, "`/` is a directory"));
        };
        // A root that is itself the file lies in a directory that is not granted: only this name
        // in it is.
        let base = if path == root { parent } else { root.as_path() };
        let below = parent.strip_prefix(base).unwrap_or(Path::new(""));
        let (start, mut missing) = open_deepest(base)?;
        let dir = if missing.is_empty() {
            let (dir, rest) = deepest_beneath(start, base, below)?;
            missing = rest;
            dir
        } else {
            missing.extend(below.iter().map(OsStr::to_owned));
            start
        };
        let dir_real = real_path(&dir).map_err(|errno| failed("write", path, errno))?;
        let place = Place { dir, dir_real, missing, name: name.to_owned() };
        self.protected.refuse(&place.dir, &place.real(), place.stat()?.as_ref())?;
        Ok(place)
    }

    /// Makes the directories that are missing on the way to `place`.
    pub(in crate::tools) fn make_way(&self, mut place: Place) -> Result<Place, ToolError> {
        if place.missing.is_empty() {
            return Ok(place);
        }
        let target = place.real();
        let fail = |errno| failed("write", &target, errno);
        for name in std::mem::take(&mut place.missing) {
            match rustix::fs::mkdirat(&place.dir, &name, Mode::from_raw_mode(0o755)) {
                Ok(()) => sync_dir(&place.dir).map_err(fail)?,
                Err(Errno::EXIST) => {}
                Err(errno) => return Err(fail(errno)),
            }
            let next = open(&place.dir, Path::new(&name), PLACE, Links::Refuse);
            place.dir = next.map_err(fail)?;
        }
        place.dir_real = real_path(&place.dir).map_err(fail)?;
        // Somebody may have been quicker and put another directory there.
        if place.real() != target {
            return Err(fail(Errno::XDEV));
        }
        self.protected.refuse(&place.dir, &target, place.stat()?.as_ref())?;
        Ok(place)
    }
}

impl Place {
    /// The file's path, without links.
    pub(in crate::tools) fn real(&self) -> PathBuf {
        let mut path = self.dir_real.clone();
        path.extend(&self.missing);
        path.push(&self.name);
        path
    }

    /// Directories that are missing on the way, outermost first.
    pub(in crate::tools) fn missing_dirs(&self) -> Vec<PathBuf> {
        let mut path = self.dir_real.clone();
        let each = self.missing.iter().map(|name| {
            path.push(name);
            path.clone()
        });
        each.collect()
    }

    /// What has the file's name now, if anything; a link is not followed.
    pub(super) fn stat(&self) -> Result<Option<Stat>, ToolError> {
        if !self.missing.is_empty() {
            return Ok(None);
        }
        match rustix::fs::statat(&self.dir, &self.name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(stat)),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(failed("write", &self.real(), errno)),
        }
    }

    /// The file's content and mode, if there is one. Whatever must not be replaced is refused.
    pub(in crate::tools) fn current(&self, bytes_max: u64) -> Result<Option<Current>, ToolError> {
        let Some(stat) = self.stat()? else { return Ok(None) };
        let path = self.real();
        refuse_irreplaceable(&path, &stat)?;
        let fd = match open(&self.dir, Path::new(&self.name), READ, Links::Refuse) {
            Ok(fd) => fd,
            Err(Errno::NOENT) => return Ok(None),
            Err(errno) => return Err(failed("read", &path, errno)),
        };
        // The name may mean another file by now: ask the open one.
        let stat = rustix::fs::fstat(&fd).map_err(|errno| failed("read", &path, errno))?;
        refuse_irreplaceable(&path, &stat)?;
        let (bytes, more) = read_at_most(&File::from(fd), &path, bytes_max)?;
        if more {
            return Err(ToolError::new(
                ErrorKind::TooLarge,
                format!(
                    "`{}` is larger than {bytes_max} bytes: the change could not be undone",
                    shown(&path)
                ),
            ));
        }
        Ok(Some(Current { bytes, mode: permissions(&stat) }))
    }

    /// Removes the file, durably. Nothing happens where there is none.
    pub(in crate::tools) fn remove(&self) -> Result<(), ToolError> {
        let fail = |errno| failed("remove", &self.real(), errno);
        match rustix::fs::unlinkat(&self.dir, &self.name, AtFlags::empty()) {
            Ok(()) => sync_dir(&self.dir).map_err(fail),
            Err(Errno::NOENT) => Ok(()),
            Err(errno) => Err(fail(errno)),
        }
    }
}

/// Refuses what is no plain file of its own. A file with a second name is refused because the other
/// name may be anything, such as a policy: replacing would leave that one as it is, and its owner
/// would wonder why the two are no longer the same.
pub(super) fn refuse_irreplaceable(path: &Path, stat: &Stat) -> Result<(), ToolError> {
    let no = |kind, why: &str| Err(ToolError::new(kind, format!("`{}` {why}", shown(path))));
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile if stat.st_nlink > 1 => no(
            ErrorKind::Forbidden,
            "has a second name (a hard link): it is not written, because the other one may be \
             protected; copy it first",
        ),
        FileType::RegularFile => Ok(()),
        FileType::Directory => no(ErrorKind::Conflict, "is a directory"),
        FileType::Symlink => no(
            ErrorKind::Forbidden,
            "is a symbolic link: it is not written through; name the file that it points to",
        ),
        other => Err(not_regular(path, other)),
    }
}

/// Permission bits, without set-user-id and the like: a new content does not inherit those.
#[allow(clippy::useless_conversion, reason = "the type of `st_mode` differs between systems")]
pub(super) fn permissions(stat: &Stat) -> u32 {
    u32::from(stat.st_mode) & 0o777
}

/// Makes names in `dir` durable.
pub(super) fn sync_dir(dir: &OwnedFd) -> rustix::io::Result<()> {
    let readable = rustix::fs::openat(dir, ".", LOOK, Mode::empty())?;
    rustix::fs::fsync(readable)
}

/// The deepest part of the absolute `path` that exists, and the names that are missing after it.
fn open_deepest(path: &Path) -> Result<(OwnedFd, Vec<OsString>), ToolError> {
    for ancestor in path.ancestors() {
        match open_plain(ancestor, PLACE) {
            Ok(fd) => {
                let rest = path.strip_prefix(ancestor).unwrap_or(Path::new(""));
                return Ok((fd, rest.iter().map(OsStr::to_owned).collect()));
            }
            Err(Errno::NOENT) => {}
            Err(errno) => return Err(root_failed(ancestor, errno)),
        }
    }
    Err(failed("open", path, Errno::NOENT))
}

/// As [`open_deepest`], beneath the open directory `start`.
fn deepest_beneath(
    start: OwnedFd,
    base: &Path,
    below: &Path,
) -> Result<(OwnedFd, Vec<OsString>), ToolError> {
    for ancestor in below.ancestors() {
        match open(&start, ancestor, PLACE, Links::Beneath) {
            Ok(fd) => {
                let rest = below.strip_prefix(ancestor).unwrap_or(Path::new(""));
                return Ok((fd, rest.iter().map(OsStr::to_owned).collect()));
            }
            Err(Errno::NOENT) => {}
            Err(errno) => return Err(failed_beneath("write", &start, base, ancestor, errno)),
        }
    }
    Err(failed("write", &base.join(below), Errno::NOENT))
}
