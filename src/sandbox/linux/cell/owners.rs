//! Who the command is, and whom its files belong to.
//!
//! A program that runs as root starts its commands as another user, so that a hole in a wall is not
//! a hole in the machine. The files of the roots belong to somebody else, though; so each is mounted
//! with its owner translated to that user and back: what the command makes belongs to whom the root
//! belongs. Everybody else's commands keep their user.

use std::fs;
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};

use rustix::fs::{Mode, OFlags, openat};
use rustix::process::{Pid, Signal, WaitOptions, getegid, geteuid, kill_process, waitpid};
use rustix::thread::UnshareFlags;

use super::spaces;

/// User and group of the commands of a program that runs as root. In a range that no distribution
/// and no container gives to anybody.
pub const CELL_ID: u32 = 61_100;

/// What the kernel calls the file system of pipes without names.
const PIPES: rustix::fs::FsWord = 0x5049_5045;

/// One more than the largest id.
const IDS: u32 = u32::MAX;

/// A user and a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Owner {
    /// The user.
    pub user: u32,
    /// The group.
    pub group: u32,
}

impl Owner {
    /// Of this process.
    pub fn own() -> Self {
        Self { user: geteuid().as_raw(), group: getegid().as_raw() }
    }

    /// Of the commands of a program that runs as root.
    pub fn of_cells() -> Self {
        Self { user: CELL_ID, group: CELL_ID }
    }
}

/// Enters a new user namespace in which `owner` is who it was, and nobody else is anybody. `processes` is a
/// `/proc` that can be written.
///
/// # Errors
/// When user namespaces are switched off.
pub fn enter_namespace_as(owner: Owner, processes: BorrowedFd<'_>) -> io::Result<()> {
    spaces::unshare(UnshareFlags::NEWUSER)?;
    let write = |name: &str, text: &str| -> io::Result<()> {
        let file = openat(processes, name, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?;
        rustix::io::write(&file, text.as_bytes())?;
        Ok(())
    };
    write("self/setgroups", "deny")?;
    write("self/gid_map", &format!("{0} {0} 1", owner.group))?;
    write("self/uid_map", &format!("{0} {0} 1", owner.user))
}

/// The `/proc` that this process sees.
///
/// # Errors
/// When there is none.
pub fn processes() -> io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(rustix::fs::open("/proc", flags, Mode::empty())?)
}

/// A namespace whose map turns `from` into the user of the commands, and leaves all others as they
/// are. Only for root.
///
/// # Errors
/// When it cannot be made.
pub fn translation(from: Owner) -> io::Result<OwnedFd> {
    let holder = match spaces::fork_into(libc::CLONE_NEWUSER)? {
        None => loop {
            rustix::event::pause();
        },
        Some(holder) => holder,
    };
    let made = map(holder, from);
    kill_process(holder, Signal::KILL)?;
    waitpid(Some(holder), WaitOptions::empty())?;
    made
}

fn map(holder: Pid, from: Owner) -> io::Result<OwnedFd> {
    fs::write(format!("/proc/{holder}/uid_map"), lines(from.user))?;
    fs::write(format!("/proc/{holder}/gid_map"), lines(from.group))?;
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    Ok(rustix::fs::open(format!("/proc/{holder}/ns/user"), flags, Mode::empty())?)
}

/// The lines of a map: on disk, seen as, how many. An id is seen as one and each is one at most, so the
/// files of whoever has [`CELL_ID`] on disk are nobody's.
fn lines(from: u32) -> String {
    let to = CELL_ID;
    let (low, high) = (from.min(to), from.max(to));
    let mut lines = vec![format!("{from} {to} 1")];
    let ranges = [(0, low), (low + 1, high), (high + 1, IDS)];
    for (start, end) in ranges {
        if start < end {
            lines.push(format!("{start} {start} {}", end - start));
        }
    }
    if from == to {
        lines.truncate(0);
        lines.push(format!("0 0 {IDS}"));
    }
    lines.join("\n")
}

/// Becomes `owner` for good, with no other groups.
///
/// # Errors
/// When this process may not.
pub fn become_user(owner: Owner) -> io::Result<()> {
    use rustix::process::{Gid, Uid};
    use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};
    set_thread_groups(&[])?;
    let group = Gid::from_raw(owner.group);
    set_thread_res_gid(group, group, group)?;
    let user = Uid::from_raw(owner.user);
    set_thread_res_uid(user, user, user)?;
    Ok(())
}

/// Gives a pipe that root made to `owner`, who could otherwise write to it and not open it again by its
/// name, as `echo > /dev/stderr` does. Of files on disk, and of what is not root's, nothing changes.
///
/// # Errors
/// When the kernel refuses.
pub fn give_pipe(stream: &OwnedFd, owner: Owner) -> io::Result<()> {
    if owner == Owner::own() || rustix::fs::fstatfs(stream)?.f_type != PIPES {
        return Ok(());
    }
    if rustix::fs::fstat(stream)?.st_uid != Owner::own().user {
        return Ok(());
    }
    use rustix::fs::{Gid, Uid};
    let (user, group) = (Uid::from_raw(owner.user), Gid::from_raw(owner.group));
    Ok(rustix::fs::fchown(stream, Some(user), Some(group))?)
}
