//! How far `tools_audit.jsonl` is known to be on the disk, kept in the database. A file that ends
//! behind this mark lost its end to a crash; one that ends before it was cut or deleted.

use rusqlite::Connection;

use super::error::StoreError;
use super::rows;

const KEY: &str = "audit_mark";

/// What the file must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    /// The entry it begins with, unless it was rotated since.
    pub first: u64,
    /// The newest entry that was synced; 0 for none.
    pub synced: u64,
}

impl Mark {
    /// The mark of a store that never wrote the file.
    const START: Self = Self { first: 1, synced: 0 };

    pub(super) fn read(db: &Connection) -> Result<Self, StoreError> {
        let Some(text) = rows::meta(db, KEY)? else { return Ok(Self::START) };
        let mark = text
            .split_once(' ')
            .and_then(|(first, synced)| Some((first.parse().ok()?, synced.parse().ok()?)));
        let damaged =
            || StoreError::corrupt("the database", "it does not know how far the audit file came");
        mark.map(|(first, synced)| Self { first, synced }).ok_or_else(damaged)
    }

    pub(super) fn save(self, db: &Connection) -> Result<(), StoreError> {
        rows::set_meta(db, KEY, &format!("{} {}", self.first, self.synced))
    }

    /// Why a file that begins with entry `first` lost its beginning, if it did. `kept` are the last
    /// entries of the full files beside it. The reason follows the file's name in a sentence.
    pub(super) fn lost_beginning(self, first: u64, kept: &[u64]) -> Option<String> {
        let follows = first == 1 || first == self.first || kept.contains(&(first - 1));
        let wanted = self.first;
        (!follows).then(|| format!("begins with entry {first}, it began with entry {wanted}"))
    }

    /// Why a file that ends with entry `last` lost its end, if no crash explains it.
    pub(super) fn lost_end(self, last: u64) -> Option<String> {
        let synced = self.synced;
        (last < synced).then(|| match last {
            0 => format!("is missing or empty, {synced} entries were written to it"),
            last => format!("ends with entry {last}, {synced} were written to it"),
        })
    }
}
