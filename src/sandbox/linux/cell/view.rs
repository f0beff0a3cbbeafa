//! What a cell sees of the files of this machine: a small read-only tree into which the granted places
//! are mounted. Built once by the broker; each call gets a copy of it.
//!
//! Every source is opened and detached before anything is mounted, so that no mount hides the source
//! of another, and no name is looked up twice. What is not granted is not there.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat2, readlink};
use rustix::io::Errno;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MountPropagationFlags, MoveMountFlags,
    OpenTreeFlags, UnmountFlags, fsconfig_create, fsconfig_set_string, fsmount, fsopen,
    mount_change, move_mount, open_tree, unmount,
};

use super::super::layers::NAMESPACES;
use super::super::wire::{Refusal, SystemAccess, ViewSpec};
use super::ground::Ground;
use super::owners::{self, Owner};
use super::spaces::{self, Attributes, NO_DEVICES, NO_PROGRAMS, NO_SET_ID, READ_ONLY};

/// Where the new root is mounted before it becomes the root: any directory that every system has. What is
/// below it was opened before.
const STAGE: &str = "/usr";

/// Linux numbers of the machine that programs read under `/proc` come from the cell's own.
const PROC: &str = "/proc";

const DEVICES: &str = "/dev";

/// Where the command may do as it likes, in memory.
pub const PRIVATE: &str = "/tmp";

/// A view that stands: this process has it as its root.
#[derive(Debug)]
pub struct View {
    /// Whose rights commands have.
    pub owner: Owner,
    /// Writable roots.
    pub write: Vec<PathBuf>,
    /// Devices that may be written.
    pub devices: Vec<PathBuf>,
    /// Roots inside of [`PRIVATE`], which each call mounts into its own.
    pub inside_private: Vec<PathBuf>,
    /// A working directory that is in no root.
    pub bare: Option<PathBuf>,
    /// Whether a root takes the place of [`PRIVATE`], so that a call has none of its own.
    pub private_is_granted: bool,
}

/// Something detached, and where it goes.
struct Piece {
    tree: OwnedFd,
    at: PathBuf,
    is_directory: bool,
}

/// Builds the view and makes it this process's root.
pub fn build(spec: &ViewSpec) -> Result<View, Refusal> {
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)
        .map_err(|error| missing("its mounts cannot be made private", error.into()))?;
    let (owner, pieces) = detach_all(spec)?;
    let ground = Ground::make(spec)?;
    let everything = spec.read.iter().chain(&spec.write).any(|root| root == Path::new("/"));
    let base = if everything { None } else { Some(&ground) };
    let root = raise(base, &pieces)?;
    for piece in &pieces {
        if piece.at != Path::new("/") {
            put(&root, base, piece)?;
        }
    }
    if let (Some(ground), Some(bare)) = (base, &spec.bare) {
        ground.place(root.as_fd(), bare.strip_prefix("/").unwrap_or(bare), true)?;
    }
    for closed in &spec.closed {
        let tree = ground.mask(closed.is_directory)?;
        put(
            &root,
            None,
            &Piece { tree, at: closed.path.clone(), is_directory: closed.is_directory },
        )?;
    }
    if base.is_some() {
        let attributes = Attributes { set: READ_ONLY | NO_SET_ID | NO_DEVICES, owners: None };
        ground.freeze(attributes)?;
    }
    enter(&root)?;
    Ok(describe(spec, owner))
}

fn describe(spec: &ViewSpec, owner: Option<Owner>) -> View {
    let private = Path::new(PRIVATE);
    let roots = || spec.read.iter().chain(&spec.write);
    let mut inside: Vec<PathBuf> =
        roots().filter(|root| root.starts_with(private) && *root != private).cloned().collect();
    inside.sort();
    inside.dedup();
    // A root in another root comes along with it.
    let outermost = inside
        .iter()
        .filter(|root| !inside.iter().any(|other| *root != other && root.starts_with(other)))
        .cloned()
        .collect();
    let devices = spec.system.iter().filter(|system| system.access == SystemAccess::Device);
    View {
        owner: owner.unwrap_or_else(Owner::own),
        write: spec.write.clone(),
        devices: devices.map(|device| device.path.clone()).collect(),
        inside_private: outermost,
        bare: spec.bare.clone(),
        private_is_granted: roots().any(|root| private.starts_with(root)),
    }
}

/// All pieces in the order in which they are mounted, and the user of commands where it is not the
/// program's own.
fn detach_all(spec: &ViewSpec) -> Result<(Option<Owner>, Vec<Piece>), Refusal> {
    let mut pieces = system(spec)?;
    let switch = rustix::process::geteuid().is_root() && !spec.lacks(super::super::layers::USER);
    let translated = if switch { roots(spec, true)? } else { None };
    let owner = translated.is_some().then(Owner::of_cells);
    match translated {
        Some(roots) => pieces.extend(roots),
        None => pieces.extend(roots(spec, false)?.unwrap_or_default()),
    }
    Ok((owner, pieces))
}

fn system(spec: &ViewSpec) -> Result<Vec<Piece>, Refusal> {
    let mut pieces = Vec::new();
    for system in &spec.system {
        // The administrator's links are followed; those of the top are made again by the ground.
        if system.path.starts_with(PROC) || Ground::has(&system.path) {
            continue;
        }
        let set = match system.access {
            SystemAccess::Read if system.path.starts_with(DEVICES) => {
                READ_ONLY | NO_SET_ID | NO_PROGRAMS
            }
            SystemAccess::Run | SystemAccess::Read => READ_ONLY | NO_SET_ID | NO_DEVICES,
            SystemAccess::Device => NO_SET_ID | NO_PROGRAMS,
        };
        let attributes = Attributes { set, owners: None };
        pieces.extend(detach(&system.path, ResolveFlags::empty(), attributes)?);
    }
    // Without the machine's own below it, the kernel refuses a user's processes a `/proc` of their own.
    pieces.extend(detach(Path::new(PROC), ResolveFlags::empty(), Attributes::default())?);
    Ok(pieces)
}

/// Roots, outer ones first, then what stays read-only inside of them. `None` when owners are to be
/// translated and a file system cannot.
fn roots(spec: &ViewSpec, translated: bool) -> Result<Option<Vec<Piece>>, Refusal> {
    let writable = |path: &PathBuf| spec.write.contains(path);
    let mut all: Vec<(&PathBuf, u64)> = Vec::new();
    for root in &spec.read {
        if !writable(root) {
            all.push((root, READ_ONLY | NO_SET_ID | NO_DEVICES));
        }
    }
    all.extend(spec.write.iter().map(|root| (root, NO_SET_ID | NO_DEVICES)));
    all.sort();
    all.extend(spec.frozen.iter().map(|path| (path, READ_ONLY | NO_SET_ID | NO_DEVICES)));
    let mut pieces = Vec::new();
    for (path, set) in all {
        let map = if translated { translation_of(path)? } else { None };
        if translated && map.is_none() && path.exists() {
            return Ok(None);
        }
        let attributes = Attributes { set, owners: map.as_ref().map(AsFd::as_fd) };
        match detach(path, ResolveFlags::NO_SYMLINKS, attributes) {
            Ok(piece) => pieces.extend(piece),
            Err(Refusal::Missing { .. }) if translated => return Ok(None),
            Err(refusal) => return Err(refusal),
        }
    }
    Ok(Some(pieces))
}

/// The translation of the owner of what is at `path`; `None` when there is nothing.
fn translation_of(path: &Path) -> Result<Option<OwnedFd>, Refusal> {
    let found = match rustix::fs::stat(path) {
        Ok(found) => found,
        Err(Errno::NOENT | Errno::NOTDIR | Errno::ACCESS) => return Ok(None),
        Err(error) => return Err(cannot_open(path, error.into())),
    };
    let from = Owner { user: found.st_uid, group: found.st_gid };
    owners::translation(from)
        .map(Some)
        .map_err(|error| missing("owners cannot be translated", error))
}

/// A copy of the mount at `path`, with everything mounted below it. `None` for what does not exist or may
/// not be reached: a cell without it is narrower.
fn detach(
    path: &Path,
    resolve: ResolveFlags,
    attributes: Attributes<'_>,
) -> Result<Option<Piece>, Refusal> {
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    let source = match openat2(CWD, path, flags, Mode::empty(), resolve) {
        Ok(source) => source,
        Err(Errno::NOENT | Errno::NOTDIR | Errno::ACCESS) => return Ok(None),
        Err(Errno::LOOP) => return Err(reached_by_link(path)),
        Err(error) => return Err(cannot_open(path, error.into())),
    };
    let tree = clone_tree(source.as_fd()).map_err(|error| missing(&shown(path), error))?;
    spaces::set_attributes(&tree, attributes).map_err(|error| missing(&shown(path), error))?;
    let found = rustix::fs::fstat(&source).map_err(|error| cannot_open(path, error.into()))?;
    let is_directory =
        rustix::fs::FileType::from_raw_mode(found.st_mode) == rustix::fs::FileType::Directory;
    Ok(Some(Piece { tree, at: path.to_owned(), is_directory }))
}

/// A detached copy of the mount at an open place, with what is mounted below.
///
/// # Errors
/// When this process may not.
pub fn clone_tree(source: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE
        | OpenTreeFlags::OPEN_TREE_CLOEXEC
        | OpenTreeFlags::AT_EMPTY_PATH
        | OpenTreeFlags::AT_RECURSIVE;
    Ok(open_tree(source, "", flags)?)
}

/// Mounts what is to become the root where it can be reached.
fn raise(ground: Option<&Ground>, pieces: &[Piece]) -> Result<OwnedFd, Refusal> {
    let whole = pieces.iter().find(|piece| piece.at == Path::new("/"));
    let tree = match (ground, whole) {
        (Some(ground), _) => ground.tree(),
        (None, Some(whole)) => whole.tree.as_fd(),
        (None, None) => return Err(Refusal::Helper("the root of the cell is gone".into())),
    };
    let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH;
    move_mount(tree, "", CWD, STAGE, flags)
        .map_err(|error| missing("the root of the cell cannot be mounted", error.into()))?;
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::open(STAGE, flags, Mode::empty())
        .map_err(|error| missing("the root of the cell cannot be reached", error.into()))
}

/// Mounts a piece below `root`, making its place first where the root is ours to make places in.
fn put(root: &OwnedFd, ground: Option<&Ground>, piece: &Piece) -> Result<(), Refusal> {
    let inside = piece.at.strip_prefix("/").unwrap_or(&piece.at);
    if let Some(ground) = ground {
        ground.place(root.as_fd(), inside, piece.is_directory)?;
    }
    mount_at(root.as_fd(), inside, &piece.tree)
        .map_err(|error| missing(&format!("`{}`", piece.at.display()), error))
}

/// Mounts a detached tree at a path below an open directory; no link on the way is followed.
///
/// # Errors
/// When the place is not there.
pub fn mount_at(root: BorrowedFd<'_>, inside: &Path, tree: impl AsFd) -> io::Result<()> {
    let flags = OFlags::PATH | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
    let target = openat2(root, inside, flags, Mode::empty(), resolve)?;
    let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
    Ok(move_mount(tree, "", &target, "", flags)?)
}

/// Makes `root` the root of this process; the old one is gone for it.
fn enter(root: &OwnedFd) -> Result<(), Refusal> {
    let no_root = |error: io::Error| missing("the root of the cell cannot be entered", error);
    rustix::process::fchdir(root).map_err(|error| no_root(error.into()))?;
    spaces::stack_roots().map_err(no_root)?;
    unmount(".", UnmountFlags::DETACH).map_err(|error| no_root(error.into()))?;
    rustix::process::chdir("/").map_err(|error| no_root(error.into()))
}

/// A new file system in memory, not mounted yet.
///
/// # Errors
/// When the kernel has none for this process.
pub fn memory_files(options: &[(&str, &str)], attributes: MountAttrFlags) -> io::Result<OwnedFd> {
    let files = fsopen("tmpfs", FsOpenFlags::FSOPEN_CLOEXEC)?;
    for (key, value) in options {
        fsconfig_set_string(files.as_fd(), *key, *value)?;
    }
    fsconfig_create(files.as_fd())?;
    Ok(fsmount(files.as_fd(), FsMountFlags::FSMOUNT_CLOEXEC, attributes)?)
}

/// Where a link of the system's top directories leads, such as `/bin`.
pub fn link_at(path: &Path) -> Option<PathBuf> {
    let target = readlink(path, Vec::new()).ok()?;
    Some(PathBuf::from(target.to_string_lossy().into_owned()))
}

fn reached_by_link(path: &Path) -> Refusal {
    Refusal::BadSpec(format!(
        "`{}` is reached through a symbolic link; name the place itself, since whoever can \
         change the link would choose what the command may touch",
        path.display()
    ))
}

fn shown(path: &Path) -> String {
    format!("`{}` cannot be mounted", path.display())
}

fn cannot_open(path: &Path, error: io::Error) -> Refusal {
    Refusal::BadSpec(format!("`{}` cannot be opened for the cell: {error}", path.display()))
}

/// A step that failed on the way to the view.
pub fn missing(what: &str, error: io::Error) -> Refusal {
    Refusal::missing(NAMESPACES, format!("{what}: {error}"))
}
