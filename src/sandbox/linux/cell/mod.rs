//! The helper: what happens in the processes between the host and the command.
//!
//! Single-threaded from the first instruction to the last, so that it may fork. It holds no
//! secrets and, once [`privileges`] is through, no capabilities: what the supervisor does for the
//! command it does with the command's own rights.

mod sys;

mod guard;
mod privileges;
mod supervisor;
mod tree;

mod command;
mod grants;
mod landlock;
mod limits;
mod program;
mod seccomp;
mod syscalls;

mod metadata;
mod request;

mod attempts;

pub use attempts::{ATTEMPTS_ARGUMENT, Attempt};
pub use guard::cell_main;
