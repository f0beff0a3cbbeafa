//! Which memories say the same, what may stand in their place, and what must never be made of them.
//!
//! Reading order: a text is brought into one form and hidden characters are named ([`characters`]), it is
//! read as statements with facts ([`Reading`]), two readings are held against each other ([`same()`]),
//! records are gathered into clusters inside one [`Class`] (`cluster`), a cluster is summed up
//! ([`summary()`]), and whatever text is proposed, a model's included, is checked against its sources
//! ([`check()`]). Texts that give orders are found by [`orders()`].
//!
//! Everything here errs towards not merging: what differs in one number, name, date, colour, unit, negation
//! or path is never one memory, however near the vectors are. Pure: similarities come in through a closure.

pub mod characters;
mod check;
mod class;
mod cluster;
mod dates;
mod orders;
mod reading;
mod same;
mod shapes;
mod summary;
mod vocabulary;

pub use check::{Checked, check};
pub use class::{Candidate, Class, is_untrusted, may_be_merged, target_area};
pub use cluster::{Bounds, Cluster, Clustering, clusters, overlap};
pub use orders::{Order, orders};
pub use reading::{Fact, FactKind, Reading};
pub use same::{Difference, same};
pub use summary::{Summary, summary};

#[cfg(test)]
mod tests;
