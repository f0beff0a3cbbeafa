//! What was found wrong, kept: a chained table of findings and of who acknowledged them. The host
//! repairs what it can, so that work goes on; without this list the next check would call the
//! repaired store sound and nobody would ever know.
//!
//! An acknowledgement stands for every finding before it. Damage that is still there is found again
//! by every check, acknowledged or not.

use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};

use crate::contracts::{EventBody, Hash, IncidentId, IncidentRaised, RunId, Timestamp};
use crate::ports::Clock;

use super::append::{Append, Prepared};
use super::batch::{Batch, Failure};
use super::error::{Context, StoreError};
use super::finding::{Finding, FindingKind};
use super::rows;
use super::tip::Link;

/// Findings that an incident spells out; `verify` lists all.
const SPELLED_OUT_MAX: usize = 8;
/// Longest name of who acknowledges, in bytes.
const BY_BYTES_MAX: usize = 1_000;

/// The `entry` of a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Entry {
    Found(Finding),
    Acknowledged { by: String },
}

/// A row; its hash is checked by [`check_chain`].
#[derive(Debug, Clone)]
struct Row {
    link: Link,
    at: Timestamp,
    json: String,
}

impl Row {
    fn entry(&self) -> Option<Entry> {
        serde_json::from_str(&self.json).ok() // what cannot be read does not fit its hash either
    }
}

fn row_hash(prev: &Hash, at: Timestamp, json: &str) -> Hash {
    let fields: [&[u8]; 3] = [prev.as_bytes(), &at.ms().to_le_bytes(), json.as_bytes()];
    super::digest::digest(b"bailiwick.finding.v1", &fields)
}

fn rows(db: &Connection) -> Result<Vec<Row>, StoreError> {
    let action = "could not read the findings";
    let sql = "SELECT finding_seq, at_ms, entry, hash FROM findings ORDER BY finding_seq";
    let mut query = db.prepare_cached(sql).doing(action)?;
    let found = query.query_map([], |row| {
        let link = Link { seq: rows::count(row, 0)?, hash: rows::hash(row, 3)? };
        Ok(Row { link, at: rows::time(row, 1)?, json: row.get(2)? })
    });
    found.doing(action)?.collect::<Result<_, _>>().doing(action)
}

/// The rows behind the newest acknowledgement.
fn unacknowledged(rows: &[Row]) -> &[Row] {
    let newest =
        rows.iter().rposition(|row| matches!(row.entry(), Some(Entry::Acknowledged { .. })));
    rows.get(newest.map_or(0, |at| at + 1)..).unwrap_or_default()
}

/// What was found and not acknowledged, with the time when it was found.
pub(super) fn standing(db: &Connection) -> Result<Vec<(Finding, Timestamp)>, StoreError> {
    let rows = rows(db)?;
    let found = |row: &Row| match row.entry() {
        Some(Entry::Found(finding)) => Some((finding, row.at)),
        _ => None,
    };
    Ok(unacknowledged(&rows).iter().filter_map(found).collect())
}

/// Checks the chain of the list itself.
pub(super) fn check_chain(db: &Connection) -> Result<Option<Finding>, StoreError> {
    let mut before = Link::START;
    for row in rows(db)? {
        let (seq, hash) = (before.seq + 1, row_hash(&before.hash, row.at, &row.json));
        if row.link != (Link { seq, hash }) {
            let message = format!("entry {seq} of the list of findings does not fit its chain");
            return Ok(Some(Finding::new(FindingKind::Findings, message)));
        }
        before = row.link;
    }
    Ok(None)
}

/// Records what is not recorded yet, and raises an incident about it in the system's stream, if
/// that can still be written.
pub(super) fn record(
    batch: &mut Batch<'_>,
    findings: &[Finding],
    system_is_sound: bool,
    clock: &dyn Clock,
) -> Result<(), StoreError> {
    let known = rows(batch.db)?;
    let at = clock.now();
    let mut fresh = Vec::new();
    for finding in findings {
        let json = encode(&Entry::Found(finding.clone()))?;
        // What was repaired and is found again happened again; other damage just stayed.
        let since =
            if finding.kind.is_repaired() { unacknowledged(&known) } else { known.as_slice() };
        if since.iter().all(|row| row.json != json) {
            insert(batch, at, &json)?;
            fresh.push(finding);
        }
    }
    if fresh.is_empty() || !system_is_sound {
        return Ok(());
    }
    raise(batch, &fresh, at, clock)
}

fn raise(
    batch: &mut Batch<'_>,
    fresh: &[&Finding],
    at: Timestamp,
    clock: &dyn Clock,
) -> Result<(), StoreError> {
    let shown: Vec<String> =
        fresh.iter().take(SPELLED_OUT_MAX).map(|finding| finding.to_string()).collect();
    let more = match fresh.len().saturating_sub(SPELLED_OUT_MAX) {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    let message = format!(
        "what is stored was damaged: {}{more}. `bailiwick verify` lists it until somebody \
         acknowledges it",
        shown.join("; "),
    );
    let incident_id = IncidentId::from_uuid(clock.uuid());
    let incident =
        IncidentRaised { incident_id, kind: "store.damaged".to_owned(), run_id: None, message };
    let there = match rows::load_run(batch.db, RunId::SYSTEM_TEXT) {
        Ok(row) => row.map_or(0, |row| row.last_seq),
        Err(error) => {
            unraised(&error);
            return Ok(());
        }
    };
    let body = EventBody::IncidentRaised(incident);
    let append = Prepared::new(Append::new(RunId::SYSTEM_TEXT, there, at, vec![body]))?;
    match batch.append(append) {
        Ok(_) => Ok(()),
        Err(Failure::Refused(error)) => {
            unraised(&error);
            Ok(())
        }
        Err(Failure::Broken(error)) => Err(error),
    }
}

/// The findings are recorded all the same.
fn unraised(error: &StoreError) {
    tracing::warn!(%error, "no incident could be raised in the system's stream");
}

/// Says that `by` knows of everything that was found so far.
pub(super) fn acknowledge(
    batch: &mut Batch<'_>,
    by: String,
    at: Timestamp,
) -> Result<(), StoreError> {
    if unacknowledged(&rows(batch.db)?).is_empty() {
        return Ok(());
    }
    let json = encode(&Entry::Acknowledged { by })?;
    insert(batch, at, &json)
}

/// Refuses a name that says nothing.
pub(super) fn check_name(by: &str) -> Result<(), StoreError> {
    if by.trim().is_empty() || by.len() > BY_BYTES_MAX {
        let message = format!("who acknowledges needs a name of up to {BY_BYTES_MAX} bytes");
        return Err(StoreError::BadRequest(message));
    }
    Ok(())
}

fn insert(batch: &mut Batch<'_>, at: Timestamp, json: &str) -> Result<(), StoreError> {
    let before = batch.tip.findings;
    let link = Link { seq: before.seq + 1, hash: row_hash(&before.hash, at, json) };
    let action = "could not record a finding";
    let sql = "INSERT INTO findings (finding_seq, at_ms, entry, hash) VALUES (?1, ?2, ?3, ?4)";
    let values = params![rows::int(link.seq), at.ms(), json, link.hash.as_bytes()];
    batch.db.prepare_cached(sql).doing(action)?.execute(values).doing(action)?;
    batch.tip.findings = link;
    Ok(())
}

fn encode(entry: &Entry) -> Result<String, StoreError> {
    let action = "could not record a finding";
    serde_json::to_string(entry)
        .map_err(|error| StoreError::Database { action, reason: error.to_string() })
}
