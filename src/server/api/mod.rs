//! What the routes do: one file per group.

pub(super) mod approvals;
pub(super) mod catalogue;
pub(super) mod events;
pub(super) mod health;
pub(super) mod hooks;
pub(super) mod metrics;
pub(super) mod runs;
pub(super) mod schedules;
pub(super) mod sessions;
pub(super) mod tasks;

mod failures;
