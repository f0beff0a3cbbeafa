//! Commands inside walls: what is enforced around a program that policy allowed to run, and the
//! receipt that says so.
//!
//! Owns the way from a [`CommandSpec`](crate::ports::CommandSpec) to a process tree that is gone
//! again. Leaves to others what may run (`policy`), which walls a call gets (`Confinement`), and
//! what its output means (`tools`).
//!
//! ```text
//! host   LinuxSandbox::run ── posix_spawn ──▶ guard ──fork──▶ supervisor ──fork──▶ the command
//!        plan: CommandSpec → CellSpec          reaps the      starts, limits,      walls up,
//!        collect output, time, cancel          rest if the    ends the tree;       then execve
//!                                              other dies     answers for files
//! ```
//!
//! Guard and supervisor are this same binary, started with the hidden argument [`CELL_ARGUMENT`].
//! The program itself never forks: a fork copies page tables, which with a gigabyte of heap costs
//! two hundred times a spawn, and it is unsafe among threads.
//!
//! The walls are built from layers, each with a name that stands in the receipt; a layer that
//! cannot be built refuses the call. Namespaces and control groups are further layers of the same
//! kind, between `supervisor` and `command`.
#![allow(
    unsafe_code,
    reason = "posix_spawn, fork, prctl, seccomp and execve have no safe form; all of it stands in \
              `linux::spawn` and `linux::cell::sys`"
)]

mod entry;
mod options;
mod unsupported;

// The filters know the system calls of these architectures; elsewhere nothing is started.
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod linux;

pub use entry::{CELL_ARGUMENT, cell_main, for_this_system, is_cell_invocation};
pub use options::SandboxOptions;
pub use unsupported::Unsupported;

#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
pub use linux::{Finished, LinuxSandbox};
