//! Finding records by meaning: the vectors of one embedder in memory, and on disk in generations.
//!
//! Owns vectors, how they are searched, and their files. Which records are wanted is the caller's business.

mod cache;
mod flat;
mod kernel;
mod segment;
mod store;
mod top;

pub use flat::{BadVector, Flat};
pub(crate) use segment::Row;
pub(crate) use store::{VectorWriter, Vectors};
