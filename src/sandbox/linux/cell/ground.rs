//! The floor of a cell: a file system in memory with the directories, links and small files that
//! programs expect, and the places where the granted parts are mounted.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{
    AtFlags, Mode, OFlags, ResolveFlags, mkdirat, openat, openat2, statat, symlinkat,
};
use rustix::io::Errno;
use rustix::mount::MountAttrFlags;

use super::super::wire::{Refusal, SystemAccess, ViewSpec};
use super::owners::Owner;
use super::spaces::{self, Attributes};
use super::view::{self, PRIVATE, missing};

/// What the floor may hold: directories and small files.
const SIZE: &str = "4m";

/// Masks lie here, where nobody can look.
const MASKS: &str = ".masks";

const DIRECTORIES: [&str; 8] = ["dev", "etc", "proc", "tmp", "run", "var", "var/tmp", "root"];

const LINKS: [(&str, &str); 6] = [
    ("dev/fd", "/proc/self/fd"),
    ("dev/stdin", "/proc/self/fd/0"),
    ("dev/stdout", "/proc/self/fd/1"),
    ("dev/stderr", "/proc/self/fd/2"),
    ("dev/shm", PRIVATE),
    ("var/run", "/run"),
];

/// Files that say who and where the command is; the machine's own say more than it needs to know.
const FILES: [&str; 5] =
    ["/etc/passwd", "/etc/group", "/etc/hosts", "/etc/hostname", "/etc/resolv.conf"];

const HOSTS: &str = "127.0.0.1 localhost\n::1 localhost\n";

/// The name of the machine inside.
pub const HOST_NAME: &str = "cell";

/// A file system in memory.
#[derive(Debug)]
pub struct Ground {
    tree: OwnedFd,
}

impl Ground {
    /// Makes one with everything that is the same for all views.
    pub fn make(spec: &ViewSpec) -> Result<Self, Refusal> {
        let options = [("size", SIZE), ("mode", "0755")];
        let tree = view::memory_files(&options, MountAttrFlags::empty())
            .map_err(|error| missing("no file system in memory", error))?;
        let ground = Self { tree };
        ground.furnish(spec).map_err(|error| missing("the floor of the cell", error))?;
        Ok(ground)
    }

    /// Whether the floor itself has what is at `path`, so that the machine's is not wanted.
    pub fn has(path: &Path) -> bool {
        FILES.iter().any(|file| path == Path::new(file))
            || view::link_at(path).is_some_and(|_| is_top(path))
    }

    /// The file system.
    pub fn tree(&self) -> BorrowedFd<'_> {
        self.tree.as_fd()
    }

    fn furnish(&self, spec: &ViewSpec) -> io::Result<()> {
        for name in DIRECTORIES {
            self.directory(name, 0o755)?;
        }
        for (name, target) in LINKS {
            symlinkat(target, &self.tree, name)?;
        }
        let tops = spec.system.iter().filter(|system| system.access == SystemAccess::Run);
        for top in tops.filter(|top| is_top(&top.path)) {
            if let (Some(target), Some(name)) = (view::link_at(&top.path), top.path.file_name()) {
                symlinkat(target, &self.tree, name)?;
            }
        }
        let Owner { user, group } = Owner::own();
        let user = if user == 0 { super::owners::CELL_ID } else { user };
        let group = if group == 0 { super::owners::CELL_ID } else { group };
        let passwd = format!(
            "root:x:0:0:root:/root:/usr/sbin/nologin\n\
             cell:x:{user}:{group}:cell:{PRIVATE}:/bin/sh\n\
             nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"
        );
        self.file("etc/passwd", &passwd, 0o644)?;
        self.file("etc/group", &format!("root:x:0:\ncell:x:{group}:\nnogroup:x:65534:\n"), 0o644)?;
        self.file("etc/hosts", HOSTS, 0o644)?;
        self.file("etc/hostname", &format!("{HOST_NAME}\n"), 0o644)?;
        self.directory(MASKS, 0o700)?;
        self.directory(&format!("{MASKS}/directory"), 0o000)?;
        self.file(&format!("{MASKS}/file"), "", 0o000)
    }

    fn directory(&self, name: &str, mode: u32) -> io::Result<()> {
        Ok(mkdirat(&self.tree, name, Mode::from_raw_mode(mode))?)
    }

    fn file(&self, name: &str, text: &str, mode: u32) -> io::Result<()> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let file = openat(&self.tree, name, flags, Mode::from_raw_mode(mode))?;
        rustix::io::write(&file, text.as_bytes())?;
        Ok(())
    }

    /// Makes an empty place for a mount at `inside`, and the directories on the way; what is there
    /// already, because it was mounted before, is left alone.
    pub fn place(
        &self,
        root: BorrowedFd<'_>,
        inside: &Path,
        is_directory: bool,
    ) -> Result<(), Refusal> {
        place(root, inside, is_directory)
            .map_err(|error| missing(&format!("no place for `/{}`", inside.display()), error))
    }

    /// Something empty and closed that is mounted over what must not be seen.
    pub fn mask(&self, is_directory: bool) -> Result<OwnedFd, Refusal> {
        let name = if is_directory { "directory" } else { "file" };
        let mask = || -> io::Result<OwnedFd> {
            let flags = OFlags::PATH | OFlags::CLOEXEC;
            let place = openat(&self.tree, format!("{MASKS}/{name}"), flags, Mode::empty())?;
            let tree = view::clone_tree(place.as_fd())?;
            let set = spaces::READ_ONLY | spaces::NO_SET_ID | spaces::NO_DEVICES;
            spaces::set_attributes(&tree, Attributes { set, owners: None })?;
            Ok(tree)
        };
        mask().map_err(|error| missing("no mask", error))
    }

    /// Nothing can be made on the floor from here on.
    pub fn freeze(&self, attributes: Attributes<'_>) -> Result<(), Refusal> {
        spaces::set_attributes_of_one(&self.tree, attributes)
            .map_err(|error| missing("the floor cannot be made read-only", error))
    }
}

/// Directly in `/`.
fn is_top(path: &Path) -> bool {
    path.parent() == Some(Path::new("/"))
}

/// Makes directories down to `inside`, and it itself, where they are not there.
///
/// # Errors
/// When something on the way is no directory.
pub fn place(root: BorrowedFd<'_>, inside: &Path, is_directory: bool) -> io::Result<()> {
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
    let there =
        |path: &Path| openat2(root, path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty(), resolve);
    let mut above = std::path::PathBuf::new();
    for part in inside.parent().into_iter().flat_map(Path::components) {
        let parent = if above.as_os_str().is_empty() { None } else { Some(there(&above)?) };
        let parent = parent.as_ref().map_or(root, AsFd::as_fd);
        make(parent, Path::new(part.as_os_str()), true)?;
        above.push(part);
    }
    let parent = if above.as_os_str().is_empty() { None } else { Some(there(&above)?) };
    let name = inside.file_name().map(Path::new).unwrap_or(inside);
    make(parent.as_ref().map_or(root, AsFd::as_fd), name, is_directory)
}

fn make(parent: BorrowedFd<'_>, name: &Path, is_directory: bool) -> io::Result<()> {
    match statat(parent, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(_) => return Ok(()),
        Err(Errno::NOENT) => {}
        Err(error) => return Err(error.into()),
    }
    if is_directory {
        return Ok(mkdirat(parent, name, Mode::from_raw_mode(0o755))?);
    }
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    openat(parent, name, flags, Mode::from_raw_mode(0o644))?;
    Ok(())
}
