//! The system calls of the helper that no crate offers in a safe form. All of the helper's unsafe
//! code is here, each call behind a safe function.

use std::convert::Infallible;
use std::ffi::{CStr, CString, c_ulong, c_void};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;

use rustix::io::Errno;
use rustix::process::Pid;

/// Takes over a descriptor that this process was started with.
///
/// # Errors
/// When it is not open.
pub fn inherited(fd: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: asks about a number; no memory is involved.
    if unsafe { libc::fcntl(fd, libc::F_GETFD) } < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: it is open, as was just asked, and nothing else in this process owns it: it was
    // handed over by the host, and is taken once, at the start.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Whether a descriptor is open.
pub fn is_open(fd: RawFd) -> bool {
    // SAFETY: asks about a number; no memory is involved.
    unsafe { libc::fcntl(fd, libc::F_GETFD) >= 0 }
}

/// A second process: `None` in the child.
///
/// # Errors
/// When there are too many processes or too little memory.
pub fn fork() -> io::Result<Option<Pid>> {
    // SAFETY: the helper has one thread, so no lock can be held by another one that the child
    // would lack.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => Ok(None),
        child => {
            Pid::from_raw(child).map_or_else(|| Err(io::Error::last_os_error()), |p| Ok(Some(p)))
        }
    }
}

/// Ends this process at once, without anything the standard library does at an exit.
pub fn exit_now(code: i32) -> ! {
    // SAFETY: never returns; no destructor is needed for memory that goes away as a whole.
    unsafe { libc::_exit(code) }
}

/// What becomes of the descriptors of [`close_from`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closing {
    /// Now. Only where nothing above the first is owned.
    Now,
    /// When a program is executed.
    OnExec,
}

/// Closes every descriptor from `first` on.
///
/// # Errors
/// When the kernel is older than 5.11.
pub fn close_from(first: u32, closing: Closing) -> io::Result<()> {
    let flags = if closing == Closing::OnExec { libc::CLOSE_RANGE_CLOEXEC } else { 0 };
    // SAFETY: numbers only. `Now` is used before this process owns any descriptor from `first`.
    let status = unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, flags) };
    if status == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// A descriptor that is readable when a child changed state; the signal itself is blocked.
///
/// # Errors
/// When no descriptor is to be had.
pub fn child_signals() -> io::Result<OwnedFd> {
    let mut set = MaybeUninit::uninit();
    // SAFETY: the set is initialised before it is used; the descriptor is fresh and ours.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        libc::sigaddset(set.as_mut_ptr(), libc::SIGCHLD);
        if libc::sigprocmask(libc::SIG_BLOCK, set.as_ptr(), ptr::null_mut()) != 0 {
            return Err(io::Error::last_os_error());
        }
        let fd = libc::signalfd(-1, set.as_ptr(), libc::SFD_CLOEXEC | libc::SFD_NONBLOCK);
        if fd < 0 { Err(io::Error::last_os_error()) } else { Ok(OwnedFd::from_raw_fd(fd)) }
    }
}

/// Empties a descriptor of [`child_signals`].
///
/// # Errors
/// When it is broken.
pub fn take_signals(from: &OwnedFd) -> io::Result<()> {
    let mut signals = [0; size_of::<libc::signalfd_siginfo>()];
    match rustix::io::read(from, &mut signals) {
        Ok(_) | Err(Errno::AGAIN | Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Kills every process that this one may signal, but for itself; to be used by the first process of a
/// namespace. That there is none is what it is for.
pub fn kill_all() {
    // SAFETY: numbers only.
    unsafe { libc::kill(-1, libc::SIGKILL) };
}

/// How the scheduler treats a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheduling {
    /// Like every other.
    Normal,
    /// Before all that are normal.
    First,
}

/// Sets how the scheduler treats this process.
///
/// # Errors
/// `EPERM` when coming first is not for us to have.
pub fn schedule(scheduling: Scheduling) -> io::Result<()> {
    let (policy, sched_priority) = match scheduling {
        Scheduling::Normal => (libc::SCHED_OTHER, 0),
        Scheduling::First => (libc::SCHED_RR, 1),
    };
    let parameters = libc::sched_param { sched_priority };
    // SAFETY: the parameters live across the call; 0 means this process.
    let status = unsafe { libc::sched_setscheduler(0, policy, &raw const parameters) };
    if status == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Default signals, none blocked, as a program expects them.
pub fn reset_signals() {
    let mut none = MaybeUninit::uninit();
    // SAFETY: the set is initialised before it is used. `SIGPIPE` is the one signal whose
    // handling the standard library changes in a way that survives `execve`.
    unsafe {
        libc::sigemptyset(none.as_mut_ptr());
        libc::sigprocmask(libc::SIG_SETMASK, none.as_ptr(), ptr::null_mut());
        libc::signal(libc::SIGPIPE, libc::SIG_DFL);
    }
}

/// Becomes another program.
///
/// # Errors
/// Always, when it returns: why it could not.
pub fn execute(path: &CStr, argv: &[CString], env: &[CString]) -> io::Result<Infallible> {
    let pointers = |words: &[CString]| -> Vec<*const libc::c_char> {
        words.iter().map(|word| word.as_ptr()).chain([ptr::null()]).collect()
    };
    let (argv, env) = (pointers(argv), pointers(env));
    // SAFETY: NUL-terminated strings in NULL-terminated arrays that live across the call.
    unsafe { libc::execve(path.as_ptr(), argv.as_ptr(), env.as_ptr()) };
    Err(io::Error::last_os_error())
}

/// Takes a capability out of the bounding set.
///
/// # Errors
/// `EINVAL` when there is no such capability, `EPERM` when that is not for us to change.
pub fn drop_from_bounding_set(capability: u32) -> io::Result<()> {
    // SAFETY: numbers only.
    let status = unsafe { libc::prctl(libc::PR_CAPBSET_DROP, c_ulong::from(capability), 0, 0, 0) };
    if status == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// The kernel's Landlock ABI; 0 when it has none or it is switched off.
pub fn landlock_abi() -> i32 {
    const VERSION: u32 = 1;
    // SAFETY: a null attribute of size 0 with this flag asks for the version.
    let abi = unsafe {
        libc::syscall(libc::SYS_landlock_create_ruleset, ptr::null::<c_void>(), 0usize, VERSION)
    };
    i32::try_from(abi).unwrap_or(0).max(0)
}

/// Installs a system call filter. With `listens`, its `USER_NOTIF` verdicts come to the returned
/// descriptor.
///
/// # Errors
/// When the kernel refuses it.
pub fn filter(program: &[libc::sock_filter], listens: bool) -> io::Result<Option<OwnedFd>> {
    let length = u16::try_from(program.len()).map_err(io::Error::other)?;
    let program = libc::sock_fprog { len: length, filter: program.as_ptr().cast_mut() };
    let install = |flags: c_ulong| {
        // SAFETY: the kernel copies the program, which lives across the call.
        unsafe {
            libc::syscall(
                libc::SYS_seccomp,
                libc::SECCOMP_SET_MODE_FILTER,
                flags,
                &raw const program,
            )
        }
    };
    if !listens {
        let status = install(0);
        return if status == 0 { Ok(None) } else { Err(io::Error::last_os_error()) };
    }
    // Without the second flag (Linux 5.19) a signal makes the waiting call start over, which is
    // only slower.
    let listener = libc::SECCOMP_FILTER_FLAG_NEW_LISTENER;
    let mut fd = install(listener | libc::SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV);
    if fd < 0 && io::Error::last_os_error().raw_os_error() == Some(libc::EINVAL) {
        fd = install(listener);
    }
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    let fd = RawFd::try_from(fd).map_err(io::Error::other)?;
    // SAFETY: a fresh descriptor that the kernel just made for us.
    Ok(Some(unsafe { OwnedFd::from_raw_fd(fd) }))
}

/// A system call of the cell that waits for an answer.
#[derive(Debug, Clone, Copy)]
pub struct Asked {
    /// Names the question.
    pub id: u64,
    /// The thread that asks.
    pub thread: u32,
    /// The system call.
    pub number: i64,
    /// Its arguments.
    pub args: [u64; 6],
}

/// The next question; `None` when the one who asked is gone.
///
/// # Errors
/// When the listener is broken.
pub fn next_question(listener: BorrowedFd<'_>) -> io::Result<Option<Asked>> {
    // SAFETY: plain numbers, for which zeros are valid, and the kernel demands zeros.
    let mut asked: libc::seccomp_notif = unsafe { MaybeUninit::zeroed().assume_init() };
    // SAFETY: the kernel fills the structure that its own request number describes.
    let status = unsafe {
        libc::ioctl(listener.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_RECV, &raw mut asked)
    };
    if status == 0 {
        return Ok(Some(Asked {
            id: asked.id,
            thread: asked.pid,
            number: i64::from(asked.data.nr),
            args: asked.data.args,
        }));
    }
    let error = io::Error::last_os_error();
    match error.raw_os_error() {
        Some(libc::ENOENT | libc::EINTR) => Ok(None),
        _ => Err(error),
    }
}

/// Whether the one who asked still waits; until then its thread id means nobody else.
pub fn still_waits(listener: BorrowedFd<'_>, id: u64) -> bool {
    // SAFETY: the kernel reads one number.
    unsafe {
        libc::ioctl(listener.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_ID_VALID, &raw const id) == 0
    }
}

/// Answers: the call returns 0, or fails with `errno`.
///
/// # Errors
/// When the listener is broken. It is none that the one who asked is gone.
pub fn answer(listener: BorrowedFd<'_>, id: u64, errno: i32) -> io::Result<()> {
    let mut response =
        libc::seccomp_notif_resp { id, val: 0, error: errno.saturating_neg(), flags: 0 };
    // SAFETY: the kernel reads the structure that its own request number describes.
    let status = unsafe {
        libc::ioctl(listener.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_SEND, &raw mut response)
    };
    if status == 0 {
        return Ok(());
    }
    let error = io::Error::last_os_error();
    if error.raw_os_error() == Some(libc::ENOENT) { Ok(()) } else { Err(error) }
}

/// Reads up to `buffer.len()` bytes at `address` in another process; stops at a page that is not
/// there.
///
/// # Errors
/// When that process may not be read or nothing is there.
pub fn read_memory(thread: u32, address: u64, buffer: &mut [u8]) -> io::Result<usize> {
    let thread = i32::try_from(thread).map_err(io::Error::other)?;
    let address = usize::try_from(address).map_err(io::Error::other)?;
    let ours = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    let theirs = libc::iovec {
        iov_base: ptr::without_provenance_mut::<c_void>(address),
        iov_len: buffer.len(),
    };
    // SAFETY: `ours` describes `buffer`, exclusively borrowed; `theirs` is an address in another
    // address space, which the kernel checks.
    let count =
        unsafe { libc::process_vm_readv(thread, &raw const ours, 1, &raw const theirs, 1, 0) };
    usize::try_from(count).map_err(|_| io::Error::last_os_error())
}

/// Sets the times of the file at `path`, following links.
///
/// # Errors
/// As the system call.
pub fn set_times(path: &CStr, times: Option<&[libc::timespec; 2]>) -> io::Result<()> {
    let times = times.map_or(ptr::null(), |times| times.as_ptr());
    // SAFETY: a NUL-terminated path, and either two times or null for now.
    let status = unsafe { libc::utimensat(libc::AT_FDCWD, path.as_ptr(), times, 0) };
    if status == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Makes a system call by number for its error alone, as [`super::attempts`] does: 0, or `errno`.
/// Only for calls that take numbers or null pointers.
pub fn errno_of(number: i64, args: [usize; 5]) -> i32 {
    let [a, b, c, d, e] = args;
    // SAFETY: the callers pass numbers and null pointers only; a call that is let through fails
    // in the kernel with EFAULT or EINVAL, or does what the attempt is about.
    let status = unsafe { libc::syscall(number, a, b, c, d, e) };
    if status >= 0 { 0 } else { io::Error::last_os_error().raw_os_error().unwrap_or(libc::EIO) }
}

/// Answers a question with a copy of a descriptor, whose number the call returns.
///
/// # Errors
/// Why the one who asked cannot have one, or that it is gone.
pub fn answer_with(
    listener: BorrowedFd<'_>,
    id: u64,
    file: BorrowedFd<'_>,
    close_on_exec: bool,
) -> io::Result<()> {
    let flags = if close_on_exec { libc::O_CLOEXEC.cast_unsigned() } else { 0 };
    let mut added = libc::seccomp_notif_addfd {
        id,
        flags: u32::try_from(libc::SECCOMP_ADDFD_FLAG_SEND).map_err(io::Error::other)?,
        srcfd: file.as_raw_fd().cast_unsigned(),
        newfd: 0,
        newfd_flags: flags,
    };
    // SAFETY: the kernel reads the structure that its own request number describes.
    let status = unsafe {
        libc::ioctl(listener.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_ADDFD, &raw mut added)
    };
    if status >= 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Closes everything but these two. Only in a process that ends by [`exit_now`] and uses nothing
/// else that it had open.
///
/// # Errors
/// When the kernel is older than 5.9.
pub fn keep_open(kept: [RawFd; 2]) -> io::Result<()> {
    let mut kept = kept.map(RawFd::cast_unsigned);
    kept.sort_unstable();
    let [low, high] = kept;
    let gaps = [
        (0, low.checked_sub(1)),
        (low.saturating_add(1), high.checked_sub(1)),
        (high.saturating_add(1), Some(u32::MAX)),
    ];
    for (first, last) in gaps {
        let Some(last) = last.filter(|last| first <= *last) else { continue };
        // SAFETY: numbers only; that nobody uses what is closed is the caller's to see to.
        if unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) } != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

/// From now on a system call that waits fails with `EINTR` once in a while.
///
/// # Errors
/// When there is no timer.
pub fn interrupt_every(pause: std::time::Duration) -> io::Result<()> {
    extern "C" fn nothing(_: libc::c_int) {}
    let time = libc::timeval {
        tv_sec: libc::time_t::try_from(pause.as_secs()).map_err(io::Error::other)?,
        tv_usec: libc::suseconds_t::from(pause.subsec_micros().cast_signed()),
    };
    let timer = libc::itimerval { it_interval: time, it_value: time };
    // SAFETY: plain numbers, for which zeros are valid.
    let mut action: libc::sigaction = unsafe { MaybeUninit::zeroed().assume_init() };
    action.sa_sigaction = nothing as extern "C" fn(libc::c_int) as libc::sighandler_t;
    // SAFETY: a handler that does nothing, without `SA_RESTART`; both structures live across the
    // calls.
    let status = unsafe {
        libc::sigaction(libc::SIGALRM, &raw const action, ptr::null_mut())
            | libc::setitimer(libc::ITIMER_REAL, &raw const timer, ptr::null_mut())
    };
    if status == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
