//! `sandbox_worker_run`: downloads, archives and builds of strangers, away from the workspace.
//!
//! Owns the actions, each in one file; what reads hostile files ([`cell`]) runs in a cell. State
//! between the actions of one run lies in the run's part of [`super::area`]: `downloads/`, `trees/`,
//! `caches/`.

mod args;
mod data;

mod cell;
mod helper;

mod download;
mod scan;
mod unpack;

mod allowed;
mod copy;
mod projects;

mod command;
mod tool;

pub(super) use cell::{JOB, answer};
pub(super) use tool::SandboxWorkerRun;

#[cfg(test)]
mod tests;
