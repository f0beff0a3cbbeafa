//! The search engine: both indexes, what recall makes of them, and the thread that keeps them up to date.
//!
//! Owns when a record is indexed, embedded and forgotten by the indexes. What is remembered is the library's
//! and the log's business; how candidates are weighed is [`crate::recall`]'s.

mod answer;
#[cfg(test)]
mod damage_tests;
mod drawing;
#[cfg(test)]
mod embedder_tests;
mod engine;
mod filter;
#[cfg(test)]
mod locomo_tests;
mod queue;
#[cfg(test)]
mod shapes_tests;
mod subjects;
#[cfg(test)]
mod tests;
mod verify;
mod work;

pub use engine::{Engine, SearchError, Settings};
pub use verify::{Counts, Finding};
