//! Files that people edit while the program runs: read as one snapshot, checked, swapped in whole.
//!
//! A broken edit of a policy never takes effect: what was good last stays, also across a restart,
//! and the mistakes are there to be shown. Playbooks are read when they are asked for, each with its
//! own mistakes; a run keeps the version it started with.

pub mod playbooks;
pub mod prompts;

mod accepted;
mod candidate;
mod check;
mod elapsed;
mod kept;
mod layers;
mod policies;
mod published;
mod reload;
mod sets;
mod signed;
mod snapshot;
mod trial;
mod watcher;

#[cfg(test)]
mod edit_tests;
#[cfg(test)]
mod hostile_tests;
#[cfg(test)]
mod signed_tests;
#[cfg(test)]
mod tests;

pub use accepted::{accept, accepted};
pub use candidate::{Candidate, compile_candidate};
pub use layers::{LayerDirs, Signing};
pub use policies::{LivePolicy, OnReload, Reload};
pub use published::PolicyStanding;
pub use reload::{Edit, Gate};
pub use snapshot::{read_rules, read_signed};
pub use trial::RulesOnTrial;
pub use watcher::PolicyWatch;
