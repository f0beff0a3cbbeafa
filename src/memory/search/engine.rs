//! What the rest of memory calls: notice what was written, search, wait, verify, rebuild, forget.

use std::collections::HashSet;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::drawing::Drawing;
use super::queue::{Job, Order, Queue};
use super::subjects::Subjects;
use super::verify::{Counts, Finding, findings};
use super::work::Worker;
use super::{answer, work};
use crate::contracts::{MemoryAnswer, MemoryQuery, Timestamp};
use crate::memory::lexical::{Indexed, Languages, Lexical, asks, stamp, worded};
use crate::memory::vector::{GRAPH_FROM, VectorSearch, Vectors};
use crate::memory::{Entry, Library};
use crate::ports::{Embedder, RecordLog};
use crate::recall::Weights;

/// How the engine works.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// How reasons weigh.
    pub weights: Weights,
    /// Which language each area is in.
    pub languages: Languages,
    /// How many candidates come from each index at least.
    pub candidates: usize,
    /// Whether this process may write the indexes. One does, whoever comes first; others only read them.
    pub writes: bool,
    /// How long it waits until another one has stopped writing them.
    pub patience: Duration,
    /// Whether a question waits until everything is indexed: for processes that ask one and end.
    pub waits: bool,
    /// How long writes are gathered before they are committed together.
    pub gather: Duration,
    /// Why there is no embedder, where there is none.
    pub no_embedder: Option<String>,
    /// How vectors are searched.
    pub vector: VectorSearch,
    /// From how many vectors on `auto` searches them with a graph.
    pub graph_from: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            weights: Weights::default(),
            languages: Languages::default(),
            candidates: 200,
            writes: true,
            patience: Duration::ZERO,
            waits: false,
            gather: Duration::from_millis(200),
            no_embedder: None,
            vector: VectorSearch::Auto,
            graph_from: GRAPH_FROM,
        }
    }
}

/// Why a question has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SearchError {
    /// The embedder that was asked for is not the one in use.
    #[error("vectors of `{asked}` were asked for, and {active}; choose it with `models.embedder`")]
    Embedder {
        /// Which was asked for.
        asked: String,
        /// Which is in use, in words.
        active: String,
    },
    /// The log cannot be read.
    #[error("the records cannot be read: {0}")]
    Log(String),
    /// The indexes are another process's to write.
    #[error("another process writes the indexes of this memory: {0} must be asked of it")]
    ReadOnly(&'static str),
    /// An order failed.
    #[error("{0}")]
    Failed(String),
}

/// So many records at most are made searchable while somebody waits for it.
const AT_ONCE_MAX: usize = 4_096;
/// How often it is looked whether another process still writes.
const LOCK_STEP: Duration = Duration::from_millis(20);
/// Nobody waits longer for the thread.
const WAIT_MAX: Duration = Duration::from_secs(3_600);

/// Under the indexes' directory: a directory for each embedder.
pub(super) const VECTORS: &str = "vectors";

/// What searches and the indexing thread share.
pub(super) struct Shared {
    pub dir: PathBuf,
    pub log: Arc<dyn RecordLog>,
    pub lexical: Lexical,
    pub vectors: Option<Vectors>,
    /// Those of the embedder that was in use before, until the other's are made.
    pub before: Option<Vectors>,
    pub settings: Settings,
    pub queue: Queue,
    pub subjects: RwLock<Subjects>,
    /// The last row that was noticed; back to 0 when everything is to be looked at again.
    pub seen: Mutex<u64>,
    /// What records could not be read, and why.
    pub unread: Mutex<Option<String>>,
    pub drawing: Drawing,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("lexical", &self.lexical).finish_non_exhaustive()
    }
}

/// Searches memory and keeps its indexes up to date.
#[derive(Debug)]
pub struct Engine {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    /// Held as long as this process writes the indexes.
    _lock: Option<File>,
}

impl Engine {
    /// Opens the indexes under `dir`. Damage is no error: what is damaged is made anew in the background, and
    /// answers say so until it is done.
    #[must_use]
    pub fn open(
        dir: &Path,
        log: Arc<dyn RecordLog>,
        embedder: Option<Arc<dyn Embedder>>,
        settings: Settings,
    ) -> Self {
        Self::open_after(dir, log, embedder, None, settings)
    }

    /// The same where vectors of another embedder, `before`, may have been made earlier: these answer until
    /// the first one's are there.
    #[must_use]
    pub fn open_after(
        dir: &Path,
        log: Arc<dyn RecordLog>,
        embedder: Option<Arc<dyn Embedder>>,
        before: Option<Arc<dyn Embedder>>,
        mut settings: Settings,
    ) -> Self {
        let lock = if settings.writes { lock(dir, settings.patience) } else { None };
        settings.writes = lock.is_some();
        let (lexical, words) = Lexical::open(&dir.join("words"), settings.languages.clone());
        let root = dir.join(VECTORS);
        let searching = (settings.vector, settings.graph_from);
        let (vectors, rows) = match embedder {
            Some(embedder) => {
                let (vectors, rows) = Vectors::open(&root, embedder, searching);
                (Some(vectors), rows)
            }
            None => (None, None),
        };
        let other =
            |it: &Arc<dyn Embedder>| vectors.as_ref().is_some_and(|own| own.id() != it.id());
        let before = before.filter(|it| rows.is_none() && other(it));
        let before = before.map(|it| Vectors::open(&root, it, searching).0);
        let before = before.filter(|it| !it.flat().is_empty());
        let shared = Arc::new(Shared {
            dir: dir.to_owned(),
            log,
            lexical,
            vectors,
            before,
            settings,
            queue: Queue::default(),
            subjects: RwLock::default(),
            seen: Mutex::new(0),
            unread: Mutex::new(None),
            drawing: Drawing::default(),
        });
        let worker = Worker::new(Arc::clone(&shared), words, rows);
        let thread = std::thread::Builder::new().name("memory".to_owned()).spawn(|| worker.run());
        if let Err(error) = &thread {
            shared.lexical.give_up(format!("no thread to index with: {error}"));
        }
        Self { shared, thread: thread.ok(), _lock: lock }
    }

    /// Takes what was written since the last time: it is found by words when this returns, and indexed and
    /// embedded in the background.
    pub fn noticed(&self, library: &Library) {
        let mut seen = self.shared.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if *seen == library.last_seq() {
            return;
        }
        let whole = *seen == 0;
        let mut at_once = AT_ONCE_MAX;
        for entry in library.changed_after(*seen) {
            self.notice(entry, &mut at_once);
        }
        if whole {
            self.drop_unknown(library);
        }
        *seen = library.last_seq();
        let last_seq = *seen;
        self.shared.queue.add(|todo| (todo.last_seq, todo.noticed) = (last_seq, true));
    }

    /// Answers a question, as of `now` unless it names another time.
    ///
    /// # Errors
    /// When it asks for an embedder that is not in use, or the texts of hits cannot be read.
    pub fn search(
        &self,
        library: &Library,
        query: &MemoryQuery,
        now: Timestamp,
    ) -> Result<MemoryAnswer, SearchError> {
        self.noticed(library);
        if self.shared.settings.waits {
            self.settled();
        }
        answer::answer(&self.shared, library, query, now)
    }

    /// What makes the vectors, where there is something.
    #[must_use]
    pub fn embedder(&self) -> Option<Arc<dyn Embedder>> {
        self.shared.vectors.as_ref().map(Vectors::embedder)
    }

    /// Waits until nothing is left to do, and for the graph where one is to be used in any case.
    fn settled(&self) {
        self.shared.queue.wait(WAIT_MAX);
        if self.shared.settings.vector == VectorSearch::Hnsw {
            self.shared.drawing.wait();
        }
    }

    /// Waits until no graph of neighbours is being drawn any more; of how many records the one in use was.
    pub fn wait_for_graph(&self) -> Option<usize> {
        self.shared.queue.wait(WAIT_MAX);
        self.shared.drawing.wait();
        self.shared.vectors.as_ref().and_then(Vectors::graph_records)
    }

    /// Waits until every record is indexed and has its vector; whether that is so now.
    pub fn wait_for_vectors(&self, library: &Library) -> bool {
        self.noticed(library);
        self.settled();
        let Some(vectors) = &self.shared.vectors else { return true };
        let flat = vectors.flat();
        library
            .iter()
            .filter(|it| it.is_indexed())
            .all(|it| flat.stamp(it.number) == Some(stamp(it)))
    }

    /// Compares the indexes with the records and with what was written to disk. What does not fit is made
    /// anew in the background.
    pub fn verify(&self, library: &Library) -> Vec<Finding> {
        self.wait_for_vectors(library);
        let found = findings(&self.shared, library);
        if !found.is_empty() && self.shared.settings.writes {
            let (done, _) = sync_channel(1);
            let graph_alone = found.iter().all(|it| it.index == "graph");
            self.order(match graph_alone {
                true => Order::Redraw(done),
                false => Order::Rebuild(work::jobs(library), done),
            });
        }
        found
    }

    /// How many records each index holds.
    pub fn counts(&self, library: &Library) -> Counts {
        Counts {
            records: library.iter().filter(|entry| entry.is_indexed()).count(),
            words: self.shared.lexical.counts().0,
            vectors: self.shared.vectors.as_ref().map(|it| it.flat().len()),
            graph: self.shared.vectors.as_ref().and_then(Vectors::graph_records),
        }
    }

    /// Makes both indexes anew from the records; the old ones answer meanwhile.
    ///
    /// # Errors
    /// When another process writes the indexes, or the new ones cannot be written.
    pub fn rebuild(&self, library: &Library) -> Result<(), SearchError> {
        self.waited("a rebuild", |done| Order::Rebuild(work::jobs(library), done))?;
        self.settled();
        Ok(())
    }

    /// Erases records from the indexes and their files. When this returns, nothing of them is left there.
    ///
    /// # Errors
    /// When another process writes the indexes, or files cannot be written again.
    pub fn forget(&self, numbers: &[u64]) -> Result<(), SearchError> {
        self.waited("forgetting", |done| Order::Erase(numbers.to_vec(), done))
    }

    fn waited(
        &self,
        what: &'static str,
        order: impl FnOnce(std::sync::mpsc::SyncSender<Result<(), String>>) -> Order,
    ) -> Result<(), SearchError> {
        if !self.shared.settings.writes {
            return Err(SearchError::ReadOnly(what));
        }
        let (done, result) = sync_channel(1);
        self.order(order(done));
        let gone =
            |_| SearchError::Failed(format!("{what} was given up: the indexing thread ended"));
        result.recv_timeout(WAIT_MAX).map_err(gone)?.map_err(SearchError::Failed)
    }

    fn order(&self, order: Order) {
        self.shared.queue.add(|todo| todo.orders.push(order));
    }

    fn notice(&self, entry: &Entry, at_once: &mut usize) {
        let shared = &*self.shared;
        let number = entry.number;
        if !entry.is_indexed() {
            self.drop(&[number]);
            return;
        }
        if let Some(subject) = &entry.metadata.subject {
            shared.subjects.write().unwrap_or_else(PoisonError::into_inner).add(subject);
        }
        let stamp = stamp(entry);
        let words = shared.lexical.stamp(number) != Some(stamp);
        let indexed = shared.lexical.stamp_on_disk(number) == Some(stamp);
        let embedded =
            shared.vectors.as_ref().is_none_or(|it| it.flat().stamp(number) == Some(stamp));
        if words && *at_once > 0 {
            *at_once -= 1;
            if let Ok(Some(text)) = shared.log.text(&entry.text) {
                shared.lexical.take(&indexed_as(shared, entry, stamp, &text));
            }
        }
        if !indexed || !embedded {
            let job = Job { entry: entry.clone(), stamp };
            shared.queue.add(|todo| {
                todo.gone.remove(&number);
                todo.put.insert(number, job);
            });
        }
    }

    /// Takes out of the indexes what is in no library.
    fn drop_unknown(&self, library: &Library) {
        let shared = &*self.shared;
        let mut held: HashSet<u64> = shared.lexical.numbers();
        if let Some(vectors) = &shared.vectors {
            held.extend(vectors.flat().numbers());
        }
        let known = |number: u64| library.numbered(number).is_some_and(Entry::is_indexed);
        let unknown: Vec<u64> = held.into_iter().filter(|number| !known(*number)).collect();
        if !unknown.is_empty() {
            self.drop(&unknown);
        }
    }

    fn drop(&self, numbers: &[u64]) {
        let shared = &*self.shared;
        let held = |number: &u64| {
            shared.lexical.stamp(*number).is_some()
                || shared.vectors.as_ref().is_some_and(|it| it.flat().stamp(*number).is_some())
        };
        let numbers: Vec<u64> = numbers.iter().copied().filter(held).collect();
        shared.lexical.forget(&numbers);
        if let Some(vectors) = &shared.vectors {
            vectors.forget(&numbers);
        }
        shared.queue.add(|todo| {
            for number in numbers {
                todo.put.remove(&number);
                todo.gone.insert(number);
            }
        });
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.shared.queue.add(|todo| {
            (todo.stop, todo.noticed) = (true, false);
            // What is not indexed now is noticed at the next start.
            todo.put.clear();
        });
        self.shared.drawing.stop();
        if let Some(thread) = self.thread.take() {
            // It catches its panics; there is nobody left to tell of one that it did not.
            let _: Result<(), _> = thread.join();
        }
    }
}

/// The lock of whoever writes the indexes; nothing when another process has it, or it cannot be had: then this
/// one reads.
fn lock(dir: &Path, patience: Duration) -> Option<File> {
    std::fs::create_dir_all(dir).ok()?;
    let file = File::create(dir.join("LOCK")).ok()?;
    let until = Instant::now() + patience;
    loop {
        match file.try_lock() {
            Ok(()) => return Some(file),
            Err(TryLockError::WouldBlock) if Instant::now() < until => {
                std::thread::sleep(LOCK_STEP);
            }
            Err(_) => return None,
        }
    }
}

/// A record as the index of words takes it.
pub(super) fn indexed_as(shared: &Shared, entry: &Entry, stamp: u32, text: &str) -> Indexed {
    Indexed {
        number: entry.number,
        stamp,
        asks: asks(text),
        language: shared.lexical.languages().of(entry.area),
        text: worded(entry, text),
    }
}
