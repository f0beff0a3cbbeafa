//! The roots of one call: which of them grants a path, and opening it beneath that root.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, OFlags};

use super::beneath::{Links, PLACE, open, open_plain, real_path};
use super::names::{absolute, shown};
use super::protected::Protected;
use super::read::{Opened, READ, not_regular};
use super::refusal::{failed, failed_beneath, outside};
use crate::contracts::{Confinement, ErrorKind, ToolError};
use crate::policy::{is_secret, without_dots};

/// What one call may touch.
#[derive(Debug, Clone)]
pub(in crate::tools) struct Jail {
    root: PathBuf,
    read: Vec<PathBuf>,
    pub(super) write: Vec<PathBuf>,
    pub(super) protected: Protected,
}

/// An open directory.
#[derive(Debug)]
pub(in crate::tools) struct Dir {
    /// For looking inside.
    pub(in crate::tools) fd: OwnedFd,
    /// Where it is, without links.
    pub(in crate::tools) real: PathBuf,
}

/// What a path turned out to be.
#[derive(Debug)]
pub(in crate::tools) enum Found {
    /// A regular file.
    File(Opened),
    /// A directory.
    Dir(Dir),
}

impl Jail {
    /// The roots of `confinement`; relative paths start at `root`, the workspace.
    pub(in crate::tools) fn new(root: &Path, confinement: &Confinement) -> Self {
        let protected = confinement.protected.iter().map(|p| without_dots(&root.join(p))).collect();
        Self {
            root: without_dots(root),
            read: widest(&confinement.read),
            write: widest(&confinement.write),
            protected: Protected::new(protected),
        }
    }

    /// The absolute form of a path argument.
    pub(in crate::tools) fn absolute(&self, text: &str) -> Result<PathBuf, ToolError> {
        absolute(&self.root, text)
    }

    /// `path` as a person in the workspace would write it.
    pub(in crate::tools) fn relative_to_workspace(&self, path: &Path) -> String {
        match path.strip_prefix(&self.root) {
            Ok(below) if below.as_os_str().is_empty() => ".".to_owned(),
            Ok(below) => below.to_string_lossy().into_owned(),
            Err(_) => path.to_string_lossy().into_owned(),
        }
    }

    /// The workspace's own logs, which quote what calls read and so answer every search twice. Those
    /// of another repository are text like any other.
    pub(in crate::tools) fn own_logs(&self) -> PathBuf {
        self.root.join("logs")
    }

    /// The widest root that may be read and holds `path`.
    pub(in crate::tools) fn read_root(&self, path: &Path) -> Option<&Path> {
        self.read.iter().find(|root| path.starts_with(root)).map(PathBuf::as_path)
    }

    /// Opens a regular file for reading.
    pub(in crate::tools) fn open_file(&self, text: &str) -> Result<Opened, ToolError> {
        match self.open_any(text)? {
            Found::File(file) => Ok(file),
            Found::Dir(dir) => Err(ToolError::new(
                ErrorKind::BadContent,
                format!(
                    "cannot read `{}`: it is a directory; `list_dir` lists it",
                    shown(&dir.real)
                ),
            )),
        }
    }

    /// Opens a directory for looking inside.
    pub(in crate::tools) fn open_dir(&self, text: &str) -> Result<Dir, ToolError> {
        match self.open_any(text)? {
            Found::Dir(dir) => Ok(dir),
            Found::File(file) => Err(ToolError::new(
                ErrorKind::BadContent,
                format!("`{}` is a file, where a directory is wanted", shown(&file.real)),
            )),
        }
    }

    /// Opens a regular file or a directory; anything else is refused.
    pub(in crate::tools) fn open_any(&self, text: &str) -> Result<Found, ToolError> {
        let path = self.absolute(text)?;
        let fd = self.open_granted(&path)?;
        let fail = |errno| failed("read", &path, errno);
        let stat = rustix::fs::fstat(&fd).map_err(fail)?;
        let real = real_path(&fd).map_err(fail)?;
        self.refuse_detour(&path, &real)?;
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => Ok(Found::Dir(Dir { fd, real })),
            FileType::RegularFile => {
                let bytes = u64::try_from(stat.st_size).unwrap_or(0);
                Ok(Found::File(Opened { file: File::from(fd), real, bytes }))
            }
            other => Err(not_regular(&path, other)),
        }
    }

    fn open_granted(&self, path: &Path) -> Result<OwnedFd, ToolError> {
        let Some(root) = self.read_root(path) else {
            return Err(outside("read", path, &self.read));
        };
        // A root is what policy granted, links already worked out: no link may stand in for it.
        let below = path.strip_prefix(root).unwrap_or(Path::new(""));
        if below.as_os_str().is_empty() {
            return open_plain(root, READ).map_err(|errno| root_failed(root, errno));
        }
        let start = open_plain(root, PLACE).map_err(|errno| root_failed(root, errno))?;
        open(&start, below, READ, Links::Beneath)
            .map_err(|errno| failed_beneath("read", &start, root, below, errno))
    }

    /// Policy judged the path as it was written, and a link may have been swapped since. One that
    /// stays inside the root may still end at something that is judged by other rules.
    fn refuse_detour(&self, asked: &Path, real: &Path) -> Result<(), ToolError> {
        let why = match self.protected.holds(real) {
            _ if asked == real => return Ok(()),
            Some(_) => "governs the runner",
            None if is_secret(real) && !is_secret(asked) => "usually holds secrets",
            None => return Ok(()),
        };
        let message = format!(
            "cannot read `{}`: a symbolic link on the way leads to `{}`, which {why}; name it \
             directly",
            shown(asked),
            shown(real),
        );
        Err(ToolError::new(ErrorKind::Forbidden, message))
    }
}

/// The failure of a root itself.
pub(super) fn root_failed(root: &Path, errno: rustix::io::Errno) -> ToolError {
    match rustix::fs::open("/", PLACE, rustix::fs::Mode::empty()) {
        Ok(slash) => {
            let below = root.strip_prefix("/").unwrap_or(root);
            failed_beneath("open", slash, Path::new("/"), below, errno)
        }
        Err(_) => failed("open", root, errno),
    }
}

/// The roots that no other one contains. A relative one grants nothing.
fn widest(roots: &[PathBuf]) -> Vec<PathBuf> {
    let all: Vec<PathBuf> =
        roots.iter().filter(|r| r.is_absolute()).map(|r| without_dots(r)).collect();
    let mut kept: Vec<PathBuf> = Vec::new();
    for root in &all {
        let inside = all.iter().any(|other| other != root && root.starts_with(other));
        if !inside && !kept.contains(root) {
            kept.push(root.clone());
        }
    }
    kept
}

/// Flags of a directory that is only looked into.
pub(super) const LOOK: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_widest_roots_and_no_relative_ones() {
        let roots = ["/ws/reports", "/ws", "relative", "/tmp/x", "/ws/", "/tmp/x/../x"];
        let kept = widest(&roots.map(PathBuf::from));
        assert_eq!(kept, [PathBuf::from("/ws"), PathBuf::from("/tmp/x")]);
    }

    #[test]
    fn a_name_that_only_begins_like_a_root_is_outside() {
        let confinement = Confinement { read: vec!["/ws".into()], ..Confinement::default() };
        let jail = Jail::new(Path::new("/ws"), &confinement);
        assert!(jail.read_root(Path::new("/ws-other/x")).is_none());
        assert!(jail.read_root(Path::new("/ws/x")).is_some());
        let error = jail.open_file("/ws-other/x").unwrap_err();
        assert_eq!(error.kind, ErrorKind::Forbidden);
        assert!(error.message.contains("may read `/ws` only"), "{}", error.message);
    }
}
