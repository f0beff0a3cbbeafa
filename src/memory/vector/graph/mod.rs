//! A graph of neighbours over many vectors, so that a search need not look at all of them.
//!
//! [`draw()`] makes it with `hnsw_rs`, in the background, from a snapshot of rows. What is kept and written to
//! disk is [`Drawn`]: flat lists of neighbours, by record number. [`Graph`] is the same laid over the rows that
//! are in memory now; it says which of them it does not reach, and these are scanned. Nothing of `hnsw_rs`
//! is loaded from disk and nothing is searched with it, see `docs/decisions/0026-graph-of-neighbours.md`.

mod draw;
mod drawn;
mod lists;
mod placed;

pub(super) use draw::{Snapshot, draw};
pub(super) use drawn::Drawn;
pub(super) use placed::{Graph, reaching};
