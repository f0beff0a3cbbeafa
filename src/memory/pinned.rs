//! Records that stand in every context.

use super::error::MemoryError;
use super::facade::Memory;
use crate::contracts::{Area, MemoryRecord};

impl Memory {
    /// The pinned records of `main` that count now, most important first, as long as their texts together
    /// have at most `bytes_max` bytes; the first that would be too much ends the list.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn pinned(&self, bytes_max: u64) -> Result<Vec<MemoryRecord>, MemoryError> {
        let now = self.now();
        let mut entries: Vec<_> = {
            let library = self.library()?;
            let pinned = library.iter().filter(|entry| {
                let about = &entry.metadata;
                entry.area == Area::Main && about.pinned && !about.archived && entry.counts_at(now)
            });
            pinned.cloned().collect()
        };
        let important = |it: &super::Entry| it.metadata.importance;
        entries.sort_by(|a, b| important(b).total_cmp(&important(a)).then(a.number.cmp(&b.number)));
        let (mut left, mut pinned) = (bytes_max, Vec::new());
        for entry in entries {
            let Some(rest) = left.checked_sub(entry.text.bytes) else { break };
            left = rest;
            pinned.extend(self.shown(&entry)?);
        }
        Ok(pinned)
    }
}
