//! What the routes do: one file per group.

pub(super) mod approvals;
pub(super) mod artifacts;
pub(super) mod calls;
pub(super) mod catalogue;
pub(super) mod events;
pub(super) mod execution;
pub(super) mod health;
pub(super) mod hooks;
pub(super) mod incidents;
pub(super) mod memory;
pub(super) mod metrics;
pub(super) mod proposals;
pub(super) mod runs;
pub(super) mod schedules;
pub(super) mod sessions;
pub(super) mod settings;
pub(super) mod tasks;
pub(super) mod undo;

mod called;
mod failures;
