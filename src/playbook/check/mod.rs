//! Whether a playbook that is well formed also means something.
//!
//! Owns what needs more than one place of the file, or the vocabulary of tools: names in expressions,
//! arguments, permissions, texts of tools in commands, approvals nobody can give.

mod arguments;
mod calls;
mod graph;
mod names;
mod shell;
mod whole;

pub(super) use arguments::arguments;
pub(super) use calls::calls;
pub(super) use graph::graph;
pub(super) use names::names;
use shell::shell;
pub(super) use whole::whole;
