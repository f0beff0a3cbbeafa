//! Records that stand in every context.

use super::error::MemoryError;
use super::facade::Memory;
use super::write::event;
use crate::contracts::{Area, MemoryId, MemoryRecord};

impl Memory {
    /// Pins a record, or takes that back, durably; gives it as it is then. What is so already stays as it is.
    ///
    /// # Errors
    /// [`MemoryError::Refused`] when it is not in `main` or does not count, [`MemoryError::NotFound`], or when the log
    /// does not take it.
    pub fn pin(&self, id: &MemoryId, pinned: bool) -> Result<MemoryRecord, MemoryError> {
        let _alone = self.writing();
        let now = self.now();
        let entry = self.library()?.get(id).cloned().ok_or(MemoryError::NotFound(*id))?;
        let refuse = |why: String| Err(MemoryError::Refused(format!("`{id}` {why}")));
        if pinned && entry.area != Area::Main {
            let area = entry.area.name();
            return refuse(format!("is in `{area}`; only memories in `main` can be pinned"));
        }
        if pinned && (entry.metadata.archived || !entry.counts_at(now)) {
            return refuse("does not count now, so it cannot be pinned".to_owned());
        }
        if entry.metadata.pinned != pinned {
            let mut row = entry.later(now).ok_or(MemoryError::NotFound(*id))?;
            row.metadata.pinned = pinned;
            let event = event(row.id, row.area, row.text.clone());
            self.append(vec![row], Vec::new(), vec![event])?;
        }
        self.record(id)
    }

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
