//! Where an action works: a tree of the run, a copy of a directory of the workspace, or an empty
//! directory.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Component, Path, PathBuf};

use rustix::fs::{Mode, OFlags};

use super::super::area::{Area, Scratch, failed};
use super::super::fs::{Kind, TREE_DEPTH_MAX, Visit, Walk, walk};
use super::super::typed::Call;
use super::args::{Action, Args};
use super::unpack;
use crate::contracts::{ErrorKind, ToolError};
use crate::policy::is_secret;

/// Most entries and bytes of a directory that is copied.
const ENTRIES_MAX: u64 = 100_000;
const BYTES_MAX: u64 = 2 << 30;

/// What is not copied: what can be made again, and what is large and no source. A build does not see
/// the history of a repository.
const CLOSED: [&str; 4] = [".git", "target", ".bailiwick", "logs"];

const PROGRAM_MODE: u32 = 0o755;
const FILE_MODE: u32 = 0o644;
const RUN_BITS: u32 = 0o111;

/// Where an action works.
pub(super) enum Place {
    /// A tree that stays for later actions.
    Tree { dir: PathBuf, name: String },
    /// A directory that is gone afterwards.
    Passing { scratch: Scratch, left_out: u64 },
}

impl Place {
    /// As the arguments say. Only `command` may do without either.
    pub(super) fn of(args: &Args, at: &Call<'_>, area: &Area) -> Result<Self, ToolError> {
        if let Some(workdir) = &args.workdir {
            let scratch = area.scratch()?;
            let left_out = copy(workdir, at, scratch.path())?;
            return Ok(Self::Passing { scratch, left_out });
        }
        let (dir, name) = (area.dir(unpack::DIR)?.join(args.tree()), args.tree().to_owned());
        if dir.is_dir() {
            return Ok(Self::Tree { dir, name });
        }
        if args.action == Action::Command && args.tree.is_none() {
            return Ok(Self::Passing { scratch: area.scratch()?, left_out: 0 });
        }
        let message = format!("there is no tree `{name}` in this run: `unpack` it first");
        Err(ToolError::new(ErrorKind::NotFound, message))
    }

    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Tree { dir, .. } => dir,
            Self::Passing { scratch, .. } => scratch.path(),
        }
    }

    /// The tree's name; empty for what does not stay.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Tree { name, .. } => name.clone(),
            Self::Passing { .. } => String::new(),
        }
    }

    /// Lines for people.
    pub(super) fn left_out(&self) -> Vec<String> {
        match self {
            Self::Passing { left_out, .. } if *left_out > 0 => {
                let closed = CLOSED.join("`, `");
                vec![format!(
                    "{left_out} entries were not copied: `{closed}`, secrets, links that lead out and what is no file"
                )]
            }
            _ => Vec::new(),
        }
    }
}

/// Copies a directory that the call may read. Returns how many entries were left out.
fn copy(workdir: &str, at: &Call<'_>, to: &Path) -> Result<u64, ToolError> {
    let from = at.jail.open_dir(workdir)?;
    let closed_at = &at.context.confinement.unreadable;
    let every = Walk { depth: TREE_DEPTH_MAX, closed: &CLOSED, closed_at, watch: &at.watch };
    let (mut entries, mut bytes, mut left_out) = (0_u64, 0_u64, 0_u64);
    let omitted = walk(&from.fd, &from.real, &every, &mut |visit| {
        entries += 1;
        bytes = bytes.saturating_add(visit.bytes);
        if entries > ENTRIES_MAX || bytes > BYTES_MAX {
            return Ok(false);
        }
        let real = from.real.join(visit.path);
        let closed = closed_at.contains(&real) || is_secret(&real);
        let named = visit.kind == Kind::Dir && CLOSED.iter().any(|name| visit.name == *name);
        if closed || named || !one(visit, to)? {
            left_out += 1;
        }
        Ok(true)
    })?;
    if omitted.cut || entries > ENTRIES_MAX || bytes > BYTES_MAX {
        let workdir = workdir.escape_debug();
        let message = format!(
            "`{workdir}` is more than {ENTRIES_MAX} entries or {BYTES_MAX} bytes: name a smaller directory"
        );
        return Err(ToolError::new(ErrorKind::TooLarge, message));
    }
    Ok(left_out.saturating_add(omitted.unreadable.len() as u64))
}

/// Copies one entry; whether it was.
fn one(visit: &Visit<'_>, to: &Path) -> Result<bool, ToolError> {
    let target = to.join(visit.path);
    let io = |error: io::Error| failed(&target, &error);
    // In a directory that was left out.
    if target.parent().is_some_and(|parent| !parent.is_dir()) {
        return Ok(false);
    }
    match visit.kind {
        Kind::Dir => fs::create_dir(&target).map(|()| true).map_err(io),
        Kind::File => file(visit, &target).map_err(io),
        Kind::Symlink => link(visit, &target).map_err(io),
        Kind::Other => Ok(false),
    }
}

fn file(visit: &Visit<'_>, target: &Path) -> io::Result<bool> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let mut from = match rustix::fs::openat(visit.dir, visit.name, flags, Mode::empty()) {
        Ok(fd) => File::from(fd),
        // Gone, swapped, or closed to us: left out, and said.
        Err(rustix::io::Errno::NOENT | rustix::io::Errno::LOOP | rustix::io::Errno::ACCESS) => {
            return Ok(false);
        }
        Err(errno) => return Err(errno.into()),
    };
    let meta = from.metadata()?;
    if !meta.is_file() {
        return Ok(false);
    }
    let mut to = File::create_new(target)?;
    io::copy(&mut io::Read::take(&mut from, BYTES_MAX), &mut to)?;
    let runs = meta.permissions().mode() & RUN_BITS != 0;
    to.set_permissions(Permissions::from_mode(if runs { PROGRAM_MODE } else { FILE_MODE }))?;
    Ok(true)
}

/// A link that stays inside, judged by its text: `..` only at the beginning, and not too many.
fn link(visit: &Visit<'_>, target: &Path) -> io::Result<bool> {
    let text = rustix::fs::readlinkat(visit.dir, visit.name, Vec::new())?;
    let Ok(text) = text.into_string() else { return Ok(false) };
    let (mut up, mut down) = (0, false);
    for part in Path::new(&text).components() {
        match part {
            Component::ParentDir if !down => up += 1,
            Component::Normal(_) => down = true,
            Component::CurDir => {}
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return Ok(false),
        }
    }
    if up >= visit.path.components().count() {
        return Ok(false);
    }
    symlink(text, target).map(|()| true)
}
