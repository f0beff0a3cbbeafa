//! How much is remembered.

use serde::Serialize;

use super::error::MemoryError;
use super::facade::Memory;
use crate::contracts::Area;

/// The records of one area. Each record is in one of the counts, but for `pinned`, which are among
/// those that count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AreaStats {
    /// Which area.
    pub area: Area,
    /// Records that count now.
    pub count: u64,
    /// Those of them that are pinned.
    pub pinned: u64,
    /// Records that were replaced.
    pub replaced: u64,
    /// Records that have expired, or do not hold now.
    pub over: u64,
    /// Records that are kept but in no index.
    pub archived: u64,
    /// Records that were forgotten.
    pub forgotten: u64,
    /// Bytes of the texts of all but the forgotten.
    pub bytes: u64,
}

impl Memory {
    /// How many records there are, by area.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn stats(&self) -> Result<Vec<AreaStats>, MemoryError> {
        let now = self.now();
        let library = self.library()?;
        Ok(Area::ALL
            .into_iter()
            .map(|area| {
                let mut stats = AreaStats {
                    area,
                    count: 0,
                    pinned: 0,
                    replaced: 0,
                    over: 0,
                    archived: 0,
                    forgotten: 0,
                    bytes: 0,
                };
                for entry in library.iter().filter(|entry| entry.area == area) {
                    let about = &entry.metadata;
                    let place = match () {
                        () if entry.is_forgotten() => &mut stats.forgotten,
                        () if about.archived => &mut stats.archived,
                        () if about.superseded_at.is_some_and(|at| at <= now) => {
                            &mut stats.replaced
                        }
                        () if !entry.counts_at(now) => &mut stats.over,
                        () => &mut stats.count,
                    };
                    *place += 1;
                    if !entry.is_forgotten() {
                        stats.bytes += entry.text.bytes;
                        let counts = !about.archived && entry.counts_at(now);
                        stats.pinned += u64::from(about.pinned && counts);
                    }
                }
                stats
            })
            .collect())
    }
}
