//! Why memory did not do what it was asked.

use crate::contracts::MemoryId;
use crate::ports::LogError;

/// In words for people.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum MemoryError {
    /// What was handed in cannot be remembered.
    #[error("{0}")]
    Refused(String),
    /// There is no such record, or it was forgotten.
    #[error("there is no memory `{0}`")]
    NotFound(MemoryId),
    /// The log of records could not be read or written.
    #[error("the memory records cannot be used: {0}")]
    Log(#[from] LogError),
    /// The question could not be answered.
    #[error("{0}")]
    Search(String),
}
