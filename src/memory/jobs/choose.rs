//! Which records a job looks at, whether there is enough to do, and how much each area holds.

use std::collections::HashMap;

use crate::contracts::{Area, AreaHolds, MemoryOrigin, Timestamp};
use crate::memory::{Entry, Library, Memory, MemoryError};
use crate::recall::consolidate::{Candidate, may_be_merged};

use super::settings::{ConsolidateSettings, Triggers};

/// Why a consolidation is worth doing now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// So many new records.
    Records(u64),
    /// So many bytes of new texts.
    Bytes(u64),
    /// So many records about one subject.
    Cluster(u64),
}

/// Whether there is enough to do since the record at place `since` of the log. Records that consolidation wrote itself,
/// or states of records that a batch wrote, are not new. A trigger of 0 never fires.
#[must_use]
pub fn due(library: &Library, since: u64, triggers: Triggers, now: Timestamp) -> Option<Due> {
    let last = library.iter().filter(|entry| entry.metadata.batch.is_some());
    let last = last.map(|entry| entry.updated_at).max();
    let fresh = library.iter().filter(|entry| {
        entry.number > since
            && is_mergeable(entry, now)
            && entry.metadata.origin != MemoryOrigin::Consolidation
            && entry.metadata.batch.is_none()
            && last.is_none_or(|last| entry.created_at > last)
    });
    let (mut records, mut bytes) = (0_u64, 0_u64);
    let mut subjects: HashMap<&str, u64> = HashMap::new();
    for entry in fresh {
        records += 1;
        bytes = bytes.saturating_add(entry.text.bytes);
        if let Some(subject) = &entry.metadata.subject {
            *subjects.entry(subject).or_default() += 1;
        }
    }
    let cluster = subjects.into_values().max().unwrap_or(0);
    let enough = |count: u64, from: u64| from > 0 && count >= from;
    if enough(records, triggers.records) {
        return Some(Due::Records(records));
    }
    if enough(bytes, triggers.bytes) {
        return Some(Due::Bytes(bytes));
    }
    enough(cluster, triggers.cluster).then_some(Due::Cluster(cluster))
}

fn is_mergeable(entry: &Entry, now: Timestamp) -> bool {
    entry.counts_at(now) && may_be_merged(entry.area, &entry.metadata)
}

/// How much each area holds now.
#[must_use]
pub fn holds(library: &Library, now: Timestamp) -> Vec<AreaHolds> {
    let of = |area: Area| {
        let mut holds = AreaHolds { area, records: 0, bytes: 0, superseded: 0, archived: 0 };
        for entry in library.iter().filter(|entry| entry.area == area && !entry.is_forgotten()) {
            if entry.metadata.archived {
                holds.archived += 1;
            } else if entry.counts_at(now) {
                holds.records += 1;
                holds.bytes = holds.bytes.saturating_add(entry.text.bytes);
            } else if entry.metadata.superseded_at.is_some() {
                holds.superseded += 1;
            }
        }
        holds
    };
    Area::ALL.into_iter().map(of).collect()
}

/// The records to look at in the order of the log, and how many were too many: each area has its own share,
/// and the newest go first.
pub(super) fn chosen(
    memory: &Memory,
    settings: &ConsolidateSettings,
    now: Timestamp,
) -> Result<(Vec<Candidate>, usize), MemoryError> {
    let (mut entries, mut left) = (Vec::new(), 0);
    {
        let library = memory.library()?;
        for area in Area::ALL {
            let (mut records, mut bytes) = (0, 0_u64);
            let mut all: Vec<&Entry> =
                library.iter().filter(|it| it.area == area && is_mergeable(it, now)).collect();
            all.reverse();
            for entry in all {
                bytes = bytes.saturating_add(entry.text.bytes);
                if records >= settings.records_max || bytes > settings.bytes_max {
                    left += 1;
                    continue;
                }
                records += 1;
                entries.push(entry.clone());
            }
        }
    }
    entries.sort_by_key(|entry| entry.number);
    let mut candidates = Vec::with_capacity(entries.len());
    for entry in entries {
        candidates.extend(candidate(memory, &entry)?);
    }
    Ok((candidates, left))
}

/// A record as consolidation looks at it; none when its text was forgotten meanwhile.
pub(super) fn candidate(memory: &Memory, entry: &Entry) -> Result<Option<Candidate>, MemoryError> {
    let shown = memory.shown(entry)?;
    Ok(shown.map(|record| Candidate {
        id: entry.id,
        number: entry.number,
        area: entry.area,
        text: record.text,
        metadata: record.metadata,
    }))
}
