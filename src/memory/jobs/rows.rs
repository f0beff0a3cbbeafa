//! The rows that follow from a decision: what stands for others, what is replaced, what is archived.

use crate::contracts::{
    BatchId, Hash, MemoryId, MemoryMetadata, MemoryProposal, NewRecord, Timestamp,
};
use crate::memory::{Entry, Library};

/// A later state of a record, written by `batch`.
pub(super) fn later(
    entry: &Entry,
    content_hash: Hash,
    metadata: MemoryMetadata,
    batch: BatchId,
    now: Timestamp,
) -> NewRecord {
    NewRecord {
        id: entry.id,
        area: entry.area,
        text: entry.text.clone(),
        metadata: MemoryMetadata { batch: Some(batch), ..metadata },
        created_at: entry.created_at,
        updated_at: now,
        content_hash,
    }
}

/// The record that stands for the sources of a proposal, and the sources, replaced by it. `None` when a
/// source is not there any more.
pub(super) fn applied(
    library: &Library,
    proposal: &MemoryProposal,
    text: &str,
    derived: MemoryId,
    batch: BatchId,
    now: Timestamp,
) -> Option<Vec<NewRecord>> {
    let mut rows = vec![NewRecord {
        id: derived,
        area: proposal.area,
        text: proposal.text.clone(),
        metadata: MemoryMetadata { batch: Some(batch), ..proposal.metadata.clone() },
        created_at: now,
        updated_at: now,
        content_hash: Hash::of(text.as_bytes()),
    }];
    for id in &proposal.sources {
        let entry = library.get(id)?;
        let metadata = MemoryMetadata {
            superseded_by: Some(derived),
            superseded_at: Some(now),
            ..entry.metadata.as_ref().clone()
        };
        rows.push(later(entry, entry.content_hash?, metadata, batch, now));
    }
    Some(rows)
}
