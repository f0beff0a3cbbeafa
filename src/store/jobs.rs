//! The queue of runs that have work: who is next, who is at work, and who waits for something
//! else. A claim is a lease with a fence: whoever lost the lease can no longer append.

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};

use crate::contracts::{Priority, RunId, Timestamp};

use super::error::{Context, StoreError};
use super::hashed::{checked, new_hash};
use super::read::{ROWS_MAX, Reader};
use super::{rows, schema};

const DOMAIN: &[u8] = b"bailiwick.queue.v1";
const COUNTER_DOMAIN: &[u8] = b"bailiwick.counter.v1";
const FENCE: &str = "fence";
/// The columns that [`row`] reads, in its order.
pub(super) const COLUMNS: &str = "position, run_id, rank, playbook, concurrency, state, again, \
                                  fence, boot_id, lease_ms, row_hash";

/// The number of a claim: each is higher than every one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fence(pub(super) u64);

impl std::fmt::Display for Fence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// How a run is queued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enqueue {
    /// Who is served first.
    pub priority: Priority,
    /// What limits are counted by.
    pub playbook: String,
    /// How many runs of the playbook may be at work at once, as the playbook says.
    pub concurrency: Option<u32>,
}

/// Where a run in the queue stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QueueState {
    /// It has work and nobody does it.
    Waiting,
    /// Somebody is at work on it.
    Claimed,
    /// It waits for something else, such as an answer.
    Parked,
}

impl QueueState {
    const ALL: [Self; 3] = [Self::Waiting, Self::Claimed, Self::Parked];

    /// The word used in JSON and in queries.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Claimed => "claimed",
            Self::Parked => "parked",
        }
    }
}

/// A run's place in the queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct QueueEntry {
    /// Its place among those of its priority; it keeps it as long as it is in the queue.
    pub position: u64,
    /// Which run.
    pub run_id: RunId,
    /// Who is served first.
    pub priority: Priority,
    /// What limits are counted by.
    pub playbook: String,
    /// How many runs of the playbook may be at work at once, as the playbook says.
    pub concurrency: Option<u32>,
    /// Where it stands.
    pub state: QueueState,
    /// Whether it got more work since it was claimed.
    pub again: bool,
    /// The newest claim.
    pub fence: Option<Fence>,
    /// The boot of the machine in which it was claimed.
    pub boot_id: Option<String>,
    /// Until when the claim holds without being renewed.
    pub lease_until: Option<Timestamp>,
}

/// How many runs are in the queue.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct QueueDepth {
    /// They have work and nobody does it.
    pub waiting: u64,
    /// Somebody is at work on them.
    pub claimed: u64,
}

/// The place of a priority, first served first.
pub(super) const fn rank(priority: Priority) -> u8 {
    match priority {
        Priority::High => 0,
        Priority::Normal => 1,
        Priority::Low => 2,
    }
}

fn priority(rank: u8) -> Option<Priority> {
    [Priority::High, Priority::Normal, Priority::Low].get(usize::from(rank)).copied()
}

/// Reads [`COLUMNS`] and checks that the row is what was written.
pub(super) fn row(row: &Row<'_>) -> rusqlite::Result<QueueEntry> {
    let (run_id, state): (String, String) = (row.get(1)?, row.get(5)?);
    let known = QueueState::ALL.into_iter().find(|known| known.as_str() == state);
    let lease: Option<i64> = row.get(9)?;
    let fence: Option<i64> = row.get(7)?;
    let entry = QueueEntry {
        position: rows::count(row, 0)?,
        run_id: run_id
            .parse()
            .map_err(|error: crate::contracts::IdError| rows::unreadable(1, error))?,
        priority: priority(row.get(2)?)
            .ok_or_else(|| rows::unreadable(2, "unknown priority in the queue"))?,
        playbook: row.get(3)?,
        concurrency: row.get(4)?,
        state: known.ok_or_else(|| rows::unreadable(5, format!("unknown state `{state}`")))?,
        again: row.get(6)?,
        fence: fence.map(|_| rows::count(row, 7).map(Fence)).transpose()?,
        boot_id: row.get(8)?,
        lease_until: lease.map(|_| rows::time(row, 9)).transpose()?,
    };
    let stored = rows::hash(row, 10)?;
    let what = format!("the place of `{run_id}` in the queue");
    checked(DOMAIN, entry, &stored, 10, &what)
}

/// Writes a row over the one before.
pub(super) fn save(db: &Connection, entry: &QueueEntry) -> Result<(), StoreError> {
    let action = "could not write to the queue";
    let hash = new_hash(DOMAIN, entry, action)?;
    let sql = format!(
        "INSERT INTO queue ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
         ON CONFLICT (position) DO UPDATE SET rank = ?3, playbook = ?4, concurrency = ?5,
             state = ?6, again = ?7, fence = ?8, boot_id = ?9, lease_ms = ?10, row_hash = ?11"
    );
    let values = params![
        rows::int(entry.position),
        entry.run_id.to_string(),
        rank(entry.priority),
        entry.playbook,
        entry.concurrency,
        entry.state.as_str(),
        entry.again,
        entry.fence.map(|fence| rows::int(fence.0)),
        entry.boot_id,
        entry.lease_until.map(Timestamp::ms),
        hash.as_bytes(),
    ];
    db.prepare_cached(&sql).doing(action)?.execute(values).doing(action)?;
    Ok(())
}

/// The place of a run, if it has one.
pub(super) fn load(db: &Connection, run_id: &str) -> Result<Option<QueueEntry>, StoreError> {
    let action = "could not look into the queue";
    let sql = format!("SELECT {COLUMNS} FROM queue WHERE run_id = ?1");
    db.prepare_cached(&sql).doing(action)?.query_row([run_id], row).optional().doing(action)
}

/// Takes a run out of the queue.
pub(super) fn remove(db: &Connection, run_id: &RunId) -> Result<(), StoreError> {
    let action = "could not take a run out of the queue";
    let sql = "DELETE FROM queue WHERE run_id = ?1";
    db.prepare_cached(sql).doing(action)?.execute([run_id.to_string()]).doing(action)?;
    Ok(())
}

/// Takes a run out of the queue, unless somebody has claimed it.
pub(super) fn remove_unclaimed(db: &Connection, run_id: &RunId) -> Result<(), StoreError> {
    let action = "could not take a run out of the queue";
    let sql = "DELETE FROM queue WHERE run_id = ?1 AND state <> 'claimed'";
    db.prepare_cached(sql).doing(action)?.execute([run_id.to_string()]).doing(action)?;
    Ok(())
}

/// Gives a run a place behind all others, or new work where it has one. `there` is the place it has.
pub(super) fn enqueue(
    db: &Connection,
    run_id: RunId,
    wanted: &Enqueue,
    there: Option<QueueEntry>,
) -> Result<(), StoreError> {
    let mut entry = match there {
        Some(entry) => entry,
        None => QueueEntry {
            position: behind_all(db)?,
            run_id,
            priority: wanted.priority,
            playbook: String::new(),
            concurrency: None,
            state: QueueState::Waiting,
            again: false,
            fence: None,
            boot_id: None,
            lease_until: None,
        },
    };
    entry.priority = wanted.priority;
    entry.playbook.clone_from(&wanted.playbook);
    entry.concurrency = wanted.concurrency;
    match entry.state {
        // Whoever is at work may be about to leave: then it does not leave the run without work.
        QueueState::Claimed => entry.again = true,
        QueueState::Waiting | QueueState::Parked => entry.state = QueueState::Waiting,
    }
    save(db, &entry)
}

fn behind_all(db: &Connection) -> Result<u64, StoreError> {
    let sql = "SELECT COALESCE(MAX(position), 0) + 1 FROM queue";
    let action = "could not look into the queue";
    db.prepare_cached(sql).doing(action)?.query_row([], |row| rows::count(row, 0)).doing(action)
}

/// The newest fence that was given.
pub(super) fn newest_fence(db: &Connection) -> Result<u64, StoreError> {
    let action = "could not read the newest fence";
    let sql = "SELECT name, value, row_hash FROM counters WHERE name = ?1";
    let found = db.prepare_cached(sql).doing(action)?.query_row([FENCE], counter).optional();
    let missing = || StoreError::corrupt("the queue", "it does not know its newest fence");
    found.doing(action)?.ok_or_else(missing)
}

/// Reads name, value and hash of a counter.
pub(super) fn counter(row: &Row<'_>) -> rusqlite::Result<u64> {
    let (name, value): (String, u64) = (row.get(0)?, rows::count(row, 1)?);
    let what = format!("the counter `{name}`");
    checked(COUNTER_DOMAIN, (name, value), &rows::hash(row, 2)?, 2, &what).map(|(_, value)| value)
}

/// Sets [`newest_fence`].
pub(super) fn set_newest_fence(db: &Connection, fence: u64) -> Result<(), StoreError> {
    let action = "could not write the newest fence";
    let hash = new_hash(COUNTER_DOMAIN, &(FENCE, fence), action)?;
    let sql = "INSERT INTO counters (name, value, row_hash) VALUES (?1, ?2, ?3)
               ON CONFLICT (name) DO UPDATE SET value = ?2, row_hash = ?3";
    let values = params![FENCE, rows::int(fence), hash.as_bytes()];
    db.prepare_cached(sql).doing(action)?.execute(values).doing(action)?;
    Ok(())
}

impl Reader {
    /// Up to `limit` runs of the queue, next first, parked ones last.
    ///
    /// # Errors
    /// [`StoreError::OlderSchema`], or that a row does not fit its hash.
    pub fn queue(&self, limit: u32) -> Result<Vec<QueueEntry>, StoreError> {
        let action = "could not list the queue";
        let sql = format!(
            "SELECT {COLUMNS} FROM queue ORDER BY state = 'parked', rank, position LIMIT ?1"
        );
        self.pool.with(|db| {
            schema::refuse_older(db)?;
            let mut query = db.prepare_cached(&sql).doing(action)?;
            let found = query.query_map([limit.min(ROWS_MAX)], row).doing(action)?;
            found.collect::<Result<_, _>>().doing(action)
        })
    }

    /// The place of one run, if it has one.
    ///
    /// # Errors
    /// As [`Reader::queue`].
    pub fn queued(&self, run_id: &RunId) -> Result<Option<QueueEntry>, StoreError> {
        self.pool.with(|db| {
            schema::refuse_older(db)?;
            load(db, &run_id.to_string())
        })
    }

    /// How many runs are in the queue.
    ///
    /// # Errors
    /// [`StoreError::OlderSchema`], or that the database cannot be read.
    pub fn queue_depth(&self) -> Result<QueueDepth, StoreError> {
        let action = "could not count the queue";
        let sql = "SELECT COUNT(*) FILTER (WHERE state = 'waiting'),
                          COUNT(*) FILTER (WHERE state = 'claimed') FROM queue
                   WHERE state <> 'parked'";
        self.pool.with(|db| {
            schema::refuse_older(db)?;
            let mut query = db.prepare_cached(sql).doing(action)?;
            let depth = query.query_row([], |row| {
                Ok(QueueDepth { waiting: rows::count(row, 0)?, claimed: rows::count(row, 1)? })
            });
            depth.doing(action)
        })
    }
}
