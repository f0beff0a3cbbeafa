//! What reads the files of strangers: unpacking and taking stock. It runs in a cell, as this same
//! binary started again with the hidden argument [`WORKER_ARGUMENT`].
//!
//! Owns the formats and their limits. The tool outside knows the words of [`Request`] and
//! [`Reply`] only: one JSON document in, one out. Nothing here reaches further than the paths in
//! the request, and the cell holds it to that.

mod entry;
mod words;

mod archive;
mod inventory;

pub use entry::{WORKER_ARGUMENT, is_worker_invocation, worker_main};
pub(super) use inventory::{Dependency, Finding, Listed, Scanned};
pub(super) use words::{Limits, Refusal, Reply, Request, Unpacked, Why};
