//! What is asked: a waiting system call with its arguments read.

use rustix::fs::{FileType, Mode, OFlags};

use super::super::request::{Base, base, low};
use super::super::sys::Asked;
use super::super::syscalls::SYS_RENAMEAT;
use super::asker::Asker;

/// A path and where it starts.
#[derive(Debug)]
pub struct Place {
    pub base: Base,
    pub path: Vec<u8>,
}

/// A call that may make a name.
#[derive(Debug)]
pub enum Call {
    Open(Opening),
    Make(Making),
}

/// Opening a file that is made where it is not there.
#[derive(Debug)]
pub struct Opening {
    pub at: Place,
    pub flags: OFlags,
    pub mode: Mode,
}

/// Making a name for something else.
#[derive(Debug)]
pub enum Making {
    Directory { at: Place, mode: Mode },
    Node { at: Place, kind: FileType, mode: Mode },
    Symlink { at: Place, target: Vec<u8> },
    Link { from: Place, follow: bool, empty: bool, to: Place },
    Rename { from: Place, to: Place, flags: u32 },
}

/// Permission bits with the sticky one; set-id bits are refused before, and mean nothing for
/// directories.
const MODE_BITS: u32 = 0o1777;

#[cfg(target_arch = "x86_64")]
const HERE: u64 = libc::AT_FDCWD.cast_unsigned() as u64;

/// The call, or the `errno` that it shall fail with.
pub fn read(asker: &Asker<'_>, asked: &Asked) -> Result<Call, i32> {
    let [a, b, c, d, e, _] = asked.args;
    let at = |from: u64, path: u64| -> Result<Place, i32> {
        Ok(Place { base: base(from), path: asker.path(path)? })
    };
    let open = |at: Place, flags: u64, mode: u64| {
        Ok(Call::Open(Opening {
            at,
            flags: OFlags::from_bits_retain(low(flags)),
            mode: bits(mode),
        }))
    };
    let making = match asked.number {
        libc::SYS_openat => return open(at(a, b)?, c, d),
        #[cfg(target_arch = "x86_64")]
        libc::SYS_open => return open(at(HERE, a)?, b, c),
        #[cfg(target_arch = "x86_64")]
        libc::SYS_creat => {
            let flags = OFlags::CREATE | OFlags::WRONLY | OFlags::TRUNC;
            return open(at(HERE, a)?, u64::from(flags.bits()), b);
        }
        libc::SYS_mkdirat => Making::Directory { at: at(a, b)?, mode: bits(c) },
        libc::SYS_mknodat => node(at(a, b)?, c)?,
        libc::SYS_symlinkat => Making::Symlink { target: asker.path(a)?, at: at(b, c)? },
        libc::SYS_linkat => link(at(a, b)?, at(c, d)?, e)?,
        libc::SYS_renameat2 => Making::Rename { from: at(a, b)?, to: at(c, d)?, flags: low(e) },
        SYS_RENAMEAT => Making::Rename { from: at(a, b)?, to: at(c, d)?, flags: 0 },
        #[cfg(target_arch = "x86_64")]
        libc::SYS_mkdir => Making::Directory { at: at(HERE, a)?, mode: bits(b) },
        #[cfg(target_arch = "x86_64")]
        libc::SYS_mknod => node(at(HERE, a)?, b)?,
        #[cfg(target_arch = "x86_64")]
        libc::SYS_symlink => Making::Symlink { target: asker.path(a)?, at: at(HERE, b)? },
        #[cfg(target_arch = "x86_64")]
        libc::SYS_link => link(at(HERE, a)?, at(HERE, b)?, 0)?,
        #[cfg(target_arch = "x86_64")]
        libc::SYS_rename => Making::Rename { from: at(HERE, a)?, to: at(HERE, b)?, flags: 0 },
        _ => return Err(libc::ENOSYS),
    };
    Ok(Call::Make(making))
}

fn bits(register: u64) -> Mode {
    Mode::from_raw_mode(low(register) & MODE_BITS)
}

/// Files, FIFOs and sockets; devices are no command's to make.
fn node(at: Place, mode: u64) -> Result<Making, i32> {
    let kind = match low(mode) & libc::S_IFMT {
        0 | libc::S_IFREG => FileType::RegularFile,
        libc::S_IFIFO => FileType::Fifo,
        libc::S_IFSOCK => FileType::Socket,
        libc::S_IFCHR | libc::S_IFBLK => return Err(libc::EPERM),
        libc::S_IFDIR => return Err(libc::EPERM),
        _ => return Err(libc::EINVAL),
    };
    Ok(Making::Node { at, kind, mode: bits(mode) })
}

fn link(from: Place, to: Place, flags: u64) -> Result<Making, i32> {
    const FOLLOW: u32 = libc::AT_SYMLINK_FOLLOW.cast_unsigned();
    const EMPTY: u32 = libc::AT_EMPTY_PATH.cast_unsigned();
    let flags = low(flags);
    if flags & !(FOLLOW | EMPTY) != 0 {
        return Err(libc::EINVAL);
    }
    let (follow, empty) = (flags & FOLLOW != 0, flags & EMPTY != 0);
    Ok(Making::Link { from, follow, empty, to })
}
