//! The index and the fresh records together, as the search engine uses them.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use tantivy::tokenizer::TextAnalyzer;

use super::fresh::{Fresh, Statistics, Word};
use super::language::{Language, Languages};
use super::view::{Nothing, View};
use super::writer::{Indexed, META, Payload, Writer};
use crate::memory::contained::contained;
use crate::memory::generation::{Generation, Unsound};

/// Why the index cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LexicalError {
    /// The file system.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// tantivy.
    #[error("{0}")]
    Index(#[from] tantivy::TantivyError),
    /// A generation does not fit its manifest.
    #[error("{0}")]
    Unsound(#[from] Unsound),
}

#[derive(Debug, Default)]
struct State {
    view: Option<View>,
    /// Of each record that the index on disk should be asked for: what it was indexed from, and whether it
    /// is a question.
    known: HashMap<u64, (u32, bool)>,
    fresh: Fresh,
    trouble: Option<String>,
}

/// Finds records by words.
pub(crate) struct Lexical {
    root: PathBuf,
    languages: Languages,
    analyzers: Vec<(Language, TextAnalyzer)>,
    state: RwLock<State>,
}

impl std::fmt::Debug for Lexical {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lexical").field("root", &self.root).finish_non_exhaustive()
    }
}

impl Lexical {
    /// Opens the current generation under `root`. What cannot be read is no error: the index is empty then,
    /// and [`Lexical::trouble`] says why.
    pub(crate) fn open(root: &Path, languages: Languages) -> (Self, Option<Generation>) {
        let (mut state, mut generation) = (State::default(), None);
        match contained("reading the index of words", || read(root, &languages)) {
            Ok(Ok(Some((view, known, current)))) => {
                (state.view, state.known) = (Some(view), known);
                generation = Some(current);
            }
            Ok(Ok(None)) => {}
            Ok(Err(error)) => state.trouble = Some(error.to_string()),
            Err(panic) => state.trouble = Some(panic),
        }
        let analyzers = languages.all().into_iter().map(|it| (it, it.analyzer())).collect();
        let index = Self { root: root.to_owned(), languages, analyzers, state: RwLock::new(state) };
        (index, generation)
    }

    /// Goes on writing the generation that was opened, or begins one.
    pub(crate) fn writer(&self, generation: Option<Generation>) -> Result<Writer, LexicalError> {
        let view = self.read().view.clone();
        match (generation, view) {
            (Some(generation), Some(view)) => Writer::of(generation, view),
            _ => Writer::begin(&self.root, &self.languages),
        }
    }

    /// Which language each area is in.
    pub(crate) const fn languages(&self) -> &Languages {
        &self.languages
    }

    /// Where its generations are.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Why the index on disk is not asked, if it is not.
    pub(crate) fn trouble(&self) -> Option<String> {
        self.read().trouble.clone()
    }

    /// Every record is in it again.
    pub(crate) fn recovered(&self) {
        let mut state = self.write();
        if state.view.is_some() {
            state.trouble = None;
        }
    }

    /// The index on disk is not to be asked any more.
    pub(crate) fn give_up(&self, why: String) {
        let mut state = self.write();
        (state.view, state.trouble) = (None, Some(why));
        state.known.clear();
    }

    /// What the record was indexed from, wherever it is.
    pub(crate) fn stamp(&self, number: u64) -> Option<u32> {
        let state = self.read();
        state.fresh.known(number).or_else(|| state.known.get(&number).copied()).map(|it| it.0)
    }

    /// What the index on disk has of the record.
    pub(crate) fn stamp_on_disk(&self, number: u64) -> Option<u32> {
        self.read().known.get(&number).map(|it| it.0)
    }

    /// How many records the index on disk has, and how many are fresh.
    pub(crate) fn counts(&self) -> (usize, usize) {
        let state = self.read();
        (state.known.len(), state.fresh.len())
    }

    /// The records of the index on disk.
    pub(crate) fn numbers(&self) -> HashSet<u64> {
        self.read().known.keys().copied().collect()
    }

    /// Which of these are questions.
    pub(crate) fn asking(&self, numbers: impl Iterator<Item = u64>) -> Vec<bool> {
        let state = self.read();
        let one = |number: u64| {
            let known = state.fresh.known(number).or_else(|| state.known.get(&number).copied());
            known.is_some_and(|it| it.1)
        };
        numbers.map(one).collect()
    }

    /// Makes a record searchable at once.
    pub(crate) fn take(&self, record: &Indexed) {
        let words = self.words_of(record.language, &record.text);
        let words = words.into_iter().map(|(_, word)| word.to_string());
        let about = (record.stamp, record.asks);
        self.write().fresh.put(record.number, about, record.language, words);
    }

    /// Records are not to be found any more.
    pub(crate) fn forget(&self, numbers: &[u64]) {
        let mut state = self.write();
        for number in numbers {
            state.fresh.remove(*number);
            state.known.remove(number);
        }
    }

    /// What `writer` has committed is on disk now.
    pub(crate) fn committed(&self, writer: &Writer, put: &[Indexed]) {
        let mut state = self.write();
        state.view = Some(writer.view.clone());
        for record in put {
            state.known.insert(record.number, (record.stamp, record.asks));
            if state.fresh.known(record.number).is_some_and(|it| it.0 == record.stamp) {
                state.fresh.remove(record.number);
            }
        }
    }

    /// `writer` has made a generation from nothing: it is the index now.
    pub(crate) fn replaced(&self, writer: &Writer) -> Result<(), LexicalError> {
        let known = writer.view.known()?;
        let mut state = self.write();
        let fresh: Vec<(u64, u32)> = known.iter().map(|(number, it)| (*number, it.0)).collect();
        for (number, stamp) in fresh {
            if state.fresh.known(number).is_some_and(|it| it.0 == stamp) {
                state.fresh.remove(number);
            }
        }
        state.known = known;
        (state.view, state.trouble) = (Some(writer.view.clone()), None);
        Ok(())
    }

    /// The best `limit` records that have any of the words, among those that `wanted` lets through. Fewer only
    /// when there are not so many.
    pub(crate) fn search(
        &self,
        terms: &[String],
        phrases: &[String],
        limit: usize,
        wanted: impl Fn(u64) -> bool,
    ) -> Result<Vec<(u64, f32)>, LexicalError> {
        let all = terms.join(" ");
        let in_all = |text: &str| -> Vec<Vec<Word>> {
            self.analyzers.iter().map(|(it, _)| self.words_of(*it, text)).collect()
        };
        let mut words: Vec<Word> = in_all(&all).into_iter().flatten().collect();
        words.sort_unstable();
        words.dedup();
        let phrases: Vec<Vec<Word>> = phrases.iter().flat_map(|it| in_all(it)).collect();
        let state = self.read();
        let mut hits: Vec<(u64, f32)> = match &state.view {
            Some(view) => view_hits(view, &state, &words, &phrases, limit, &wanted)?,
            None => Vec::new(),
        };
        let fresh = match &state.view {
            Some(view) => state.fresh.search(&words, view),
            None => state.fresh.search(&words, &Nothing),
        };
        hits.extend(fresh.into_iter().filter(|(number, _)| wanted(*number)));
        hits.sort_by(|a, b| b.1.total_cmp(&a.1).then(b.0.cmp(&a.0)));
        hits.truncate(limit);
        Ok(hits)
    }

    fn words_of(&self, language: Language, text: &str) -> Vec<Word> {
        let analyzer = self.analyzers.iter().find(|(it, _)| *it == language);
        let Some((_, analyzer)) = analyzer else { return Vec::new() };
        let mut analyzer = analyzer.clone();
        let mut stream = analyzer.token_stream(text);
        let mut words = Vec::new();
        while stream.advance() {
            words.push((language, stream.token().text.as_str().into()));
        }
        words
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Asks the index for more until enough pass, or there are no more.
fn view_hits(
    view: &View,
    state: &State,
    words: &[Word],
    phrases: &[Vec<Word>],
    limit: usize,
    wanted: &impl Fn(u64) -> bool,
) -> Result<Vec<(u64, f32)>, LexicalError> {
    let mut asked = limit.max(1);
    loop {
        let (mut hits, all) = view.search(words, phrases, asked)?;
        hits.retain(|(number, _)| {
            state.known.contains_key(number)
                && state.fresh.known(*number).is_none()
                && wanted(*number)
        });
        if all || hits.len() >= limit {
            return Ok(hits);
        }
        asked = asked.saturating_mul(4).min(usize::try_from(view.records()).unwrap_or(asked) + 1);
    }
}

type Opened = (View, HashMap<u64, (u32, bool)>, Generation);

/// Opens the current generation, if it is what was written.
fn read(root: &Path, languages: &Languages) -> Result<Option<Opened>, LexicalError> {
    let Some(mut generation) = Generation::current(root, &languages.maker())? else {
        return Ok(None);
    };
    let damaged = generation.damaged();
    let unfinished = !damaged.is_empty();
    if unfinished && !damaged.iter().any(|it| it == META) {
        return Err(Unsound::Damaged(format!("damaged: {}", damaged.join(", "))).into());
    }
    let view = View::open(&generation.files(), languages)?;
    let known = view.known()?;
    if unfinished {
        // Killed after a commit and before it was published: whole all the same, if it is just one further.
        let payload = view.index.load_metas()?.payload.as_deref().and_then(Payload::parse);
        let next = payload.filter(|it| it.commit == generation.manifest.commit + 1);
        let (Some(next), true) = (next, view.index.validate_checksum()?.is_empty()) else {
            return Err(Unsound::Damaged(format!("damaged: {}", damaged.join(", "))).into());
        };
        generation.manifest.last_seq = next.last_seq;
        generation.manifest.commit = next.commit;
    } else if known.len() as u64 != generation.manifest.records {
        let said = generation.manifest.records;
        let text = format!("{} records are in it, and {said} were published", known.len());
        return Err(Unsound::Damaged(text).into());
    }
    Ok(Some((view, known, generation)))
}
