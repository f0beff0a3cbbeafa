//! What reads the files of strangers: unpacking and taking stock. It runs in a cell: see [`super::super::cell`].
//!
//! Owns the formats and their limits. The tool outside knows the words of [`Request`] and
//! [`Reply`] only: one JSON document in, one out. Nothing here reaches further than the paths in
//! the request, and the cell holds it to that.

mod entry;
mod words;

mod archive;
mod inventory;

pub(in crate::tools) use entry::{JOB, answer};
pub(super) use inventory::{Dependency, Finding, Listed, Scanned};
pub(super) use words::{Limits, Reply, Request, Unpacked};
