//! Finding records by their words without an index: every text is read.

use std::collections::HashSet;
use std::sync::Arc;

use super::library::{Entry, Library};
use crate::contracts::{MemoryAnswer, MemoryHit, MemoryQuery, Timestamp, Why};
use crate::ports::RecordLog;

/// Reads every text for each question.
pub struct Overlay {
    log: Arc<dyn RecordLog>,
}

impl std::fmt::Debug for Overlay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Overlay").finish_non_exhaustive()
    }
}

impl Overlay {
    /// Over a log.
    #[must_use]
    pub fn new(log: Arc<dyn RecordLog>) -> Self {
        Self { log }
    }

    /// Says that the library has new or changed records. Nothing is kept, so nothing is to be done.
    pub const fn noticed(&self, _library: &Library) {}

    /// Says that records were forgotten. Nothing is kept, so nothing is to be done.
    pub const fn forget(&self, _numbers: &[u64]) {}

    /// The records that have most of the words of a question.
    ///
    /// # Errors
    /// When a text cannot be read.
    pub fn search(
        &self,
        library: &Library,
        query: &MemoryQuery,
        now: Timestamp,
    ) -> Result<MemoryAnswer, String> {
        let wanted: HashSet<String> = words(&query.text).collect();
        let mut hits = Vec::new();
        for entry in library.iter().filter(|entry| fits(entry, query, now)) {
            let text = self.log.text(&entry.text).map_err(|error| error.to_string())?;
            let Some(text) = text else { continue };
            let own: HashSet<String> = words(&text).collect();
            let common = wanted.iter().filter(|word| own.contains(*word)).count();
            if common > 0 || wanted.is_empty() {
                let length = (own.len().max(1) as f32).sqrt();
                hits.push(hit(entry, text, common as f32 / length));
            }
        }
        hits.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.id.cmp(&b.id)));
        hits.truncate(query.k);
        for (place, hit) in hits.iter_mut().enumerate() {
            hit.why.lexical_rank = Some(place + 1);
        }
        Ok(MemoryAnswer { items: hits, ..MemoryAnswer::default() })
    }
}

/// Whether a record is among those that are asked about.
fn fits(entry: &Entry, query: &MemoryQuery, now: Timestamp) -> bool {
    let about = &entry.metadata;
    let at = query.as_of.unwrap_or(now);
    let time = about.event_time.unwrap_or(entry.created_at);
    entry.is_indexed()
        && entry.counts_at(at)
        && (query.areas.is_empty() || query.areas.contains(&entry.area))
        && query.tags.iter().all(|tag| about.tags.contains(tag))
        && query.subject.as_ref().is_none_or(|subject| about.subject.as_ref() == Some(subject))
        && query.trust_min.is_none_or(|least| about.trust >= least)
        && query.run.is_none_or(|run| about.source.run == Some(run))
        && query.from.is_none_or(|from| time >= from)
        && query.to.is_none_or(|to| time < to)
}

/// A record as a hit.
pub(super) fn hit(entry: &Entry, text: String, score: f32) -> MemoryHit {
    let about = &entry.metadata;
    MemoryHit {
        id: entry.id,
        external_ids: about.external_ids.clone(),
        area: entry.area,
        text,
        subject: about.subject.clone(),
        event_time: about.event_time,
        origin: about.origin,
        trust: about.trust,
        labels: about.labels.clone(),
        score,
        why: Why { lexical_score: Some(score), ..Why::default() },
    }
}

/// The words of a text in small letters.
pub(super) fn words(text: &str) -> impl Iterator<Item = String> {
    let parts = text.split(|c: char| !c.is_alphanumeric());
    parts.filter(|word| !word.is_empty()).map(str::to_lowercase)
}
