//! Opening a path so that it cannot lead out of the directory it starts from.
//!
//! On Linux the kernel does it in one step. Where it cannot, the path is walked one component at a
//! time and no symbolic link is followed at all: stricter, and as safe.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Component, Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags};
use rustix::io::{Errno, Result};

/// What is done about symbolic links on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Links {
    /// Followed as long as they stay beneath the start.
    Beneath,
    /// None is followed.
    Refuse,
}

/// How often a resolution is tried again that met a rename on its way.
const RACES_MAX: u32 = 128;

/// A directory as a place to start from: nothing is read through it.
pub(super) const PLACE: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// Opens `path`, which is relative and has no `..`, beneath `start`.
///
/// `XDEV` says that a link leads out, `LOOP` that a link was met that must not be followed.
pub(super) fn open(start: impl AsFd, path: &Path, flags: OFlags, links: Links) -> Result<OwnedFd> {
    let flags = flags | OFlags::CLOEXEC;
    if kernel::resolves() {
        kernel::open(start.as_fd(), path, flags, links)
    } else {
        step_by_step(start.as_fd(), path, flags)
    }
}

/// Opens an absolute path that has no symbolic link in it.
pub(super) fn open_plain(path: &Path, flags: OFlags) -> Result<OwnedFd> {
    let slash = rustix::fs::open("/", PLACE, Mode::empty())?;
    let below = path.strip_prefix("/").map_err(|_| Errno::INVAL)?;
    open(slash, below, flags, Links::Refuse)
}

/// Where the file behind `file` is now, as the kernel sees it.
pub(super) fn real_path(file: impl AsFd) -> Result<PathBuf> {
    use std::os::fd::AsRawFd;
    use std::os::unix::ffi::OsStringExt;

    let link = format!("/proc/self/fd/{}", file.as_fd().as_raw_fd());
    let target = rustix::fs::readlinkat(CWD, link, Vec::new())?;
    Ok(PathBuf::from(std::ffi::OsString::from_vec(target.into_bytes())))
}

fn or_here(path: &Path) -> &Path {
    if path.as_os_str().is_empty() { Path::new(".") } else { path }
}

#[cfg(target_os = "linux")]
mod kernel {
    use std::sync::LazyLock;

    use rustix::fs::{ResolveFlags, openat2};

    use super::{
        BorrowedFd, Errno, Links, Mode, OFlags, OwnedFd, PLACE, Path, RACES_MAX, Result, or_here,
    };

    /// Whether the kernel knows `openat2` and the container around us lets it through.
    pub(super) fn resolves() -> bool {
        static KNOWN: LazyLock<bool> = LazyLock::new(|| {
            openat2(super::CWD, "/", PLACE, Mode::empty(), ResolveFlags::NO_MAGICLINKS).is_ok()
        });
        *KNOWN
    }

    pub(super) fn open(
        start: BorrowedFd<'_>,
        path: &Path,
        flags: OFlags,
        links: Links,
    ) -> Result<OwnedFd> {
        let mut resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
        if links == Links::Refuse {
            resolve |= ResolveFlags::NO_SYMLINKS;
        }
        let mut tries = 0;
        loop {
            match openat2(start, or_here(path), flags, Mode::empty(), resolve) {
                Err(Errno::AGAIN | Errno::INTR) if tries < RACES_MAX => tries += 1,
                other => return other,
            }
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod kernel {
    use super::{BorrowedFd, Errno, Links, OFlags, OwnedFd, Path, Result};

    pub(super) fn resolves() -> bool {
        false
    }

    pub(super) fn open(_: BorrowedFd<'_>, _: &Path, _: OFlags, _: Links) -> Result<OwnedFd> {
        Err(Errno::NOSYS)
    }
}

/// The portable way: each component from the descriptor of the one before.
fn step_by_step(start: BorrowedFd<'_>, path: &Path, flags: OFlags) -> Result<OwnedFd> {
    let mut parts = Vec::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::Normal(name) => parts.push(name),
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => {
                return Err(Errno::XDEV);
            }
        }
    }
    let Some((last, ways)) = parts.split_last() else {
        return rustix::fs::openat(start, ".", flags, Mode::empty());
    };
    let mut here = rustix::fs::openat(start, ".", PLACE, Mode::empty())?;
    for way in ways {
        here = rustix::fs::openat(&here, *way, PLACE | OFlags::NOFOLLOW, Mode::empty())?;
    }
    rustix::fs::openat(&here, *last, flags | OFlags::NOFOLLOW, Mode::empty())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    const READ: OFlags = OFlags::RDONLY.union(OFlags::NONBLOCK);

    fn place(path: &Path) -> OwnedFd {
        rustix::fs::open(path, PLACE, Mode::empty()).unwrap()
    }

    #[test]
    fn both_ways_refuse_every_way_out() {
        let dir = tempfile::tempdir().unwrap();
        let inside = dir.path().join("in");
        fs::create_dir_all(inside.join("sub")).unwrap();
        fs::write(dir.path().join("secret"), "s").unwrap();
        fs::write(inside.join("sub/ok"), "ok").unwrap();
        symlink("../secret", inside.join("up")).unwrap();
        symlink("/etc", inside.join("etc")).unwrap();
        symlink("/proc/self/root", inside.join("magic")).unwrap();
        symlink("loop", inside.join("loop")).unwrap();
        let start = place(&inside);
        for path in ["up", "etc/passwd", "magic/etc/passwd", "loop", "../secret", "/etc/passwd"] {
            assert!(open(&start, Path::new(path), READ, Links::Beneath).is_err(), "{path}");
            assert!(step_by_step(start.as_fd(), Path::new(path), READ).is_err(), "{path} by steps");
        }
        for path in ["sub/ok", "./sub//ok", "sub", ""] {
            assert!(open(&start, Path::new(path), READ, Links::Beneath).is_ok(), "{path}");
            assert!(step_by_step(start.as_fd(), Path::new(path), READ).is_ok(), "{path} by steps");
        }
    }

    #[test]
    fn a_link_that_stays_inside_is_followed_only_when_asked() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("file"), "x").unwrap();
        symlink("file", dir.path().join("link")).unwrap();
        let start = place(dir.path());
        assert!(open(&start, Path::new("link"), READ, Links::Beneath).is_ok());
        let refused = open(&start, Path::new("link"), READ, Links::Refuse);
        assert_eq!(refused.unwrap_err(), Errno::LOOP);
        assert_eq!(step_by_step(start.as_fd(), Path::new("link"), READ).unwrap_err(), Errno::LOOP);
    }

    #[test]
    fn a_plain_path_has_no_link_in_it() {
        let dir = tempfile::tempdir().unwrap();
        let real = dir.path().join("real");
        fs::create_dir(&real).unwrap();
        symlink("real", dir.path().join("alias")).unwrap();
        let fd = open_plain(&real, PLACE).unwrap();
        assert_eq!(real_path(&fd).unwrap(), real);
        assert_eq!(open_plain(&dir.path().join("alias"), PLACE).unwrap_err(), Errno::LOOP);
    }
}
