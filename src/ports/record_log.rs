//! The log of memory records, as memory sees it.

use crate::contracts::{RecordRow, TextRef};

/// Why the log gave nothing, in words for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct LogError(pub String);

/// Where memory records are kept, in the order in which they were written.
pub trait RecordLog: Send + Sync {
    /// Up to `limit` rows after the one at place `after`, oldest first.
    ///
    /// # Errors
    /// When the log cannot be read or does not fit its chain.
    fn rows_after(&self, after: u64, limit: u32) -> Result<Vec<RecordRow>, LogError>;

    /// A text that a row names; `None` once it was forgotten.
    ///
    /// # Errors
    /// When it cannot be read or does not fit its hash.
    fn text(&self, text: &TextRef) -> Result<Option<String>, LogError>;
}
