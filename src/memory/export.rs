//! Records as the drafts that make them again.

use super::error::MemoryError;
use super::facade::Memory;
use crate::contracts::{Area, MemoryDraft, MemoryRecord};

impl Memory {
    /// Hands every record that counts now to `each`, oldest first, as drafts: one for each foreign name, or one. What was
    /// replaced, has expired, was archived or forgotten is left out. Ends early when `each` says false.
    ///
    /// # Errors
    /// When the log cannot be read, or as `each` says.
    pub fn export<E: From<MemoryError>>(
        &self,
        area: Option<Area>,
        mut each: impl FnMut(&MemoryDraft) -> Result<bool, E>,
    ) -> Result<(), E> {
        let now = self.now();
        let wanted: Vec<_> = {
            let library = self.library()?;
            let counts = library.iter().filter(|it| it.counts_at(now) && !it.metadata.archived);
            counts.filter(|it| area.is_none_or(|area| it.area == area)).cloned().collect()
        };
        for entry in wanted {
            // Forgotten meanwhile.
            let Some(record) = self.shown(&entry)? else { continue };
            for draft in drafts(record) {
                if !each(&draft)? {
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

impl Memory {
    /// Up to `limit` records with their texts, newest first, behind the one with number `before`, and the number
    /// of the last when there may be more. Replaced and archived ones are among them; forgotten ones are not.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn page(
        &self,
        area: Option<Area>,
        before: Option<u64>,
        limit: usize,
    ) -> Result<(Vec<MemoryRecord>, Option<u64>), MemoryError> {
        let found: Vec<_> = {
            let library = self.library()?;
            let behind = library.iter().rev().filter(|it| before.is_none_or(|end| it.number < end));
            let fits =
                behind.filter(|it| !it.is_forgotten() && area.is_none_or(|area| it.area == area));
            fits.take(limit).cloned().collect()
        };
        let full = found.len() == limit;
        let next = found.last().map(|entry| entry.number).filter(|_| full);
        let records = found.iter().filter_map(|entry| self.shown(entry).transpose());
        Ok((records.collect::<Result<_, _>>()?, next))
    }
}

fn drafts(record: MemoryRecord) -> Vec<MemoryDraft> {
    let about = record.metadata;
    let draft = MemoryDraft {
        external_id: None,
        area: record.area,
        text: record.text,
        subject: about.subject,
        episode_id: about.episode_id,
        seq: about.seq,
        event_time: about.event_time,
        valid_from: about.valid_from,
        valid_to: about.valid_to,
        expires_at: about.expires_at,
        origin: Some(about.origin),
        tags: about.tags,
        importance: (about.importance > 0.0).then_some(about.importance),
        pinned: about.pinned,
        labels: about.labels,
    };
    if about.external_ids.is_empty() {
        return vec![draft];
    }
    let named = |name| MemoryDraft { external_id: Some(name), ..draft.clone() };
    about.external_ids.into_iter().map(named).collect()
}
