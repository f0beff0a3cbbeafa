//! How far the store has come: the newest number and hash of each of its chains.

use rusqlite::{Connection, OptionalExtension};
use serde::{Deserialize, Serialize};

use crate::contracts::Hash;

use super::error::{Context, StoreError};
use super::rows;

/// The newest link of a chain; 0 and zeros for an empty one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Link {
    pub seq: u64,
    pub hash: Hash,
}

impl Link {
    pub(super) const START: Self = Self { seq: 0, hash: Hash::ZERO };
}

/// The newest of everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tip {
    pub global_seq: u64,
    pub audit: Link,
    pub records: Link,
    pub findings: Link,
}

impl Tip {
    pub(super) const START: Self =
        Self { global_seq: 0, audit: Link::START, records: Link::START, findings: Link::START };
}

impl Tip {
    pub(super) fn read(db: &Connection) -> Result<Self, StoreError> {
        let newest = "SELECT COALESCE(MAX(global_seq), 0) FROM events";
        Ok(Self {
            global_seq: db
                .query_row(newest, [], |row| rows::count(row, 0))
                .doing("could not read the newest event")?,
            audit: link(db, "SELECT audit_seq, hash FROM audit ORDER BY audit_seq DESC LIMIT 1")?,
            records: link(
                db,
                "SELECT record_seq, hash FROM records ORDER BY record_seq DESC LIMIT 1",
            )?,
            findings: link(
                db,
                "SELECT finding_seq, hash FROM findings ORDER BY finding_seq DESC LIMIT 1",
            )?,
        })
    }
}

fn link(db: &Connection, sql: &str) -> Result<Link, StoreError> {
    db.query_row(sql, [], |row| Ok(Link { seq: rows::count(row, 0)?, hash: rows::hash(row, 1)? }))
        .optional()
        .doing("could not read the newest entry")
        .map(|found| found.unwrap_or(Link::START))
}
