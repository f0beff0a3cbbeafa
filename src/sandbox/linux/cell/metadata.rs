//! Changing mode, owner and times of files on behalf of the command.
//!
//! Landlock has no rights for these, so a command could change them on every file that belongs to
//! its user, by name, wherever the file is: make keys readable for others, or, as root, mark a
//! shell as set-user-id. Forbidding the calls would break `git`, `tar` and every build. So the
//! kernel passes them on to the supervisor, which opens the file itself, looks where it really
//! is, and makes the change only where the cell may write. It never lets the original call
//! continue: the caller could swap the path after it was looked at.
//!
//! The supervisor has the command's user and no capabilities, so it can do nothing here that the
//! command could not do without walls.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;

use rustix::fs::{
    AtFlags, CWD, Gid, Mode, OFlags, ResolveFlags, Uid, chmod, chownat, open, openat2,
};
use rustix::io::Errno;

use super::grants::real_path;
use super::request::{self, Base, Change, Request};
use super::sys::{self, Asked};

/// Bits that make a program run with its owner's rights: never set on behalf of a command.
const SET_ID_BITS: u32 = 0o6000;
const MODE_BITS: u32 = 0o7777;

/// Makes the change that was asked for, or refuses.
///
/// # Errors
/// When the listener is broken.
pub fn answer(listener: BorrowedFd<'_>, asked: &Asked, writable: &[PathBuf]) -> io::Result<()> {
    let errno = match carry_out(listener, asked, writable) {
        Ok(()) => 0,
        Err(errno) => errno,
    };
    sys::answer(listener, asked.id, errno)
}

fn carry_out(listener: BorrowedFd<'_>, asked: &Asked, writable: &[PathBuf]) -> Result<(), i32> {
    let request = request::read(asked)?;
    let file = find(asked.thread, &request)?;
    // Everything above went through the asker's thread id. Had it died meanwhile, the id could
    // by now belong to somebody else, and so could what was read.
    if !sys::still_waits(listener, asked.id) {
        return Err(libc::ESRCH);
    }
    let path = real_path(file.as_fd()).map_err(errno_of)?;
    if !writable.iter().any(|place| path.starts_with(place)) {
        return Err(libc::EPERM);
    }
    apply(&file, request.change)
}

/// The file itself; from here on its name does not matter.
fn find(thread: u32, request: &Request) -> Result<OwnedFd, i32> {
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    let base = match request.base {
        Base::WorkingDirectory => format!("/proc/{thread}/cwd"),
        Base::Descriptor(number) => format!("/proc/{thread}/fd/{number}"),
    };
    let opened = open(base, flags, Mode::empty());
    let Some(path) = &request.path else { return opened.map_err(bad_descriptor) };
    let nofollow = if request.follow { OFlags::empty() } else { OFlags::NOFOLLOW };
    let from = match &opened {
        Ok(base) => base.as_fd(),
        // An absolute path does not need a base.
        Err(_) if path.starts_with(b"/") => CWD,
        Err(error) => return Err(bad_descriptor(*error)),
    };
    // `/proc/self` would be the supervisor's own.
    let resolve = ResolveFlags::NO_MAGICLINKS;
    openat2(from, path.as_slice(), flags | nofollow, Mode::empty(), resolve)
        .map_err(|error| error.raw_os_error())
}

fn apply(file: &OwnedFd, change: Change) -> Result<(), i32> {
    let itself = format!("/proc/self/fd/{}", file.as_raw_fd());
    match change {
        Change::Mode(mode) if mode & SET_ID_BITS != 0 => Err(libc::EPERM),
        Change::Mode(mode) => {
            chmod(itself, Mode::from_raw_mode(mode & MODE_BITS)).map_err(|e| e.raw_os_error())
        }
        Change::Owner(user, group) => {
            let user = (user != u32::MAX).then(|| Uid::from_raw(user));
            let group = (group != u32::MAX).then(|| Gid::from_raw(group));
            chownat(file, "", user, group, AtFlags::EMPTY_PATH).map_err(|e| e.raw_os_error())
        }
        Change::Times(times) => {
            let itself = CString::new(itself).map_err(|_| libc::EINVAL)?;
            sys::set_times(&itself, times.as_ref()).map_err(errno_of)
        }
    }
}

fn bad_descriptor(error: Errno) -> i32 {
    if error == Errno::NOENT { libc::EBADF } else { error.raw_os_error() }
}

fn errno_of(error: io::Error) -> i32 {
    error.raw_os_error().unwrap_or(libc::EIO)
}
