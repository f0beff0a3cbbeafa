//! Where the content of files came from, as rows: what a call wrote into a file has the call's labels, and so
//! has what is read from it later, by whatever run.

use std::collections::BTreeSet;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::error::{Context, StoreError};
use super::hashed::{checked, new_hash};
use super::read::Reader;
use super::{rows, schema};

const DOMAIN: &[u8] = b"bailiwick.file_labels.v1";
/// The columns that [`row`] reads, in its order.
pub(super) const COLUMNS: &str = "path, labels, row_hash";

/// What a file has in it from now on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileLabels {
    /// Absolute.
    pub path: String,
    /// Where it came from.
    pub labels: BTreeSet<String>,
}

/// Reads [`COLUMNS`] and checks that the row is what was written.
pub(super) fn row(row: &Row<'_>) -> rusqlite::Result<FileLabels> {
    let path: String = row.get(0)?;
    let what = format!("what is known of `{path}`");
    let fields: (String, String) = (path, row.get(1)?);
    let stored = rows::hash(row, 2)?;
    let (path, labels) = checked(DOMAIN, fields, &stored, 2, &what)?;
    let labels = serde_json::from_str(&labels).map_err(|error| rows::unreadable(1, error))?;
    Ok(FileLabels { path, labels })
}

/// Adds labels to those that a file has already.
pub(super) fn add(db: &Connection, file: &FileLabels) -> Result<(), StoreError> {
    let action = "could not keep the labels of a file";
    let sql = format!("SELECT {COLUMNS} FROM file_labels WHERE path = ?1");
    let before = db.prepare_cached(&sql).doing(action)?.query_row([&file.path], row);
    let mut labels = before.optional().doing(action)?.map(|it| it.labels).unwrap_or_default();
    labels.extend(file.labels.iter().cloned());
    let labels = serde_json::to_string(&labels).map_err(|error| {
        StoreError::BadRequest(format!("labels cannot be written as json: {error}"))
    })?;
    let fields = (&file.path, labels);
    let hash = new_hash(DOMAIN, &fields, action)?;
    let sql = format!(
        "INSERT INTO file_labels ({COLUMNS}) VALUES (?1, ?2, ?3)
         ON CONFLICT (path) DO UPDATE SET labels = ?2, row_hash = ?3"
    );
    let values = params![fields.0, fields.1, hash.as_bytes()];
    db.prepare_cached(&sql).doing(action)?.execute(values).doing(action)?;
    Ok(())
}

impl Reader {
    /// Where the content of `path` came from, and of everything beneath it.
    ///
    /// # Errors
    /// When a row does not fit its hash, or the database cannot be read.
    pub fn file_labels(&self, path: &str) -> Result<BTreeSet<String>, StoreError> {
        let action = "could not read the labels of files";
        let above = path.trim_end_matches('/');
        // `0` is the character behind `/`.
        let (first, past) = (format!("{above}/"), format!("{above}0"));
        let sql = format!(
            "SELECT {COLUMNS} FROM file_labels WHERE path = ?1 OR (path >= ?2 AND path < ?3)"
        );
        self.pool.with(|db| {
            if schema::version(db)? < schema::FILE_LABELS_SINCE {
                return Ok(BTreeSet::new());
            }
            let mut query = db.prepare_cached(&sql).doing(action)?;
            let mut labels = BTreeSet::new();
            for file in query.query_map([above, &first, &past], row).doing(action)? {
                labels.extend(file.doing(action)?.labels);
            }
            Ok(labels)
        })
    }
}
