//! What to make of what was found: fusing candidates, choosing what fits a budget, and what may become
//! of memories that belong together. Pure: candidates, vectors and times come in as values.

pub(crate) mod calendar;
pub mod consolidate;
mod fuse;
mod question;
mod select;
mod weights;
mod when;

pub use fuse::{Candidate, Fused, Link, PARTS, fuse};
pub use question::{Question, carries_meaning, understand, words};
pub use select::{Choice, Limits, Offer, choose};
pub use weights::{Fusion, Weights};
pub use when::{When, times_in};
