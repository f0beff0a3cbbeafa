//! What there is in a directory of a stranger: files and their kinds, what it depends on, and what a
//! person should look at before anything of it runs.

mod kinds;
mod names;
mod walk;

mod cargo;
mod npm;
mod python;

mod stock;

pub(super) use stock::scan;
pub(in crate::tools::worker) use stock::{Dependency, Finding, Listed, Scanned};

#[cfg(test)]
mod tests;
