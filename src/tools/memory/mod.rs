//! The tools of memory: looking things up, writing them down, forgetting them.
//!
//! They reach memory through [`crate::ports::Memories`]. What they answer is labelled with where each record
//! came from, and with `untrusted:memory` or `memory` where one is neither a person's nor a file's: a model's notes
//! are no instructions.

mod forget;
mod found;
mod full_text;
mod search;
mod write;

#[cfg(test)]
mod tests;

pub(super) use forget::MemoryForget;
pub(super) use full_text::FulltextSearch;
pub(super) use search::MemorySearch;
pub(super) use write::MemoryWrite;

use std::sync::Arc;

use super::typed::Call;
use crate::contracts::{ErrorKind, ToolError};
use crate::ports::Memories;

/// Most records of one answer.
const K_MAX: usize = 100;

fn memories<'a>(at: &'a Call<'_>) -> Result<&'a Arc<dyn Memories>, ToolError> {
    at.context.memories.as_ref().ok_or_else(|| {
        ToolError::new(ErrorKind::Unavailable, "there is no memory here: no store is open")
    })
}
