//! Walking a path name by name, where the kernel would take the one who answers for the one who
//! asks: `/proc/self`, and links in `/proc` that lead to what a process has open.

use std::collections::VecDeque;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{
    FileType, Mode, OFlags, PROC_SUPER_MAGIC, Stat, fstat, fstatfs, open, openat, readlinkat,
};
use rustix::io::Errno;
use rustix::process::geteuid;

use super::super::grants::real_path;
use super::asker::Asker;

/// Where processes are.
pub const PROC: &str = "/proc";

/// As many links as the kernel follows.
pub const LINKS_MAX: usize = 40;

/// The inode of the topmost directory of `/proc`.
const PROC_ROOT_INODE: u64 = 1;

/// What a name leads to.
#[derive(Debug)]
pub enum Step {
    File(OwnedFd),
    /// To be gone on with, from the same directory or the root.
    Link(Vec<u8>),
}

/// A name in a directory, and whether it is a link.
pub fn enter(
    asker: &Asker<'_>,
    directory: BorrowedFd<'_>,
    name: &[u8],
) -> Result<(Step, bool), i32> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let found = openat(directory, name, flags, Mode::empty()).map_err(Errno::raw_os_error)?;
    let stat = fstat(&found).map_err(Errno::raw_os_error)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::Symlink {
        return Ok((Step::File(found), false));
    }
    let above = fstat(directory).map_err(Errno::raw_os_error)?;
    refuse_planted(&above, &stat)?;
    let system = fstatfs(directory).map_err(Errno::raw_os_error)?.f_type;
    if system != PROC_SUPER_MAGIC {
        return Ok((Step::Link(target(&found)?), true));
    }
    Ok((in_proc(asker, directory, &above, name, &found)?, true))
}

fn target(link: &OwnedFd) -> Result<Vec<u8>, i32> {
    let target = readlinkat(link, "", Vec::new()).map_err(Errno::raw_os_error)?;
    Ok(target.into_bytes())
}

/// A link in `/proc`: `self` is the asker, and only what the asker itself has open can be reached.
fn in_proc(
    asker: &Asker<'_>,
    directory: BorrowedFd<'_>,
    stat: &Stat,
    name: &[u8],
    found: &OwnedFd,
) -> Result<Step, i32> {
    let (process, thread) = asker.process()?;
    if stat.st_ino == PROC_ROOT_INODE {
        return Ok(Step::Link(match name {
            b"self" => process.to_string().into_bytes(),
            b"thread-self" => format!("{process}/task/{thread}").into_bytes(),
            _ => target(found)?,
        }));
    }
    let path = real_path(directory).map_err(|error| error.raw_os_error().unwrap_or(libc::EIO))?;
    if !path.starts_with(Path::new(PROC).join(process.to_string())) {
        return Err(libc::EACCES);
    }
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    openat(directory, name, flags, Mode::empty()).map(Step::File).map_err(Errno::raw_os_error)
}

/// The directory that a path leads to.
pub fn directory(asker: &Asker<'_>, from: Option<OwnedFd>, path: &[u8]) -> Result<OwnedFd, i32> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let root = || open("/", flags, Mode::empty()).map_err(Errno::raw_os_error);
    let mut here = match from {
        Some(from) if !path.starts_with(b"/") => from,
        _ => root()?,
    };
    let mut ahead: VecDeque<Vec<u8>> = names(path);
    let mut links = 0;
    while let Some(name) = ahead.pop_front() {
        match enter(asker, here.as_fd(), &name)?.0 {
            Step::File(file) => here = file,
            Step::Link(target) => {
                links += 1;
                if links > LINKS_MAX {
                    return Err(libc::ELOOP);
                }
                if target.starts_with(b"/") {
                    here = root()?;
                }
                for name in names(&target).into_iter().rev() {
                    ahead.push_front(name);
                }
            }
        }
    }
    Ok(here)
}

fn names(path: &[u8]) -> VecDeque<Vec<u8>> {
    let names = path.split(|byte| *byte == b'/').filter(|name| !matches!(*name, b"" | b"."));
    names.map(<[u8]>::to_vec).collect()
}

/// What the kernel refuses by `fs.protected_symlinks`, `_fifos` and `_regular`: what somebody else
/// left in a directory where everybody may leave something.
pub fn refuse_planted(directory: &Stat, found: &Stat) -> Result<(), i32> {
    const EVERYBODY: u32 = libc::S_ISVTX | libc::S_IWOTH;
    let public = directory.st_mode & EVERYBODY == EVERYBODY;
    let trusted = found.st_uid == geteuid().as_raw() || found.st_uid == directory.st_uid;
    if public && !trusted { Err(libc::EACCES) } else { Ok(()) }
}

/// A file below `/proc/PID` of somebody else, which this process may be able to open and the asker
/// not.
pub fn refuse_other_processes(asker: &Asker<'_>, path: &Path) -> Result<(), i32> {
    let Ok(below) = path.strip_prefix(PROC) else { return Ok(()) };
    let first = below.components().next().map(|part| part.as_os_str().to_string_lossy());
    let is_process = first.as_ref().is_some_and(|name| name.parse::<u32>().is_ok());
    if is_process && first.as_deref() != Some(asker.process()?.0.to_string().as_str()) {
        return Err(libc::EACCES);
    }
    Ok(())
}
