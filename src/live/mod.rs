//! Files that people edit while the program runs: read as one snapshot, checked, swapped in whole.
//!
//! A broken edit of a policy never takes effect: what was good last stays, also across a restart,
//! and the mistakes are there to be shown. Playbooks are read when they are asked for, each with its
//! own mistakes; a run keeps the version it started with.

pub mod playbooks;

mod kept;
mod policies;
mod snapshot;

#[cfg(test)]
mod tests;

pub use policies::{LayerDirs, LivePolicy};
pub use snapshot::read_rules;
