//! The checks of what is no journal: the queue, schedules and what became of their times, and keys.
//! Every row is held against its own hash.

use rusqlite::Connection;

use super::error::StoreError;
use super::finding::{Finding, FindingKind};
use super::hashed::check_rows;
use super::{approvals, file_labels, fires, jobs, keys, proposals, schedules, schema};

/// What is looked at whenever a host begins: what it is about to work by.
pub(super) fn check_due(db: &Connection) -> Result<Vec<Finding>, StoreError> {
    let all = |columns: &str, table: &str| format!("SELECT {columns} FROM {table}");
    let mut found = check_rows(db, FindingKind::Queue, &all(jobs::COLUMNS, "queue"), jobs::row)?;
    let schedules = all(schedules::COLUMNS, "schedules");
    found.extend(check_rows(db, FindingKind::Schedule, &schedules, schedules::row)?);
    Ok(found)
}

/// Reads every row; a database that nobody brought to this version has none.
pub(super) fn check_work(db: &Connection) -> Result<Vec<Finding>, StoreError> {
    if let Err(StoreError::OlderSchema { .. }) = schema::refuse_older(db) {
        return Ok(Vec::new());
    }
    let all = |columns: &str, table: &str| format!("SELECT {columns} FROM {table}");
    let mut found = check_due(db)?;
    let counters = all("name, value, row_hash", "counters");
    found.extend(check_rows(db, FindingKind::Queue, &counters, jobs::counter)?);
    found.extend(check_fences(db)?);
    let asked = all(approvals::COLUMNS, "approvals");
    found.extend(check_rows(db, FindingKind::Approval, &asked, approvals::row)?);
    let kind = FindingKind::Schedule;
    found.extend(check_rows(db, kind, &all(fires::COLUMNS, "fires"), fires::row)?);
    found.extend(check_rows(db, FindingKind::Key, &all(keys::COLUMNS, "keys"), keys::row)?);
    if schema::version(db)? >= schema::PROPOSALS_SINCE {
        let made = all(proposals::COLUMNS, "proposals");
        found.extend(check_rows(db, FindingKind::Proposal, &made, proposals::row)?);
    }
    if schema::version(db)? >= schema::FILE_LABELS_SINCE {
        let labelled = all(file_labels::COLUMNS, "file_labels");
        found.extend(check_rows(db, FindingKind::FileLabels, &labelled, file_labels::row)?);
    }
    Ok(found)
}

/// No claim has a fence that was not given.
fn check_fences(db: &Connection) -> Result<Option<Finding>, StoreError> {
    use super::error::Context;
    let action = "could not read the fences";
    let sql = "SELECT COALESCE(MAX(fence), 0) FROM queue";
    let highest = db.query_row(sql, [], |row| super::rows::count(row, 0)).doing(action)?;
    let newest = match jobs::newest_fence(db) {
        Ok(newest) => newest,
        Err(error) => return Ok(Some(Finding::new(FindingKind::Queue, error.to_string()))),
    };
    let message = format!("a claim has fence {highest}, the newest that was given is {newest}");
    Ok((highest > newest).then(|| Finding::new(FindingKind::Queue, message)))
}
