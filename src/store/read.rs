//! Reading: needs no lock, changes nothing, works beside a host and without one. Whatever is
//! returned was checked against its hash first.

use std::path::Path;
use std::sync::Arc;

use rusqlite::{Connection, params};

use crate::contracts::{
    Event, EventKind, Hash, Priority, RecordRow, RunId, RunStatus, TaskId, TextRef, Timestamp,
};

use super::audit;
use super::blobs::{self, BlobFiles};
use super::error::{Context, StoreError};
use super::layout::{Layout, refuse_symlink};
use super::lost;
use super::pool::Pool;
use super::records;
use super::rows::{self, EVENT_COLUMNS, RUN_COLUMNS};
use super::schema;
use super::summary::RunRow;

/// Most rows of one answer, whatever was asked for.
pub const ROWS_MAX: u32 = 10_000;

/// What lists show about a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunInfo {
    /// Which run.
    pub run_id: RunId,
    /// The task it does.
    pub task_id: Option<TaskId>,
    /// The task's goal.
    pub goal: String,
    /// The playbook's name.
    pub playbook: Option<String>,
    /// The run that called it.
    pub parent_run_id: Option<RunId>,
    /// Whether nothing is executed.
    pub dry_run: bool,
    /// Where it stands.
    pub status: RunStatus,
    /// Who paused it, while it is paused.
    pub paused_by: Option<String>,
    /// Who is served first.
    pub priority: Priority,
    /// Whether a host has to take it up again: it has no report yet.
    pub unfinished: bool,
    /// Time of its first event.
    pub created_at: Timestamp,
    /// Time of its newest event.
    pub updated_at: Timestamp,
    /// How many events it has.
    pub last_seq: u64,
    /// The hash of the newest.
    pub last_hash: Hash,
    /// Its place among all runs, newest highest: the cursor of lists.
    pub cursor: u64,
}

/// A line of the audit log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditLine {
    /// Its place in the log, from 1.
    pub audit_seq: u64,
    /// The entry with its hash as JSON, byte for byte the line of the file.
    pub json: String,
}

/// Reads a state directory. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Reader {
    pub(super) layout: Layout,
    pub(super) pool: Arc<Pool>,
    pub(super) files: BlobFiles,
}

impl Reader {
    /// Opens a state directory for reading.
    ///
    /// # Errors
    /// [`StoreError::NoState`] when nothing was ever stored there, [`StoreError::Corrupt`] when
    /// something was and the database is gone, [`StoreError::NewerSchema`], or that the database
    /// cannot be read.
    pub fn open(state_dir: &Path) -> Result<Self, StoreError> {
        let layout = Layout::new(state_dir);
        let nothing = || StoreError::NoState(state_dir.display().to_string());
        refuse_symlink(state_dir)?;
        refuse_symlink(&layout.database())?;
        if !lost::database_is_there(&layout)? {
            return Err(nothing());
        }
        let reader = Self::over(layout);
        // A host that was cut off while it made the database left an empty one.
        if reader.pool.with(super::schema::version)? == 0 {
            lost::refuse_lost(&reader.layout, "it has no tables")?;
            return Err(nothing());
        }
        Ok(reader)
    }

    pub(super) fn over(layout: Layout) -> Self {
        let pool = Pool::new(layout.database());
        let files = BlobFiles::new(layout.blobs());
        Self { layout, pool, files }
    }

    /// Up to `limit` events of a run behind `after_seq`, in order, without holes.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for an unknown run, [`StoreError::Corrupt`] when an event does not
    /// fit its hash or its chain.
    pub fn events(
        &self,
        run_id: &str,
        after_seq: u64,
        limit: u32,
    ) -> Result<Vec<Event>, StoreError> {
        self.pool.with(|db| {
            let limit = limit.min(ROWS_MAX);
            let (row, events) = snapshot(db, || {
                let row = rows::load_run(db, run_id)?;
                let row = row.ok_or_else(|| unknown_run(run_id))?;
                Ok((row, events_after(db, run_id, after_seq, limit)?))
            })?;
            check_slice(&row, after_seq, limit, &events)?;
            Ok(events)
        })
    }

    /// Up to `limit` events of all runs behind `after_global`, in the order of their commit.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when an event does not fit its hash.
    pub fn events_all(&self, after_global: u64, limit: u32) -> Result<Vec<Event>, StoreError> {
        let action = "could not read the events";
        let sql = format!(
            "SELECT {EVENT_COLUMNS} FROM events WHERE global_seq > ?1 ORDER BY global_seq LIMIT ?2"
        );
        self.pool.with(|db| {
            let mut query = db.prepare_cached(&sql).doing(action)?;
            let values = params![rows::int(after_global), limit.min(ROWS_MAX)];
            let found = query.query_map(values, rows::event).doing(action)?;
            let events: Vec<Event> = found.collect::<Result<_, _>>().doing(action)?;
            events.iter().try_for_each(check_event)?;
            Ok(events)
        })
    }

    /// Up to `limit` events of one kind of a run, the newest first.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when an event does not fit its hash, or when the database cannot be read.
    pub fn newest_of_kind(
        &self,
        run_id: &str,
        kind: EventKind,
        limit: u32,
    ) -> Result<Vec<Event>, StoreError> {
        let action = "could not read the events of a kind";
        let sql = format!(
            "SELECT {EVENT_COLUMNS} FROM events WHERE run_id = ?1 AND kind = ?2
             ORDER BY seq DESC LIMIT ?3"
        );
        self.pool.with(|db| {
            let mut query = db.prepare_cached(&sql).doing(action)?;
            let values = params![run_id, kind.as_str(), limit.min(ROWS_MAX)];
            let found = query.query_map(values, rows::event).doing(action)?;
            let events: Vec<Event> = found.collect::<Result<_, _>>().doing(action)?;
            events.iter().try_for_each(check_event)?;
            Ok(events)
        })
    }

    /// Up to `limit` runs, newest first; `before` is the cursor of the last one already seen.
    ///
    /// # Errors
    /// When the database cannot be read, or a row does not fit its hash.
    pub fn runs(&self, before: Option<u64>, limit: u32) -> Result<Vec<RunInfo>, StoreError> {
        let sql = format!(
            "SELECT {RUN_COLUMNS} FROM runs WHERE first_global < ?1 AND run_id <> ?2
             ORDER BY first_global DESC LIMIT ?3"
        );
        let before = before.map_or(i64::MAX, rows::int);
        let values = params![before, RunId::SYSTEM_TEXT, limit.min(ROWS_MAX)];
        self.pool.with(|db| list_runs(db, &sql, values))
    }

    /// [`Reader::runs`], of one status or one playbook alone.
    ///
    /// # Errors
    /// [`StoreError::OlderSchema`], or as [`Reader::runs`].
    pub fn runs_filtered(
        &self,
        status: Option<RunStatus>,
        playbook: Option<&str>,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<RunInfo>, StoreError> {
        let filter = |given: bool, field: &str, value: &str| match given {
            true => format!("{} = {value}", summary_field(field)),
            false => format!("{value} IS NULL"),
        };
        let by_status = filter(status.is_some(), "status", "?4");
        let by_playbook = filter(playbook.is_some(), "playbook", "?5");
        let sql = format!(
            "SELECT {RUN_COLUMNS} FROM runs WHERE {by_status} AND {by_playbook}
             AND first_global < ?1 AND run_id <> ?2 ORDER BY first_global DESC LIMIT ?3"
        );
        let before = before.map_or(i64::MAX, rows::int);
        let status = status.map(RunStatus::as_str);
        let values = params![before, RunId::SYSTEM_TEXT, limit.min(ROWS_MAX), status, playbook];
        self.pool.with(|db| {
            schema::refuse_older(db)?;
            list_runs(db, &sql, values)
        })
    }

    /// The newest run of a task, if it has one.
    ///
    /// # Errors
    /// [`StoreError::OlderSchema`], or as [`Reader::run`].
    pub fn run_of_task(&self, task_id: &TaskId) -> Result<Option<RunInfo>, StoreError> {
        let sql = format!(
            "SELECT {RUN_COLUMNS} FROM runs WHERE {} = ?1 ORDER BY first_global DESC LIMIT 1",
            summary_field("task_id")
        );
        let found = self.pool.with(|db| {
            schema::refuse_older(db)?;
            list_runs(db, &sql, params![task_id.to_string()])
        })?;
        Ok(found.into_iter().next())
    }

    /// Every run that a host has to take up again, oldest first.
    ///
    /// # Errors
    /// When the database cannot be read, or a row does not fit its hash.
    pub fn unfinished(&self) -> Result<Vec<RunInfo>, StoreError> {
        let sql =
            format!("SELECT {RUN_COLUMNS} FROM runs WHERE unfinished = 1 ORDER BY first_global");
        self.pool.with(|db| list_runs(db, &sql, &[]))
    }

    /// One run.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or that the row does not fit its hash.
    pub fn run(&self, run_id: &RunId) -> Result<RunInfo, StoreError> {
        let run_id = run_id.to_string();
        let row = self.pool.with(|db| rows::load_run(db, &run_id))?;
        run_info(row.ok_or_else(|| unknown_run(&run_id))?)
    }

    /// The one run whose id begins with `prefix`; `run_` may be left out.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or [`StoreError::Ambiguous`] when several do.
    pub fn run_id_prefix(&self, prefix: &str) -> Result<RunId, StoreError> {
        let bare = prefix.strip_prefix(RunId::PREFIX).unwrap_or(prefix);
        if bare.is_empty() || !bare.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(unknown_run(prefix));
        }
        let from = format!("{}{bare}", RunId::PREFIX);
        // `g` follows every hexadecimal digit.
        let (to, action) = (format!("{from}g"), "could not look for a run");
        let sql = "SELECT run_id FROM runs WHERE run_id >= ?1 AND run_id < ?2 LIMIT 2";
        let found: Vec<String> = self.pool.with(|db| {
            let mut query = db.prepare_cached(sql).doing(action)?;
            let rows = query.query_map([&from, &to], |row| row.get(0)).doing(action)?;
            rows.collect::<Result<_, _>>().doing(action)
        })?;
        match found.as_slice() {
            [] => Err(unknown_run(prefix)),
            [one] => one.parse().map_err(|error| StoreError::corrupt("the list of runs", error)),
            more => Err(StoreError::Ambiguous { prefix: prefix.to_owned(), count: more.len() }),
        }
    }

    /// The content of a text.
    ///
    /// # Errors
    /// [`StoreError::Forgotten`], [`StoreError::NotFound`], or [`StoreError::Corrupt`] when it does
    /// not fit its hash.
    pub fn blob(&self, text: &TextRef) -> Result<Vec<u8>, StoreError> {
        self.pool.with(|db| blobs::load(db, &self.files, text))
    }

    /// Whether a text was forgotten on purpose.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn is_forgotten(&self, text: &TextRef) -> Result<bool, StoreError> {
        self.pool.with(|db| blobs::is_forgotten(db, text))
    }

    /// Whether calls of a run produced files.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn has_artifacts(&self, run: &RunId) -> Result<bool, StoreError> {
        let action = "could not look for artifacts";
        let sql = "SELECT EXISTS (SELECT 1 FROM events WHERE run_id = ?1 AND kind = ?2)";
        let values = [run.to_string(), EventKind::ArtifactStored.as_str().to_owned()];
        self.pool.with(|db| {
            db.prepare_cached(sql).doing(action)?.query_row(values, |row| row.get(0)).doing(action)
        })
    }

    /// Up to `limit` rows of the log of memory records behind `after`, oldest first.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when a row does not fit the chain.
    pub fn records(&self, after: u64, limit: u32) -> Result<Vec<RecordRow>, StoreError> {
        let rows = self.pool.with(|db| records::rows_after(db, after, limit.min(ROWS_MAX)))?;
        Ok(rows.into_iter().map(|row| row.record).collect())
    }

    /// Whether something that was forgotten may still be in a file, because somebody reads in it.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn has_pending(&self) -> Result<bool, StoreError> {
        let action = "could not look for what is still to be erased";
        let sql = "SELECT 1 FROM forgotten WHERE file_pending = 1 LIMIT 1";
        self.pool.with(|db| db.prepare_cached(sql).doing(action)?.exists([]).doing(action))
    }

    /// The newest `count` audit entries, newest first.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when an entry does not fit the chain.
    pub fn audit_tail(&self, count: u32) -> Result<Vec<AuditLine>, StoreError> {
        let rows = self.pool.with(|db| {
            snapshot(db, || {
                let newest = super::tip::Tip::read(db)?.audit.seq;
                let count = count.min(ROWS_MAX);
                audit::rows_after(db, newest.saturating_sub(u64::from(count)), count)
            })
        })?;
        let line = |row: &audit::AuditRow| AuditLine {
            audit_seq: row.seq,
            json: row.line().trim_end().to_owned(),
        };
        Ok(rows.iter().rev().map(line).collect())
    }
}

/// A field of a run's summary, written as the indexes write it; nothing where the summary is damaged.
pub(super) fn summary_field(field: &str) -> String {
    format!("CASE WHEN json_valid(summary) THEN json_extract(summary, '$.{field}') END")
}

/// Runs `read` on one state of the database.
pub(super) fn snapshot<T>(
    db: &Connection,
    read: impl FnOnce() -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let action = "could not begin to read";
    let frozen = db.unchecked_transaction().doing(action)?;
    let done = read();
    frozen.rollback().doing(action)?;
    done
}

fn events_after(
    db: &Connection,
    run_id: &str,
    after_seq: u64,
    limit: u32,
) -> Result<Vec<Event>, StoreError> {
    let action = "could not read the events";
    let sql = format!(
        "SELECT {EVENT_COLUMNS} FROM events WHERE run_id = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3"
    );
    let mut query = db.prepare_cached(&sql).doing(action)?;
    let values = params![run_id, rows::int(after_seq), limit];
    let found = query.query_map(values, rows::event).doing(action)?;
    found.collect::<Result<_, _>>().doing(action)
}

/// Checks that a slice of a run is whole: hashes, links, and neither hole nor early end.
fn check_slice(
    row: &RunRow,
    after_seq: u64,
    limit: u32,
    events: &[Event],
) -> Result<(), StoreError> {
    let mut seq = after_seq;
    let mut hash = if after_seq == 0 { Some(Hash::ZERO) } else { None };
    for event in events {
        check_event(event)?;
        seq += 1;
        if event.seq != seq || hash.is_some_and(|hash| hash != event.prev_hash) {
            return Err(damaged(&row.run_id, seq, "is missing or does not follow the one before"));
        }
        hash = Some(event.hash);
    }
    let whole = seq >= row.last_seq || events.len() as u64 == u64::from(limit);
    let ends_well = seq != row.last_seq || hash.is_none_or(|hash| hash == row.last_hash);
    if whole && ends_well {
        return Ok(());
    }
    Err(damaged(&row.run_id, seq + 1, "is missing or is not the newest that was written"))
}

pub(super) fn check_event(event: &Event) -> Result<(), StoreError> {
    if event.hash_holds() {
        return Ok(());
    }
    Err(damaged(&event.run_id, event.seq, "does not fit its hash"))
}

fn damaged(run_id: &str, seq: u64, how: &str) -> StoreError {
    StoreError::corrupt(format!("event {seq} of `{run_id}`"), format_args!("it {how}"))
}

fn unknown_run(run_id: &str) -> StoreError {
    StoreError::NotFound(format!("run `{run_id}`"))
}

fn list_runs(
    db: &Connection,
    sql: &str,
    values: &[&dyn rusqlite::ToSql],
) -> Result<Vec<RunInfo>, StoreError> {
    let action = "could not list the runs";
    let mut query = db.prepare_cached(sql).doing(action)?;
    let found = query.query_map(values, rows::run).doing(action)?;
    found.map(|row| run_info(row.doing(action)?)).collect()
}

fn run_info(row: RunRow) -> Result<RunInfo, StoreError> {
    let run_id = row.run_id.parse();
    let run_id = run_id.map_err(|error| StoreError::corrupt("the list of runs", error))?;
    let (unfinished, summary) = (row.unfinished(), row.summary);
    Ok(RunInfo {
        run_id,
        task_id: summary.task_id,
        goal: summary.goal,
        playbook: summary.playbook,
        parent_run_id: summary.parent_run_id,
        dry_run: summary.dry_run,
        status: summary.status,
        paused_by: summary.paused_by,
        priority: summary.priority,
        unfinished,
        created_at: summary.created_at,
        updated_at: summary.updated_at,
        last_seq: row.last_seq,
        last_hash: row.last_hash,
        cursor: row.first_global,
    })
}
