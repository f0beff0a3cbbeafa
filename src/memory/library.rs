//! All records as they are now, without their texts: a fold over the log of the store.

use std::collections::HashMap;
use std::sync::Arc;

use crate::contracts::{Area, Hash, MemoryId, MemoryMetadata, RecordRow, TextRef, Timestamp};

/// One record, without its text.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The place of its first row in the log: what indexes know it by. Never given twice.
    pub number: u64,
    /// The place of the row that it is made of now.
    pub record_seq: u64,
    /// Which record.
    pub id: MemoryId,
    /// Where it belongs.
    pub area: Area,
    /// Where its text is.
    pub text: TextRef,
    /// Everything else about it.
    pub metadata: Arc<MemoryMetadata>,
    /// When it was first written.
    pub created_at: Timestamp,
    /// When the newest row was written.
    pub updated_at: Timestamp,
    /// BLAKE3 of the text; gone when the text was forgotten.
    pub content_hash: Option<Hash>,
}

impl Entry {
    /// Whether it counts at `at`; see [`MemoryMetadata::counts_at`]. What was forgotten never does.
    #[must_use]
    pub fn counts_at(&self, at: Timestamp) -> bool {
        !self.is_forgotten() && self.metadata.counts_at(self.created_at, at)
    }

    /// Whether its text was erased.
    #[must_use]
    pub const fn is_forgotten(&self) -> bool {
        self.content_hash.is_none()
    }

    /// Whether indexes hold it: everything but what was archived or forgotten. What was replaced stays
    /// in them, for questions about earlier times.
    #[must_use]
    pub fn is_indexed(&self) -> bool {
        !self.is_forgotten() && !self.metadata.archived
    }
}

/// Every record, by number, id, content and episode.
#[derive(Debug, Clone, Default)]
pub struct Library {
    /// In the order of their numbers.
    entries: Vec<Entry>,
    by_id: HashMap<MemoryId, usize>,
    by_content: HashMap<Hash, Vec<usize>>,
    episodes: HashMap<String, Vec<(u64, usize)>>,
    /// Places of rows in the log, and the entries they are of, in the order of the rows.
    changes: Vec<(u64, usize)>,
    last_seq: u64,
}

impl Library {
    /// The place of the newest row that was folded.
    #[must_use]
    pub const fn last_seq(&self) -> u64 {
        self.last_seq
    }

    /// Takes one more row of the log. Rows come in their order; one that was taken already changes nothing.
    pub fn apply(&mut self, row: RecordRow) {
        if row.record_seq <= self.last_seq {
            return;
        }
        self.last_seq = row.record_seq;
        let place = self.by_id.get(&row.id).copied();
        self.changes.push((row.record_seq, place.unwrap_or(self.entries.len())));
        match place {
            Some(place) => self.replace(place, row),
            None => self.add(row),
        }
    }

    /// The records that rows after the one at place `after` are of, as they are now, in the order of their
    /// newest rows.
    pub fn changed_after(&self, after: u64) -> impl Iterator<Item = &Entry> {
        let from = self.changes.partition_point(|(seq, _)| *seq <= after);
        let changes = self.changes.get(from..).unwrap_or_default().iter();
        changes.filter_map(|(seq, place)| {
            self.entries.get(*place).filter(|entry| entry.record_seq == *seq)
        })
    }

    /// The record with this id.
    #[must_use]
    pub fn get(&self, id: &MemoryId) -> Option<&Entry> {
        self.by_id.get(id).and_then(|place| self.entries.get(*place))
    }

    /// The record with this number.
    #[must_use]
    pub fn numbered(&self, number: u64) -> Option<&Entry> {
        // Numbers grow by one or more from entry to entry, so a place is below its number, and seldom far.
        let mut end = usize::try_from(number).unwrap_or(usize::MAX).min(self.entries.len());
        let (mut from, mut step) = (end, 1);
        while from > 0 && self.entries.get(from - 1).is_some_and(|entry| entry.number > number) {
            (end, from, step) = (from, from.saturating_sub(step), step * 2);
        }
        let near = self.entries.get(from.saturating_sub(1)..end)?;
        let place = near.binary_search_by_key(&number, |entry| entry.number).ok()?;
        near.get(place)
    }

    /// Every record, in the order in which they were first written.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Entry> + ExactSizeIterator {
        self.entries.iter()
    }

    /// How many records there are, whatever became of them.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing was ever written.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The records with exactly this text.
    pub fn with_content(&self, hash: &Hash) -> impl Iterator<Item = &Entry> {
        self.by_content.get(hash).into_iter().flatten().filter_map(|place| self.entries.get(*place))
    }

    /// The records of an episode with their places in it, in the order of these.
    pub fn episode(&self, episode: &str) -> impl Iterator<Item = (u64, &Entry)> {
        let places = self.episodes.get(episode).into_iter().flatten();
        places.filter_map(|(seq, place)| Some((*seq, self.entries.get(*place)?)))
    }

    /// What stands beside `entry` in its episode, up to `hops` places away on either side, with the
    /// distance.
    pub fn neighbours(&self, entry: &Entry, hops: usize) -> Vec<(usize, &Entry)> {
        let Some(places) = entry.metadata.episode_id.as_ref().and_then(|it| self.episodes.get(it))
        else {
            return Vec::new();
        };
        let Some(own) = self.by_id.get(&entry.id) else { return Vec::new() };
        let key = (entry.metadata.seq.unwrap_or(entry.number), *own);
        let Ok(at) = places.binary_search(&key) else { return Vec::new() };
        let from = at.saturating_sub(hops);
        let near = places.iter().enumerate().skip(from).take(at - from + hops + 1);
        near.filter(|(place, _)| *place != at)
            .filter_map(|(place, (_, entry))| Some((place.abs_diff(at), self.entries.get(*entry)?)))
            .collect()
    }

    fn add(&mut self, row: RecordRow) {
        let place = self.entries.len();
        let entry = entry(row.record_seq, row);
        self.by_id.insert(entry.id, place);
        self.link(place, &entry);
        self.entries.push(entry);
    }

    fn replace(&mut self, place: usize, row: RecordRow) {
        let Some(old) = self.entries.get(place).cloned() else { return };
        self.unlink(place, &old);
        let new = entry(old.number, row);
        self.link(place, &new);
        if let Some(kept) = self.entries.get_mut(place) {
            *kept = new;
        }
    }

    fn link(&mut self, place: usize, entry: &Entry) {
        if let Some(hash) = entry.content_hash {
            self.by_content.entry(hash).or_default().push(place);
        }
        if let Some(episode) = &entry.metadata.episode_id {
            let places = self.episodes.entry(episode.clone()).or_default();
            let key = (entry.metadata.seq.unwrap_or(entry.number), place);
            let at = places.partition_point(|other| *other < key);
            places.insert(at, key);
        }
    }

    fn unlink(&mut self, place: usize, entry: &Entry) {
        if let Some(places) = entry.content_hash.and_then(|hash| self.by_content.get_mut(&hash)) {
            places.retain(|other| *other != place);
        }
        if let Some(episode) = &entry.metadata.episode_id
            && let Some(places) = self.episodes.get_mut(episode)
        {
            places.retain(|(_, other)| *other != place);
        }
    }
}

fn entry(number: u64, row: RecordRow) -> Entry {
    Entry {
        number,
        record_seq: row.record_seq,
        id: row.id,
        area: row.area,
        text: row.text,
        metadata: Arc::new(row.metadata),
        created_at: row.created_at,
        updated_at: row.updated_at,
        content_hash: row.content_hash,
    }
}

#[cfg(test)]
mod tests;
