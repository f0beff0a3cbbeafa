//! The one who asks: what can be learnt of a waiting thread.
//!
//! All of it goes through a thread id, which means somebody else once the thread is gone. So
//! nothing is acted on before [`Asker::confirm`].

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{Mode, OFlags, open};
use rustix::io::Errno;

use super::super::request::{self, Base};
use super::super::sys::{self, Asked};

/// The beginning of a status, in which mask and process stand, after a name of at most 64 bytes.
const STATUS_BYTES: usize = 512;

/// A thread that waits for an answer.
#[derive(Debug, Clone, Copy)]
pub struct Asker<'a> {
    pub listener: BorrowedFd<'a>,
    pub id: u64,
    thread: u32,
}

impl<'a> Asker<'a> {
    pub fn new(listener: BorrowedFd<'a>, asked: &Asked) -> Self {
        Self { listener, id: asked.id, thread: asked.thread }
    }

    /// The path at an address of its memory.
    pub fn path(&self, address: u64) -> Result<Vec<u8>, i32> {
        request::text(self.thread, address)
    }

    /// Its working directory, or what one of its descriptors is.
    pub fn base(&self, base: Base) -> Result<OwnedFd, i32> {
        let thread = self.thread;
        let place = match base {
            Base::WorkingDirectory => format!("/proc/{thread}/cwd"),
            Base::Descriptor(number) => format!("/proc/{thread}/fd/{number}"),
        };
        open(place, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())
            .map_err(|error| if error == Errno::NOENT { libc::EBADF } else { error.raw_os_error() })
    }

    /// The permission bits that files made by it do not get.
    pub fn umask(&self) -> Result<Mode, i32> {
        let digits = self.status("Umask:")?;
        u32::from_str_radix(&digits, 8).map(Mode::from_raw_mode).map_err(|_| libc::EIO)
    }

    /// The id of its process, and its own.
    pub fn process(&self) -> Result<(u32, u32), i32> {
        let id = self.status("Tgid:")?;
        id.parse().map(|process| (process, self.thread)).map_err(|_| libc::EIO)
    }

    fn status(&self, key: &str) -> Result<String, i32> {
        let errno = |error: io::Error| error.raw_os_error().unwrap_or(libc::EIO);
        let mut file = File::open(format!("/proc/{}/status", self.thread)).map_err(errno)?;
        let mut beginning = [0; STATUS_BYTES];
        let count = file.read(&mut beginning).map_err(errno)?;
        let text = String::from_utf8_lossy(beginning.get(..count).unwrap_or_default());
        let value = text.lines().find_map(|line| line.strip_prefix(key));
        value.map(|value| value.trim().to_owned()).ok_or(libc::EIO)
    }

    /// Whether all of the above was about the one who asked.
    pub fn confirm(&self) -> Result<(), i32> {
        if sys::still_waits(self.listener, self.id) { Ok(()) } else { Err(libc::ESRCH) }
    }

    /// Ends the waiting with a descriptor of its own for `file`, or with why it cannot have one.
    ///
    /// # Errors
    /// When the listener is broken.
    pub fn hand_over(&self, file: &OwnedFd, close_on_exec: bool) -> io::Result<()> {
        match sys::answer_with(self.listener, self.id, file.as_fd(), close_on_exec) {
            Ok(()) => Ok(()),
            Err(error) => {
                let errno = error.raw_os_error().unwrap_or(libc::EIO);
                sys::answer(self.listener, self.id, errno)
            }
        }
    }
}
