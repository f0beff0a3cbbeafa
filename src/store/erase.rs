//! Erasing memory records for good: their texts, and what their rows say. The chain keeps salted hashes.

use std::collections::BTreeSet;
use std::path::PathBuf;

use rusqlite::{Connection, params};

use crate::contracts::{
    EventBody, Hash, MemoryId, MemoryMetadata, NewRecord, RunId, TextRef, Timestamp,
};

use super::append::{Append, Prepared};
use super::batch::{Batch, Failure};
use super::blobs;
use super::error::{Context, PathContext, StoreError};
use super::handle::Store;
use super::layout::sync_dir;
use super::proposals;
use super::queue::{Done, Wanted};
use super::records::NO_METADATA;
use super::rows;

/// What was erased.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecordsErased {
    /// Texts that are gone now.
    pub texts: u64,
    /// Rows that say nothing any more.
    pub rows: u64,
    /// Rows of an earlier version, whose metadata the chain covers word for word: they stay.
    pub rows_kept: u64,
    /// Whether the files were written anew. They are at the next start when somebody reads in them now.
    pub compacted: bool,
    /// Copies of the database from before it was brought up to date, which had the texts too.
    pub copies_removed: Vec<PathBuf>,
}

/// Records that are to be erased, checked.
#[derive(Debug)]
pub(super) struct Erase {
    ids: Vec<MemoryId>,
    at: Timestamp,
    /// The events, and a last row of each record.
    append: Prepared,
}

impl Batch<'_> {
    /// Appends the events and last rows, then erases what the records said.
    pub(super) fn erase(&mut self, wanted: Erase) -> Result<RecordsErased, Failure> {
        self.append_system(wanted.append)?;
        let mut erased = RecordsErased::default();
        for id in &wanted.ids {
            erase_record(self.db, *id, wanted.at, &mut erased).map_err(Failure::Broken)?;
        }
        Ok(erased)
    }
}

fn erase_record(
    db: &Connection,
    id: MemoryId,
    at: Timestamp,
    erased: &mut RecordsErased,
) -> Result<(), StoreError> {
    let action = "could not erase a memory record";
    let name = id.to_string();
    let texts: BTreeSet<(String, Hash, u64)> = {
        let sql = "SELECT DISTINCT blob, salted_hash, bytes FROM records WHERE id = ?1";
        let mut query = db.prepare_cached(sql).doing(action)?;
        let read =
            |row: &rusqlite::Row<'_>| Ok((row.get(0)?, rows::hash(row, 1)?, rows::count(row, 2)?));
        query.query_map([&name], read).doing(action)?.collect::<Result<_, _>>().doing(action)?
    };
    for (blob, salted_hash, bytes) in texts {
        let text = TextRef { blob, salted_hash, bytes };
        erased.texts += u64::from(blobs::is_stored(db, &text)?);
        blobs::forget(db, &text, at)?;
    }
    let sql = "UPDATE records SET metadata = ?2, metadata_salt = NULL
               WHERE id = ?1 AND metadata_hash IS NOT NULL";
    let emptied = db.prepare_cached(sql).doing(action)?.execute(params![name, NO_METADATA]);
    erased.rows += emptied.doing(action)? as u64;
    erased.texts += proposals::erase_naming(db, &name, at)?;
    let sql = "SELECT count(*) FROM records WHERE id = ?1 AND metadata_hash IS NULL";
    let kept = db.prepare_cached(sql).doing(action)?.query_row([&name], |row| rows::count(row, 0));
    erased.rows_kept += kept.doing(action)?;
    Ok(())
}

impl Store {
    /// Erases memory records: their texts and what their rows say. Blocks until it is durable. Those that
    /// are not there or are gone already are passed over; when none is left, nothing is written.
    ///
    /// # Errors
    /// As [`Store::append`].
    pub fn erase_records(
        &self,
        ids: &[MemoryId],
        events: Vec<EventBody>,
        at: Timestamp,
    ) -> Result<RecordsErased, StoreError> {
        let wanted: BTreeSet<MemoryId> = ids.iter().copied().collect();
        let last = self.last_rows(&wanted, at)?;
        if last.is_empty() {
            return Ok(RecordsErased::default());
        }
        let ids = last.iter().map(|record| record.id).collect();
        let mut append = Append::new(RunId::SYSTEM_TEXT, 0, at, events);
        append.records = last;
        let append = Prepared::new(append)?;
        let done = self.ask(Wanted::Erase(Box::new(Erase { ids, at, append })))?;
        let Done::Erased(mut erased) = done else { return Err(done.unexpected()) };
        erased.copies_removed = self.remove_copies()?;
        erased.compacted = !self.reader().has_pending()?;
        Ok(erased)
    }

    /// A row without anything for each record that still has its text.
    fn last_rows(
        &self,
        wanted: &BTreeSet<MemoryId>,
        at: Timestamp,
    ) -> Result<Vec<NewRecord>, StoreError> {
        const PAGE: u32 = 4_096;
        let (mut after, mut last) = (0, std::collections::BTreeMap::new());
        loop {
            let page = self.reader().records(after, PAGE)?;
            let Some(newest) = page.last() else { break };
            after = newest.record_seq;
            for row in page.into_iter().filter(|row| wanted.contains(&row.id)) {
                last.insert(row.id, row);
            }
        }
        let gone = |row: crate::contracts::RecordRow| {
            Some(NewRecord {
                content_hash: row.content_hash?,
                id: row.id,
                area: row.area,
                text: row.text,
                metadata: MemoryMetadata::default(),
                created_at: row.created_at,
                updated_at: at,
            })
        };
        Ok(last.into_values().filter_map(gone).collect())
    }

    /// Removes the copies that were put aside when the database was brought up to date: they have
    /// everything that is forgotten now.
    fn remove_copies(&self) -> Result<Vec<PathBuf>, StoreError> {
        let database = self.reader().layout.database();
        let Some(dir) = database.parent() else { return Ok(Vec::new()) };
        let mut removed = Vec::new();
        for version in 1..=super::schema::newest_known() {
            let mut name = database.as_os_str().to_owned();
            name.push(format!(".v{version}"));
            let copy = PathBuf::from(name);
            match std::fs::remove_file(&copy) {
                Ok(()) => removed.push(copy),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                other => other.at("could not remove", &copy)?,
            }
        }
        if !removed.is_empty() {
            sync_dir(dir)?;
        }
        Ok(removed)
    }
}
