//! The vectors of one embedder: in memory for searching, in files for the next start.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::cache::Cache;
use super::drawing::{Held, VectorSearch};
use super::flat::{BadVector, Flat, check};
use super::segment::{self, Row};
use crate::memory::contained::contained;
use crate::memory::generation::{Generation, Unsound};
use crate::ports::{EmbedError, Embedder};

/// Why vectors cannot be made, read or written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum VectorError {
    /// The file system.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// A generation does not fit its manifest.
    #[error("{0}")]
    Unsound(#[from] Unsound),
    /// The embedder gave none.
    #[error("{0}")]
    Embed(#[from] EmbedError),
}

/// With so many files the small ones become one.
const FILES_MAX: usize = 8;

/// Finds records by meaning, with one embedder.
pub(crate) struct Vectors {
    root: PathBuf,
    embedder: Arc<dyn Embedder>,
    flat: RwLock<Flat>,
    trouble: RwLock<Option<String>>,
    cache: Cache,
    searching: (VectorSearch, usize),
    pub(super) held: RwLock<Held>,
    /// Held by whoever writes the graph's files.
    pub(super) graph_files: Mutex<()>,
}

impl std::fmt::Debug for Vectors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Vectors").field("embedder", &self.embedder.id()).finish_non_exhaustive()
    }
}

impl Vectors {
    /// Opens what there is of this embedder under `root`. What cannot be read is no error: there are no
    /// vectors then, and [`Vectors::trouble`] says why. `searching` says how they are searched, and from how
    /// many on a graph is used.
    pub(crate) fn open(
        root: &Path,
        embedder: Arc<dyn Embedder>,
        searching: (VectorSearch, usize),
    ) -> (Self, Option<Generation>) {
        let root = root.join(file_name(embedder.id()));
        let dimension = embedder.dimension();
        let (flat, generation, trouble) =
            match contained("reading the vectors", || load(&root, embedder.id(), dimension)) {
                Ok(Ok(Some((flat, generation)))) => (flat, Some(generation), None),
                Ok(Ok(None)) => (Flat::new(dimension), None, None),
                Ok(Err(error)) => (Flat::new(dimension), None, Some(error.to_string())),
                Err(panic) => (Flat::new(dimension), None, Some(panic)),
            };
        let (flat, trouble) = (RwLock::new(flat), RwLock::new(trouble));
        let (cache, held) = (Cache::default(), RwLock::default());
        let graph_files = Mutex::default();
        let vectors = Self { root, embedder, flat, trouble, cache, searching, held, graph_files };
        vectors.load_graph();
        (vectors, generation)
    }

    /// How they are searched.
    pub(super) const fn searching(&self) -> VectorSearch {
        self.searching.0
    }

    /// From how many on a graph is used.
    pub(super) const fn graph_from(&self) -> usize {
        self.searching.1
    }

    /// The embedder's id.
    pub(crate) fn id(&self) -> &str {
        self.embedder.id()
    }

    /// The embedder.
    pub(crate) fn embedder(&self) -> Arc<dyn Embedder> {
        Arc::clone(&self.embedder)
    }

    /// Where its generations are.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// What is wrong, if something is.
    pub(crate) fn trouble(&self) -> Option<String> {
        self.trouble.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Something is wrong, or nothing any more.
    pub(crate) fn set_trouble(&self, trouble: Option<String>) {
        *self.trouble.write().unwrap_or_else(PoisonError::into_inner) = trouble;
    }

    /// All vectors.
    pub(crate) fn flat(&self) -> RwLockReadGuard<'_, Flat> {
        self.flat.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn flat_mut(&self) -> RwLockWriteGuard<'_, Flat> {
        self.flat.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The vectors of texts, each one checked: what is no vector of the embedder's dimension is refused, and
    /// all others with it.
    pub(crate) fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, VectorError> {
        let bad = |reason: String| EmbedError::BadVector { embedder: self.id().to_owned(), reason };
        let made = contained("embedding", || self.embedder.embed(texts)).map_err(bad)??;
        if made.len() != texts.len() {
            let reason = format!("{} vectors for {} texts", made.len(), texts.len());
            return Err(bad(reason).into());
        }
        let checked = |vector: &Vec<f32>| check(self.embedder.dimension(), vector);
        made.iter().try_for_each(checked).map_err(|error: BadVector| bad(error.to_string()))?;
        Ok(made)
    }

    /// The vector of a question: the middle of those of all its `forms`, of length 1. Kept for the next time.
    pub(crate) fn question(&self, forms: &[&str]) -> Result<Arc<[f32]>, VectorError> {
        let key = forms.join("\n");
        if let Some(known) = self.cache.get(&key) {
            return Ok(known);
        }
        let mut sum = vec![0.0_f32; self.embedder.dimension()];
        for vector in self.embed(forms)? {
            sum.iter_mut().zip(vector).for_each(|(sum, it)| *sum += it);
        }
        let length = sum.iter().map(|it| it * it).sum::<f32>().sqrt();
        if length > 0.0 {
            sum.iter_mut().for_each(|it| *it /= length);
        }
        let vector: Arc<[f32]> = sum.into();
        self.cache.put(&key, Arc::clone(&vector));
        Ok(vector)
    }

    /// Gives records their vectors; they are found from now on.
    pub(crate) fn put(&self, rows: &[Row]) -> Result<(), VectorError> {
        let mut flat = self.flat_mut();
        for row in rows {
            flat.put(row.number, row.stamp, &row.vector).map_err(|error| {
                EmbedError::BadVector { embedder: self.id().to_owned(), reason: error.to_string() }
            })?;
        }
        Ok(())
    }

    /// These are all vectors there are.
    pub(crate) fn replace(&self, rows: &[Row]) -> Result<(), VectorError> {
        self.drop_graph();
        let mut flat = self.flat_mut();
        *flat = flat.emptied();
        drop(flat);
        self.put(rows)
    }

    /// The records nearest to a question's vector: with the graph where there is one and it finds enough,
    /// else of all; see [`Flat::search`].
    pub(crate) fn search(
        &self,
        question: &[f32],
        count: usize,
        wanted: impl Fn(u64) -> bool,
    ) -> Vec<(u64, f32)> {
        let flat = self.flat();
        let found =
            self.graph(&flat).and_then(|graph| flat.search_with(&graph, question, count, &wanted));
        found.unwrap_or_else(|| flat.search(question, count, wanted))
    }

    /// Records are not to be found any more.
    pub(crate) fn forget(&self, numbers: &[u64]) {
        let mut flat = self.flat_mut();
        numbers.iter().for_each(|number| flat.remove(*number));
    }

    /// Puts the vectors close together once many places are nobody's.
    pub(crate) fn tidy(&self) {
        let mut flat = self.flat_mut();
        if flat.dead() > 1_000 && flat.dead() > flat.len() / 4 {
            *flat = flat.tidied();
            self.lay_anew(&flat);
        }
    }

    /// Goes on writing the generation that was opened, or begins one.
    pub(crate) fn writer(
        &self,
        generation: Option<Generation>,
    ) -> Result<VectorWriter, VectorError> {
        let dimension = self.embedder.dimension();
        let generation = match generation {
            Some(generation) => generation,
            None => Generation::begin(&self.root, self.id(), dimension as u64)?,
        };
        let mut files = Vec::new();
        for listed in &generation.manifest.files {
            let rows = segment::read(&generation.read(listed)?, dimension).unwrap_or_default();
            files.push((listed.name.clone(), rows.iter().map(|row| row.number).collect()));
        }
        Ok(VectorWriter { generation, dimension, files })
    }
}

/// The one writer of the vectors' files.
#[derive(Debug)]
pub(crate) struct VectorWriter {
    generation: Generation,
    dimension: usize,
    /// Each file and the records in it.
    files: Vec<(String, Vec<u64>)>,
}

impl VectorWriter {
    /// Writes the vectors that these records have now into a new file, and publishes it.
    pub(crate) fn commit(
        &mut self,
        vectors: &Vectors,
        numbers: &[u64],
        last_seq: u64,
    ) -> Result<(), VectorError> {
        if !numbers.is_empty() {
            self.write(vectors, numbers.to_vec())?;
        }
        if self.files.len() > FILES_MAX {
            self.merge(vectors, |files, own| own.len() * 2 <= files)?;
        }
        self.publish(last_seq)
    }

    /// Writes again every file that has one of these records, without them.
    pub(crate) fn erase(
        &mut self,
        vectors: &Vectors,
        numbers: &[u64],
        last_seq: u64,
    ) -> Result<(), VectorError> {
        self.merge(vectors, |_, own| own.iter().any(|number| numbers.contains(number)))?;
        self.publish(last_seq)
    }

    /// Makes it what is opened from now on.
    pub(crate) fn activate(&self) -> Result<(), VectorError> {
        Ok(self.generation.activate()?)
    }

    /// Makes one new file of those that `which` chooses, by the count of all rows and the file's records.
    fn merge(
        &mut self,
        vectors: &Vectors,
        which: impl Fn(usize, &[u64]) -> bool,
    ) -> Result<(), VectorError> {
        let all: usize = self.files.iter().map(|(_, own)| own.len()).sum();
        let (merged, kept): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.files).into_iter().partition(|(_, own)| which(all, own));
        let mut numbers: Vec<u64> = merged.into_iter().flat_map(|(_, own)| own).collect();
        numbers.sort_unstable();
        numbers.dedup();
        self.files = kept;
        if numbers.is_empty() { Ok(()) } else { self.write(vectors, numbers) }
    }

    fn write(&mut self, vectors: &Vectors, mut numbers: Vec<u64>) -> Result<(), VectorError> {
        let flat = vectors.flat();
        let row = |number: u64| {
            let (stamp, vector) = (flat.stamp(number)?, flat.vector(number)?.to_vec());
            Some(Row { number, stamp, vector })
        };
        let rows: Vec<Row> = numbers.iter().filter_map(|number| row(*number)).collect();
        drop(flat);
        numbers = rows.iter().map(|row| row.number).collect();
        let last = self.generation.manifest.files.iter().map(|it| it.name.as_str());
        let last = last.chain(self.files.iter().map(|(name, _)| name.as_str()));
        let last = last.filter_map(|name| name.strip_suffix(".vec")?.parse::<u64>().ok()).max();
        let name = format!("{:08}.vec", last.unwrap_or(0) + 1);
        let mut bytes = Vec::new();
        segment::write(&mut bytes, self.dimension, &rows)?;
        let path = self.generation.files().join(&name);
        crate::durable::replace(&path, &bytes, crate::durable::PRIVATE)?;
        self.files.push((name, numbers));
        Ok(())
    }

    fn publish(&mut self, last_seq: u64) -> Result<(), VectorError> {
        let names: Vec<String> = self.files.iter().map(|(name, _)| name.clone()).collect();
        let records = self.distinct();
        self.generation.publish(names.clone(), &[], records, last_seq)?;
        for entry in std::fs::read_dir(self.generation.files())? {
            let entry = entry?;
            if entry.file_name().to_str().is_none_or(|name| !names.iter().any(|it| it == name)) {
                std::fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }

    /// How many records have a row in the files.
    fn distinct(&self) -> u64 {
        let mut numbers: Vec<u64> =
            self.files.iter().flat_map(|(_, own)| own.iter().copied()).collect();
        numbers.sort_unstable();
        numbers.dedup();
        numbers.len() as u64
    }
}

/// Reads the current generation, if it is what was written.
fn load(
    root: &Path,
    maker: &str,
    dimension: usize,
) -> Result<Option<(Flat, Generation)>, VectorError> {
    let Some(generation) = Generation::current(root, maker)? else { return Ok(None) };
    let mut flat = Flat::new(dimension);
    let damaged = |what: String| VectorError::Unsound(Unsound::Damaged(what));
    for listed in &generation.manifest.files {
        let rows = segment::read(&generation.read(listed)?, dimension)
            .ok_or_else(|| damaged(format!("`{}` holds no vectors", listed.name)))?;
        for row in rows {
            flat.put(row.number, row.stamp, &row.vector)
                .map_err(|error| damaged(format!("a vector in `{}`: {error}", listed.name)))?;
        }
    }
    if flat.len() as u64 != generation.manifest.records {
        let said = generation.manifest.records;
        return Err(damaged(format!("{} vectors, and {said} were published", flat.len())));
    }
    Ok(Some((flat, generation)))
}

/// An id as the name of a directory.
fn file_name(id: &str) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' };
    let name: String = id.chars().map(safe).take(80).collect();
    let digest = blake3::hash(id.as_bytes()).to_hex();
    format!("{name}-{}", digest.get(..8).unwrap_or_default())
}
