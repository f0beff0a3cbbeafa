//! The log of memory records, as memory sees it.

use crate::contracts::{
    EventBody, MemoryId, MemoryProposal, NewRecord, RecordRow, Stored, TextRef, Timestamp,
};

/// Why the log gave nothing or took nothing, in words for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct LogError(pub String);

/// What becomes durable together: all of it, or nothing.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordAppend {
    /// When.
    pub at: Timestamp,
    /// The records, or later states of records, in order.
    pub records: Vec<NewRecord>,
    /// The texts that they name and that are not stored yet.
    pub texts: Vec<Stored>,
    /// What is written to the journal of the program itself, at least one event.
    pub events: Vec<EventBody>,
    /// Proposals as they are now, each over the one with its id.
    pub proposals: Vec<MemoryProposal>,
}

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

    /// Appends records with their texts and events, in one transaction. Returns once they are durable.
    ///
    /// # Errors
    /// When they could not be made durable, or this log is open for reading alone; then none of them is
    /// there.
    fn append(&self, append: RecordAppend) -> Result<(), LogError>;

    /// Every proposal of what memories may become, oldest first.
    ///
    /// # Errors
    /// When they cannot be read or do not fit their hashes.
    fn proposals(&self) -> Result<Vec<MemoryProposal>, LogError>;

    /// Erases records for good: their texts, and what their rows say beside what the chain needs. A last
    /// row without anything says that they are gone. Returns once the erasing is durable; a record that
    /// is not there or is gone already changes nothing.
    ///
    /// # Errors
    /// When it could not be made durable.
    fn erase(
        &self,
        ids: &[MemoryId],
        events: Vec<EventBody>,
        at: Timestamp,
    ) -> Result<Erased, LogError>;
}

/// What was erased.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Erased {
    /// Texts that are gone now.
    pub texts: u64,
    /// Rows of the log that say nothing any more.
    pub rows: u64,
    /// Rows of an earlier version whose metadata the chain covers word for word: they stay.
    pub rows_kept: u64,
    /// Files of the store that were written anew so that nothing of it is left in them.
    pub files: Vec<String>,
    /// Why the files could not be written anew now, where that is so; it is done at the next start.
    pub pending: Option<String>,
}
