//! What each cell has for itself in its view: its processes under `/proc`, and a directory in memory.

use std::io;
use std::os::fd::AsFd;
use std::path::Path;

use rustix::fs::{Mode, OFlags, open};
use rustix::mount::{MountFlags, mount};

use super::super::wire::Refusal;
use super::ground;
use super::view::{self, PRIVATE, missing};
use super::world::World;

/// Entries of the private directory.
const ENTRIES: u64 = 1 << 20;

/// The private directory takes at most this part of the cell's memory.
const MEMORY_SHARE: u64 = 2;

/// Mounts both.
pub fn files(world: &World) -> Result<(), Refusal> {
    processes().map_err(|error| missing("no `/proc` of its own", error))?;
    if world.view.private_is_granted {
        return Ok(());
    }
    private(world).map_err(|error| missing(&format!("no `{PRIVATE}` of its own"), error))
}

fn processes() -> io::Result<()> {
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC | MountFlags::RDONLY;
    Ok(mount("proc", "/proc", "proc", flags, None)?)
}

fn private(world: &World) -> io::Result<()> {
    let path = |path: &Path| open(path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty());
    let mut kept = Vec::new();
    for root in &world.view.inside_private {
        match path(root) {
            Ok(at) => kept.push((root, root.is_dir(), view::clone_tree(at.as_fd())?)),
            Err(rustix::io::Errno::NOENT) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let owner = world.view.owner;
    let options = format!(
        "size={},nr_inodes={ENTRIES},mode=0700,uid={},gid={}\0",
        world.spec.memory_bytes / MEMORY_SHARE,
        owner.user,
        owner.group
    );
    let options =
        std::ffi::CStr::from_bytes_with_nul(options.as_bytes()).map_err(io::Error::other)?;
    mount("tmpfs", PRIVATE, "tmpfs", MountFlags::NOSUID | MountFlags::NODEV, Some(options))?;
    let private = Path::new(PRIVATE);
    let bare = world.view.bare.as_ref().filter(|bare| *bare != private);
    let bare = bare.and_then(|bare| bare.strip_prefix(private).ok());
    if kept.is_empty() && bare.is_none() {
        return Ok(());
    }
    let top = path(private)?;
    for (root, is_directory, tree) in kept {
        let inside = root.strip_prefix(PRIVATE).map_err(io::Error::other)?;
        ground::place(top.as_fd(), inside, is_directory)?;
        view::mount_at(top.as_fd(), inside, tree)?;
    }
    // A place to be in, with nothing in it, where it is no root.
    if let Some(bare) = bare {
        ground::place(top.as_fd(), bare, true)?;
    }
    Ok(())
}
