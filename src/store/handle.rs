//! The host's handle on the store: writing through the one writer, reading beside it.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use tokio::sync::watch;

use crate::contracts::{Event, EventBody, RunId, Stored, TextRef, Timestamp};
use crate::ports::RecordAppend;

use super::append::{Append, AuditEntry, Prepared, PreparedAudit};
use super::error::{PathContext, StoreError};
use super::finding::Finding;
use super::layout::Layout;
use super::lock::HostLock;
use super::open::{self, Ready, StoreOptions};
use super::queue::{Done, Queue, Wanted, queue};
use super::read::Reader;
use super::writer::Poison;

/// An opened store and what was found wrong with it.
#[derive(Debug)]
#[must_use = "findings have to be shown or raised as an incident"]
pub struct Opened {
    /// The store.
    pub store: Store,
    /// Damage. A damaged run takes no more events; everything else works.
    pub findings: Vec<Finding>,
}

/// The store, open for writing by this process alone. Cheap to clone; the last clone that goes
/// waits for the writer and gives the lock back.
#[derive(Debug, Clone)]
pub struct Store {
    inner: Arc<Inner>,
    reader: Reader,
}

#[derive(Debug)]
struct Inner {
    queue: Mutex<Option<Queue>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    poison: Poison,
    newest: watch::Receiver<u64>,
    /// Given back after the writer's thread has ended.
    lock: Option<HostLock>,
}

impl Store {
    /// Takes the lock, checks what was acknowledged, and starts the writer.
    ///
    /// # Errors
    /// [`StoreError::Locked`] when another host is there, [`StoreError::NotDurable`],
    /// [`StoreError::NewerSchema`], or [`StoreError::Corrupt`] when the damage is such that nothing
    /// can be written safely.
    pub fn open(options: &StoreOptions) -> Result<Opened, StoreError> {
        let ready = open::open(options)?;
        Self::start(ready, Layout::new(&options.state_dir))
    }

    pub(super) fn start(ready: Ready, layout: Layout) -> Result<Opened, StoreError> {
        let Ready { lock, writer, findings } = ready;
        let (send, waiting) = queue();
        let (poison, newest) = (Arc::clone(&writer.poison), writer.newest.subscribe());
        let thread = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || writer.run(waiting))
            .at("could not start a thread for", &layout.dir)?;
        let inner = Inner {
            queue: Mutex::new(Some(send)),
            thread: Mutex::new(Some(thread)),
            poison,
            newest,
            lock: Some(lock),
        };
        let store = Self { inner: Arc::new(inner), reader: Reader::over(layout) };
        Ok(Opened { store, findings })
    }

    /// Appends events and what belongs to them. Blocks until they are durable and anchored; many
    /// callers at once share one sync. A repeated append of the same content at the same place
    /// returns the events that are there.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the run has another number of events, [`StoreError::Ended`],
    /// [`StoreError::Quarantined`], [`StoreError::BadRequest`], [`StoreError::DiskFull`], or
    /// [`StoreError::Poisoned`] once a write could not be made durable.
    pub fn append(&self, append: Append) -> Result<Vec<Event>, StoreError> {
        let append = Prepared::new(append)?;
        self.write_texts(&append.texts)?;
        self.ask(Wanted::Append(Box::new(append)))?.events()
    }

    /// Appends events behind the newest of the system's own stream; a repeated call appends them
    /// again. Blocks until they are durable and anchored.
    ///
    /// # Errors
    /// As [`Store::append`].
    pub fn append_system(
        &self,
        bodies: Vec<EventBody>,
        at: Timestamp,
    ) -> Result<Vec<Event>, StoreError> {
        let append = Prepared::new(Append::new(RunId::SYSTEM_TEXT, 0, at, bodies))?;
        self.ask(Wanted::System(Box::new(append)))?.events()
    }

    /// Appends memory records with their texts, and events of the system's own stream, in one
    /// transaction. Blocks until they are durable and anchored.
    ///
    /// # Errors
    /// As [`Store::append`].
    pub fn append_records(&self, append: RecordAppend) -> Result<(), StoreError> {
        let RecordAppend { at, records, texts, events, proposals } = append;
        let mut wanted = Append::new(RunId::SYSTEM_TEXT, 0, at, events);
        (wanted.records, wanted.texts, wanted.proposals) = (records, texts, proposals);
        let wanted = Prepared::new(wanted)?;
        self.write_texts(&wanted.texts)?;
        self.ask(Wanted::System(Box::new(wanted)))?.events().map(drop)
    }

    /// Does `work` with this store on a thread made for blocking, for async code.
    ///
    /// # Errors
    /// As `work`, or [`StoreError::Unanswered`].
    pub async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let store = self.clone();
        let done = tokio::task::spawn_blocking(move || work(&store)).await;
        done.map_err(|error| StoreError::Unanswered(error.to_string()))?
    }

    /// [`Store::append`] for async code: waits on a thread made for blocking.
    ///
    /// # Errors
    /// As [`Store::append`], or [`StoreError::Unanswered`].
    pub async fn append_async(&self, append: Append) -> Result<Vec<Event>, StoreError> {
        self.with(move |store| store.append(append)).await
    }

    /// Appends an audit entry that belongs to no run. Blocks until it is durable.
    ///
    /// # Errors
    /// As [`Store::append`].
    pub fn audit(&self, entry: &AuditEntry) -> Result<(), StoreError> {
        self.ask(Wanted::Audit(PreparedAudit::new(entry)?)).map(drop)
    }

    /// Forgets a text for good: content and salt are erased, the chain stays whole. Blocks until it
    /// is done.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or as [`Store::append`].
    pub fn forget_blob(&self, text: &TextRef, at: Timestamp) -> Result<(), StoreError> {
        self.ask(Wanted::Forget(text.clone(), at)).map(drop)
    }

    /// Says that a person knows of all damage that was found so far: `verify` no longer reports
    /// what was repaired. What is still damaged is found again by every check. Blocks until it is
    /// durable.
    ///
    /// # Errors
    /// [`StoreError::BadRequest`] when `by` names nobody, or as [`Store::append`].
    pub fn acknowledge_findings(&self, by: &str, at: Timestamp) -> Result<(), StoreError> {
        super::damage::check_name(by)?;
        self.ask(Wanted::Acknowledge(by.to_owned(), at)).map(drop)
    }

    /// Reads beside the writer. What was acknowledged is there.
    #[must_use]
    pub fn reader(&self) -> &Reader {
        &self.reader
    }

    /// The newest number given to any event, and when it changes.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.inner.newest.clone()
    }

    /// Why nothing is written any more, if that is so.
    #[must_use]
    pub fn poisoned(&self) -> Option<String> {
        self.inner.poison.get().cloned()
    }

    /// Ends all writing, as damage does.
    #[cfg(test)]
    pub(crate) fn poison(&self) {
        self.inner.poison.set("a test says so".to_owned()).unwrap();
    }

    /// Makes the files of long texts durable, before any row names them.
    pub(super) fn write_texts(&self, texts: &[Stored]) -> Result<(), StoreError> {
        texts.iter().try_for_each(|text| self.reader.files.write(text))
    }

    pub(super) fn ask(&self, wanted: Wanted) -> Result<Done, StoreError> {
        let queue = self.inner.queue.lock().unwrap_or_else(PoisonError::into_inner).clone();
        queue.ok_or(StoreError::Closed)?.ask(wanted)
    }
}

impl Inner {
    /// Closes the queue and waits until the writer has done what was in it.
    fn close(&self) {
        drop(self.queue.lock().unwrap_or_else(PoisonError::into_inner).take());
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread
            && thread.join().is_err()
        {
            tracing::error!("the store's writer ended in a panic");
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.close();
        drop(self.lock.take());
    }
}
