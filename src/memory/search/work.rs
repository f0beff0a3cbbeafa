//! The thread that embeds and indexes: everything slow, and everything that may fail, happens here.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::drawing;
use super::engine::{Shared, VECTORS, indexed_as};
use super::queue::{Job, Order, Turn};
use crate::memory::Library;
use crate::memory::contained::contained;
use crate::memory::generation::Generation;
use crate::memory::lexical::{Indexed, Writer, spoken, stamp};
use crate::memory::vector::{Row, VectorWriter, Vectors};

/// So many texts are embedded together.
const EMBED_MAX: usize = 32;
/// So many records are committed together when everything is made anew.
const REBUILD_MAX: usize = 5_000;

/// How long it takes until a text that could not be embedded is tried again, at first and at most.
const PATIENCE_MIN: Duration = Duration::from_secs(1);
const PATIENCE_MAX: Duration = Duration::from_secs(300);

/// A job and its text.
type Read = (Job, String);

/// The thread's own things.
pub(super) struct Worker {
    shared: Arc<Shared>,
    words: Option<Writer>,
    rows: Option<VectorWriter>,
    opened: (Option<Generation>, Option<Generation>),
    /// How often in a row something could not be embedded.
    tries: usize,
}

/// Every record that is to be indexed.
pub(super) fn jobs(library: &Library) -> Vec<Job> {
    let indexed = library.iter().filter(|entry| entry.is_indexed());
    indexed.map(|entry| Job { stamp: stamp(entry), entry: entry.clone() }).collect()
}

impl Worker {
    pub(super) fn new(
        shared: Arc<Shared>,
        words: Option<Generation>,
        rows: Option<Generation>,
    ) -> Self {
        Self { shared, words: None, rows: None, opened: (words, rows), tries: 0 }
    }

    /// Works until the engine is dropped.
    pub(super) fn run(mut self) {
        while let Some(turn) = self.shared.queue.next(self.shared.settings.gather) {
            let last = turn.last || !turn.orders.is_empty();
            self.turn(turn);
            if last {
                self.settle();
            }
        }
    }

    fn turn(&mut self, turn: Turn) {
        let read = self.read(turn.put);
        self.embed(&read);
        if self.shared.settings.writes && !(read.is_empty() && turn.gone.is_empty()) {
            let put = self.indexed(&read);
            self.commit_words(&put, &turn.gone, turn.last_seq);
            let numbers: Vec<u64> = put.iter().map(|it| it.number).collect();
            self.commit_rows(&numbers, turn.last_seq);
        } else if !self.shared.settings.writes {
            let missing = |it: &Indexed| self.shared.lexical.stamp(it.number) != Some(it.stamp);
            let put = self.indexed(&read);
            put.iter().filter(|it| missing(it)).for_each(|it| self.shared.lexical.take(it));
        }
        for order in turn.orders {
            let (result, done) = match order {
                Order::Erase(numbers, done) => (self.erase(&numbers, turn.last_seq), done),
                Order::Rebuild(jobs, done) => (self.rebuild(jobs, turn.last_seq), done),
                Order::Redraw(done) => {
                    if let Some(vectors) = &self.shared.vectors {
                        vectors.drop_graph();
                    }
                    (Ok(()), done)
                }
            };
            // Nobody need be waiting for it.
            let _: Result<(), _> = done.try_send(result);
        }
    }

    /// The texts of records; without those that have none any more, or cannot be read.
    fn read(&self, jobs: Vec<Job>) -> Vec<Read> {
        let mut read = Vec::with_capacity(jobs.len());
        for job in jobs {
            match self.shared.log.text(&job.entry.text) {
                Ok(Some(text)) => read.push((job, text)),
                Ok(None) => {}
                Err(error) => {
                    let mut unread =
                        self.shared.unread.lock().unwrap_or_else(PoisonError::into_inner);
                    *unread = Some(format!("record {} cannot be read: {error}", job.entry.id));
                }
            }
        }
        read
    }

    fn indexed(&self, read: &[Read]) -> Vec<Indexed> {
        read.iter()
            .map(|(job, text)| indexed_as(&self.shared, &job.entry, job.stamp, text))
            .collect()
    }

    /// Makes the vectors that are missing; they are found from then on. What cannot be embedded now is tried
    /// again later, each time after a longer while.
    fn embed(&mut self, read: &[Read]) {
        let Some(vectors) = &self.shared.vectors else { return };
        let missing = |it: &&Read| vectors.flat().stamp(it.0.entry.number) != Some(it.0.stamp);
        let mut missing: Vec<&Read> = read.iter().filter(missing).collect();
        if missing.is_empty() {
            return;
        }
        // Each time others come first: some that never can be embedded must not keep the rest from it.
        let first = self.tries.saturating_mul(EMBED_MAX) % missing.len();
        missing.rotate_left(first);
        let (mut failed, mut away) = (Vec::new(), false);
        for chunk in missing.chunks(EMBED_MAX) {
            if self.shared.queue.is_stopping() {
                return;
            }
            if away {
                failed.extend(chunk.iter().map(|it| it.0.clone()));
                continue;
            }
            let (left, why) = embed_some(vectors, chunk);
            // When none of many could be embedded there is no use in asking for the rest.
            away = left.len() == chunk.len();
            failed.extend(left);
            if why.is_some() {
                vectors.set_trouble(why);
            }
        }
        if failed.is_empty() {
            self.tries = 0;
        } else {
            let longer = 2_u32.saturating_pow(u32::try_from(self.tries).unwrap_or(u32::MAX));
            let patience = PATIENCE_MIN.saturating_mul(longer).min(PATIENCE_MAX);
            self.shared.queue.again(failed.into_iter(), patience);
            self.tries += 1;
        }
    }

    fn commit_words(&mut self, put: &[Indexed], gone: &[u64], last_seq: u64) {
        let result = contained("indexing", || -> Result<(), String> {
            let lexical = &self.shared.lexical;
            let new = self.words.is_none() && self.opened.0.is_none();
            if self.words.is_none() {
                let writer = lexical.writer(self.opened.0.take()).map_err(|it| it.to_string())?;
                self.words = Some(writer);
            }
            let Some(writer) = &mut self.words else { return Ok(()) };
            writer.commit(put, gone, last_seq).map_err(|it| it.to_string())?;
            if new {
                writer.activate().map_err(|it| it.to_string())?;
            }
            lexical.committed(writer, put);
            Ok(())
        });
        if let Err(why) = result.and_then(|it| it) {
            self.words = None;
            self.shared.lexical.give_up(why);
            // The next search looks at every record again, and a new index is begun.
            *self.shared.seen.lock().unwrap_or_else(PoisonError::into_inner) = 0;
        }
    }

    fn commit_rows(&mut self, numbers: &[u64], last_seq: u64) {
        let Some(vectors) = &self.shared.vectors else { return };
        vectors.tidy();
        let result = contained("writing vectors", || -> Result<(), String> {
            let new = self.rows.is_none() && self.opened.1.is_none();
            if self.rows.is_none() {
                self.rows =
                    Some(vectors.writer(self.opened.1.take()).map_err(|it| it.to_string())?);
            }
            let Some(writer) = &mut self.rows else { return Ok(()) };
            writer.commit(vectors, numbers, last_seq).map_err(|it| it.to_string())?;
            if new {
                writer.activate().map_err(|it| it.to_string())?;
            }
            Ok(())
        });
        if let Err(why) = result.and_then(|it| it) {
            self.rows = None;
            vectors.set_trouble(Some(why));
        }
    }

    /// Nothing is left to do: what was made anew is whole again.
    fn settle(&self) {
        if let Some(vectors) = &self.shared.vectors
            && vectors.flat().len() >= self.shared.lexical.counts().0
        {
            vectors.set_trouble(None);
        }
        self.shared.lexical.recovered();
        drawing::begin(&self.shared);
    }

    fn erase(&mut self, numbers: &[u64], last_seq: u64) -> Result<(), String> {
        self.shared.lexical.forget(numbers);
        if let Some(vectors) = &self.shared.vectors {
            vectors.forget(numbers);
        }
        self.commit_words(&[], numbers, last_seq);
        let compacted = contained("erasing words", || match &mut self.words {
            Some(writer) => writer.compact(last_seq).map_err(|it| it.to_string()),
            None => Err("the index of words cannot be written".to_owned()),
        });
        compacted.and_then(|it| it)?;
        self.commit_rows(&[], last_seq);
        let erased =
            contained("erasing vectors", || match (&self.shared.vectors, &mut self.rows) {
                (Some(vectors), Some(writer)) => {
                    writer.erase(vectors, numbers, last_seq).map_err(|it| it.to_string())?;
                    vectors.erase_from_graph(numbers).map_err(|it| it.to_string())
                }
                (Some(_), None) => Err("the files of vectors cannot be written".to_owned()),
                (None, _) => Ok(()),
            });
        erased.and_then(|it| it)?;
        self.drop_other_embedders().map_err(|error| format!("erasing vectors failed: {error}"))
    }

    /// What embedders that are not in use made of records is deleted with them: nobody keeps it up to date.
    fn drop_other_embedders(&self) -> std::io::Result<()> {
        let own = self.shared.vectors.as_ref().map(|it| it.root());
        let listed = match std::fs::read_dir(self.shared.dir.join(VECTORS)) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            listed => listed?,
        };
        for entry in listed {
            let path = entry?.path();
            if path.is_dir() && own != Some(path.as_path()) {
                std::fs::remove_dir_all(path)?;
            }
        }
        Ok(())
    }

    /// Makes a new generation of each index beside the old one, and puts it in its place.
    fn rebuild(&mut self, jobs: Vec<Job>, last_seq: u64) -> Result<(), String> {
        contained("rebuilding", || self.rebuild_words(&jobs, last_seq)).and_then(|it| it)?;
        contained("rebuilding", || self.rebuild_rows(jobs, last_seq)).and_then(|it| it)
    }

    fn rebuild_words(&mut self, jobs: &[Job], last_seq: u64) -> Result<(), String> {
        let lexical = &self.shared.lexical;
        let mut writer =
            Writer::begin(lexical.root(), lexical.languages()).map_err(|it| it.to_string())?;
        for chunk in jobs.chunks(REBUILD_MAX) {
            let put = self.indexed(&self.read(chunk.to_vec()));
            writer.commit(&put, &[], last_seq).map_err(|it| it.to_string())?;
        }
        writer.activate().map_err(|it| it.to_string())?;
        lexical.replaced(&writer).map_err(|it| it.to_string())?;
        (self.words, self.opened.0) = (Some(writer), None);
        Ok(())
    }

    fn rebuild_rows(&mut self, jobs: Vec<Job>, last_seq: u64) -> Result<(), String> {
        let Some(vectors) = &self.shared.vectors else { return Ok(()) };
        let mut made = Vec::with_capacity(jobs.len());
        for chunk in self.read(jobs).chunks(EMBED_MAX) {
            made.extend(rows(vectors, &chunk.iter().collect::<Vec<_>>())?);
        }
        let numbers: Vec<u64> = made.iter().map(|row| row.number).collect();
        vectors.replace(&made).map_err(|it| it.to_string())?;
        let mut writer = vectors.writer(None).map_err(|it| it.to_string())?;
        writer.commit(vectors, &numbers, last_seq).map_err(|it| it.to_string())?;
        writer.activate().map_err(|it| it.to_string())?;
        vectors.set_trouble(None);
        (self.rows, self.opened.1) = (Some(writer), None);
        Ok(())
    }
}

/// Embeds some records together, and each alone when that does not work: of a bad text the others know nothing.
/// Which are left, and why.
fn embed_some(vectors: &Vectors, chunk: &[&Read]) -> (Vec<Job>, Option<String>) {
    let made = |read: &[&Read]| -> Result<(), String> {
        vectors.put(&rows(vectors, read)?).map_err(|error| error.to_string())
    };
    let Err(mut why) = made(chunk) else { return (Vec::new(), None) };
    let mut left = Vec::new();
    for (place, read) in chunk.iter().enumerate() {
        // One that fails as all did may be the bad one; after a second the embedder is taken to be away.
        if place > 1 && left.len() == place {
            left.push(read.0.clone());
        } else if let Err(alone) = made(std::slice::from_ref(read)) {
            why = alone;
            left.push(read.0.clone());
        }
    }
    if left.is_empty() { (left, None) } else { (left, Some(why)) }
}

/// The vectors of texts, as rows.
fn rows(vectors: &Vectors, read: &[&Read]) -> Result<Vec<Row>, String> {
    let texts: Vec<_> = read.iter().map(|(job, text)| spoken(&job.entry, text)).collect();
    let texts: Vec<&str> = texts.iter().map(AsRef::as_ref).collect();
    let made = vectors.embed(&texts).map_err(|error| error.to_string())?;
    let rows = read.iter().zip(made).map(|((job, _), vector)| Row {
        number: job.entry.number,
        stamp: job.stamp,
        vector,
    });
    Ok(rows.collect())
}
