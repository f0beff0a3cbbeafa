//! Names that must not appear: making files, directories and links on behalf of the command.
//!
//! Some files govern this program although they do not exist yet: a `.env`, a policy, a hook of
//! `git`. A mount can keep a file that exists from being changed, but nothing can be mounted over a
//! name that is not there, and Landlock knows no single names. So the kernel passes every call that
//! makes a name on to the supervisor. It finds the directory itself, compares, and either makes the
//! name and hands over the descriptor, or refuses. It never lets the original call continue: the
//! caller could swap the path after it was looked at.
//!
//! **Why looking first and acting then is safe.** The directory is opened once; it is looked at and
//! acted on through that descriptor, and the last name is acted on without following a link. So
//! only one thing could go wrong in between: that the directory moves to where the name would be
//! protected. For that it, or a directory above it, has to be renamed to a name above or inside of
//! a protected one, which is itself refused, wherever it is asked for, also in another cell with the
//! same rules. Within one cell there is no "in between" at all: one thread answers one question
//! after the other, and no other process of the cell can make, link or rename anything. Removing is
//! free; what is removed protects nothing, and what takes its place has to be made.
//!
//! The supervisor has the command's user, its view of the files and no capabilities, so it does
//! nothing here that the command could not do without these rules. Where it stands outside of the
//! command's Landlock walls, [`Reach`] repeats them.
//!
//! Three things differ from what the kernel would do, each by an error and never by a wrong deed:
//! files in `/proc` are only made out below the caller's own directory; a full table of descriptors
//! is noticed after the file was made; and a terminal opened here becomes nobody's controlling one.
//!
//! Reading order: [`rules`] and [`reach`] decide; [`call`] says what is asked, [`asker`] by whom;
//! [`lookup`] and [`walk`] find the place; [`open`], [`make`] and [`wait`] act.

mod reach;
mod rules;

mod asker;
mod call;
mod lookup;
mod walk;

mod make;
mod open;
mod wait;

use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};

use super::sys::{self, Asked};
use asker::Asker;

pub use reach::Reach;
pub use rules::NameRules;

/// How a question is answered.
#[derive(Debug)]
enum Answer {
    /// The call returns 0.
    Done,
    /// The call returns a descriptor.
    Opened { file: OwnedFd, close_on_exec: bool },
    /// Another process of ours answers, since it may have to wait.
    Later,
}

/// Whether a call is one that is answered here.
pub fn concern(asked: &Asked) -> bool {
    super::syscalls::NAMING.iter().any(|naming| naming.call == asked.number)
}

/// Does what was asked, or refuses.
///
/// # Errors
/// When the listener is broken.
pub fn answer(listener: BorrowedFd<'_>, asked: &Asked, rules: &NameRules) -> io::Result<()> {
    let asker = Asker::new(listener, asked);
    let answer = call::read(&asker, asked).and_then(|call| match call {
        call::Call::Open(opening) => open::open(&asker, rules, &opening),
        call::Call::Make(making) => make::make(&asker, rules, &making).map(|()| Answer::Done),
    });
    match answer {
        Ok(Answer::Done) => sys::answer(listener, asked.id, 0),
        Ok(Answer::Opened { file, close_on_exec }) => asker.hand_over(&file, close_on_exec),
        Ok(Answer::Later) => Ok(()),
        Err(errno) => sys::answer(listener, asked.id, errno),
    }
}
