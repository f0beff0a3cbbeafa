//! What a command does, as facts: every program that runs, its arguments and flags in one spelling,
//! the files and hosts it names, and how it was reached.
//!
//! A command line is parsed as `bash` reads it and walked into programs: wrappers (`sudo`, `env`,
//! `xargs`), lines inside lines (`bash -c`, substitutions, here-documents for a shell), pipes and
//! redirections, with constants followed. An argument vector takes the same walk. Whatever cannot be
//! seen makes the command opaque, which policy answers with a question at best; what was seen stays
//! a fact. Paths become facts about the machine elsewhere: this module knows no file system.

mod code;
mod danger;
mod data;
mod deed;
mod fact;
mod found;
mod interpreter;
mod leaf;
mod limits;
mod network;
mod service;
mod table;
mod vcs;
mod walk;
mod words;
mod wrapper;

#[cfg(test)]
mod tests;

pub use fact::{Access, Analysis, Deed, FileUse, Leaf, of_argv, of_line};
pub use walk::decides_what_runs;
