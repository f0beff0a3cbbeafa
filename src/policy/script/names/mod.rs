//! The names of the language, in one table: what the checker knows, what editors are told
//! (`config/schema/policy.d.rhai`) and what the page shows are all made from it.
//!
//! A name is written as it is in a file of definitions, with types; `shows` is an expression that is
//! true, and is tried by a test.

mod classes;
mod definitions;
mod lists;
mod table;
mod texts;
mod verdicts;

pub(super) use classes::{CLASSES, class, class_of};
pub use definitions::{definitions, reference};
pub(super) use table::{Class, arities, functions};

#[cfg(test)]
mod tests;
