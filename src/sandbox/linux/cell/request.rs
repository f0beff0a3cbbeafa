//! What the command asked of a file: reads the arguments of a waiting system call, out of the
//! memory of the one who waits.

use libc::timespec;

use super::sys::{Asked, read_memory};
use super::syscalls::SYS_FCHMODAT2;

/// Longest path the kernel takes, with its NUL.
const PATH_BYTES_MAX: usize = 4096;

/// No page is smaller; a read never crosses a border where the next page may not be there.
const PAGE_BYTES: u64 = 4096;

/// A change of what is known about a file.
#[derive(Debug, Clone, Copy)]
pub enum Change {
    /// Permission bits.
    Mode(u32),
    /// User and group; all ones for the same as before.
    Owner(u32, u32),
    /// Of access and of change; `None` for now.
    Times(Option<[timespec; 2]>),
}

/// Where a path starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Base {
    /// The working directory of the one who asks.
    WorkingDirectory,
    /// One of its descriptors.
    Descriptor(i32),
}

/// A file and what shall be changed.
#[derive(Debug)]
pub struct Request {
    /// Where the path starts.
    pub base: Base,
    /// `None`: the base itself.
    pub path: Option<Vec<u8>>,
    /// Whether a link at the end is followed.
    pub follow: bool,
    /// What shall be changed.
    pub change: Change,
}

/// How the times stand in memory.
#[derive(Clone, Copy)]
enum Clocking {
    Nanoseconds,
    #[cfg(target_arch = "x86_64")]
    Microseconds,
    #[cfg(target_arch = "x86_64")]
    Seconds,
}

/// The request, or the `errno` that the call shall fail with.
pub fn read(asked: &Asked) -> Result<Request, i32> {
    let thread = asked.thread;
    let [a, b, c, d, e, _] = asked.args;
    let named = |base: u64, path: u64, flags: u64, change: Change| {
        by_name(thread, base, path, flags, change)
    };
    let times = |at: u64, clocking: Clocking| times(thread, at, clocking).map(Change::Times);
    match asked.number {
        libc::SYS_fchmod => Ok(by_descriptor(a, Change::Mode(low(b)))),
        libc::SYS_fchmodat => named(a, b, 0, Change::Mode(low(c))),
        SYS_FCHMODAT2 => named(a, b, d, Change::Mode(low(c))),
        libc::SYS_fchown => Ok(by_descriptor(a, Change::Owner(low(b), low(c)))),
        libc::SYS_fchownat => named(a, b, e, Change::Owner(low(c), low(d))),
        libc::SYS_utimensat if b == 0 => Ok(by_descriptor(a, times(c, Clocking::Nanoseconds)?)),
        libc::SYS_utimensat => named(a, b, d, times(c, Clocking::Nanoseconds)?),
        #[cfg(target_arch = "x86_64")]
        libc::SYS_chmod => named(HERE, a, 0, Change::Mode(low(b))),
        #[cfg(target_arch = "x86_64")]
        libc::SYS_chown => named(HERE, a, 0, Change::Owner(low(b), low(c))),
        #[cfg(target_arch = "x86_64")]
        libc::SYS_lchown => named(HERE, a, NOFOLLOW, Change::Owner(low(b), low(c))),
        #[cfg(target_arch = "x86_64")]
        libc::SYS_utime => named(HERE, a, 0, times(b, Clocking::Seconds)?),
        #[cfg(target_arch = "x86_64")]
        libc::SYS_utimes => named(HERE, a, 0, times(b, Clocking::Microseconds)?),
        #[cfg(target_arch = "x86_64")]
        libc::SYS_futimesat if b == 0 => Ok(by_descriptor(a, times(c, Clocking::Microseconds)?)),
        #[cfg(target_arch = "x86_64")]
        libc::SYS_futimesat => named(a, b, 0, times(c, Clocking::Microseconds)?),
        _ => Err(libc::ENOSYS),
    }
}

#[cfg(target_arch = "x86_64")]
const HERE: u64 = libc::AT_FDCWD.cast_unsigned() as u64;
const NOFOLLOW: u64 = libc::AT_SYMLINK_NOFOLLOW.cast_unsigned() as u64;
const EMPTY_PATH: u64 = libc::AT_EMPTY_PATH.cast_unsigned() as u64;

/// The lower half of a register, which is all the kernel reads of an `int`.
#[allow(clippy::cast_possible_truncation, reason = "the upper half means nothing")]
pub fn low(register: u64) -> u32 {
    register as u32
}

pub fn base(register: u64) -> Base {
    match low(register).cast_signed() {
        libc::AT_FDCWD => Base::WorkingDirectory,
        descriptor => Base::Descriptor(descriptor),
    }
}

fn by_descriptor(register: u64, change: Change) -> Request {
    Request { base: base(register), path: None, follow: true, change }
}

fn by_name(thread: u32, at: u64, path: u64, flags: u64, change: Change) -> Result<Request, i32> {
    let flags = u64::from(low(flags));
    if flags & !(NOFOLLOW | EMPTY_PATH) != 0 {
        return Err(libc::EINVAL);
    }
    let path = text(thread, path)?;
    if path.is_empty() {
        let here = Request { base: base(at), path: None, follow: true, change };
        return if flags & EMPTY_PATH != 0 { Ok(here) } else { Err(libc::ENOENT) };
    }
    // What older C libraries do when they are asked not to follow a link. In the supervisor the
    // name would mean one of its own descriptors.
    if let Some(descriptor) = own_descriptor(&path) {
        let base = Base::Descriptor(descriptor);
        return Ok(Request { base, path: None, follow: true, change });
    }
    Ok(Request { base: base(at), path: Some(path), follow: flags & NOFOLLOW == 0, change })
}

fn own_descriptor(path: &[u8]) -> Option<i32> {
    let number = [&b"/proc/self/fd/"[..], b"/proc/thread-self/fd/", b"/dev/fd/"]
        .iter()
        .find_map(|beginning| path.strip_prefix(*beginning))?;
    std::str::from_utf8(number).ok()?.parse().ok()
}

/// The NUL-terminated text at `address`.
pub fn text(thread: u32, address: u64) -> Result<Vec<u8>, i32> {
    let mut all = Vec::new();
    let mut at = address;
    while all.len() < PATH_BYTES_MAX {
        let room = PAGE_BYTES - at % PAGE_BYTES;
        let chunk = bytes(thread, at, room)?;
        if let Some(end) = chunk.iter().position(|byte| *byte == 0) {
            all.extend(chunk.into_iter().take(end));
            return if all.len() < PATH_BYTES_MAX { Ok(all) } else { Err(libc::ENAMETOOLONG) };
        }
        all.extend(chunk);
        at = at.checked_add(room).ok_or(libc::EFAULT)?;
    }
    Err(libc::ENAMETOOLONG)
}

fn bytes(thread: u32, at: u64, count: u64) -> Result<Vec<u8>, i32> {
    let count = usize::try_from(count).map_err(|_| libc::EFAULT)?;
    let mut buffer = vec![0; count];
    match read_memory(thread, at, &mut buffer) {
        Ok(read) if read == count => Ok(buffer),
        Ok(_) => Err(libc::EFAULT),
        Err(error) => Err(error.raw_os_error().unwrap_or(libc::EFAULT)),
    }
}

fn times(thread: u32, at: u64, clocking: Clocking) -> Result<Option<[timespec; 2]>, i32> {
    if at == 0 {
        return Ok(None);
    }
    let numbers = |count: u64| -> Result<Vec<i64>, i32> {
        let bytes = bytes(thread, at, count * 8)?;
        Ok(bytes.as_chunks().0.iter().map(|bytes| i64::from_ne_bytes(*bytes)).collect())
    };
    let (seconds, nanoseconds) = match clocking {
        Clocking::Nanoseconds => split(&numbers(4)?, 1),
        #[cfg(target_arch = "x86_64")]
        Clocking::Microseconds => split(&numbers(4)?, 1000),
        #[cfg(target_arch = "x86_64")]
        Clocking::Seconds => {
            let seconds = numbers(2)?;
            (pair(seconds.iter().copied()), [0, 0])
        }
    };
    let make = |(tv_sec, tv_nsec)| timespec { tv_sec, tv_nsec };
    let [access, change] = seconds;
    let [access_ns, change_ns] = nanoseconds;
    Ok(Some([make((access, access_ns)), make((change, change_ns))]))
}

/// Seconds and, scaled, their fractions, of two times.
fn split(numbers: &[i64], scale: i64) -> ([i64; 2], [i64; 2]) {
    let seconds = pair(numbers.iter().copied().step_by(2));
    let fractions = pair(numbers.iter().skip(1).step_by(2).map(|n| n.saturating_mul(scale)));
    (seconds, fractions)
}

fn pair(mut numbers: impl Iterator<Item = i64>) -> [i64; 2] {
    [numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_an_own_descriptor_is_that_descriptor() {
        assert_eq!(own_descriptor(b"/proc/self/fd/7"), Some(7));
        assert_eq!(own_descriptor(b"/dev/fd/0"), Some(0));
        assert_eq!(own_descriptor(b"/proc/self/fd/7/x"), None);
        assert_eq!(own_descriptor(b"/proc/self/fd/"), None);
        assert_eq!(own_descriptor(b"/proc/1/fd/7"), None);
    }

    #[test]
    fn times_are_read_in_pairs() {
        assert_eq!(split(&[1, 2, 3, 4], 1000), ([1, 3], [2000, 4000]));
    }
}
