//! Opening what makes one wait: one end of a FIFO whose other end nobody has.
//!
//! The one who answers must not wait, since everybody else's questions would. So a process of its
//! own opens the file and hands it over. It does nothing else, and looks up from time to time
//! whether anybody still waits for it. There is at most one for each thread of the cell that
//! waits.

use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;

use rustix::fs::OFlags;
use rustix::process::{Signal, set_parent_process_death_signal};

use super::super::sys;
use super::Answer;
use super::asker::Asker;
use super::open::open_itself;

/// How long the process may outlive the one it waits for.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Leaves the answer to a new process.
pub fn open_later(asker: &Asker<'_>, file: &OwnedFd, flags: OFlags) -> Result<Answer, i32> {
    match sys::fork() {
        Ok(Some(_)) => Ok(Answer::Later),
        Ok(None) => sys::exit_now(i32::from(wait(asker, file, flags).is_err())),
        Err(error) => Err(error.raw_os_error().unwrap_or(libc::EAGAIN)),
    }
}

fn wait(asker: &Asker<'_>, file: &OwnedFd, flags: OFlags) -> std::io::Result<()> {
    // Whoever waits for the end of a pipe or a socket of the parent's must not wait for this one.
    sys::keep_open([asker.listener.as_raw_fd(), file.as_raw_fd()])?;
    set_parent_process_death_signal(Some(Signal::KILL))?;
    sys::interrupt_every(LOOK_EVERY)?;
    loop {
        match open_itself(file, flags) {
            Ok(file) => {
                return asker.hand_over(&file, flags.contains(OFlags::CLOEXEC));
            }
            Err(libc::EINTR) if asker.confirm().is_ok() => {}
            Err(libc::EINTR) => return Ok(()),
            Err(errno) => return sys::answer(asker.listener, asker.id, errno),
        }
    }
}
