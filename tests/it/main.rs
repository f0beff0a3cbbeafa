//! The one integration binary: what needs the real program stands here, one file per subject.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test that cannot go on says so by panicking, and plays the user with real processes"
)]

mod addresses;
mod agentdojo;
mod approvals;
mod architecture;
mod attachments;
mod browser;
mod carried;
mod consult;
mod crash;
mod daemon;
mod daemon_crash;
mod daemon_space;
mod documents;
mod dry_run;
mod eval;
mod every_tool;
mod exchanges;
mod execution;
mod external;
mod flow;
mod goals;
mod harness;
mod hosts;
mod incidents;
mod index_crash;
mod language;
mod mcp_http;
mod memory;
mod memory_changes;
mod memory_crash;
mod memory_poison;
mod memory_runs;
mod metrics;
mod models;
mod network;
mod obligations;
mod peer;
mod planner_crash;
mod playbooks;
mod policies;
mod policy_history;
mod policy_mutations;
mod policy_signing;
mod providers;
mod rebinding;
mod refusals;
mod runs;
mod sandbox;
mod secrets;
mod small_model;
mod tool_files;
mod undo;
mod worker;
