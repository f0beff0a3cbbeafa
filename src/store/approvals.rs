//! The inbox: every question that was asked and what became of it. A projection of the events,
//! kept in their transaction; `verify` folds again and compares.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};

use crate::contracts::{
    ApprovalId, ApprovalResolution, ApprovalSubject, Event, EventBody, Hash, Quorum, RunId,
    Timestamp,
};

use super::digest::digest;
use super::error::{Context, StoreError};
use super::read::{ROWS_MAX, Reader};
use super::{rows, schema};

/// The columns that [`row`] reads, in its order.
pub(super) const COLUMNS: &str = "asked_global, approval_id, run_id, status, entry, row_hash";

/// What became of a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApprovalStatus {
    /// It waits for an answer.
    Open,
    /// The answer was yes.
    Approved,
    /// The answer was no.
    Denied,
    /// The same step asked again, or what it asks was decided anew.
    Superseded,
    /// Nobody needs an answer any more: the step or the run is over.
    Void,
}

impl ApprovalStatus {
    /// Every status.
    pub const ALL: [Self; 5] =
        [Self::Open, Self::Approved, Self::Denied, Self::Superseded, Self::Void];

    /// The word used in JSON and in queries.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Approved => "approved",
            Self::Denied => "denied",
            Self::Superseded => "superseded",
            Self::Void => "void",
        }
    }

    /// The status named by `text`, if there is one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }
}

/// A question and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovalInfo {
    /// Which question.
    pub approval_id: ApprovalId,
    /// The run that asks; `None` for an approval given beforehand.
    pub run_id: Option<RunId>,
    /// What is asked.
    pub subject: ApprovalSubject,
    /// What became of it.
    pub status: ApprovalStatus,
    /// Who answered last.
    pub by: Option<String>,
    /// What they said.
    pub reason: Option<String>,
    /// Who said yes.
    pub quorum: Quorum,
    /// When it was asked.
    pub requested_at: Timestamp,
    /// When it was answered, or was over without an answer.
    pub resolved_at: Option<Timestamp>,
    /// Its place among all questions, newest highest: the cursor of lists.
    pub cursor: u64,
}

/// The `entry` of a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    subject: ApprovalSubject,
    /// How many more people must say yes.
    missing: u32,
    /// Who said yes, where several have to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    yes: Vec<String>,
    by: Option<String>,
    reason: Option<String>,
    requested_at: Timestamp,
    resolved_at: Option<Timestamp>,
}

impl Entry {
    fn quorum(&self) -> Quorum {
        Quorum::of(self.subject.approvers).with(self.yes.iter().map(String::as_str))
    }
}

/// A row of `approvals`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ApprovalRow {
    asked_global: u64,
    run_id: String,
    status: ApprovalStatus,
    entry: Entry,
}

impl ApprovalRow {
    fn asked(event: &Event, subject: &ApprovalSubject) -> Self {
        let entry = Entry {
            subject: subject.clone(),
            missing: subject.approvers.max(1),
            yes: Vec::new(),
            by: None,
            reason: None,
            requested_at: event.at,
            resolved_at: None,
        };
        let (run_id, status) = (event.run_id.clone(), ApprovalStatus::Open);
        Self { asked_global: event.global_seq, run_id, status, entry }
    }

    /// Whether the row is what the events make of it. A question that was decided anew was once written
    /// as `void`; such rows stay as they are.
    fn says(&self, fold: &Self) -> bool {
        let once = self.status == ApprovalStatus::Void && fold.status == ApprovalStatus::Superseded;
        self == fold || once && Self { status: fold.status, ..self.clone() } == *fold
    }

    fn close(&mut self, status: ApprovalStatus, at: Timestamp) {
        self.status = status;
        self.entry.resolved_at = Some(at);
    }

    fn answer(&mut self, answer: &ApprovalResolution, at: Timestamp) {
        self.entry.by = Some(answer.by.clone());
        self.entry.reason.clone_from(&answer.reason);
        let mut quorum = self.entry.quorum();
        if answer.approved {
            quorum.add(&answer.by);
        }
        self.entry.missing = quorum.missing();
        if quorum.needed() > 1 {
            self.entry.yes = quorum.yes().to_vec();
        }
        if !answer.approved {
            self.close(ApprovalStatus::Denied, at);
        } else if quorum.is_met() {
            self.close(ApprovalStatus::Approved, at);
        }
    }
}

/// The questions of one run: the fold of its events.
#[derive(Debug, Default)]
pub(super) struct Questions {
    rows: BTreeMap<u64, ApprovalRow>,
    changed: BTreeSet<u64>,
}

/// Whether an event can change any question.
pub(super) fn matters(body: &EventBody) -> bool {
    matches!(
        body,
        EventBody::ApprovalRequested(_)
            | EventBody::ApprovalResolved(_)
            | EventBody::CallDecided(_)
            | EventBody::StepFinished(_)
            | EventBody::RunFinished(_)
    )
}

impl Questions {
    /// The open questions of a run.
    pub(super) fn open(db: &Connection, run_id: &str) -> Result<Self, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM approvals WHERE run_id = ?1 AND status = 'open'");
        Self::select(db, &sql, run_id)
    }

    /// Every question of a run.
    pub(super) fn all(db: &Connection, run_id: &str) -> Result<Self, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM approvals WHERE run_id = ?1");
        Self::select(db, &sql, run_id)
    }

    fn select(db: &Connection, sql: &str, run_id: &str) -> Result<Self, StoreError> {
        let action = "could not read the questions of a run";
        let mut query = db.prepare_cached(sql).doing(action)?;
        let found = query.query_map([run_id], row).doing(action)?;
        let rows = found.map(|row| row.map(|row| (row.asked_global, row)));
        Ok(Self { rows: rows.collect::<Result<_, _>>().doing(action)?, ..Self::default() })
    }

    /// Whether these rows are those that `folded` made of the events.
    pub(super) fn same(&self, folded: &Self) -> bool {
        let mut pairs = self.rows.values().zip(folded.rows.values());
        self.rows.len() == folded.rows.len() && pairs.all(|(row, fold)| row.says(fold))
    }

    /// Takes one more event into account.
    pub(super) fn apply(&mut self, event: &Event, body: &EventBody) {
        let at = event.at;
        match body {
            EventBody::ApprovalRequested(subject) => {
                self.close(at, ApprovalStatus::Superseded, Some(&subject.path));
                self.changed.insert(event.global_seq);
                self.rows.insert(event.global_seq, ApprovalRow::asked(event, subject));
            }
            EventBody::ApprovalResolved(answer) => self.answered(answer, at),
            EventBody::CallDecided(decided) => {
                self.close(at, ApprovalStatus::Superseded, Some(&decided.path));
            }
            EventBody::StepFinished(finished) => {
                self.close(at, ApprovalStatus::Void, Some(&finished.path));
            }
            EventBody::RunFinished(_) => self.close(at, ApprovalStatus::Void, None),
            _ => {}
        }
    }

    fn answered(&mut self, answer: &ApprovalResolution, at: Timestamp) {
        for row in self.rows.values_mut() {
            let asked = row.entry.subject.approval_id == answer.approval_id;
            if asked && row.status == ApprovalStatus::Open {
                row.answer(answer, at);
                self.changed.insert(row.asked_global);
            }
        }
    }

    /// Closes what is open at `path`, or everywhere.
    fn close(&mut self, at: Timestamp, status: ApprovalStatus, path: Option<&str>) {
        for row in self.rows.values_mut() {
            let meant = path.is_none_or(|path| row.entry.subject.path == path);
            if meant && row.status == ApprovalStatus::Open {
                row.close(status, at);
                self.changed.insert(row.asked_global);
            }
        }
    }

    /// Writes what changed.
    pub(super) fn save(&self, db: &Connection) -> Result<(), StoreError> {
        let changed = self.changed.iter().filter_map(|asked| self.rows.get(asked));
        changed.into_iter().try_for_each(|row| write(db, row))
    }
}

fn hash(row: &ApprovalRow, approval_id: &str, entry: &str) -> Hash {
    let fields: [&[u8]; 5] = [
        &row.asked_global.to_le_bytes(),
        approval_id.as_bytes(),
        row.run_id.as_bytes(),
        row.status.as_str().as_bytes(),
        entry.as_bytes(),
    ];
    digest(b"bailiwick.approval.v1", &fields)
}

fn write(db: &Connection, row: &ApprovalRow) -> Result<(), StoreError> {
    let action = "could not write a question";
    let entry = serde_json::to_string(&row.entry)
        .map_err(|error| StoreError::Database { action, reason: error.to_string() })?;
    let approval_id = row.entry.subject.approval_id.to_string();
    let row_hash = hash(row, &approval_id, &entry);
    let sql = format!(
        "INSERT INTO approvals ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (asked_global) DO UPDATE SET status = ?4, entry = ?5, row_hash = ?6"
    );
    let values = params![
        rows::int(row.asked_global),
        approval_id,
        row.run_id,
        row.status.as_str(),
        entry,
        row_hash.as_bytes(),
    ];
    db.prepare_cached(&sql).doing(action)?.execute(values).doing(action)?;
    Ok(())
}

/// Reads [`COLUMNS`] and checks that the row is what was written.
pub(super) fn row(row: &Row<'_>) -> rusqlite::Result<ApprovalRow> {
    let (approval_id, status, json): (String, String, String) =
        (row.get(1)?, row.get(3)?, row.get(4)?);
    let entry: Entry = serde_json::from_str(&json).map_err(|error| rows::unreadable(4, error))?;
    let unknown = || rows::unreadable(3, format!("unknown status `{status}` of a question"));
    let read = ApprovalRow {
        asked_global: rows::count(row, 0)?,
        run_id: row.get(2)?,
        status: ApprovalStatus::parse(&status).ok_or_else(unknown)?,
        entry,
    };
    let named = read.entry.subject.approval_id.to_string() == approval_id;
    if named && hash(&read, &approval_id, &json) == rows::hash(row, 5)? {
        return Ok(read);
    }
    Err(rows::unreadable(5, format!("the row of `{approval_id}` does not fit its hash")))
}

fn info(row: ApprovalRow) -> Result<ApprovalInfo, StoreError> {
    let run_id = match row.run_id.as_str() {
        RunId::SYSTEM_TEXT => None,
        run_id => Some(run_id.parse()),
    };
    let run_id = run_id.transpose();
    let entry = row.entry;
    let mut quorum = entry.quorum();
    if let (ApprovalStatus::Approved, Some(by)) = (row.status, &entry.by) {
        quorum.add(by);
    }
    Ok(ApprovalInfo {
        approval_id: entry.subject.approval_id,
        run_id: run_id.map_err(|error| StoreError::corrupt("the list of questions", error))?,
        subject: entry.subject,
        status: row.status,
        by: entry.by,
        reason: entry.reason,
        quorum,
        requested_at: entry.requested_at,
        resolved_at: entry.resolved_at,
        cursor: row.asked_global,
    })
}

/// Refuses to use an approval that was given beforehand unless it waits to be used at `at`.
pub(super) fn refuse_used(
    db: &Connection,
    approval: ApprovalId,
    at: Timestamp,
) -> Result<(), StoreError> {
    let action = "could not read an approval";
    let sql = format!(
        "SELECT {COLUMNS} FROM approvals
         WHERE approval_id = ?1 AND run_id = ?2 AND status = 'open'"
    );
    let values = params![approval.to_string(), RunId::SYSTEM_TEXT];
    let found = db.prepare_cached(&sql).doing(action)?.query_row(values, row).optional();
    match found.doing(action)? {
        Some(found) if at <= found.entry.subject.expires_at => Ok(()),
        _ => Err(StoreError::Used(approval)),
    }
}

impl Reader {
    /// How many questions nobody has answered.
    ///
    /// # Errors
    /// [`StoreError::OlderSchema`], or that the database cannot be read.
    pub fn open_approvals(&self) -> Result<u64, StoreError> {
        let action = "could not count the questions";
        let sql = "SELECT COUNT(*) FROM approvals WHERE status = ?1 AND run_id <> ?2";
        self.pool.with(|db| {
            schema::refuse_older(db)?;
            let mut query = db.prepare_cached(sql).doing(action)?;
            let values = params![ApprovalStatus::Open.as_str(), RunId::SYSTEM_TEXT];
            query.query_row(values, |row| rows::count(row, 0)).doing(action)
        })
    }

    /// Approvals that were given beforehand and are neither used nor revoked, oldest first; those whose
    /// time is over as well.
    ///
    /// # Errors
    /// As [`Reader::approvals`].
    pub fn given_beforehand(&self) -> Result<Vec<ApprovalInfo>, StoreError> {
        let action = "could not list the approvals given beforehand";
        let sql = format!(
            "SELECT {COLUMNS} FROM approvals WHERE run_id = ?1 AND status = 'open'
             ORDER BY asked_global LIMIT ?2"
        );
        self.pool.with(|db| {
            schema::refuse_older(db)?;
            let mut query = db.prepare_cached(&sql).doing(action)?;
            let found =
                query.query_map(params![RunId::SYSTEM_TEXT, ROWS_MAX], row).doing(action)?;
            found.map(|row| info(row.doing(action)?)).collect()
        })
    }

    /// Up to `limit` questions, newest first; `before` is the cursor of the last one already seen.
    ///
    /// # Errors
    /// [`StoreError::OlderSchema`], that the database cannot be read, or that a row does not fit
    /// its hash.
    pub fn approvals(
        &self,
        status: Option<ApprovalStatus>,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<ApprovalInfo>, StoreError> {
        let action = "could not list the questions";
        let filter = if status.is_some() { "status = ?3" } else { "?3 IS NULL" };
        let sql = format!(
            "SELECT {COLUMNS} FROM approvals WHERE {filter} AND asked_global < ?1
             ORDER BY asked_global DESC LIMIT ?2"
        );
        let before = before.map_or(i64::MAX, rows::int);
        let status = status.map(ApprovalStatus::as_str);
        self.pool.with(|db| {
            schema::refuse_older(db)?;
            let mut query = db.prepare_cached(&sql).doing(action)?;
            let values = params![before, limit.min(ROWS_MAX), status];
            let found = query.query_map(values, row).doing(action)?;
            found.map(|row| info(row.doing(action)?)).collect()
        })
    }

    /// One question.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::OlderSchema`], or that its row does not fit its hash.
    pub fn approval(&self, approval_id: &ApprovalId) -> Result<ApprovalInfo, StoreError> {
        let action = "could not read a question";
        let sql = format!(
            "SELECT {COLUMNS} FROM approvals WHERE approval_id = ?1
             ORDER BY asked_global DESC LIMIT 1"
        );
        let id = approval_id.to_string();
        let found = self.pool.with(|db| {
            schema::refuse_older(db)?;
            db.prepare_cached(&sql).doing(action)?.query_row([&id], row).optional().doing(action)
        })?;
        info(found.ok_or_else(|| StoreError::NotFound(format!("question `{id}`")))?)
    }
}
