//! Rows with a hash of their own: of state that is no journal and still must not change unnoticed.

use rusqlite::Connection;
use serde::Serialize;

use crate::contracts::Hash;

use super::digest::digest;
use super::error::{Context, StoreError};
use super::finding::{Finding, FindingKind};
use super::rows;

/// Most damaged rows of one table that are listed.
const DAMAGED_MAX: usize = 20;

/// The hash of a row, over its fields as JSON.
pub(super) fn row_hash<T: Serialize>(domain: &[u8], row: &T) -> Result<Hash, serde_json::Error> {
    Ok(digest(domain, &[&serde_json::to_vec(row)?]))
}

/// [`row_hash`] of a row that is about to be written.
pub(super) fn new_hash<T: Serialize>(
    domain: &[u8],
    row: &T,
    action: &'static str,
) -> Result<Hash, StoreError> {
    row_hash(domain, row)
        .map_err(|error| StoreError::Database { action, reason: error.to_string() })
}

/// `row`, if it is what was written; `stored` is its hash, in `column`.
pub(super) fn checked<T: Serialize>(
    domain: &[u8],
    row: T,
    stored: &Hash,
    column: usize,
    what: &str,
) -> rusqlite::Result<T> {
    let hash = row_hash(domain, &row).map_err(|error| rows::unreadable(column, error))?;
    if hash == *stored {
        return Ok(row);
    }
    Err(rows::unreadable(column, format!("{what} does not fit its hash")))
}

/// Reads every row that `sql` selects and names those that are damaged.
pub(super) fn check_rows<T>(
    db: &Connection,
    kind: FindingKind,
    sql: &str,
    read: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<Finding>, StoreError> {
    let action = "could not check the rows";
    let mut query = db.prepare(sql).doing(action)?;
    let mut findings = Vec::new();
    for row in query.query_map([], read).doing(action)? {
        if let Err(error) = row.doing(action) {
            findings.push(Finding::new(kind, error.to_string()));
            if findings.len() >= DAMAGED_MAX {
                break;
            }
        }
    }
    Ok(findings)
}
