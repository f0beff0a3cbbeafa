//! Requests that may come twice: under a key, what was asked for and what was answered.

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::Serialize;

use crate::contracts::{Hash, IdError, RunId, Timestamp};

use super::batch::{Batch, Failure};
use super::error::{Context, StoreError};
use super::handle::Store;
use super::hashed::{checked, new_hash};
use super::queue::{Done, Wanted};
use super::read::Reader;
use super::{rows, schema};

const DOMAIN: &[u8] = b"bailiwick.key.v1";
/// The columns that [`row`] reads, in its order.
pub(super) const COLUMNS: &str = "scope, key, request_hash, run_id, status, body, at_ms, row_hash";
/// Longest scope or key, in bytes.
pub const KEY_BYTES_MAX: usize = 1024;
/// Longest answer that is kept, in bytes.
pub const ANSWER_BYTES_MAX: usize = 1024 * 1024;

/// A key under which something is accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewKey {
    /// What keys are compared within, such as a route.
    pub scope: String,
    /// The key that the caller gave.
    pub key: String,
    /// The hash of the request: the same key with another request is a mistake.
    pub request_hash: Hash,
}

/// A finished answer that is kept under a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remembered {
    /// What keys are compared within.
    pub scope: String,
    /// The key that the caller gave.
    pub key: String,
    /// The hash of the request.
    pub request_hash: Hash,
    /// The status of the answer.
    pub status: u16,
    /// The body of the answer.
    pub body: String,
    /// When it was answered.
    pub at: Timestamp,
}

/// What is known under a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KnownKey {
    /// What keys are compared within.
    pub scope: String,
    /// The key that the caller gave.
    pub key: String,
    /// The hash of the request.
    pub request_hash: Hash,
    /// The run that was accepted.
    pub run_id: Option<RunId>,
    /// The status of the answer, once that is known.
    pub status: Option<u16>,
    /// The body of the answer, once that is known.
    pub body: Option<String>,
    /// When it was accepted, or answered where nothing was accepted.
    pub at: Timestamp,
}

/// What the table of keys is asked for.
#[derive(Debug)]
pub(super) enum KeyWanted {
    /// Something is about to be done under it.
    Note(NewKey, Timestamp),
    Remember(Remembered),
    Prune(Timestamp),
}

/// Refuses what is too long or empty.
pub(super) fn check(scope: &str, key: &str) -> Result<(), StoreError> {
    let fits = |text: &str| !text.is_empty() && text.len() <= KEY_BYTES_MAX;
    if fits(scope) && fits(key) {
        return Ok(());
    }
    Err(StoreError::BadRequest(format!("a key and its scope have 1 to {KEY_BYTES_MAX} bytes")))
}

/// What is known under a key, if anything is.
pub(super) fn load(
    db: &Connection,
    scope: &str,
    key: &str,
) -> Result<Option<KnownKey>, StoreError> {
    let action = "could not look for a key";
    let sql = format!("SELECT {COLUMNS} FROM keys WHERE scope = ?1 AND key = ?2");
    db.prepare_cached(&sql).doing(action)?.query_row([scope, key], row).optional().doing(action)
}

/// Refuses a key that is taken.
pub(super) fn refuse_taken(db: &Connection, new: &NewKey) -> Result<(), StoreError> {
    match load(db, &new.scope, &new.key)? {
        Some(known) => Err(StoreError::KeyTaken { remembered: Box::new(known) }),
        None => Ok(()),
    }
}

/// Keeps a key together with the run that was accepted under it.
pub(super) fn insert(
    db: &Connection,
    new: &NewKey,
    run_id: Option<RunId>,
    at: Timestamp,
) -> Result<(), StoreError> {
    let known = KnownKey {
        scope: new.scope.clone(),
        key: new.key.clone(),
        request_hash: new.request_hash,
        run_id,
        status: None,
        body: None,
        at,
    };
    save(db, &known)
}

fn save(db: &Connection, known: &KnownKey) -> Result<(), StoreError> {
    let action = "could not write a key";
    let hash = new_hash(DOMAIN, known, action)?;
    let sql = format!(
        "INSERT INTO keys ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
         ON CONFLICT (scope, key) DO UPDATE SET status = ?5, body = ?6, row_hash = ?8"
    );
    let values = params![
        known.scope,
        known.key,
        known.request_hash.as_bytes(),
        known.run_id.map(|run_id| run_id.to_string()),
        known.status,
        known.body,
        known.at.ms(),
        hash.as_bytes(),
    ];
    db.prepare_cached(&sql).doing(action)?.execute(values).doing(action)?;
    Ok(())
}

/// Reads [`COLUMNS`] and checks that the row is what was written.
pub(super) fn row(row: &Row<'_>) -> rusqlite::Result<KnownKey> {
    let run_id: Option<String> = row.get(3)?;
    let bad_id = |error: IdError| rows::unreadable(3, error);
    let known = KnownKey {
        scope: row.get(0)?,
        key: row.get(1)?,
        request_hash: rows::hash(row, 2)?,
        run_id: run_id.map(|id| id.parse()).transpose().map_err(bad_id)?,
        status: row.get(4)?,
        body: row.get(5)?,
        at: rows::time(row, 6)?,
    };
    let what = format!("the key `{}`", known.key);
    checked(DOMAIN, known, &rows::hash(row, 7)?, 7, &what)
}

/// Carries out what the table of keys is asked for.
pub(super) fn carry_out(batch: &Batch<'_>, wanted: KeyWanted) -> Result<Done, Failure> {
    match wanted {
        KeyWanted::Note(key, at) => {
            refuse_taken(batch.db, &key).map_err(Failure::Refused)?;
            insert(batch.db, &key, None, at).map_err(Failure::Broken)?;
            Ok(Done::Nothing)
        }
        KeyWanted::Remember(answer) => remember(batch, answer).map(|()| Done::Nothing),
        KeyWanted::Prune(before) => prune(batch.db, before).map_err(Failure::Broken),
    }
}

fn remember(batch: &Batch<'_>, answer: Remembered) -> Result<(), Failure> {
    let there = load(batch.db, &answer.scope, &answer.key).map_err(Failure::Refused)?;
    let (run_id, at) = match there {
        Some(known) if known.request_hash != answer.request_hash => {
            let remembered = Box::new(known);
            return Err(Failure::Refused(StoreError::KeyTaken { remembered }));
        }
        // The first answer is the one that counts.
        Some(known) if known.status.is_some() => return Ok(()),
        Some(known) => (known.run_id, known.at),
        None => (None, answer.at),
    };
    let known = KnownKey {
        scope: answer.scope,
        key: answer.key,
        request_hash: answer.request_hash,
        run_id,
        status: Some(answer.status),
        body: Some(answer.body),
        at,
    };
    save(batch.db, &known).map_err(Failure::Broken)
}

fn prune(db: &Connection, before: Timestamp) -> Result<Done, StoreError> {
    let action = "could not remove old keys";
    let sql = "DELETE FROM keys WHERE at_ms < ?1";
    let count = db.prepare_cached(sql).doing(action)?.execute([before.ms()]).doing(action)?;
    Ok(Done::Count(count as u64))
}

impl Store {
    /// Keeps a key before something is done under it, so that a request that comes again after a
    /// crash is known to have come before. Blocks until it is durable.
    ///
    /// # Errors
    /// [`StoreError::KeyTaken`] when it is there, [`StoreError::BadRequest`] when it is too long, or as
    /// [`Store::append`].
    pub fn note_key(&self, key: NewKey, at: Timestamp) -> Result<(), StoreError> {
        check(&key.scope, &key.key)?;
        self.ask(Wanted::Key(KeyWanted::Note(key, at))).map(drop)
    }

    /// Keeps the answer to a request under its key, beside the run that was accepted, if one was. A
    /// second answer changes nothing. Blocks until it is durable.
    ///
    /// # Errors
    /// [`StoreError::KeyTaken`] when the key belongs to another request, [`StoreError::BadRequest`]
    /// when something is too long, or as [`Store::append`].
    pub fn remember(&self, answer: Remembered) -> Result<(), StoreError> {
        check(&answer.scope, &answer.key)?;
        let bytes = answer.body.len();
        if bytes > ANSWER_BYTES_MAX {
            return Err(StoreError::BadRequest(format!(
                "an answer of {bytes} bytes is over the limit of {ANSWER_BYTES_MAX}"
            )));
        }
        self.ask(Wanted::Key(KeyWanted::Remember(answer))).map(drop)
    }

    /// Removes keys that are older than a time. Returns how many. Blocks until it is durable.
    ///
    /// # Errors
    /// As [`Store::append`].
    pub fn prune_keys(&self, before: Timestamp) -> Result<u64, StoreError> {
        self.ask(Wanted::Key(KeyWanted::Prune(before)))?.count()
    }
}

impl Reader {
    /// What is known under a key, if anything is.
    ///
    /// # Errors
    /// [`StoreError::OlderSchema`], or that the row does not fit its hash.
    pub fn remembered(&self, scope: &str, key: &str) -> Result<Option<KnownKey>, StoreError> {
        self.pool.with(|db| {
            schema::refuse_older(db)?;
            load(db, scope, key)
        })
    }

    /// The run that was accepted under a key, if one was.
    ///
    /// # Errors
    /// As [`Reader::remembered`].
    pub fn run_of_key(&self, scope: &str, key: &str) -> Result<Option<RunId>, StoreError> {
        Ok(self.remembered(scope, key)?.and_then(|known| known.run_id))
    }
}
