//! Commands inside walls: what is enforced around a program that policy allowed to run, and the
//! receipt that says so.
//!
//! Owns the way from a [`CommandSpec`](crate::ports::CommandSpec) to a process tree that is gone
//! again. Leaves to others what may run (`policy`), which walls a call gets (`Confinement`), and
//! what its output means (`tools`).
//!
//! ```text
//! program ── posix_spawn ──▶ broker ── clone ──▶ init ──── vfork ──▶ the command
//!            once a view               once a call
//! plan, survey, brokers:     builds the          process 1:          Landlock, limits,
//! which view it is           tree of files       answers calls,      seccomp, then
//! session: output, time,                         ends all,           execve
//! cancel, the proxy                              reports
//! ```
//!
//! Broker and init are this same binary, started with the hidden argument [`CELL_ARGUMENT`].
//! The program itself never forks: a fork copies page tables, which with a gigabyte of heap costs
//! two hundred times a spawn, and it is unsafe among threads.
//!
//! Where namespaces cannot be had, the command runs below a guard and a supervisor, behind Landlock
//! rules for each place, unless configuration requires namespaces.
//!
//! The walls are built from layers, each with a name that stands in the receipt. A required layer
//! that cannot be built refuses the call; another one is named there as missing.
#![allow(
    unsafe_code,
    reason = "posix_spawn, fork, prctl, seccomp and execve have no safe form; all of it stands in \
              `linux::spawn` and `linux::cell::{sys, spaces}`"
)]

mod entry;
mod options;
mod proxy;
mod unsupported;

// The filters know the system calls of these architectures; elsewhere nothing is started.
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod linux;

pub use entry::{CELL_ARGUMENT, cell_main, for_this_system, is_cell_invocation};
pub use options::{OnMissing, SandboxOptions};
pub use proxy::{Gate, Proxy};
pub use unsupported::Unsupported;

#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
pub use linux::{Finished, LinuxSandbox};
