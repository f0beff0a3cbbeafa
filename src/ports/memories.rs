//! What a tool can do with memory.

use crate::contracts::{
    Area, ForgetReceipt, MemoryAnswer, MemoryDraft, MemoryQuery, MemorySelection, ToolCall,
    ToolError, Written,
};

/// Memory, for tools: what they do there was decided before they were started.
///
/// A trait, because tools and memory are modules of one layer that do not know each other, and because a
/// tool is tried without a store.
pub trait Memories: Send + Sync {
    /// What is remembered about a question.
    ///
    /// # Errors
    /// When the question cannot be read, or memory cannot be used.
    fn search(&self, query: &MemoryQuery) -> Result<MemoryAnswer, ToolError>;

    /// The records whose text fits a query of words, phrases, `AND`, `OR` and `NOT`, newest first.
    ///
    /// # Errors
    /// As [`Memories::search`].
    fn full_text(&self, query: &str, areas: &[Area], k: usize) -> Result<MemoryAnswer, ToolError>;

    /// Remembers something that a call says. A repeat of the same call changes nothing.
    ///
    /// # Errors
    /// What is wrong with it, or when memory cannot be used.
    fn write(&self, draft: MemoryDraft, call: &ToolCall) -> Result<Written, ToolError>;

    /// Forgets records for good, and what was derived from them.
    ///
    /// # Errors
    /// When nothing is meant, or memory cannot be used.
    fn forget(&self, meant: &MemorySelection, call: &ToolCall) -> Result<ForgetReceipt, ToolError>;
}
