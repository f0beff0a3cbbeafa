//! What becomes of memories over time: those that say the same become one, and what is over budget goes into
//! the archive. Nothing is ever rewritten or deleted here, and every batch can be taken back.
//!
//! Deciding what says the same is [`crate::recall::consolidate`]; here records are chosen, policy is asked,
//! and what follows is appended in one transaction.

mod archive;
mod choose;
mod job;
mod proposals;
mod rows;
mod settings;
mod undo;

pub use choose::{Due, due, holds};
pub use job::{Consolidation, Writer};
pub use proposals::{Answered, ProposalError};
pub use settings::{AreaBudget, ConsolidateSettings, Triggers};
pub use undo::UndoError;

#[cfg(test)]
mod tests;
