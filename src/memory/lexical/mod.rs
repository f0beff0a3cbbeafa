//! Finding records by words: a tantivy index on disk, and what it does not have yet in memory.
//!
//! Owns the index, its generations and what of a record is indexed. Filters are not its business: it gives
//! numbers and scores, and more of them when asked.

mod document;
mod fresh;
mod index;
mod language;
mod view;
mod whole;
mod writer;

pub use document::{asks, spoken, stamp, worded};
pub(crate) use index::Lexical;
pub use language::{Language, Languages};
pub(crate) use writer::{Indexed, Writer};
