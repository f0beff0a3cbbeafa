//! Records that the index on disk does not have yet, in memory: scored as the index scores.

use std::collections::HashMap;
use std::sync::Arc;

use super::language::Language;

/// Of BM25, as tantivy has them.
const K1: f32 = 1.2;
const B: f32 = 0.75;

/// A word in a language.
pub(super) type Word = (Language, Arc<str>);

/// The statistics of the index on disk, which count beside those of the fresh records.
pub(super) trait Statistics {
    /// How many records it has.
    fn records(&self) -> u64;
    /// How many words they have in a language.
    fn tokens(&self, language: Language) -> u64;
    /// In how many of them a word stands.
    fn holding(&self, word: &Word) -> u64;
}

#[derive(Debug)]
struct Doc {
    stamp: u32,
    asks: bool,
    language: Language,
    tokens: u64,
    words: Vec<Arc<str>>,
}

/// The fresh records.
#[derive(Debug, Default)]
pub(super) struct Fresh {
    docs: HashMap<u64, Doc>,
    postings: HashMap<Word, HashMap<u64, u32>>,
    tokens: HashMap<Language, u64>,
}

impl Fresh {
    pub(super) fn len(&self) -> usize {
        self.docs.len()
    }

    /// What the record was indexed from, and whether it is a question.
    pub(super) fn known(&self, number: u64) -> Option<(u32, bool)> {
        self.docs.get(&number).map(|doc| (doc.stamp, doc.asks))
    }

    /// Takes a record, instead of what was known of it.
    pub(super) fn put(
        &mut self,
        number: u64,
        (stamp, asks): (u32, bool),
        language: Language,
        words: impl Iterator<Item = String>,
    ) {
        self.remove(number);
        let mut counts: HashMap<Arc<str>, u32> = HashMap::new();
        let mut tokens = 0;
        for word in words {
            tokens += 1;
            *counts.entry(word.into()).or_default() += 1;
        }
        for (word, count) in &counts {
            let word = (language, Arc::clone(word));
            self.postings.entry(word).or_default().insert(number, *count);
        }
        *self.tokens.entry(language).or_default() += tokens;
        let words = counts.into_keys().collect();
        self.docs.insert(number, Doc { stamp, asks, language, tokens, words });
    }

    /// Forgets a record.
    pub(super) fn remove(&mut self, number: u64) {
        let Some(doc) = self.docs.remove(&number) else { return };
        for word in doc.words {
            let key = (doc.language, word);
            if let Some(list) = self.postings.get_mut(&key) {
                list.remove(&number);
                if list.is_empty() {
                    self.postings.remove(&key);
                }
            }
        }
        if let Some(tokens) = self.tokens.get_mut(&doc.language) {
            *tokens = tokens.saturating_sub(doc.tokens);
        }
    }

    /// The records that have any of the words, with their scores.
    pub(super) fn search(&self, words: &[Word], index: &impl Statistics) -> HashMap<u64, f32> {
        let mut scores: HashMap<u64, f32> = HashMap::new();
        let records = as_f32(index.records() + self.docs.len() as u64);
        for word in words {
            let Some(list) = self.postings.get(word) else { continue };
            let holding = as_f32(index.holding(word) + list.len() as u64);
            let own = self.tokens.get(&word.0).copied().unwrap_or(0);
            let average = (as_f32(index.tokens(word.0) + own) / records).max(1.0);
            let rarity = (1.0 + (records - holding + 0.5).max(0.0) / (holding + 0.5)).ln();
            for (number, count) in list {
                let tokens = self.docs.get(number).map_or(0.0, |doc| as_f32(doc.tokens));
                #[allow(clippy::cast_precision_loss, reason = "how often a word stands in a text")]
                let count = *count as f32;
                let length = K1 * (1.0 - B + B * tokens / average);
                *scores.entry(*number).or_default() +=
                    rarity * (K1 + 1.0) * count / (count + length);
            }
        }
        scores
    }
}

#[allow(
    clippy::cast_precision_loss,
    reason = "counts of records and words, where a share is enough"
)]
const fn as_f32(count: u64) -> f32 {
    count as f32
}
