//! Finding records by meaning: the vectors of one embedder in memory, and on disk in generations.
//!
//! Owns vectors, how they are searched, and their files. Which records are wanted is the caller's business.

mod cache;
mod drawing;
mod flat;
mod graph;
mod kernel;
mod segment;
mod store;
mod top;

pub use drawing::{GRAPH_FROM, VectorSearch};
pub use flat::{BadVector, Flat};
pub(crate) use segment::Row;
pub(crate) use store::{VectorWriter, Vectors};
