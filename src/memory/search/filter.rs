//! Which records a question lets through.

use crate::contracts::{MemoryQuery, Timestamp};
use crate::memory::{Entry, Library};

use super::subjects::plain;

/// A question's conditions.
#[derive(Debug)]
pub(super) struct Filter<'a> {
    library: &'a Library,
    query: &'a MemoryQuery,
    subject: Option<String>,
    at: Timestamp,
}

impl<'a> Filter<'a> {
    pub(super) fn new(library: &'a Library, query: &'a MemoryQuery, now: Timestamp) -> Self {
        let subject = query.subject.as_deref().map(plain);
        Self { library, query, subject, at: query.as_of.unwrap_or(now) }
    }

    /// The record with this number, if it is let through.
    pub(super) fn entry(&self, number: u64) -> Option<&'a Entry> {
        self.library.numbered(number).filter(|entry| self.passes(entry))
    }

    /// Whether a record is let through. What is pinned is in every context already.
    pub(super) fn passes(&self, entry: &Entry) -> bool {
        let (query, about) = (self.query, &entry.metadata);
        let time = about.event_time.unwrap_or(entry.created_at);
        entry.counts_at(self.at)
            && !about.archived
            && !about.pinned
            && (query.areas.is_empty() || query.areas.contains(&entry.area))
            && query.tags.iter().all(|tag| about.tags.contains(tag))
            && query.trust_min.is_none_or(|least| about.trust >= least)
            && query.run.is_none_or(|run| about.source.run == Some(run))
            && query.from.is_none_or(|from| time >= from)
            && query.to.is_none_or(|to| time < to)
            && self.subject.as_ref().is_none_or(|wanted| {
                about.subject.as_deref().is_some_and(|subject| plain(subject) == *wanted)
            })
    }
}
