//! Forgetting all texts of an ended run, for retention. The journal keeps its hashes.

use std::collections::BTreeSet;

use rusqlite::{Connection, params};

use crate::contracts::{RunId, TextRef, Timestamp};

use super::batch::{Batch, Failure};
use super::blobs;
use super::error::{Context, StoreError};
use super::handle::Store;
use super::queue::Wanted;
use super::read::{ROWS_MAX, Reader, snapshot, summary_field};
use super::refs::text_refs;
use super::{rows, schema};

/// What became of the texts of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunForgotten {
    /// Texts that were forgotten now.
    pub forgotten: u64,
    /// Texts that stay for now: a run that is not at its end names them too.
    pub kept: u64,
}

/// The texts of one run.
#[derive(Debug)]
pub(super) struct ForgetRun {
    run_id: RunId,
    texts: Vec<TextRef>,
    /// Whether nothing of it stays.
    whole: bool,
    at: Timestamp,
}

impl Batch<'_> {
    /// Forgets the texts of an ended run.
    pub(super) fn forget_run(&mut self, wanted: &ForgetRun) -> Result<(), Failure> {
        // Nothing follows a report, so what was read before is all there is.
        ended(self.db, &wanted.run_id).map_err(Failure::Refused)?;
        for text in &wanted.texts {
            blobs::forget(self.db, text, wanted.at).map_err(Failure::Broken)?;
        }
        if !wanted.whole {
            return Ok(());
        }
        let action = "could not note that a run's texts were forgotten";
        let sql = "INSERT OR IGNORE INTO emptied (run_id) VALUES (?1)";
        let mut note = self.db.prepare_cached(sql).doing(action).map_err(Failure::Broken)?;
        let noted = note.execute([wanted.run_id.to_string()]).doing(action);
        noted.map(drop).map_err(Failure::Broken)
    }
}

fn ended(db: &Connection, run_id: &RunId) -> Result<(), StoreError> {
    let name = run_id.to_string();
    let run = rows::load_run(db, &name)?;
    let run = run.ok_or_else(|| StoreError::NotFound(format!("run `{name}`")))?;
    if run.summary.reported {
        return Ok(());
    }
    Err(StoreError::BadRequest(format!("`{name}` has not ended: its texts are still needed")))
}

/// The names of all texts that the events chosen by `sql` name.
fn named(
    db: &Connection,
    sql: &str,
    values: &[&dyn rusqlite::ToSql],
) -> Result<Vec<TextRef>, StoreError> {
    let action = "could not read which texts are named";
    let mut query = db.prepare_cached(sql).doing(action)?;
    let payloads = query.query_map(values, |row| row.get::<_, String>(0)).doing(action)?;
    let mut texts = Vec::new();
    for payload in payloads {
        let found = text_refs(&payload.doing(action)?);
        texts.extend(found.map_err(|error| StoreError::corrupt("an event", error))?);
    }
    Ok(texts)
}

fn plan(db: &Connection, run_id: RunId, at: Timestamp) -> Result<(ForgetRun, u64), StoreError> {
    ended(db, &run_id)?;
    let own = "SELECT payload FROM events
               WHERE run_id = ?1 AND instr(payload, '\"salted_hash\"') ORDER BY seq";
    let mut seen = BTreeSet::new();
    let mut texts = named(db, own, params![run_id.to_string()])?;
    texts.retain(|text| seen.insert(text.blob.clone()));
    let mut stored = Vec::with_capacity(texts.len());
    for text in texts {
        // What is remembered was meant to outlive its run; it is forgotten record by record.
        if blobs::is_stored(db, &text)? && !is_remembered(db, &text)? {
            stored.push(text);
        }
    }
    let others = "SELECT payload FROM events WHERE instr(payload, '\"salted_hash\"')
                  AND run_id IN (SELECT run_id FROM runs WHERE unfinished = 1)";
    let at_work = if stored.is_empty() { Vec::new() } else { named(db, others, &[])? };
    let at_work: BTreeSet<String> = at_work.into_iter().map(|text| text.blob).collect();
    let all = stored.len();
    stored.retain(|text| !at_work.contains(&text.blob));
    let kept = (all - stored.len()) as u64;
    Ok((ForgetRun { run_id, texts: stored, whole: kept == 0, at }, kept))
}

fn is_remembered(db: &Connection, text: &TextRef) -> Result<bool, StoreError> {
    let action = "could not look for a memory record";
    let sql = "SELECT 1 FROM records WHERE blob = ?1";
    db.prepare_cached(sql).doing(action)?.exists([&text.blob]).doing(action)
}

impl Store {
    /// Forgets every text of an ended run for good, but for those of memory records and those that
    /// a run at work names too. Blocks until it is done; to be repeated as long as some are kept.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::BadRequest`] when the run has not ended, or as
    /// [`Store::append`].
    pub fn forget_run_texts(
        &self,
        run_id: RunId,
        at: Timestamp,
    ) -> Result<RunForgotten, StoreError> {
        let planned = self.reader().pool.with(|db| snapshot(db, || plan(db, run_id, at)));
        let (wanted, kept) = planned?;
        let forgotten = wanted.texts.len() as u64;
        self.ask(Wanted::ForgetRun(wanted))?;
        Ok(RunForgotten { forgotten, kept })
    }
}

impl Reader {
    /// Up to `limit` runs that ended before a time and still have texts to forget, oldest first.
    ///
    /// # Errors
    /// [`StoreError::OlderSchema`], or that the database cannot be read.
    pub fn runs_to_forget(&self, before: Timestamp, limit: u32) -> Result<Vec<RunId>, StoreError> {
        let action = "could not list the runs whose texts are old";
        let updated_at = summary_field("updated_at");
        let sql = format!(
            "SELECT run_id FROM runs
             WHERE unfinished = 0 AND run_id <> ?1 AND {updated_at} < ?2
               AND run_id NOT IN (SELECT run_id FROM emptied)
             ORDER BY first_global LIMIT ?3"
        );
        let names: Vec<String> = self.pool.with(|db| {
            schema::refuse_older(db)?;
            let mut query = db.prepare_cached(&sql).doing(action)?;
            let values = params![RunId::SYSTEM_TEXT, before.to_string(), limit.min(ROWS_MAX)];
            let found = query.query_map(values, |row| row.get(0)).doing(action)?;
            found.collect::<Result<_, _>>().doing(action)
        })?;
        let parse = |name: &String| {
            name.parse().map_err(|error| StoreError::corrupt("the list of runs", error))
        };
        names.iter().map(parse).collect()
    }
}
