//! The way into memory: one log, one library that keeps up with it, one engine that answers questions.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock, RwLockReadGuard};

use super::answers::Answers;
use super::check::Strike;
use super::error::MemoryError;
use super::knowledge::FilesMark;
use super::library::{Entry, Library};
use super::limits::WriteLimits;
use super::overlay::Overlay;
use super::search::Engine;
use super::used::Used;
use crate::contracts::{
    EventBody, MemoryAnswer, MemoryId, MemoryQuery, MemoryRecord, NewRecord, Stored, Timestamp,
};
use crate::ports::{Clock, RecordAppend, RecordLog};

/// Rows that are read from the log at once.
const ROWS: u32 = 4_096;

/// Version of a record as it is shown.
const RECORD_VERSION: u32 = 1;

/// All that is remembered in a workspace.
pub struct Memory {
    pub(super) log: Arc<dyn RecordLog>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) limits: WriteLimits,
    pub(super) strike: Strike,
    library: RwLock<Library>,
    /// Held from looking for a duplicate to the append, so that two writers do not both find none.
    writing: Mutex<()>,
    pub(super) engine: Answers,
    /// Up to which record a consolidation of this process looked.
    pub(super) consolidated: AtomicU64,
    /// When records were last of use, where that is kept.
    used: Option<Used>,
    /// How the files of knowledge looked when they were read last.
    pub(super) files_mark: Mutex<Option<FilesMark>>,
}

impl std::fmt::Debug for Memory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Memory").field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl Memory {
    /// Over a log. Reads nothing until somebody asks.
    #[must_use]
    pub fn new(log: Arc<dyn RecordLog>, clock: Arc<dyn Clock>, limits: WriteLimits) -> Self {
        let engine = Answers::Texts(Overlay::new(Arc::clone(&log)));
        let strike: Strike = Arc::new(str::to_owned);
        let (library, writing) = (RwLock::default(), Mutex::default());
        let (files_mark, consolidated) = (Mutex::default(), AtomicU64::new(0));
        let used = None;
        Self {
            log,
            clock,
            limits,
            strike,
            library,
            writing,
            engine,
            consolidated,
            used,
            files_mark,
        }
    }

    /// The same with a file that keeps when records were last of use.
    #[must_use]
    pub fn noting_use(self, path: PathBuf) -> Self {
        Self { used: Some(Used::new(path)), ..self }
    }

    /// Somebody was given these records. What cannot be kept of it is told, and nothing more: it is a hint.
    pub fn note_use(&self, ids: Vec<MemoryId>) {
        let Some(used) = &self.used else { return };
        if let Err(error) = used.note(ids, self.now()) {
            tracing::warn!("when memories were last of use cannot be kept: {error}");
        }
    }

    /// When records were last of use, as far as that is known.
    #[must_use]
    pub fn last_used(&self) -> HashMap<MemoryId, Timestamp> {
        let last = self.used.as_ref().map_or_else(|| Ok(HashMap::new()), Used::last);
        last.unwrap_or_else(|error| {
            tracing::warn!("when memories were last of use is not known: {error}");
            HashMap::new()
        })
    }

    /// The same with something that strikes secrets out of what is written.
    #[must_use]
    pub fn striking(self, strike: Strike) -> Self {
        Self { strike, ..self }
    }

    /// The same with indexes to answer from; they are opened when somebody asks something.
    #[must_use]
    pub fn searching(self, open: impl Fn() -> Engine + Send + Sync + 'static) -> Self {
        Self { engine: Answers::Indexes(OnceLock::new(), Box::new(open)), ..self }
    }

    /// The indexes, where there are any: to verify and rebuild them.
    #[must_use]
    pub fn engine(&self) -> Option<&Engine> {
        self.engine.engine()
    }

    /// Every record as it is now. What any process made durable before this call is in it. Do not write
    /// while holding it.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn library(&self) -> Result<RwLockReadGuard<'_, Library>, MemoryError> {
        self.catch_up()?;
        Ok(self.library.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Appends records with their texts and at least one event, durably and all at once.
    ///
    /// # Errors
    /// When the log does not take them; then none of them is there.
    pub fn append(
        &self,
        records: Vec<NewRecord>,
        texts: Vec<Stored>,
        events: Vec<EventBody>,
    ) -> Result<(), MemoryError> {
        let at = self.clock.now();
        self.append_all(RecordAppend { at, records, texts, events, proposals: Vec::new() })
    }

    /// Appends everything of `append`, durably and all at once.
    pub(super) fn append_all(&self, append: RecordAppend) -> Result<(), MemoryError> {
        self.log.append(append)?;
        self.catch_up()
    }

    /// Keeps every other writer of this process out until it is dropped: for whoever looks at the library
    /// first and then appends what follows from it.
    pub fn writing(&self) -> MutexGuard<'_, ()> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is remembered about a question; what was written before is found.
    ///
    /// # Errors
    /// When the question cannot be read, or the log cannot.
    pub fn search(&self, query: &MemoryQuery) -> Result<MemoryAnswer, MemoryError> {
        let library = self.library()?;
        self.engine.search(&library, query, self.clock.now()).map_err(MemoryError::Search)
    }

    /// One record with its text.
    ///
    /// # Errors
    /// [`MemoryError::NotFound`], or when the log cannot be read.
    pub fn record(&self, id: &MemoryId) -> Result<MemoryRecord, MemoryError> {
        let entry = self.library()?.get(id).cloned().ok_or(MemoryError::NotFound(*id))?;
        self.shown(&entry)?.ok_or(MemoryError::NotFound(*id))
    }

    /// An entry with its text; `None` when it was forgotten.
    ///
    /// # Errors
    /// When the text cannot be read.
    pub fn shown(&self, entry: &Entry) -> Result<Option<MemoryRecord>, MemoryError> {
        let Some(content_hash) = entry.content_hash else { return Ok(None) };
        let Some(text) = self.log.text(&entry.text)? else { return Ok(None) };
        Ok(Some(MemoryRecord {
            schema_version: RECORD_VERSION,
            id: entry.id,
            area: entry.area,
            text,
            metadata: entry.metadata.as_ref().clone(),
            created_at: entry.created_at,
            updated_at: entry.updated_at,
            embeddings: Vec::new(),
            content_hash,
        }))
    }

    /// Up to which row of the log a consolidation of this process looked last.
    #[must_use]
    pub fn consolidated_up_to(&self) -> u64 {
        self.consolidated.load(Ordering::Acquire)
    }

    /// The time now, as memory sees it.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Takes what the log has beyond the library.
    fn catch_up(&self) -> Result<(), MemoryError> {
        loop {
            let after = self.library.read().unwrap_or_else(PoisonError::into_inner).last_seq();
            let rows = self.log.rows_after(after, ROWS)?;
            let last = rows.len() < ROWS as usize;
            if !rows.is_empty() {
                let mut library = self.library.write().unwrap_or_else(PoisonError::into_inner);
                rows.into_iter().for_each(|row| library.apply(row));
                self.engine.noticed(&library);
            }
            if last {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests;
