//! What has a name: a file, a symbolic link or a directory. Looking at it, making it, taking it away.
//!
//! For tools that change more than the content of a file, and for undo, which puts all of it back.

use rustix::fs::{AtFlags, FileType, Mode, RenameFlags};
use rustix::io::Errno;

use super::beneath::{Links, open};
use super::jail::{Dir, Jail, LOOK};
use super::names::shown;
use super::place::{Current, Place, permissions, sync_dir};
use super::read::not_regular;
use super::refusal::failed;
use super::replace::Existing;
use crate::contracts::{ErrorKind, ToolError};

/// What has a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::tools) enum Node {
    /// Nothing.
    Absent,
    /// A regular file with no second name.
    File(Current),
    /// A symbolic link, with where it points as it is written.
    Link(String),
    /// A directory with its permission bits. What is in it has names of its own.
    Dir(u32),
}

impl Place {
    /// What has the name now; a link is not followed. A file of more than `bytes_max` bytes, with a
    /// second name, or of another kind is refused: it could not be put back.
    pub(in crate::tools) fn node(&self, bytes_max: u64) -> Result<Node, ToolError> {
        let Some(stat) = self.stat()? else { return Ok(Node::Absent) };
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => Ok(Node::Dir(permissions(&stat))),
            FileType::Symlink => self.target().map(Node::Link),
            FileType::RegularFile => Ok(self.current(bytes_max)?.map_or(Node::Absent, Node::File)),
            other => Err(not_regular(&self.real(), other)),
        }
    }

    fn target(&self) -> Result<String, ToolError> {
        let fail = |errno| failed("read", &self.real(), errno);
        let target = rustix::fs::readlinkat(&self.dir, &self.name, Vec::new()).map_err(fail)?;
        target.into_string().map_err(|_bytes| {
            let message = format!(
                "`{}` points to a name that is not UTF-8: it could not be put back",
                shown(&self.real())
            );
            ToolError::new(ErrorKind::BadContent, message)
        })
    }

    /// Opens the directory of this name for looking inside; a link is not followed.
    pub(in crate::tools) fn open_dir(&self) -> Result<Dir, ToolError> {
        let fail = |errno| failed("read", &self.real(), errno);
        let fd = open(&self.dir, std::path::Path::new(&self.name), LOOK, Links::Refuse);
        Ok(Dir { fd: fd.map_err(fail)?, real: self.real() })
    }

    /// Gives the name to what `to` has; what has it now makes room. `scratch` as for [`Place::put`].
    pub(in crate::tools) fn become_node(
        &self,
        to: &Node,
        existing: Existing,
        scratch: &str,
    ) -> Result<(), ToolError> {
        match to {
            Node::Absent => self.take_away(),
            Node::File(Current { bytes, mode }) => {
                self.put(bytes, Some(*mode), existing, scratch).map(drop)
            }
            Node::Link(target) => self.put_link(target, existing, scratch),
            Node::Dir(mode) => self.make_dir(*mode),
        }
    }

    /// Takes the name away, of an empty directory too.
    fn take_away(&self) -> Result<(), ToolError> {
        match self.stat()?.map(|stat| FileType::from_raw_mode(stat.st_mode)) {
            None => Ok(()),
            Some(FileType::Directory) => {
                let fail = |errno| match errno {
                    Errno::NOTEMPTY | Errno::EXIST => ToolError::new(
                        ErrorKind::Conflict,
                        format!("`{}` is not empty", shown(&self.real())),
                    ),
                    other => failed("remove", &self.real(), other),
                };
                rustix::fs::unlinkat(&self.dir, &self.name, AtFlags::REMOVEDIR).map_err(fail)?;
                sync_dir(&self.dir).map_err(fail)
            }
            Some(_) => self.remove(),
        }
    }

    fn put_link(&self, target: &str, existing: Existing, scratch: &str) -> Result<(), ToolError> {
        let fail = |errno| failed("write", &self.real(), errno);
        match rustix::fs::symlinkat(target, &self.dir, scratch) {
            Err(Errno::EXIST) => {
                rustix::fs::unlinkat(&self.dir, scratch, AtFlags::empty()).map_err(fail)?;
                rustix::fs::symlinkat(target, &self.dir, scratch).map_err(fail)?;
            }
            other => other.map_err(fail)?,
        }
        let flags = match existing {
            Existing::Replace => RenameFlags::empty(),
            Existing::Refuse => RenameFlags::NOREPLACE,
        };
        let named = rustix::fs::renameat_with(&self.dir, scratch, &self.dir, &self.name, flags);
        if let Err(errno) = named {
            // The failure that brought us here is the one worth telling.
            let _ = rustix::fs::unlinkat(&self.dir, scratch, AtFlags::empty());
            return Err(fail(errno));
        }
        sync_dir(&self.dir).map_err(fail)
    }

    /// Makes the directory, or gives the one that is there these permission bits.
    fn make_dir(&self, mode: u32) -> Result<(), ToolError> {
        let fail = |errno| failed("write", &self.real(), errno);
        let bits = Mode::from_raw_mode(mode & 0o777);
        match rustix::fs::mkdirat(&self.dir, &self.name, bits) {
            Ok(()) => sync_dir(&self.dir).map_err(fail)?,
            Err(Errno::EXIST) => {}
            Err(errno) => return Err(fail(errno)),
        }
        // What the umask took away is given back, to the directory that was opened and no other.
        let dir = self.open_dir()?;
        rustix::fs::fchmod(&dir.fd, bits).map_err(fail)
    }

    /// Moves what has this name to `to`, where nothing may be.
    pub(in crate::tools) fn move_to(&self, to: &Self) -> Result<(), ToolError> {
        let fail = |errno| match errno {
            Errno::XDEV => ToolError::new(
                ErrorKind::Conflict,
                format!("`{}` is on another file system: copy it instead", shown(&to.real())),
            ),
            Errno::INVAL => ToolError::new(
                ErrorKind::BadArguments,
                format!("`{}` cannot be moved into itself", shown(&self.real())),
            ),
            Errno::EXIST => failed("move to", &to.real(), errno),
            other => failed("move", &self.real(), other),
        };
        let flags = RenameFlags::NOREPLACE;
        rustix::fs::renameat_with(&self.dir, &self.name, &to.dir, &to.name, flags).map_err(fail)?;
        sync_dir(&self.dir).map_err(fail)?;
        sync_dir(&to.dir).map_err(fail)
    }
}

impl Jail {
    /// Finds the place of `path` and makes the directories that are missing on the way.
    pub(in crate::tools) fn way_to(&self, path: &std::path::Path) -> Result<Place, ToolError> {
        self.make_way(self.place(path)?)
    }
}
