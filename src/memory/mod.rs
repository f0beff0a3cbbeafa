//! What is remembered: records, how they are found, and what becomes of them.
//!
//! The log of records in the store is the truth; everything here is a fold over it or an index that may be
//! deleted at any time.

mod library;

pub use library::{Entry, Library};
