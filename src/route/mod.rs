//! Where a goal in words goes without a language model: to a playbook with its inputs, to a single tool with
//! its arguments, or back to the person with reasons.
//!
//! Deterministic and deliberately timid. What is written out in the goal (a quoted text, a path, an address,
//! a number) is taken as it stands and everything of it has to find its place; nothing is invented, and a
//! tool of high risk is never chosen. Knows no files: names that stand in the workspace come in as data.
//! Whether what was chosen may run is decided by policy afterwards, as for everybody.

mod words;

mod spans;

mod slots;

mod fill;

mod playbooks;

mod tools;

mod near;

mod goal;

mod shortlist;

#[cfg(test)]
mod tests;

pub use goal::{Offers, Routed, route};
pub use playbooks::Candidate;
pub use shortlist::shortlist;
