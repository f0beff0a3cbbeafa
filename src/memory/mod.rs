//! What is remembered: records, how they are found, and what becomes of them.
//!
//! The log of records in the store is the truth; everything here is a fold over it or an index that may be
//! deleted at any time. [`Memory`] is the way in: it reads and appends the log, keeps the [`Library`] up with
//! it, and hands questions to the engine. What policy allows is decided before anybody comes here.

mod library;

// the way in
mod error;
mod facade;
mod limits;

// writing
mod check;
mod forget;
mod import;
mod knowledge;
mod same;
mod write;

// beside the records
mod kv;

// finding and giving
mod answers;
mod contained;
mod export;
mod full_text;
mod generation;
mod lexical;
mod overlay;
mod pinned;
mod search;
mod stats;
mod used;
mod vector;

// over time
pub mod jobs;

#[cfg(test)]
pub(crate) mod ram_log;
#[cfg(test)]
pub(crate) mod tests_clock;

pub use check::Strike;
pub use error::MemoryError;
pub use facade::Memory;
pub use full_text::FullText;
pub use import::{BadLine, Lines};
pub use knowledge::FilesMark;
pub use kv::{Kv, KvError, SettingChange};
pub use lexical::{Language, Languages};
pub use library::{Entry, Library};
pub use limits::WriteLimits;
pub use overlay::Overlay;
pub use search::{Counts, Engine, Finding, SearchError, Settings};
pub use stats::AreaStats;
pub use vector::{BadVector, Flat, GRAPH_FROM, VectorSearch};
pub use write::{Entrusted, Prepared, SaidBy, event};
