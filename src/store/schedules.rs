//! Schedules as rows: what shall begin when.

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};

use crate::contracts::{Map, ScheduleId, Timestamp};

use super::batch::{Batch, Failure};
use super::error::{Context, StoreError};
use super::handle::Store;
use super::hashed::{checked, new_hash};
use super::queue::{Done, Wanted};
use super::read::Reader;
use super::{rows, schema};

const DOMAIN: &[u8] = b"bailiwick.schedule.v1";
/// The columns that [`row`] reads, in its order.
pub(super) const COLUMNS: &str = "schedule_id, entry, row_hash";
/// Longest schedule as JSON, in bytes.
pub const SCHEDULE_BYTES_MAX: usize = 1024 * 1024;

/// What a schedule begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScheduleTarget {
    /// A run of this playbook.
    Playbook(String),
    /// A job of the host itself.
    Internal(String),
}

/// Where a schedule comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScheduleSource {
    /// The playbook's own file.
    Playbook,
    /// A person, over the API.
    Api,
    /// The host itself.
    Internal,
}

/// A schedule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScheduleRow {
    /// Which schedule.
    pub id: ScheduleId,
    /// Its name for people.
    pub name: String,
    /// What it begins.
    pub target: ScheduleTarget,
    /// Where it comes from.
    pub source: ScheduleSource,
    /// The times, as a cron expression.
    pub cron: String,
    /// The zone in which the times are meant.
    pub timezone: String,
    /// What happens while the run before is at work, as a word of the playbook language.
    pub overlap: String,
    /// What happens about missed times, as a word of the playbook language.
    pub catch_up: String,
    /// How late a missed time may still be made up for, in milliseconds.
    pub window_ms: u64,
    /// The inputs of its runs.
    pub inputs: Map,
    /// Whether a person holds it.
    pub paused: bool,
    /// Why it never fires, if that is so.
    pub refused: Option<String>,
    /// The first time that was missed because it is held; those since are not recorded one by one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_since: Option<Timestamp>,
    /// The newest due time whose job has ended, of a job of the host itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_done: Option<Timestamp>,
    /// When it is due next.
    pub next_at: Option<Timestamp>,
    /// The newest due time that was dealt with.
    pub last_due: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// What the table of schedules is asked for.
#[derive(Debug)]
pub(super) enum ScheduleWanted {
    Save(Box<ScheduleRow>),
    Delete(ScheduleId),
}

/// Reads [`COLUMNS`] and checks that the row is what was written.
pub(super) fn row(row: &Row<'_>) -> rusqlite::Result<ScheduleRow> {
    let (id, entry): (String, String) = (row.get(0)?, row.get(1)?);
    let stored = rows::hash(row, 2)?;
    let what = format!("the schedule `{id}`");
    let (id, entry) = checked(DOMAIN, (id, entry), &stored, 2, &what)?;
    let schedule: ScheduleRow =
        serde_json::from_str(&entry).map_err(|error| rows::unreadable(1, error))?;
    if schedule.id.to_string() == id {
        return Ok(schedule);
    }
    Err(rows::unreadable(1, format!("{what} holds another one")))
}

/// One schedule.
pub(super) fn load(db: &Connection, id: &ScheduleId) -> Result<Option<ScheduleRow>, StoreError> {
    let action = "could not read a schedule";
    let sql = format!("SELECT {COLUMNS} FROM schedules WHERE schedule_id = ?1");
    let mut query = db.prepare_cached(&sql).doing(action)?;
    query.query_row([id.to_string()], row).optional().doing(action)
}

/// Writes a schedule over the one before.
pub(super) fn save(db: &Connection, schedule: &ScheduleRow) -> Result<(), StoreError> {
    let action = "could not write a schedule";
    let row = (schedule.id.to_string(), encode(schedule)?);
    let hash = new_hash(DOMAIN, &row, action)?;
    let sql = format!(
        "INSERT INTO schedules ({COLUMNS}) VALUES (?1, ?2, ?3)
         ON CONFLICT (schedule_id) DO UPDATE SET entry = ?2, row_hash = ?3"
    );
    let values = params![row.0, row.1, hash.as_bytes()];
    db.prepare_cached(&sql).doing(action)?.execute(values).doing(action)?;
    Ok(())
}

fn encode(schedule: &ScheduleRow) -> Result<String, StoreError> {
    let json = serde_json::to_string(schedule);
    let json = json.map_err(|error| {
        StoreError::BadRequest(format!("the schedule cannot be written as json: {error}"))
    })?;
    if json.len() <= SCHEDULE_BYTES_MAX {
        return Ok(json);
    }
    Err(StoreError::BadRequest(format!(
        "a schedule of {} bytes is over the limit of {SCHEDULE_BYTES_MAX}: give it smaller inputs",
        json.len()
    )))
}

fn delete(db: &Connection, id: &ScheduleId) -> Result<(), StoreError> {
    let action = "could not delete a schedule";
    let sql = "DELETE FROM schedules WHERE schedule_id = ?1";
    db.prepare_cached(sql).doing(action)?.execute([id.to_string()]).doing(action)?;
    Ok(())
}

/// Carries out what the table of schedules is asked for.
pub(super) fn carry_out(batch: &Batch<'_>, wanted: ScheduleWanted) -> Result<Done, Failure> {
    match wanted {
        ScheduleWanted::Save(schedule) => save(batch.db, &schedule).map_err(Failure::Broken)?,
        ScheduleWanted::Delete(id) => {
            let there = load(batch.db, &id).map_err(Failure::Refused)?;
            if there.is_none() {
                return Err(Failure::Refused(unknown(&id)));
            }
            delete(batch.db, &id).map_err(Failure::Broken)?;
        }
    }
    Ok(Done::Nothing)
}

pub(super) fn unknown(id: &ScheduleId) -> StoreError {
    StoreError::NotFound(format!("schedule `{id}`"))
}

impl Store {
    /// Writes a schedule, over the one with the same id if there is one. Blocks until it is durable.
    ///
    /// # Errors
    /// [`StoreError::BadRequest`] when it is too large, or as [`Store::append`].
    pub fn save_schedule(&self, schedule: ScheduleRow) -> Result<(), StoreError> {
        encode(&schedule)?;
        self.ask(Wanted::Schedule(ScheduleWanted::Save(Box::new(schedule)))).map(drop)
    }

    /// Deletes a schedule. What became of its due times stays. Blocks until it is durable.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or as [`Store::append`].
    pub fn delete_schedule(&self, id: ScheduleId) -> Result<(), StoreError> {
        self.ask(Wanted::Schedule(ScheduleWanted::Delete(id))).map(drop)
    }
}

impl Reader {
    /// Every schedule, oldest first.
    ///
    /// # Errors
    /// [`StoreError::OlderSchema`], or that a row does not fit its hash.
    pub fn schedules(&self) -> Result<Vec<ScheduleRow>, StoreError> {
        let (schedules, damaged) = self.sound_schedules()?;
        damaged.into_iter().next().map_or(Ok(schedules), Err)
    }

    /// Every schedule that is as it was written, oldest first, and what is wrong with the others.
    ///
    /// # Errors
    /// [`StoreError::OlderSchema`], or that the database cannot be read.
    pub fn sound_schedules(&self) -> Result<(Vec<ScheduleRow>, Vec<StoreError>), StoreError> {
        let action = "could not list the schedules";
        let sql = format!("SELECT {COLUMNS} FROM schedules");
        let (mut sound, mut damaged) = (Vec::new(), Vec::new());
        self.pool.with(|db| {
            schema::refuse_older(db)?;
            let mut query = db.prepare_cached(&sql).doing(action)?;
            for found in query.query_map([], row).doing(action)? {
                match found.doing(action) {
                    Ok(schedule) => sound.push(schedule),
                    Err(error) if error.is_integrity() => damaged.push(error),
                    Err(error) => return Err(error),
                }
            }
            Ok(())
        })?;
        sound.sort_by_key(|schedule: &ScheduleRow| (schedule.created_at, schedule.id));
        Ok((sound, damaged))
    }

    /// One schedule.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or as [`Reader::schedules`].
    pub fn schedule(&self, id: &ScheduleId) -> Result<ScheduleRow, StoreError> {
        let found = self.pool.with(|db| {
            schema::refuse_older(db)?;
            load(db, id)
        })?;
        found.ok_or_else(|| unknown(id))
    }
}
