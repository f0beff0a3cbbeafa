//! Replacing a file's content in one step: readers see the old content or the new, and so does a
//! machine that lost power.

use std::fs::File;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{AtFlags, Gid, Mode, OFlags, RenameFlags, Stat, Uid};
use rustix::io::Errno;

use super::names::shown;
use super::place::{Place, permissions, refuse_irreplaceable, sync_dir};
use super::refusal::failed;
use crate::contracts::{ErrorKind, ToolError};

/// What is done where there is a file already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::tools) enum Existing {
    /// It is replaced.
    Replace,
    /// Nothing is written.
    Refuse,
}

impl Place {
    /// Puts `bytes` there, atomically and durably; says whether the file is new. `scratch` is the
    /// name of the temporary file beside it: the same call uses the same name, and so clears away
    /// what a crash left. The old file's mode and owner stay, unless `mode` says otherwise.
    pub(in crate::tools) fn put(
        &self,
        bytes: &[u8],
        mode: Option<u32>,
        existing: Existing,
        scratch: &str,
    ) -> Result<bool, ToolError> {
        let path = self.real();
        let old = self.stat()?;
        if let Some(stat) = &old {
            refuse_irreplaceable(&path, stat)?;
            if existing == Existing::Refuse {
                return Err(failed("create", &path, Errno::EXIST));
            }
        }
        let scratch = Scratch::create(&self.dir, scratch, old.is_none())
            .map_err(|errno| failed("write", &path, errno))?;
        scratch.fill(&path, bytes)?;
        scratch.adopt(&path, old.as_ref(), mode)?;
        scratch.become_named(self, existing).map_err(|errno| failed("write", &path, errno))?;
        Ok(old.is_none())
    }
}

/// A temporary file beside the target, removed unless it became the target.
struct Scratch<'a> {
    dir: &'a OwnedFd,
    name: &'a str,
    file: File,
    kept: bool,
}

impl<'a> Scratch<'a> {
    fn create(dir: &'a OwnedFd, name: &'a str, new: bool) -> rustix::io::Result<Self> {
        // Until it has the old file's mode, nobody else reads the old file's successor.
        let mode = Mode::from_raw_mode(if new { 0o666 } else { 0o600 });
        let flags = OFlags::WRONLY
            | OFlags::CREATE
            | OFlags::EXCL
            | OFlags::NOFOLLOW
            | OFlags::NOCTTY
            | OFlags::CLOEXEC;
        let fd = match rustix::fs::openat(dir, name, flags, mode) {
            Err(Errno::EXIST) => {
                rustix::fs::unlinkat(dir, name, AtFlags::empty())?;
                rustix::fs::openat(dir, name, flags, mode)?
            }
            other => other?,
        };
        Ok(Self { dir, name, file: File::from(fd), kept: false })
    }

    fn fill(&self, path: &Path, bytes: &[u8]) -> Result<(), ToolError> {
        let fail = |error: std::io::Error| match Errno::from_io_error(&error) {
            Some(errno) => failed("write", path, errno),
            None => {
                let message = format!("cannot write `{}`: {error}", shown(path));
                ToolError::new(ErrorKind::Io, message)
            }
        };
        (&self.file).write_all(bytes).map_err(fail)
    }

    /// Takes over owner and mode, then makes the content durable.
    fn adopt(&self, path: &Path, old: Option<&Stat>, mode: Option<u32>) -> Result<(), ToolError> {
        let fail = |errno| failed("write", path, errno);
        if let Some(old) = old {
            let own = rustix::fs::fstat(&self.file).map_err(fail)?;
            if (own.st_uid, own.st_gid) != (old.st_uid, old.st_gid) {
                let (uid, gid) = (Uid::from_raw(old.st_uid), Gid::from_raw(old.st_gid));
                rustix::fs::fchown(&self.file, Some(uid), Some(gid)).map_err(|_| {
                    let why = "belongs to another user or group: replacing would take it over";
                    ToolError::new(ErrorKind::Forbidden, format!("`{}` {why}", shown(path)))
                })?;
            }
        }
        if let Some(bits) = mode.or(old.map(permissions)) {
            rustix::fs::fchmod(&self.file, Mode::from_raw_mode(bits & 0o777)).map_err(fail)?;
        }
        rustix::fs::fsync(&self.file).map_err(fail)
    }

    fn become_named(mut self, place: &Place, existing: Existing) -> rustix::io::Result<()> {
        let flags = match existing {
            Existing::Replace => RenameFlags::empty(),
            Existing::Refuse => RenameFlags::NOREPLACE,
        };
        rustix::fs::renameat_with(self.dir, self.name, &place.dir, &place.name, flags)?;
        self.kept = true;
        sync_dir(self.dir)
    }
}

impl Drop for Scratch<'_> {
    fn drop(&mut self) {
        if !self.kept {
            // The failure that brought us here is the one worth telling.
            let _ = rustix::fs::unlinkat(self.dir, self.name, AtFlags::empty());
        }
    }
}
