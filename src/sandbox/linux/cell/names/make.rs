//! Directories, nodes, links and other names for what there is.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use rustix::fs::{
    AtFlags, CWD, RenameFlags, linkat, mkdirat, mknodat, renameat, renameat_with, symlinkat,
};
use rustix::io::Errno;
use rustix::process::umask;

use super::super::grants::real_path;
use super::asker::Asker;
use super::call::{Making, Place};
use super::lookup::{Ending, Found, Spot, follow, spot};
use super::rules::{NameRules, Verdict};

/// Does it, or says why not.
pub fn make(asker: &Asker<'_>, rules: &NameRules, making: &Making) -> Result<(), i32> {
    match making {
        Making::Directory { at, mode } => {
            let at = spot(asker, at)?;
            // What a protected path lies in may be there, as long as it is a directory.
            permit_new(rules, &at, &[Verdict::Free, Verdict::Above])?;
            let mask = asker.umask()?;
            asker.confirm()?;
            umask(mask);
            mkdirat(&at.directory, &at.name, *mode).map_err(Errno::raw_os_error)
        }
        Making::Node { at, kind, mode } => {
            let at = spot(asker, at)?;
            permit_file(rules, &at)?;
            let mask = asker.umask()?;
            asker.confirm()?;
            umask(mask);
            mknodat(&at.directory, &at.name, *kind, *mode, 0).map_err(Errno::raw_os_error)
        }
        Making::Symlink { at, target } => {
            let at = spot(asker, at)?;
            permit_file(rules, &at)?;
            asker.confirm()?;
            symlinkat(target.as_slice(), &at.directory, &at.name).map_err(Errno::raw_os_error)
        }
        Making::Link { from, follow, empty, to } => {
            let to = spot(asker, to)?;
            permit_file(rules, &to)?;
            if *empty && from.path.is_empty() {
                return link_open(asker, rules, &asker.base(from.base)?, &to);
            }
            link(asker, rules, from, *follow, &to)
        }
        Making::Rename { from, to, flags } => rename(asker, rules, from, to, *flags),
    }
}

/// Whether a file, or anything that is no directory, may be made here. At a name that a protected
/// path lies in it would lead elsewhere: such as a file `.git`, which names another directory.
pub fn permit_file(rules: &NameRules, at: &Spot) -> Result<(), i32> {
    permit_new(rules, at, &[Verdict::Free])
}

/// What exists is told first, as the kernel does: `mkdir -p` relies on it.
fn permit_new(rules: &NameRules, at: &Spot, fine: &[Verdict]) -> Result<(), i32> {
    match permit(rules, at, fine) {
        Err(_) if at.exists() => Err(libc::EEXIST),
        outcome => outcome,
    }
}

fn permit(rules: &NameRules, at: &Spot, fine: &[Verdict]) -> Result<(), i32> {
    if rules.reach().is_some_and(|reach| !reach.makes_in(&at.path)) {
        return Err(libc::EACCES);
    }
    if !at.is_no_name() && !fine.contains(&at.verdict(rules)) {
        return Err(libc::EROFS);
    }
    Ok(())
}

fn rename(
    asker: &Asker<'_>,
    rules: &NameRules,
    from: &Place,
    to: &Place,
    flags: u32,
) -> Result<(), i32> {
    let known = RenameFlags::NOREPLACE | RenameFlags::EXCHANGE;
    let flags = RenameFlags::from_bits_retain(flags);
    if !known.contains(flags) || flags == known {
        return Err(libc::EINVAL);
    }
    let (from, to) = (spot(asker, from)?, spot(asker, to)?);
    match permit(rules, &from, &[Verdict::Free]) {
        Err(_) if !from.exists() => return Err(libc::ENOENT),
        outcome => outcome?,
    }
    permit(rules, &to, &[Verdict::Free])?;
    asker.confirm()?;
    let renamed = if flags.is_empty() {
        renameat(&from.directory, &from.name, &to.directory, &to.name)
    } else {
        renameat_with(&from.directory, &from.name, &to.directory, &to.name, flags)
    };
    renamed.map_err(Errno::raw_os_error)
}

fn link(
    asker: &Asker<'_>,
    rules: &NameRules,
    from: &Place,
    follows: bool,
    to: &Spot,
) -> Result<(), i32> {
    if follows {
        return match follow(asker, from, Ending::Follow)? {
            Found::File(file, ..) => link_open(asker, rules, &file, to),
            Found::Missing(_) => Err(libc::ENOENT),
            // No file system links directories.
            Found::Link | Found::Directory(_) => Err(libc::EPERM),
        };
    }
    let from = spot(asker, from)?;
    permit(rules, &from, &[Verdict::Free, Verdict::Above])?;
    asker.confirm()?;
    linkat(&from.directory, &from.name, &to.directory, &to.name, AtFlags::empty())
        .map_err(Errno::raw_os_error)
}

/// Gives a name to what is open, such as a file that has none yet.
fn link_open(asker: &Asker<'_>, rules: &NameRules, file: &OwnedFd, to: &Spot) -> Result<(), i32> {
    let path =
        real_path(file.as_fd()).map_err(|error| error.raw_os_error().unwrap_or(libc::EIO))?;
    if rules.of_path(&path) == Verdict::Protected {
        return Err(libc::EROFS);
    }
    let reached = |reach: &super::Reach| path.parent().is_some_and(|above| reach.makes_in(above));
    if !rules.reach().is_none_or(reached) {
        return Err(libc::EACCES);
    }
    asker.confirm()?;
    let itself = format!("/proc/self/fd/{}", file.as_raw_fd());
    linkat(CWD, itself.as_bytes(), &to.directory, &to.name, AtFlags::SYMLINK_FOLLOW)
        .map_err(Errno::raw_os_error)
}
