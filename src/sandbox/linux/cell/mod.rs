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
mod names;
mod request;

mod broker;
mod enclosed;
mod furnish;
mod ground;
mod init;
mod owners;
mod passing;
mod slots;
mod spaces;
mod view;
mod world;

mod attempts;

pub use attempts::{ATTEMPTS_ARGUMENT, Attempt};
pub use broker::BROKER_ARGUMENT;
pub use guard::cell_main;
pub use init::PROXY_PORT;
pub use owners::{Owner, give_pipe};
pub use passing::pass_on;
pub use slots::PREFIX as GROUP_PREFIX;
pub use view::PRIVATE;
