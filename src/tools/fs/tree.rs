//! Going through a directory tree in order, without following links and without end.

use std::ffi::{OsStr, OsString};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags};
use rustix::io::Errno;

use super::jail::LOOK;
use super::refusal::failed;
use crate::contracts::ToolError;
use crate::tools::watch::Watch;

/// Deepest directory below the start that is looked into. Each open level holds one descriptor.
pub(in crate::tools) const TREE_DEPTH_MAX: u32 = 64;
/// Most names of one directory; the kernel gives them in no order, and they are sorted in memory.
const NAMES_MAX: usize = 200_000;
/// Most entries of one walk.
const VISITS_MAX: u64 = 1_000_000;

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::tools) enum Kind {
    File,
    Dir,
    Symlink,
    Other,
}

/// An entry on the way.
#[derive(Debug)]
pub(in crate::tools) struct Visit<'a> {
    /// Below the start.
    pub(in crate::tools) path: &'a Path,
    /// Its name in `dir`.
    pub(in crate::tools) name: &'a OsStr,
    /// The directory it is in.
    pub(in crate::tools) dir: &'a OwnedFd,
    /// What it is; a link is not followed.
    pub(in crate::tools) kind: Kind,
    /// Size of a file; 0 for all else.
    pub(in crate::tools) bytes: u64,
}

/// How far to go, and what to leave out.
pub(in crate::tools) struct Walk<'a> {
    /// Levels of entries; 1 is the directory's own.
    pub(in crate::tools) depth: u32,
    /// Directories of these names are seen but not entered.
    pub(in crate::tools) closed: &'a [&'a str],
    /// Directories at these paths, without links, are seen but not entered.
    pub(in crate::tools) closed_at: &'a [PathBuf],
    /// Time and cancellation.
    pub(in crate::tools) watch: &'a Watch,
}

/// What was left out of a walk.
#[derive(Debug, Default)]
pub(in crate::tools) struct Omitted {
    /// Whether a limit ended it early.
    pub(in crate::tools) cut: bool,
    /// Directories that could not be read.
    pub(in crate::tools) unreadable: Vec<PathBuf>,
}

/// Calls `visit` for everything below `start`, names in byte order, a directory before what is in
/// it, until `visit` says no.
pub(in crate::tools) fn walk(
    start: &OwnedFd,
    real: &Path,
    walk: &Walk<'_>,
    visit: &mut dyn FnMut(&Visit<'_>) -> Result<bool, ToolError>,
) -> Result<Omitted, ToolError> {
    let mut walker =
        Walker { walk, real, visit, omitted: Omitted::default(), visits: 0, at: PathBuf::new() };
    let names = names(start).map_err(|errno| failed("read", real, errno))?;
    walker.level(start, names, 1)?;
    Ok(walker.omitted)
}

struct Walker<'a> {
    walk: &'a Walk<'a>,
    real: &'a Path,
    visit: &'a mut dyn FnMut(&Visit<'_>) -> Result<bool, ToolError>,
    omitted: Omitted,
    visits: u64,
    at: PathBuf,
}

impl Walker<'_> {
    /// One directory. False ends the walk.
    fn level(&mut self, dir: &OwnedFd, names: Names, level: u32) -> Result<bool, ToolError> {
        self.omitted.cut |= names.cut;
        for name in &names.sorted {
            self.walk.watch.check()?;
            self.visits += 1;
            if self.visits > VISITS_MAX {
                self.omitted.cut = true;
                return Ok(false);
            }
            self.at.push(name);
            let on = self.entry(dir, name, level)?;
            self.at.pop();
            if !on {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn entry(&mut self, dir: &OwnedFd, name: &OsStr, level: u32) -> Result<bool, ToolError> {
        let stat = match rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => stat,
            Err(Errno::NOENT) => return Ok(true), // gone since the directory was read
            Err(errno) => return Err(failed("read", &self.at, errno)),
        };
        let kind = match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => Kind::File,
            FileType::Directory => Kind::Dir,
            FileType::Symlink => Kind::Symlink,
            _ => Kind::Other,
        };
        let size = u64::try_from(stat.st_size).unwrap_or(0);
        let bytes = if kind == Kind::File { size } else { 0 };
        if !(self.visit)(&Visit { path: &self.at, name, dir, kind, bytes })? {
            return Ok(false);
        }
        if kind != Kind::Dir || level >= self.walk.depth || self.is_closed(name) {
            return Ok(true);
        }
        self.descend(dir, name, level)
    }

    fn descend(&mut self, dir: &OwnedFd, name: &OsStr, level: u32) -> Result<bool, ToolError> {
        let inner = match rustix::fs::openat(dir, name, LOOK | OFlags::NOFOLLOW, Mode::empty()) {
            Ok(inner) => inner,
            // Gone, or swapped for something else, since it was looked at.
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => return Ok(true),
            Err(Errno::ACCESS | Errno::PERM) => {
                self.omitted.unreadable.push(self.at.clone());
                return Ok(true);
            }
            Err(errno) => return Err(failed("read", &self.at, errno)),
        };
        let names = names(&inner).map_err(|errno| failed("read", &self.at, errno))?;
        self.level(&inner, names, level + 1)
    }

    fn is_closed(&self, name: &OsStr) -> bool {
        self.walk.closed.iter().any(|closed| name == *closed)
            || self
                .walk
                .closed_at
                .iter()
                .any(|closed| closed.strip_prefix(self.real).is_ok_and(|below| below == self.at))
    }
}

struct Names {
    sorted: Vec<OsString>,
    cut: bool,
}

fn names(dir: &OwnedFd) -> rustix::io::Result<Names> {
    let mut sorted = Vec::new();
    for entry in Dir::read_from(dir)? {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if matches!(name, b"." | b"..") {
            continue;
        }
        if sorted.len() == NAMES_MAX {
            return Ok(Names { sorted: in_order(sorted), cut: true });
        }
        sorted.push(OsStr::from_bytes(name).to_owned());
    }
    Ok(Names { sorted: in_order(sorted), cut: false })
}

fn in_order(mut names: Vec<OsString>) -> Vec<OsString> {
    names.sort_unstable();
    names
}
