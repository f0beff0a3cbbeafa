//! Starting the helper: `posix_spawn` with an empty environment, default signals, a session of
//! its own, and exactly four descriptors.

use std::ffi::CString;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr;

use rustix::io::fcntl_dupfd_cloexec;
use rustix::process::Pid;

use crate::sandbox::CELL_ARGUMENT;

/// The descriptor at which the helper finds its control socket.
pub const CONTROL_FD: i32 = 3;

/// Above every descriptor that the helper gets, so that none is overwritten while they are put
/// in place.
const CLEAR_OF_TARGETS: i32 = 10;

/// What the helper inherits; everything else is closed by `close-on-exec`, and again by itself.
#[derive(Debug)]
pub struct Inherited {
    /// Standard input, output and error of the command.
    pub stdio: [OwnedFd; 3],
    /// The helper's end of the control socket.
    pub control: OwnedFd,
}

/// Starts `helper`, in a role where it has several, and gives its process id. The caller must reap it.
///
/// # Errors
/// When the system cannot start it.
pub fn spawn(helper: &Path, role: Option<&str>, inherited: Inherited) -> io::Result<Pid> {
    let path = CString::new(helper.as_os_str().as_bytes())?;
    let argument = CString::new(CELL_ARGUMENT)?;
    let role = role.map(CString::new).transpose()?;
    let role = role.as_ref().map_or(ptr::null_mut(), |role| role.as_ptr().cast_mut());
    let mut argv = [path.as_ptr().cast_mut(), argument.as_ptr().cast_mut(), role, ptr::null_mut()];
    let mut environment = [ptr::null_mut()];

    let [stdin, stdout, stderr] = inherited.stdio;
    let mut actions = FileActions::new()?;
    for (source, target) in [stdin, stdout, stderr, inherited.control].into_iter().zip(0..) {
        actions.give(&source, target)?;
    }
    let attributes = Attributes::fresh_session()?;

    let mut pid = 0;
    // SAFETY: every pointer is valid for the call: `path`, `argv` and `environment` are
    // NUL-terminated arrays that outlive it, `actions` and `attributes` were initialised.
    let status = unsafe {
        libc::posix_spawn(
            &raw mut pid,
            path.as_ptr(),
            actions.raw.as_ptr(),
            attributes.raw.as_ptr(),
            argv.as_mut_ptr(),
            environment.as_mut_ptr(),
        )
    };
    check(status)?;
    Pid::from_raw(pid).ok_or_else(|| io::Error::other("the system gave no process id"))
}

/// The posix_spawn family returns the error instead of setting `errno`.
fn check(status: i32) -> io::Result<()> {
    if status == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(status)) }
}

struct FileActions {
    raw: MaybeUninit<libc::posix_spawn_file_actions_t>,
    /// Copies that must stay open until the spawn.
    held: Vec<OwnedFd>,
}

impl FileActions {
    fn new() -> io::Result<Self> {
        let mut raw = MaybeUninit::uninit();
        // SAFETY: the pointer is valid for writes of the type that the call initialises.
        check(unsafe { libc::posix_spawn_file_actions_init(raw.as_mut_ptr()) })?;
        Ok(Self { raw, held: Vec::new() })
    }

    fn give(&mut self, source: impl AsFd, target: i32) -> io::Result<()> {
        let copy = fcntl_dupfd_cloexec(source, CLEAR_OF_TARGETS)?;
        // SAFETY: `raw` was initialised by `new`, and both descriptors are plain numbers; `held`
        // keeps the source open until after the spawn.
        let status = unsafe {
            libc::posix_spawn_file_actions_adddup2(self.raw.as_mut_ptr(), copy.as_raw_fd(), target)
        };
        self.held.push(copy);
        check(status)
    }
}

impl Drop for FileActions {
    fn drop(&mut self) {
        // SAFETY: initialised by `new`, destroyed once.
        unsafe { libc::posix_spawn_file_actions_destroy(self.raw.as_mut_ptr()) };
    }
}

struct Attributes {
    raw: MaybeUninit<libc::posix_spawnattr_t>,
}

impl Attributes {
    /// Default signals, none blocked, a session and process group of its own.
    fn fresh_session() -> io::Result<Self> {
        let mut raw = MaybeUninit::uninit();
        // SAFETY: the pointer is valid for writes of the type that the call initialises.
        check(unsafe { libc::posix_spawnattr_init(raw.as_mut_ptr()) })?;
        let mut made = Self { raw };
        let mut none = MaybeUninit::<libc::sigset_t>::uninit();
        let mut all = MaybeUninit::<libc::sigset_t>::uninit();
        let flags = libc::POSIX_SPAWN_SETSIGDEF | libc::POSIX_SPAWN_SETSIGMASK | SPAWN_SETSID;
        let flags = i16::try_from(flags).map_err(io::Error::other)?;
        // SAFETY: the signal sets are initialised by the first two calls before they are read,
        // and the attributes were initialised above.
        unsafe {
            libc::sigemptyset(none.as_mut_ptr());
            libc::sigfillset(all.as_mut_ptr());
            check(libc::posix_spawnattr_setsigmask(made.raw.as_mut_ptr(), none.as_ptr()))?;
            check(libc::posix_spawnattr_setsigdefault(made.raw.as_mut_ptr(), all.as_ptr()))?;
            check(libc::posix_spawnattr_setflags(made.raw.as_mut_ptr(), flags))?;
        }
        Ok(made)
    }
}

const SPAWN_SETSID: i32 = libc::POSIX_SPAWN_SETSID as i32;

impl Drop for Attributes {
    fn drop(&mut self) {
        // SAFETY: initialised by `fresh_session`, destroyed once.
        unsafe { libc::posix_spawnattr_destroy(self.raw.as_mut_ptr()) };
    }
}
