//! Which files a cell may touch, as open descriptors for Landlock.
//!
//! Landlock adds rights to a directory *and everything below it*; it cannot take one away again
//! further down. So where a writable directory contains something protected, the directory itself
//! gets no right to write, and each of its entries, but for the protected ones, gets its own.
//! Two things follow. What does not exist yet can only be made in directories that contain
//! nothing protected: a file named `.env` cannot appear beside the ones that govern the program,
//! nor can any other new name. And entries of such a directory cannot be removed or renamed,
//! which is what keeps a protected one from being swapped for another. A mount namespace will
//! lift the first restriction.
//!
//! Reading goes the same way: where a root contains something unreadable, the root itself can only
//! be listed, and each entry gets its own right to be read, but for the unreadable ones and those
//! whose names are the names of secrets. What is made there while the command runs it cannot read.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{
    AtFlags, CWD, Dir, FileType, Mode, OFlags, ResolveFlags, Stat, fstat, openat, openat2, statat,
};
use rustix::io::Errno;

use super::super::layers::LANDLOCK;
use super::super::wire::{CellSpec, Refusal, SystemAccess};
use super::names::NameRules;
use crate::policy::is_secret;

/// More rules than this make every access of the command slow.
const GRANTS_MAX: usize = 8192;

/// What may be done below a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// See the names of entries.
    List,
    /// Read.
    Read,
    /// Read and execute.
    Run,
    /// Read and write a device; nothing else.
    Device,
    /// Everything but making devices.
    Write,
}

/// One rule.
#[derive(Debug)]
pub struct Grant {
    /// The file or directory.
    pub at: OwnedFd,
    /// Its real path.
    pub path: PathBuf,
    /// Whether it is one with entries.
    pub is_directory: bool,
    /// What may be done.
    pub access: Access,
}

/// All rules of a cell.
pub fn collect(spec: &CellSpec) -> Result<Vec<Grant>, Refusal> {
    // What is not there and cannot come into being takes nothing away from its directory.
    let sealed: Vec<&PathBuf> = spec.sealed.iter().filter(|path| is_missing(path)).collect();
    let exceptions = |all: &[PathBuf]| {
        let left: Vec<_> = all.iter().filter(|path| !sealed.contains(path)).cloned().collect();
        Places::find(&left)
    };
    let mut grants = Grants {
        list: Vec::new(),
        protected: exceptions(&spec.protected)?,
        unreadable: exceptions(&spec.unreadable)?,
    };
    for system in &spec.system {
        let access = match system.access {
            SystemAccess::Run => Access::Run,
            SystemAccess::Read => Access::Read,
            SystemAccess::Device => Access::Device,
        };
        // The administrator's links are followed: `/bin` is one.
        if let Some(at) = open_if_there(&system.path, ResolveFlags::empty())? {
            grants.add(at, access)?;
        }
    }
    // What may be written may be read: entries need no second rule.
    let only_read = spec.read.iter().filter(|path| !spec.write.contains(path));
    let read = only_read.map(|path| (path, Access::Run));
    for (path, access) in read.chain(spec.write.iter().map(|path| (path, Access::Write))) {
        if let Some(at) = open_if_there(path, ResolveFlags::NO_SYMLINKS)? {
            grants.tree(at, path, access)?;
        }
    }
    if let Some(at) = open_if_there(&spec.scratch, ResolveFlags::NO_SYMLINKS)? {
        grants.add(at, Access::Write)?;
    }
    Ok(grants.list)
}

struct Grants {
    list: Vec<Grant>,
    protected: Places,
    unreadable: Places,
}

/// Exceptions inside of roots.
struct Places(Vec<Place>);

struct Place {
    path: PathBuf,
    /// Device and inode, where it exists: it can have other names, such as one in other case.
    id: Option<(u64, u64)>,
}

impl Grants {
    fn add(&mut self, at: OwnedFd, access: Access) -> Result<(), Refusal> {
        let path = real_path(at.as_fd()).map_err(|e| Refusal::helper("`/proc/self/fd`", e))?;
        let is_directory = is_directory(&stat(at.as_fd(), &path)?);
        if self.list.len() == GRANTS_MAX {
            return Err(Refusal::BadSpec(format!(
                "`{}`: more than {GRANTS_MAX} files and directories would need a rule of their \
                 own; grant fewer directories that contain protected or unreadable files, or \
                 move files into directories",
                path.display()
            )));
        }
        self.list.push(Grant { at, path, is_directory, access });
        Ok(())
    }

    /// Grants `wanted`, which is [`Access::Run`] or [`Access::Write`], at `path`, which has no links
    /// in it, but for what is excepted.
    fn tree(&mut self, at: OwnedFd, path: &Path, wanted: Access) -> Result<(), Refusal> {
        let found = stat(at.as_fd(), path)?;
        let id = (found.st_dev, found.st_ino);
        if self.unreadable.hold(path, id) {
            return Ok(());
        }
        let kept = wanted == Access::Write && self.protected.hold(path, id);
        let wanted = if kept { Access::Run } else { wanted };
        let closed_inside = self.unreadable.lie_in(path);
        let kept_inside = wanted == Access::Write && self.protected.lie_in(path);
        if !closed_inside && !kept_inside {
            return self.add(at, wanted);
        }
        if !is_directory(&found) {
            // Such as `.git` in a linked work tree, where `.git/config` is protected.
            return self.add(at, Access::Run);
        }
        for name in names(at.as_fd(), path)? {
            if !(closed_inside && is_secret(&name)) {
                self.entry(&at, &path.join(&name), &name, wanted)?;
            }
        }
        self.add(at, if closed_inside { Access::List } else { Access::Run })
    }

    /// A link gets no rights: what it leads to has its own, or none.
    fn entry(
        &mut self,
        directory: &OwnedFd,
        path: &Path,
        name: &Path,
        wanted: Access,
    ) -> Result<(), Refusal> {
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let entry = match openat(directory, name, flags, Mode::empty()) {
            Ok(entry) => entry,
            // Gone, or in a directory that only lets itself be listed.
            Err(Errno::NOENT | Errno::ACCESS) => return Ok(()),
            Err(error) => return Err(cannot_open(path, error.into())),
        };
        if FileType::from_raw_mode(stat(entry.as_fd(), path)?.st_mode) == FileType::Symlink {
            return Ok(());
        }
        self.tree(entry, path, wanted)
    }
}

impl Places {
    /// `paths` as written and as they really are.
    fn find(paths: &[PathBuf]) -> Result<Self, Refusal> {
        let mut all = Vec::new();
        for path in paths {
            let real = real_form(path).map_err(|error| cannot_open(path, error))?;
            for path in [path.clone(), real] {
                let id = match statat(CWD, &path, AtFlags::empty()) {
                    Ok(found) => Some((found.st_dev, found.st_ino)),
                    Err(Errno::NOENT | Errno::NOTDIR | Errno::ACCESS | Errno::LOOP) => None,
                    Err(error) => return Err(cannot_open(&path, error.into())),
                };
                all.push(Place { path, id });
            }
        }
        Ok(Self(all))
    }

    /// Whether `path` is one of them, by name or by identity, or inside of one.
    fn hold(&self, path: &Path, id: (u64, u64)) -> bool {
        self.0.iter().any(|place| path.starts_with(&place.path) || place.id == Some(id))
    }

    /// Whether `path` is above one of them.
    fn lie_in(&self, path: &Path) -> bool {
        self.0.iter().any(|place| place.path.starts_with(path))
    }
}

/// The names that the command must not make: as written and as they really are.
pub fn rules_of(spec: &CellSpec) -> Result<NameRules, Refusal> {
    let mut paths = Vec::new();
    for path in &spec.sealed {
        let real = real_form(path).map_err(|error| cannot_open(path, error))?;
        paths.push(path.clone());
        if real != *path {
            paths.push(real);
        }
    }
    let id_of = |path: &Path| {
        let found = statat(CWD, path, AtFlags::empty()).ok()?;
        Some((found.st_dev, found.st_ino))
    };
    Ok(NameRules::new(&paths, id_of))
}

/// Whether there is nothing with this name, and what it would lie in is a directory: neither a file
/// that names another place, nor a link to nowhere.
fn is_missing(path: &Path) -> bool {
    let mut above = path.ancestors();
    let is_gone =
        |path: &Path| matches!(statat(CWD, path, AtFlags::SYMLINK_NOFOLLOW), Err(Errno::NOENT));
    if !above.next().is_some_and(is_gone) {
        return false;
    }
    let there = above.find(|path| !is_gone(path));
    there.is_some_and(|path| statat(CWD, path, AtFlags::empty()).is_ok_and(|s| is_directory(&s)))
}

/// `path` with links resolved as far as it exists.
fn real_form(path: &Path) -> io::Result<PathBuf> {
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    match openat(CWD, path, flags, Mode::empty()) {
        Ok(at) => real_path(at.as_fd()),
        Err(Errno::NOENT | Errno::NOTDIR | Errno::ACCESS | Errno::LOOP) => {
            match (path.parent(), path.file_name()) {
                (Some(parent), Some(name)) => Ok(real_form(parent)?.join(name)),
                _ => Ok(path.to_owned()),
            }
        }
        Err(error) => Err(error.into()),
    }
}

/// Where an open file is.
pub fn real_path(at: BorrowedFd<'_>) -> io::Result<PathBuf> {
    std::fs::read_link(format!("/proc/self/fd/{}", at.as_raw_fd()))
}

/// `None` for what does not exist or may not be reached: a cell without it is narrower.
fn open_if_there(path: &Path, resolve: ResolveFlags) -> Result<Option<OwnedFd>, Refusal> {
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    match openat2(CWD, path, flags, Mode::empty(), resolve) {
        Ok(at) => Ok(Some(at)),
        Err(Errno::NOENT | Errno::NOTDIR | Errno::ACCESS) => Ok(None),
        Err(Errno::LOOP) => Err(Refusal::BadSpec(format!(
            "`{}` is reached through a symbolic link; name the place itself, since whoever can \
             change the link would choose what the command may touch",
            path.display()
        ))),
        Err(Errno::NOSYS) => Err(Refusal::missing(LANDLOCK, "it needs Linux 5.13 or newer")),
        Err(error) => Err(cannot_open(path, error.into())),
    }
}

fn names(at: BorrowedFd<'_>, path: &Path) -> Result<Vec<PathBuf>, Refusal> {
    let fail = |error: Errno| cannot_open(path, error.into());
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let open = match openat(at, ".", flags, Mode::empty()) {
        Ok(open) => open,
        // What we may not list, the command may not either: a cell without it is narrower.
        Err(Errno::ACCESS) => return Ok(Vec::new()),
        Err(error) => return Err(fail(error)),
    };
    let mut names = Vec::new();
    for entry in Dir::read_from(&open).map_err(fail)? {
        let name = entry.map_err(fail)?.file_name().to_bytes().to_vec();
        if name != b"." && name != b".." {
            names.push(PathBuf::from(
                <std::ffi::OsString as std::os::unix::ffi::OsStringExt>::from_vec(name),
            ));
        }
    }
    Ok(names)
}

fn stat(at: BorrowedFd<'_>, path: &Path) -> Result<Stat, Refusal> {
    fstat(at).map_err(|error| cannot_open(path, error.into()))
}

fn is_directory(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::Directory
}

fn cannot_open(path: &Path, error: io::Error) -> Refusal {
    Refusal::BadSpec(format!("`{}` cannot be opened for the cell: {error}", path.display()))
}
