//! Why the store could not do what it was asked. Every caller of a failed batch gets the same
//! error, so errors are plain values that can be cloned.

use std::path::Path;

use super::keys::KnownKey;
use crate::contracts::ApprovalId;

/// What went wrong, in words for people; [`StoreError::hint`] says what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Nothing was ever stored there.
    #[error("no state in `{0}`: nothing has run here yet")]
    NoState(String),
    /// Another process is the host of this state directory.
    #[error("`{path}` is in use by another process{}", locked_by(.pid, .started_at, .unread))]
    Locked {
        /// The lock file.
        path: String,
        /// The process that holds it, when the lock file could be read.
        pid: Option<u32>,
        /// Since when, RFC 3339.
        started_at: Option<String>,
        /// The boot in which it was taken.
        boot_id: Option<String>,
        /// Why the lock file does not say who holds it.
        unread: Option<String>,
    },
    /// The caller's idea of a run is not what is stored.
    #[error("`{run_id}` has {actual} events where {expected} were expected")]
    Conflict {
        /// The run.
        run_id: String,
        /// How many events the caller believes there are.
        expected: u64,
        /// How many there are.
        actual: u64,
    },
    /// The run has its report; nothing follows it.
    #[error("`{0}` has ended: nothing can follow its report")]
    Ended(String),
    /// The run was handed to somebody else since.
    #[error("`{run_id}` is no longer this worker's: it was given back, or handed to another one")]
    StaleFence {
        /// The run.
        run_id: String,
    },
    /// An approval that was given beforehand is there for nobody any more.
    #[error("`{0}` was used, was revoked, or is over")]
    Used(ApprovalId),
    /// Something was accepted under the same key before.
    #[error("the key `{}` is taken", .remembered.key)]
    KeyTaken {
        /// What is known under it. Another request hash means that the key was used twice.
        remembered: Box<KnownKey>,
    },
    /// The run failed an integrity check when the store was opened.
    #[error("`{run_id}` is damaged and takes no more events: {reason}")]
    Quarantined {
        /// The run.
        run_id: String,
        /// What was found.
        reason: String,
    },
    /// An earlier write could not be made durable: nothing more is written.
    #[error("the store stopped writing after a failure: {0}")]
    Poisoned(String),
    /// No room left.
    #[error("the disk is full: {0}")]
    DiskFull(String),
    /// What is stored is not what was written.
    #[error("{what} is damaged: {reason}")]
    Corrupt {
        /// What is damaged.
        what: String,
        /// How that shows.
        reason: String,
    },
    /// The state directory belongs to a newer version of this program.
    #[error("the database has schema version {found}, this version reads up to {known}")]
    NewerSchema {
        /// The version found.
        found: i64,
        /// The newest version this build reads.
        known: i64,
    },
    /// The state directory was last used by an older version of this program.
    #[error("the database has schema version {found}, this needs version {known}")]
    OlderSchema {
        /// The version found.
        found: i64,
        /// The version needed.
        known: i64,
    },
    /// The database did not accept a setting that the promise of durability needs.
    #[error("the database answered `{found}` for `{setting}` where `{wanted}` is needed")]
    NotDurable {
        /// The setting.
        setting: &'static str,
        /// What it must be.
        wanted: &'static str,
        /// What it is.
        found: String,
    },
    /// A file could not be read or written.
    #[error("{action} `{path}`: {reason}")]
    Io {
        /// What was tried, such as `could not sync`.
        action: &'static str,
        /// The file.
        path: String,
        /// What the system said.
        reason: String,
    },
    /// The database refused.
    #[error("{action}: {reason}")]
    Database {
        /// What was tried, such as `could not append`.
        action: &'static str,
        /// What the database said.
        reason: String,
    },
    /// What was handed in cannot be stored.
    #[error("{0}")]
    BadRequest(String),
    /// There is no such thing.
    #[error("there is no {0}")]
    NotFound(String),
    /// More than one run begins with this text.
    #[error("`{prefix}` is the beginning of {count} or more run ids")]
    Ambiguous {
        /// What was given.
        prefix: String,
        /// How many were found before giving up.
        count: usize,
    },
    /// The text was forgotten on purpose.
    #[error("`{0}` was forgotten")]
    Forgotten(String),
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
    /// The thread that waited for the store did not come to its end; what was asked for may be done.
    #[error("waiting for the store failed: {0}")]
    Unanswered(String),
}

fn locked_by(pid: &Option<u32>, started_at: &Option<String>, unread: &Option<String>) -> String {
    match (pid, started_at, unread) {
        (Some(pid), Some(since), _) => format!(" (process {pid}, since {since})"),
        (Some(pid), None, _) => format!(" (process {pid})"),
        (None, _, Some(why)) => format!(" (which one cannot be told: {why})"),
        (None, _, None) => String::new(),
    }
}

impl StoreError {
    /// What a person can do about it, if anything is known to help.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NoState(_) => Some("run a playbook first, or name the workspace"),
            Self::Locked { .. } => Some("wait for that process to end, or submit through it"),
            Self::Poisoned(_) => {
                Some("free space or check the disk, then start again: nothing acknowledged is lost")
            }
            Self::DiskFull(_) => Some("free some space and try again"),
            Self::Corrupt { .. } | Self::Quarantined { .. } => {
                Some("run `bailiwick verify` to see all of the damage, then restore a backup")
            }
            Self::NewerSchema { .. } => Some("use the newer version that wrote it"),
            Self::OlderSchema { .. } => {
                Some("start a host on it once, such as `bailiwick serve`: it is brought up to date")
            }
            Self::NotDurable { .. } => Some("keep the state directory on a local file system"),
            Self::Ambiguous { .. } => Some("give more of the id"),
            _ => None,
        }
    }

    /// Whether the same request may succeed later, once there is room again.
    #[must_use]
    pub const fn is_disk_full(&self) -> bool {
        matches!(self, Self::DiskFull(_))
    }

    /// Whether it says that stored content is not what was written.
    #[must_use]
    pub const fn is_integrity(&self) -> bool {
        matches!(self, Self::Corrupt { .. } | Self::Quarantined { .. })
    }

    pub(super) fn corrupt(what: impl Into<String>, reason: impl std::fmt::Display) -> Self {
        Self::Corrupt { what: what.into(), reason: reason.to_string() }
    }

    /// A failure of the file system.
    pub(super) fn io(action: &'static str, path: &Path, error: &std::io::Error) -> Self {
        use std::io::ErrorKind::{QuotaExceeded, StorageFull};
        let path = path.display().to_string();
        match error.kind() {
            StorageFull | QuotaExceeded => Self::DiskFull(format!("{action} `{path}`")),
            _ => Self::Io { action, path, reason: error.to_string() },
        }
    }

    /// A refused statement. Every statement fits the tables that were made: what is missing was
    /// taken away.
    fn statement(action: &'static str, error: &rusqlite::Error) -> Self {
        let reason = error.to_string();
        if GONE.iter().any(|gone| reason.contains(gone)) {
            return Self::corrupt("the database", format_args!("{action}: {reason}"));
        }
        Self::Database { action, reason }
    }

    /// A failure of the database. What it cannot read back as the type that was written is damage.
    pub(super) fn sql(action: &'static str, error: rusqlite::Error) -> Self {
        use rusqlite::{Error, ErrorCode};
        match &error {
            Error::SqliteFailure(code, _) => match code.code {
                ErrorCode::DiskFull => Self::DiskFull(action.to_owned()),
                ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => {
                    Self::corrupt("the database", error)
                }
                _ => Self::statement(action, &error),
            },
            Error::SqlInputError { .. } => Self::statement(action, &error),
            Error::FromSqlConversionFailure(_, _, reason) => Self::corrupt("the database", reason),
            Error::IntegralValueOutOfRange(..)
            | Error::Utf8Error(..)
            | Error::InvalidColumnType(..) => Self::corrupt("the database", error),
            _ => Self::Database { action, reason: error.to_string() },
        }
    }
}

/// What SQLite says when a table, a column or an index that was made is gone.
const GONE: [&str; 3] = ["no such table", "no such column", "no such index"];

/// Names what was tried when a result of the database or of the file system is a failure.
pub(super) trait Context<T> {
    fn doing(self, action: &'static str) -> Result<T, StoreError>;
}

impl<T> Context<T> for Result<T, rusqlite::Error> {
    fn doing(self, action: &'static str) -> Result<T, StoreError> {
        self.map_err(|error| StoreError::sql(action, error))
    }
}

/// The same for files, which have a path.
pub(super) trait PathContext<T> {
    fn at(self, action: &'static str, path: &Path) -> Result<T, StoreError>;
}

impl<T> PathContext<T> for Result<T, std::io::Error> {
    fn at(self, action: &'static str, path: &Path) -> Result<T, StoreError> {
        self.map_err(|error| StoreError::io(action, path, &error))
    }
}
