//! Opening the database: for the one writer, with every promise of durability read back, and for
//! readers, who can change nothing.

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::error::{Context, PathContext, StoreError};
use super::layout::private_file;
use super::schema;

/// How long a statement waits for another connection.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the end of the host waits for readers before it leaves the log as it is.
const CHECKPOINT_TIMEOUT: Duration = Duration::from_millis(100);
/// The write-ahead log is cut to this length when it was longer and is begun anew, in bytes.
const WAL_BYTES_MAX: i64 = 8 * 1024 * 1024;
/// Statements kept prepared per connection.
const STATEMENTS: usize = 64;

/// The writer's connection. Makes the file when there is none.
pub(super) fn writer(path: &Path) -> Result<Connection, StoreError> {
    // Only a new file is opened here: closing a file that a reader of this process has open would
    // give back the locks that SQLite holds on it.
    match private_file().write(true).create_new(true).open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
        made => drop(made.at("could not make", path)?),
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(path, flags).doing("could not open the database")?;
    harden(&db)?;
    let action = "could not set up the database";
    db.pragma_update(None, "journal_mode", "WAL").doing(action)?;
    db.pragma_update(None, "synchronous", "FULL").doing(action)?;
    // What is forgotten is overwritten, not only unlinked.
    db.pragma_update(None, "secure_delete", "ON").doing(action)?;
    db.pragma_update(None, "journal_size_limit", WAL_BYTES_MAX).doing(action)?;
    // On macOS a plain fsync does not reach the disk.
    db.pragma_update(None, "fullfsync", "ON").doing(action)?;
    db.pragma_update(None, "checkpoint_fullfsync", "ON").doing(action)?;
    read_back(&db, "journal_mode", "wal")?;
    read_back(&db, "synchronous", "2")?;
    read_back(&db, "foreign_keys", "1")?;
    Ok(db)
}

/// Moves the write-ahead log into the database, so that the database alone has everything. Whoever
/// reads is not disturbed: what is still needed stays in the log until the next time.
pub(super) fn checkpoint(db: &Connection) {
    let moved = db
        .busy_timeout(CHECKPOINT_TIMEOUT)
        .and_then(|()| db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0)))
        .and_then(|busy: i64| db.busy_timeout(BUSY_TIMEOUT).map(|()| busy));
    match moved {
        Ok(0) => {}
        Ok(_) => tracing::debug!("somebody still reads from the write-ahead log: it stays"),
        Err(error) => tracing::warn!(%error, "the write-ahead log stays: it could not be moved"),
    }
}

/// A reader's connection to a database that is there.
pub(super) fn reader(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(path, flags).doing("could not open the database")?;
    harden(&db)?;
    schema::refuse_newer(schema::version(&db)?)?;
    Ok(db)
}

/// What every connection needs: patience, and no trust in what the file says about itself.
fn harden(db: &Connection) -> Result<(), StoreError> {
    let action = "could not set up the database";
    db.busy_timeout(BUSY_TIMEOUT).doing(action)?;
    db.set_prepared_statement_cache_capacity(STATEMENTS);
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true).doing(action)?;
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false).doing(action)?;
    db.pragma_update(None, "foreign_keys", "ON").doing(action)?;
    db.pragma_update(None, "cell_size_check", "ON").doing(action)?;
    db.pragma_update(None, "mmap_size", 0).doing(action)
}

fn read_back(
    db: &Connection,
    setting: &'static str,
    wanted: &'static str,
) -> Result<(), StoreError> {
    use rusqlite::types::Value;
    let found: Value = db
        .query_row(&format!("PRAGMA {setting}"), [], |row| row.get(0))
        .doing("could not read a setting back")?;
    let found = match found {
        Value::Text(text) => text,
        Value::Integer(number) => number.to_string(),
        other => format!("{other:?}"),
    };
    if found == wanted {
        return Ok(());
    }
    Err(StoreError::NotDurable { setting, wanted, found })
}
