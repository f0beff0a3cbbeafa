//! The files that govern the runner: read-only for every tool, also under other names.
//!
//! A path is compared with the protected ones twice: as the kernel spells the directory that was
//! opened, and by identity (device and inode) of that directory and all above it, which sees
//! through bind mounts and names that differ only in case.

use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Mode, Stat};
use rustix::io::Errno;

use super::beneath::PLACE;
use super::names::shown;
use super::refusal::failed;
use crate::contracts::{ErrorKind, ToolError};

/// More directories above one than any real path has.
const DEPTH_MAX: u32 = 2_048;

/// A file's identity.
type Id = (u64, u64);

/// The paths that stay as they are.
#[derive(Debug, Clone)]
pub(super) struct Protected {
    paths: Vec<PathBuf>,
}

impl Protected {
    pub(super) fn new(paths: Vec<PathBuf>) -> Self {
        Self { paths }
    }

    /// Refuses to make or change `target`, which lies in the open directory `dir` or in
    /// directories still to be made there; `there` is what has its name now.
    pub(super) fn refuse(
        &self,
        dir: &OwnedFd,
        target: &Path,
        there: Option<&Stat>,
    ) -> Result<(), ToolError> {
        if let Some(path) = self.governs(target) {
            return Err(refusal(target, path));
        }
        let known = self.identities(target)?;
        if known.is_empty() {
            return Ok(());
        }
        let mut ids = ancestors(dir).map_err(|errno| failed("write", target, errno))?;
        ids.extend(there.map(identity));
        match known.iter().find(|(id, _)| ids.contains(id)) {
            Some((_, path)) => Err(refusal(target, path)),
            None => Ok(()),
        }
    }

    /// The protected path that `target` is, lies in, or would stand in the way of: a file named
    /// `.git` would govern as much as `.git/config` does.
    fn governs(&self, target: &Path) -> Option<&Path> {
        let meets = |path: &&PathBuf| target.starts_with(path) || path.starts_with(target);
        self.paths.iter().find(meets).map(PathBuf::as_path)
    }

    /// The protected path that holds `real`, if any.
    pub(super) fn holds(&self, real: &Path) -> Option<&Path> {
        self.paths.iter().find(|path| real.starts_with(path)).map(PathBuf::as_path)
    }

    /// Those that exist, by identity: of the name itself and of what a link there points to.
    fn identities(&self, target: &Path) -> Result<Vec<(Id, &Path)>, ToolError> {
        let mut known = Vec::new();
        for path in &self.paths {
            for flags in [AtFlags::empty(), AtFlags::SYMLINK_NOFOLLOW] {
                match rustix::fs::statat(CWD, path, flags) {
                    Ok(stat) => known.push((identity(&stat), path.as_path())),
                    Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::ACCESS) => {}
                    Err(errno) => return Err(failed("write", target, errno)),
                }
            }
        }
        Ok(known)
    }
}

fn refusal(target: &Path, path: &Path) -> ToolError {
    ToolError::new(
        ErrorKind::Forbidden,
        format!(
            "cannot write `{}`: `{}` governs the runner, and no tool may change it; edit it by hand",
            shown(target),
            shown(path),
        ),
    )
}

#[allow(
    clippy::unnecessary_cast,
    clippy::useless_conversion,
    reason = "the fields' types differ between systems"
)]
fn identity(stat: &Stat) -> Id {
    (stat.st_dev as u64, stat.st_ino as u64)
}

/// `dir` and every directory above it.
fn ancestors(dir: &OwnedFd) -> rustix::io::Result<Vec<Id>> {
    let mut ids = vec![identity(&rustix::fs::fstat(dir)?)];
    let mut here = rustix::fs::openat(dir.as_fd(), ".", PLACE, Mode::empty())?;
    for _ in 0..DEPTH_MAX {
        here = rustix::fs::openat(&here, "..", PLACE, Mode::empty())?;
        let id = identity(&rustix::fs::fstat(&here)?);
        if ids.last() == Some(&id) {
            return Ok(ids);
        }
        ids.push(id);
    }
    Err(Errno::NAMETOOLONG)
}
