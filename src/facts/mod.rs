//! Facts about a call that need a look at the machine, so that deciding needs none.
//!
//! Owns resolving paths through symlinks, as the system would. What the facts are and what follows
//! from them is the business of `policy`. Whoever opens a file later checks again: between a fact
//! and its use a link can change.

mod collect;
mod places;
mod resolve;

#[cfg(test)]
mod tests;

pub use collect::{Surroundings, WrittenPermissions, collect};
pub use places::{PlacesError, places};
pub use resolve::resolve;
