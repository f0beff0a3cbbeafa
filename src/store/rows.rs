//! Rows of the database as the types of the contract, and back. A row that cannot be what was
//! written is an error, never a guess.

use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::contracts::{Event, EventKind, Hash, Timestamp};

use super::error::{Context, StoreError};
use super::summary::{RunRow, Summary, row_hash};

/// The columns that [`event`] reads, in its order.
pub(super) const EVENT_COLUMNS: &str =
    "run_id, seq, global_seq, at_ms, kind, payload, prev_hash, hash";
/// The columns that [`run`] reads, in its order.
pub(super) const RUN_COLUMNS: &str =
    "run_id, first_global, unfinished, last_seq, last_hash, summary, row_hash";

/// A count as SQLite stores it. Counts stay far below 2^63.
pub(super) fn int(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

pub(super) fn count(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let value: i64 = row.get(column)?;
    u64::try_from(value).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column, value))
}

pub(super) fn hash(row: &Row<'_>, column: usize) -> rusqlite::Result<Hash> {
    row.get(column).map(Hash::from_bytes)
}

pub(super) fn time(row: &Row<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    let ms: i64 = row.get(column)?;
    let time = Timestamp::from_ms(ms);
    if time.ms() == ms {
        Ok(time)
    } else {
        Err(rusqlite::Error::IntegralValueOutOfRange(column, ms))
    }
}

/// A value of a column that its own type cannot read.
pub(super) fn unreadable(
    column: usize,
    error: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, error.into())
}

/// Reads [`EVENT_COLUMNS`]. The hash is not checked here.
pub(super) fn event(row: &Row<'_>) -> rusqlite::Result<Event> {
    let kind: String = row.get(4)?;
    let known = EventKind::parse(&kind);
    Ok(Event {
        run_id: row.get(0)?,
        seq: count(row, 1)?,
        global_seq: count(row, 2)?,
        at: time(row, 3)?,
        kind: known.ok_or_else(|| unreadable(4, format!("unknown event kind `{kind}`")))?,
        payload: row.get::<_, String>(5)?.into(),
        prev_hash: hash(row, 6)?,
        hash: hash(row, 7)?,
    })
}

/// Reads [`RUN_COLUMNS`] and checks that the row is what was written.
pub(super) fn run(row: &Row<'_>) -> rusqlite::Result<RunRow> {
    let summary_json: String = row.get(5)?;
    let summary: Summary =
        serde_json::from_str(&summary_json).map_err(|error| unreadable(5, error))?;
    let (unfinished, stored): (bool, Hash) = (row.get(2)?, hash(row, 6)?);
    let run = RunRow {
        run_id: row.get(0)?,
        first_global: count(row, 1)?,
        last_seq: count(row, 3)?,
        last_hash: hash(row, 4)?,
        summary,
    };
    if unfinished == run.unfinished() && row_hash(&run, &summary_json) == stored {
        return Ok(run);
    }
    Err(unreadable(6, format!("the row of `{}` does not fit its hash", run.run_id)))
}

/// The row of one run, if it has any event.
pub(super) fn load_run(db: &Connection, run_id: &str) -> Result<Option<RunRow>, StoreError> {
    let action = "could not read a run";
    let sql = format!("SELECT {RUN_COLUMNS} FROM runs WHERE run_id = ?1");
    db.prepare_cached(&sql).doing(action)?.query_row([run_id], run).optional().doing(action)
}

/// Writes the row of a run over the one before.
pub(super) fn save_run(db: &Connection, run: &RunRow) -> Result<(), StoreError> {
    let action = "could not write a run";
    let summary = serde_json::to_string(&run.summary)
        .map_err(|error| StoreError::Database { action, reason: error.to_string() })?;
    let sql = format!(
        "INSERT INTO runs ({RUN_COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT (run_id) DO UPDATE SET unfinished = ?3, last_seq = ?4, last_hash = ?5,
             summary = ?6, row_hash = ?7"
    );
    let row_hash = row_hash(run, &summary);
    let values = params![
        run.run_id,
        int(run.first_global),
        run.unfinished(),
        int(run.last_seq),
        run.last_hash.as_bytes(),
        summary,
        row_hash.as_bytes(),
    ];
    db.prepare_cached(&sql).doing(action)?.execute(values).doing(action)?;
    Ok(())
}

/// Appends one event.
pub(super) fn insert_event(db: &Connection, event: &Event) -> Result<(), StoreError> {
    let action = "could not append an event";
    let sql =
        format!("INSERT INTO events ({EVENT_COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)");
    let values = params![
        event.run_id,
        int(event.seq),
        int(event.global_seq),
        event.at.ms(),
        event.kind.as_str(),
        event.payload,
        event.prev_hash.as_bytes(),
        event.hash.as_bytes(),
    ];
    db.prepare_cached(&sql).doing(action)?.execute(values).doing(action)?;
    Ok(())
}

/// A value of `meta`.
pub(super) fn meta(db: &Connection, key: &str) -> Result<Option<String>, StoreError> {
    let action = "could not read the store's own values";
    let sql = "SELECT value FROM meta WHERE key = ?1";
    db.prepare_cached(sql)
        .doing(action)?
        .query_row([key], |row| row.get(0))
        .optional()
        .doing(action)
}

/// Sets a value of `meta`.
pub(super) fn set_meta(db: &Connection, key: &str, value: &str) -> Result<(), StoreError> {
    let action = "could not write the store's own values";
    let sql = "INSERT INTO meta (key, value) VALUES (?1, ?2)
               ON CONFLICT (key) DO UPDATE SET value = ?2";
    db.prepare_cached(sql).doing(action)?.execute([key, value]).doing(action)?;
    Ok(())
}

/// Number of the line of `heads.log` that was durable before the newest commit.
pub(super) fn anchored_line(db: &Connection) -> Result<u64, StoreError> {
    let line = meta(db, "anchored_line")?.map(|line| line.parse());
    match line {
        Some(Ok(line)) => Ok(line),
        _ => Err(StoreError::corrupt("the database", "it does not know how far it was anchored")),
    }
}

/// Sets [`anchored_line`].
pub(super) fn set_anchored_line(db: &Connection, line: u64) -> Result<(), StoreError> {
    set_meta(db, "anchored_line", &line.to_string())
}
