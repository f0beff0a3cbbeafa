//! What is over budget goes into the archive: kept for good, out of the indexes. Never by age alone: first
//! what was replaced, then what is trusted least, then what was used longest ago.

use std::cmp::Reverse;

use crate::contracts::{Area, BatchId, MemoryId, MemoryMetadata, NewRecord, Timestamp};
use crate::memory::{Entry, Library};

use super::rows::later;
use super::settings::ConsolidateSettings;

/// The records to archive, as rows. `last_used` says when a record was last of use, where that is known.
pub(super) fn over_budget(
    library: &Library,
    settings: &ConsolidateSettings,
    last_used: &dyn Fn(&MemoryId) -> Option<Timestamp>,
    batch: BatchId,
    now: Timestamp,
) -> Vec<NewRecord> {
    let mut rows = Vec::new();
    for area in Area::ALL {
        let budget = settings.budget(area);
        let mut indexed: Vec<&Entry> = library
            .iter()
            .filter(|entry| entry.area == area && entry.is_indexed() && !entry.metadata.pinned)
            .collect();
        let used = |entry: &Entry| last_used(&entry.id).unwrap_or(entry.updated_at);
        // What goes first stands first.
        indexed.sort_by_key(|entry| {
            let replaced = entry.metadata.superseded_at.is_some();
            (Reverse(replaced), entry.metadata.trust, used(entry), entry.number)
        });
        let mut records = indexed.len() as u64;
        let mut bytes = indexed.iter().fold(0_u64, |sum, it| sum.saturating_add(it.text.bytes));
        for entry in indexed {
            let over = budget.records.is_some_and(|most| records > most)
                || budget.bytes.is_some_and(|most| bytes > most);
            let outlived = budget.superseded_age_ms.is_some_and(|age| {
                entry.metadata.superseded_at.is_some_and(|at| now.since_ms(at) > age)
            });
            if !over && !outlived {
                continue;
            }
            let Some(content_hash) = entry.content_hash else { continue };
            let metadata = MemoryMetadata { archived: true, ..entry.metadata.as_ref().clone() };
            rows.push(later(entry, content_hash, metadata, batch, now));
            records -= 1;
            bytes = bytes.saturating_sub(entry.text.bytes);
        }
    }
    rows
}
