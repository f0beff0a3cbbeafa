//! YAML as a tree in which every value knows its place, so that a linter can name every mistake.
//!
//! Owns parsing, places and limits. What the values mean is the business of `playbook` and `policy`.
//! YAML 1.2 core schema: `no`, `on` and `yes` are texts, and callers that expect a boolean say so.

mod fields;
mod json;
mod node;
mod parse;
mod suggest;

pub use fields::Fields;
pub use node::{Entry, Node, Place, Value};
pub use parse::{Limits, parse};
pub use suggest::did_you_mean;
