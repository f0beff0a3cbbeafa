//! The system calls for namespaces and mounts that no crate offers in a safe form.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::ptr;

use rustix::process::Pid;
use rustix::thread::{UnshareFlags, unshare_unsafe};

/// Bytes of stack for what runs between the start of a process and its program.
const STACK_BYTES: usize = 256 << 10;

/// The kernel wants stacks aligned to this many bytes on both architectures.
const STACK_ALIGN: usize = 16;

/// Leaves namespaces for new ones.
///
/// # Errors
/// When that is not for this process to do, or switched off on this machine.
pub fn unshare(flags: UnshareFlags) -> io::Result<()> {
    debug_assert!(!flags.contains(UnshareFlags::FILES), "descriptors stay shared");
    // SAFETY: only FILES could take descriptors away from other threads, of which there are none.
    Ok(unsafe { unshare_unsafe(flags) }?)
}

/// A second process, in new namespaces of the kinds in `flags`: `None` in the child.
///
/// # Errors
/// When there are too many processes, or no such namespaces to be had.
pub fn fork_into(flags: i32) -> io::Result<Option<Pid>> {
    let flags = i64::from(flags | libc::SIGCHLD);
    // SAFETY: as `fork`, with namespaces: no stack, no shared memory, no pointers. The helper has
    // one thread, so no lock can be held by another that the child would lack.
    match unsafe { libc::syscall(libc::SYS_clone, flags, 0_usize, 0_usize, 0_usize, 0_usize) } {
        -1 => Err(io::Error::last_os_error()),
        0 => Ok(None),
        child => {
            let child = i32::try_from(child).map_err(io::Error::other)?;
            Ok(Pid::from_raw(child))
        }
    }
}

/// A process that shares memory and descriptors with this one, which waits until the child has
/// become another program or ended: no page table is copied for a program that is about to be
/// replaced. `work` runs in the child; when it returns, the child ends with that status.
///
/// # Errors
/// When there are too many processes.
pub fn start_sharing(work: &mut dyn FnMut() -> i32) -> io::Result<Pid> {
    extern "C" fn enter(argument: *mut libc::c_void) -> i32 {
        // SAFETY: the pointer made below, which lives until the child is gone or has another
        // memory, since the parent waits for that.
        let work = unsafe { &mut *argument.cast::<&mut dyn FnMut() -> i32>() };
        work()
    }
    let mut stack = vec![0_u8; STACK_BYTES];
    let mut work = work;
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::CLONE_FILES | libc::SIGCHLD;
    let end = stack.as_mut_ptr_range().end;
    let top = end.wrapping_sub(end.addr() % STACK_ALIGN);
    // SAFETY: the child runs on a stack of its own while this process waits (`CLONE_VFORK`), so
    // neither memory nor the single thread's local state is used by both at a time; `work` and
    // `stack` outlive that.
    let child = unsafe { libc::clone(enter, top.cast(), flags, (&raw mut work).cast()) };
    match child {
        -1 => Err(io::Error::last_os_error()),
        child => Pid::from_raw(child).ok_or_else(|| io::Error::other("no process id")),
    }
}

/// What every access below a mount is held to.
#[derive(Debug, Clone, Copy, Default)]
pub struct Attributes<'a> {
    /// `MOUNT_ATTR_…` bits to set.
    pub set: u64,
    /// The namespace whose map translates the owners of files.
    pub owners: Option<BorrowedFd<'a>>,
}

/// Nothing can be changed.
pub const READ_ONLY: u64 = 0x1;
/// Set-user-id bits mean nothing.
pub const NO_SET_ID: u64 = 0x2;
/// Device files cannot be opened.
pub const NO_DEVICES: u64 = 0x4;
/// Nothing can be run.
pub const NO_PROGRAMS: u64 = 0x8;
const MAPPED_OWNERS: u64 = 0x0010_0000;

/// The kernel's `struct mount_attr`.
#[repr(C)]
struct MountAttr {
    attr_set: u64,
    attr_clr: u64,
    propagation: u64,
    userns_fd: u64,
}

/// Sets attributes of a mount that is open, and of everything mounted below it.
///
/// # Errors
/// `EINVAL` where the file system cannot translate owners.
pub fn set_attributes(mount: impl AsFd, attributes: Attributes<'_>) -> io::Result<()> {
    attribute(mount.as_fd(), attributes, libc::AT_EMPTY_PATH | libc::AT_RECURSIVE)
}

/// As [`set_attributes`], of the mount alone.
///
/// # Errors
/// As [`set_attributes`].
pub fn set_attributes_of_one(mount: impl AsFd, attributes: Attributes<'_>) -> io::Result<()> {
    attribute(mount.as_fd(), attributes, libc::AT_EMPTY_PATH)
}

fn attribute(mount: BorrowedFd<'_>, attributes: Attributes<'_>, flags: i32) -> io::Result<()> {
    let userns_fd = match attributes.owners {
        Some(owners) => u64::try_from(owners.as_raw_fd()).map_err(io::Error::other)?,
        None => 0,
    };
    let mapped = if attributes.owners.is_some() { MAPPED_OWNERS } else { 0 };
    let attr =
        MountAttr { attr_set: attributes.set | mapped, attr_clr: 0, propagation: 0, userns_fd };
    // SAFETY: an open descriptor, an empty NUL-terminated path, and a structure of the size that is
    // given, all of which live across the call.
    let status = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            mount.as_raw_fd(),
            c"".as_ptr(),
            flags,
            &raw const attr,
            size_of::<MountAttr>(),
        )
    };
    if status == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Makes the old root's place the new one: the working directory becomes `/`, and the old root lies
/// over it, to be unmounted.
///
/// # Errors
/// When the working directory is no mount of this namespace.
pub fn stack_roots() -> io::Result<()> {
    let here = c".".as_ptr();
    // SAFETY: two NUL-terminated paths.
    let status = unsafe { libc::syscall(libc::SYS_pivot_root, here, here) };
    if status == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Starts the loopback interface of this network namespace.
///
/// # Errors
/// When the namespace is not for this process to change.
pub fn start_loopback() -> io::Result<()> {
    let socket = rustix::net::socket(
        rustix::net::AddressFamily::INET,
        rustix::net::SocketType::STREAM,
        None,
    )?;
    // SAFETY: plain data for which zeros are valid.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(c"lo".to_bytes_with_nul()) {
        *to = from.cast_signed();
    }
    request.ifr_ifru.ifru_flags = i16::try_from(libc::IFF_UP | libc::IFF_RUNNING).unwrap_or(0);
    // SAFETY: the kernel reads the structure that its own request number describes.
    let status = unsafe {
        libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS as _, ptr::from_mut(&mut request))
    };
    if status == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
