//! The log of memory records over the store: for the host, and for whoever only reads.

use std::sync::Arc;

use super::App;
use crate::cli::{CliError, store_error};
use crate::contracts::{EventBody, MemoryId, MemoryProposal, RecordRow, TextRef, Timestamp};
use crate::memory::{Kv, Memory, WriteLimits};
use crate::ports::{Clock, Erased, LogError, RecordAppend, RecordLog};
use crate::store::{Reader, Store, StoreError};
use crate::telemetry::Redactor;

/// Under the state directory: when records were last of use.
const USED: &str = "memory/used.jsonl";

impl App {
    /// Memory over the store of a host.
    pub(super) fn memory_of(
        &self,
        store: &Arc<Store>,
        clock: &Arc<dyn Clock>,
        redactor: &Arc<Redactor>,
    ) -> Memory {
        let redactor = Arc::clone(redactor);
        let log: Arc<dyn RecordLog> = Arc::new(StoreLog(Arc::clone(store)));
        Memory::new(Arc::clone(&log), Arc::clone(clock), self.write_limits())
            .searching(self.search_engine(log, true, None))
            .noting_use(self.workspace.state_dir.join(USED))
            .striking(Arc::new(move |text: &str| redactor.redact(text).into_owned()))
    }

    /// Memory for reading alone: needs no lock, and goes on beside a host at work.
    ///
    /// # Errors
    /// When nothing was ever stored here, or the store cannot be read.
    pub fn memory(&self, clock: &Arc<dyn Clock>) -> Result<Memory, CliError> {
        self.memory_by(clock, None)
    }

    /// The same, searched with the vectors of this embedder instead of the one that is configured.
    ///
    /// # Errors
    /// As [`App::memory`].
    pub fn memory_by(
        &self,
        clock: &Arc<dyn Clock>,
        embedder: Option<&str>,
    ) -> Result<Memory, CliError> {
        let reader = Reader::open(&self.workspace.state_dir).map_err(store_error)?;
        let log: Arc<dyn RecordLog> = Arc::new(ReaderLog(reader));
        let memory = Memory::new(Arc::clone(&log), Arc::clone(clock), self.write_limits());
        Ok(memory.searching(self.search_engine(log, false, embedder)))
    }

    /// Memory without anything in it, by the limits of this workspace: to look whether something could be
    /// remembered.
    #[must_use]
    pub fn memory_without_store(&self, clock: &Arc<dyn Clock>) -> Memory {
        Memory::new(Arc::new(NoLog), Arc::clone(clock), self.write_limits())
    }

    /// Settings of `memory/kv`.
    #[must_use]
    pub fn kv(&self) -> Kv {
        let workspace = &self.workspace;
        Kv::new(workspace.root.join("memory/kv"), workspace.state_dir.join("kv-history.jsonl"))
    }

    fn write_limits(&self) -> WriteLimits {
        let memory = &self.workspace.config.memory;
        WriteLimits { text_bytes_max: memory.text_bytes_max, same_from: memory.same_from as f32 }
    }
}

/// Memory without anything in it, by the usual limits.
#[must_use]
pub fn no_memory(clock: &Arc<dyn Clock>) -> Memory {
    Memory::new(Arc::new(NoLog), Arc::clone(clock), WriteLimits::default())
}

/// The log of whoever has no store at hand.
struct NoLog;

impl RecordLog for NoLog {
    fn rows_after(&self, _: u64, _: u32) -> Result<Vec<RecordRow>, LogError> {
        Ok(Vec::new())
    }

    fn text(&self, _: &TextRef) -> Result<Option<String>, LogError> {
        Ok(None)
    }

    fn append(&self, _: RecordAppend) -> Result<(), LogError> {
        Err(read_only())
    }

    fn proposals(&self) -> Result<Vec<MemoryProposal>, LogError> {
        Ok(Vec::new())
    }

    fn erase(&self, _: &[MemoryId], _: Vec<EventBody>, _: Timestamp) -> Result<Erased, LogError> {
        Err(read_only())
    }
}

/// The log of a host.
#[derive(Debug)]
pub struct StoreLog(pub Arc<Store>);

impl RecordLog for StoreLog {
    fn rows_after(&self, after: u64, limit: u32) -> Result<Vec<RecordRow>, LogError> {
        self.0.reader().records(after, limit).map_err(said)
    }

    fn text(&self, text: &TextRef) -> Result<Option<String>, LogError> {
        read_text(self.0.reader(), text)
    }

    fn append(&self, append: RecordAppend) -> Result<(), LogError> {
        self.0.append_records(append).map_err(said)
    }

    fn proposals(&self) -> Result<Vec<MemoryProposal>, LogError> {
        self.0.reader().proposals().map_err(said)
    }

    fn erase(
        &self,
        ids: &[MemoryId],
        events: Vec<EventBody>,
        at: Timestamp,
    ) -> Result<Erased, LogError> {
        let erased = self.0.erase_records(ids, events, at).map_err(said)?;
        let mut files = Vec::new();
        if erased.texts > 0 {
            files.extend(["store.db", "store.db-wal", "blobs"].map(str::to_owned));
        }
        files.extend(erased.copies_removed.iter().map(|path| path.display().to_string()));
        let pending = (!erased.compacted).then(|| {
            "somebody reads in the database now: the rest of the erasing is done when the next text is \
             forgotten, or when the host starts again"
                .to_owned()
        });
        let (texts, rows, rows_kept) = (erased.texts, erased.rows, erased.rows_kept);
        Ok(Erased { texts, rows, rows_kept, files, pending })
    }
}

/// The log of whoever only reads.
#[derive(Debug)]
pub struct ReaderLog(pub Reader);

impl RecordLog for ReaderLog {
    fn rows_after(&self, after: u64, limit: u32) -> Result<Vec<RecordRow>, LogError> {
        self.0.records(after, limit).map_err(said)
    }

    fn text(&self, text: &TextRef) -> Result<Option<String>, LogError> {
        read_text(&self.0, text)
    }

    fn append(&self, _: RecordAppend) -> Result<(), LogError> {
        Err(read_only())
    }

    fn proposals(&self) -> Result<Vec<MemoryProposal>, LogError> {
        self.0.proposals().map_err(said)
    }

    fn erase(&self, _: &[MemoryId], _: Vec<EventBody>, _: Timestamp) -> Result<Erased, LogError> {
        Err(read_only())
    }
}

fn read_text(reader: &Reader, text: &TextRef) -> Result<Option<String>, LogError> {
    let content = match reader.blob(text) {
        Ok(content) => content,
        Err(StoreError::Forgotten(_)) => return Ok(None),
        Err(error) => return Err(said(error)),
    };
    let text = String::from_utf8(content);
    text.map(Some).map_err(|error| LogError(format!("the text of a memory is not UTF-8: {error}")))
}

fn read_only() -> LogError {
    LogError("the store is open for reading alone".to_owned())
}

fn said(error: StoreError) -> LogError {
    LogError(error.to_string())
}
