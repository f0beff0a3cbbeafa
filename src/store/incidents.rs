//! Reading what a person must look at: events of the system's own stream.

use rusqlite::params;

use crate::contracts::{EventBody, EventKind, IncidentRaised, RunId, Timestamp};

use super::error::{Context, StoreError};
use super::read::{ROWS_MAX, Reader, check_event};
use super::rows::{self, EVENT_COLUMNS};

/// Which incidents are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IncidentsWanted {
    /// Those that were raised then or later.
    pub since: Option<Timestamp>,
    /// Those of this run.
    pub run: Option<RunId>,
    /// Those before the one with this cursor.
    pub before: Option<u64>,
}

/// An incident, as it was raised first: one that a crash has raised again is the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncidentRow {
    /// When.
    pub at: Timestamp,
    /// What.
    pub raised: IncidentRaised,
    /// Its place among all, newest highest.
    pub cursor: u64,
}

/// A field of an incident; null where it cannot be read.
fn field(name: &str) -> String {
    format!("CASE WHEN json_valid(payload) THEN json_extract(payload, '$.{name}') END")
}

impl Reader {
    /// Up to `limit` incidents, newest first.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when an event does not fit its hash, or when the database cannot be read.
    pub fn incidents(
        &self,
        wanted: &IncidentsWanted,
        limit: u32,
    ) -> Result<Vec<IncidentRow>, StoreError> {
        let action = "could not read the incidents";
        let (id, run) = (field("incident_id"), field("run_id"));
        let sql = format!(
            "SELECT {EVENT_COLUMNS} FROM events WHERE run_id = ?1 AND seq IN
               (SELECT MIN(seq) FROM events WHERE run_id = ?1 AND kind = ?2 GROUP BY {id})
             AND seq < ?3 AND at_ms >= ?4 AND (?5 IS NULL OR {run} = ?5)
             ORDER BY seq DESC LIMIT ?6"
        );
        let events = self.pool.with(|db| {
            let mut query = db.prepare_cached(&sql).doing(action)?;
            let values = params![
                RunId::SYSTEM_TEXT,
                EventKind::IncidentRaised.as_str(),
                wanted.before.map_or(i64::MAX, rows::int),
                wanted.since.map_or(i64::MIN, Timestamp::ms),
                wanted.run.map(|run| run.to_string()),
                limit.min(ROWS_MAX),
            ];
            let found = query.query_map(values, rows::event).doing(action)?;
            found.collect::<Result<Vec<_>, _>>().doing(action)
        })?;
        events.iter().try_for_each(check_event)?;
        let mut incidents = Vec::with_capacity(events.len());
        for event in events {
            let body = event.body().map_err(|error| StoreError::corrupt("an incident", error))?;
            if let EventBody::IncidentRaised(raised) = body {
                incidents.push(IncidentRow { at: event.at, raised, cursor: event.seq });
            }
        }
        Ok(incidents)
    }
}
