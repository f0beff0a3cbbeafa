//! What became of each due time of a schedule. In one transaction: the row whose key says that this
//! time was dealt with, the event, the schedule's next time, and the run that begins.

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};

use crate::contracts::{EventBody, IdError, RunId, ScheduleId, Timestamp};

use super::append::{Append, Prepared};
use super::batch::{Batch, Failure};
use super::error::{Context, StoreError};
use super::handle::Store;
use super::hashed::{checked, new_hash};
use super::queue::{Done, Wanted};
use super::read::{ROWS_MAX, Reader};
use super::{rows, schedules, schema};

const DOMAIN: &[u8] = b"bailiwick.fire.v1";
/// The columns that [`row`] reads, in its order.
pub(super) const COLUMNS: &str = "schedule_id, due_ms, at_ms, state, run_id, reason, row_hash";

/// Holds for times whose run has not ended.
const AT_WORK: &str =
    "run_id IS NOT NULL AND run_id IN (SELECT run_id FROM runs WHERE unfinished = 1)";

/// A due time that is dealt with.
#[derive(Debug, Clone, PartialEq)]
pub struct Fire {
    /// Which schedule.
    pub schedule_id: ScheduleId,
    /// The time that was due.
    pub due_at: Timestamp,
    /// When it is due next.
    pub next_at: Option<Timestamp>,
    /// The newest due time that was dealt with, this one included.
    pub last_due: Option<Timestamp>,
    /// The run that begins, with its place in the queue.
    pub run: Option<Append>,
    /// `schedule.fired` or `schedule.missed`.
    pub event: EventBody,
    /// The time now.
    pub at: Timestamp,
}

/// Whether a due time was dealt with now or before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fired {
    /// Now.
    Now,
    /// Before: nothing was changed.
    Already,
}

/// What became of a due time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FireState {
    /// Something began.
    Fired,
    /// Nothing began.
    Missed,
}

impl FireState {
    const ALL: [Self; 2] = [Self::Fired, Self::Missed];

    /// The word used in JSON and in queries.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fired => "fired",
            Self::Missed => "missed",
        }
    }
}

/// A due time and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FireRow {
    /// Which schedule.
    pub schedule_id: ScheduleId,
    /// The time that was due.
    pub due_at: Timestamp,
    /// When it was dealt with.
    pub at: Timestamp,
    /// What became of it.
    pub state: FireState,
    /// The run that began.
    pub run_id: Option<RunId>,
    /// Why nothing began.
    pub reason: Option<String>,
}

/// A [`Fire`] whose form was checked.
#[derive(Debug)]
pub(super) struct PreparedFire {
    row: FireRow,
    next_at: Option<Timestamp>,
    last_due: Option<Timestamp>,
    run: Option<Prepared>,
    event: Prepared,
}

impl PreparedFire {
    fn new(fire: Fire) -> Result<(Self, Vec<crate::contracts::Stored>), StoreError> {
        let row = row_of(&fire)?;
        let system = Append::new(RunId::SYSTEM_TEXT, 0, fire.at, vec![fire.event]);
        let run = fire.run.map(Prepared::new).transpose()?;
        let texts = run.as_ref().map(|run| run.texts.clone()).unwrap_or_default();
        let event = Prepared::new(system)?;
        Ok((Self { row, next_at: fire.next_at, last_due: fire.last_due, run, event }, texts))
    }
}

/// The row that says what the event says. An event about anything else is refused.
fn row_of(fire: &Fire) -> Result<FireRow, StoreError> {
    let refused = |what: &str| Err(StoreError::BadRequest(format!("a fire needs {what}")));
    let (schedule_id, due_at, run_id, reason, state) = match &fire.event {
        EventBody::ScheduleFired(fired) => {
            (fired.schedule_id, fired.due_at, fired.run_id, None, FireState::Fired)
        }
        EventBody::ScheduleMissed(missed) => {
            let reason = Some(missed.reason.clone());
            (missed.schedule_id, missed.due_at, None, reason, FireState::Missed)
        }
        _ => return refused("a `schedule.fired` or a `schedule.missed`"),
    };
    if (schedule_id, due_at) != (fire.schedule_id, fire.due_at) {
        return refused("an event of its own schedule and time");
    }
    let begins = fire.run.as_ref().map(|run| run.run_id.clone());
    if begins != run_id.map(|run_id| run_id.to_string()) {
        return refused("an event that names the run which begins, and no other");
    }
    Ok(FireRow { schedule_id, due_at, at: fire.at, state, run_id, reason })
}

impl Batch<'_> {
    /// Deals with a due time, unless that was done before.
    pub(super) fn fire(&mut self, fire: PreparedFire) -> Result<Fired, Failure> {
        let id = fire.row.schedule_id;
        let there = load(self.db, &id, fire.row.due_at).map_err(Failure::Refused)?;
        if there.is_some() {
            return Ok(Fired::Already);
        }
        let schedule = schedules::load(self.db, &id).map_err(Failure::Refused)?;
        let schedule = schedule.ok_or_else(|| Failure::Refused(schedules::unknown(&id)))?;
        self.may_append_system().map_err(Failure::Refused)?;
        if let Some(run) = &fire.run {
            self.may_begin(run).map_err(Failure::Refused)?;
        }
        let write = |batch: &mut Self| -> Result<(), Failure> {
            insert(batch.db, &fire.row).map_err(Failure::Broken)?;
            let schedule = schedules::ScheduleRow {
                next_at: fire.next_at,
                last_due: fire.last_due,
                ..schedule
            };
            schedules::save(batch.db, &schedule).map_err(Failure::Broken)?;
            // The intent to begin before the beginning.
            batch.append_system(fire.event)?;
            fire.run.map_or(Ok(()), |run| batch.append(run).map(drop))
        };
        write(self).map_err(Failure::broken).map(|()| Fired::Now)
    }
}

fn load(
    db: &Connection,
    id: &ScheduleId,
    due_at: Timestamp,
) -> Result<Option<FireRow>, StoreError> {
    let action = "could not look for a fire";
    let sql = format!("SELECT {COLUMNS} FROM fires WHERE schedule_id = ?1 AND due_ms = ?2");
    let mut query = db.prepare_cached(&sql).doing(action)?;
    query.query_row(params![id.to_string(), due_at.ms()], row).optional().doing(action)
}

fn insert(db: &Connection, fire: &FireRow) -> Result<(), StoreError> {
    let action = "could not write a fire";
    let hash = new_hash(DOMAIN, fire, action)?;
    let sql = format!("INSERT INTO fires ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)");
    let values = params![
        fire.schedule_id.to_string(),
        fire.due_at.ms(),
        fire.at.ms(),
        fire.state.as_str(),
        fire.run_id.map(|run_id| run_id.to_string()),
        fire.reason,
        hash.as_bytes(),
    ];
    db.prepare_cached(&sql).doing(action)?.execute(values).doing(action)?;
    Ok(())
}

/// Removes what became of due times that were dealt with before a time, unless their run is still at
/// work. Returns how many.
pub(super) fn prune(db: &Connection, before: Timestamp) -> Result<u64, StoreError> {
    let action = "could not remove old fires";
    // A run that is still at work is found by its time.
    let sql = format!("DELETE FROM fires WHERE at_ms < ?1 AND NOT ({AT_WORK})");
    let count = db.prepare_cached(&sql).doing(action)?.execute([before.ms()]).doing(action)?;
    Ok(count as u64)
}

/// Reads [`COLUMNS`] and checks that the row is what was written.
pub(super) fn row(row: &Row<'_>) -> rusqlite::Result<FireRow> {
    let (id, state, run_id): (String, String, Option<String>) =
        (row.get(0)?, row.get(3)?, row.get(4)?);
    let what = format!("a fire of `{id}`");
    let known = FireState::ALL.into_iter().find(|known| known.as_str() == state);
    let bad_id = |column| move |error: IdError| rows::unreadable(column, error);
    let fire = FireRow {
        schedule_id: id.parse().map_err(bad_id(0))?,
        due_at: rows::time(row, 1)?,
        at: rows::time(row, 2)?,
        state: known.ok_or_else(|| rows::unreadable(3, format!("unknown state `{state}`")))?,
        run_id: run_id.map(|id| id.parse()).transpose().map_err(bad_id(4))?,
        reason: row.get(5)?,
    };
    checked(DOMAIN, fire, &rows::hash(row, 6)?, 6, &what)
}

impl Store {
    /// Deals with a due time of a schedule in one transaction. A time that was dealt with before is
    /// [`Fired::Already`], whatever is handed in, and changes nothing. Blocks until it is durable.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for an unknown schedule, [`StoreError::BadRequest`] when the event
    /// does not belong to it, [`StoreError::Conflict`] when the run is there, or as
    /// [`Store::append`].
    pub fn fire(&self, fire: Fire) -> Result<Fired, StoreError> {
        let (fire, texts) = PreparedFire::new(fire)?;
        self.write_texts(&texts)?;
        match self.ask(Wanted::Fire(Box::new(fire)))? {
            Done::Fired(fired) => Ok(fired),
            other => Err(other.unexpected()),
        }
    }

    /// Removes what became of due times that were dealt with before a time, unless their run is still
    /// at work; their events stay. Returns how many. Blocks until it is durable.
    ///
    /// # Errors
    /// As [`Store::append`].
    pub fn prune_fires(&self, before: Timestamp) -> Result<u64, StoreError> {
        self.ask(Wanted::PruneFires(before))?.count()
    }
}

impl Reader {
    /// Up to `limit` due times of a schedule and what became of them, newest first.
    ///
    /// # Errors
    /// [`StoreError::OlderSchema`], or that a row does not fit its hash.
    pub fn fires(&self, id: &ScheduleId, limit: u32) -> Result<Vec<FireRow>, StoreError> {
        self.fires_where("TRUE", id, limit)
    }

    /// Up to `limit` due times of a schedule whose runs have not ended, newest first, however many
    /// times have passed since.
    ///
    /// # Errors
    /// As [`Reader::fires`].
    pub fn fires_at_work(&self, id: &ScheduleId, limit: u32) -> Result<Vec<FireRow>, StoreError> {
        self.fires_where(AT_WORK, id, limit)
    }

    fn fires_where(
        &self,
        which: &str,
        id: &ScheduleId,
        limit: u32,
    ) -> Result<Vec<FireRow>, StoreError> {
        let action = "could not list the fires";
        let sql = format!(
            "SELECT {COLUMNS} FROM fires WHERE schedule_id = ?1 AND {which}
             ORDER BY due_ms DESC LIMIT ?2"
        );
        self.pool.with(|db| {
            schema::refuse_older(db)?;
            let mut query = db.prepare_cached(&sql).doing(action)?;
            let values = params![id.to_string(), limit.min(ROWS_MAX)];
            let found = query.query_map(values, row).doing(action)?;
            found.collect::<Result<_, _>>().doing(action)
        })
    }
}
