//! `open` with `O_CREAT`.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use rustix::fs::{FileType, Mode, OFlags, Stat, fcntl_setfl, open as reopen, openat};
use rustix::io::Errno;
use rustix::process::umask;

use super::super::grants::real_path;
use super::Answer;
use super::asker::Asker;
use super::call::Opening;
use super::lookup::{Ending, Found, Spot, follow};
use super::make::permit_file;
use super::reach::Use;
use super::rules::{NameRules, Verdict};
use super::{wait, walk};

/// How often a file may come and go while it is opened.
const ATTEMPTS_MAX: usize = 16;

/// Opens the file, or makes it.
pub fn open(asker: &Asker<'_>, rules: &NameRules, opening: &Opening) -> Result<Answer, i32> {
    let flags = opening.flags;
    // No kernel of the last years makes sense of these.
    let without_name = OFlags::from_bits_retain(libc::O_TMPFILE.cast_unsigned());
    if flags.intersects(without_name | OFlags::DIRECTORY) {
        return Err(libc::EINVAL);
    }
    let must_make = flags.contains(OFlags::EXCL);
    let keep = must_make || flags.contains(OFlags::NOFOLLOW);
    let ending = if keep { Ending::Keep } else { Ending::Follow };
    for _ in 0..ATTEMPTS_MAX {
        let file = match follow(asker, &opening.at, ending)? {
            Found::Directory(spot) if must_make && spot.is_no_name() => return Err(libc::EEXIST),
            Found::Directory(_) => return Err(libc::EISDIR),
            Found::Link | Found::File(..) if must_make => return Err(libc::EEXIST),
            Found::Link => return Err(libc::ELOOP),
            Found::Missing(spot) => match create(asker, rules, &spot, opening) {
                Err(libc::EEXIST) if !must_make => continue,
                made => made?,
            },
            Found::File(file, stat, spot) => {
                walk::refuse_planted(&spot.stat, &stat)?;
                match existing(asker, rules, &file, &stat, flags)? {
                    Some(file) => file,
                    None => return wait::open_later(asker, &file, again(flags)),
                }
            }
        };
        return Ok(Answer::Opened { file, close_on_exec: flags.contains(OFlags::CLOEXEC) });
    }
    Err(libc::EAGAIN)
}

fn create(
    asker: &Asker<'_>,
    rules: &NameRules,
    spot: &Spot,
    opening: &Opening,
) -> Result<OwnedFd, i32> {
    // Nothing can be made there; the kernel says so in this way.
    if spot.path.starts_with(walk::PROC) {
        return Err(libc::ENOENT);
    }
    permit_file(rules, spot)?;
    let mask = asker.umask()?;
    asker.confirm()?;
    umask(mask);
    let flags = opening.flags | OFlags::EXCL | OFlags::CLOEXEC | OFlags::NOCTTY;
    openat(&spot.directory, &spot.name, flags, opening.mode).map_err(Errno::raw_os_error)
}

/// Opens what is there; `None` when that could take time.
fn existing(
    asker: &Asker<'_>,
    rules: &NameRules,
    file: &OwnedFd,
    stat: &Stat,
    flags: OFlags,
) -> Result<Option<OwnedFd>, i32> {
    let kind = FileType::from_raw_mode(stat.st_mode);
    if kind == FileType::Directory {
        return Err(libc::EISDIR);
    }
    let path =
        real_path(file.as_fd()).map_err(|error| error.raw_os_error().unwrap_or(libc::EIO))?;
    walk::refuse_other_processes(asker, &path)?;
    let mode = flags & OFlags::ACCMODE;
    let wanted = Use {
        reads: mode != OFlags::WRONLY,
        writes: mode != OFlags::RDONLY || flags.contains(OFlags::TRUNC),
    };
    if rules.reach().is_some_and(|reach| !reach.opens(&path, wanted)) {
        return Err(libc::EACCES);
    }
    // Made by somebody outside since the cell was: read-only, as if it had been there before.
    if wanted.writes && rules.of_path(&path) == Verdict::Protected {
        return Err(libc::EROFS);
    }
    asker.confirm()?;
    let flags = again(flags);
    let at_once = flags | OFlags::NONBLOCK;
    match kind {
        FileType::RegularFile => open_itself(file, flags).map(Some),
        _ if flags.contains(OFlags::NONBLOCK) => open_itself(file, flags).map(Some),
        FileType::Fifo if mode == OFlags::RDWR => open_itself(file, flags).map(Some),
        FileType::Fifo if mode == OFlags::WRONLY => match open_itself(file, at_once) {
            Err(libc::ENXIO) => Ok(None),
            opened => blocking(opened?, flags).map(Some),
        },
        FileType::Fifo => Ok(None),
        _ => blocking(open_itself(file, at_once)?, flags).map(Some),
    }
}

/// What is left of the flags for a file that is there and was found without links.
fn again(flags: OFlags) -> OFlags {
    flags.difference(OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW)
        | OFlags::CLOEXEC
        | OFlags::NOCTTY
}

/// Opens the file that `file` only names.
pub fn open_itself(file: &OwnedFd, flags: OFlags) -> Result<OwnedFd, i32> {
    let itself = format!("/proc/self/fd/{}", file.as_raw_fd());
    reopen(itself, flags, Mode::empty()).map_err(Errno::raw_os_error)
}

/// The kernel ignores the flags that only mean something while a file is opened.
fn blocking(file: OwnedFd, flags: OFlags) -> Result<OwnedFd, i32> {
    fcntl_setfl(&file, flags.difference(OFlags::NONBLOCK)).map_err(Errno::raw_os_error)?;
    Ok(file)
}
