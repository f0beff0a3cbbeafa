//! The audit log's chain: every entry's hash covers the entry before it. The table is the truth;
//! `tools_audit.jsonl` is written from it.
//!
//! `hash = BLAKE3("bailiwick.audit.v1" ‖ prev ‖ entry)`, each of the two preceded by its length,
//! where `entry` is the entry's JSON without `hash`. In the file a line is that JSON with
//! `,"hash":"…"` before the closing brace.

use rusqlite::{Connection, OptionalExtension, params};

use crate::contracts::Hash;

use super::append::PreparedAudit;
use super::error::{Context, StoreError};
use super::rows;
use super::tip::Link;

/// An entry in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AuditRow {
    pub seq: u64,
    pub entry: String,
    pub hash: Hash,
}

pub(super) fn audit_hash(prev: &Hash, entry: &str) -> Hash {
    super::digest::digest(b"bailiwick.audit.v1", &[prev.as_bytes(), entry.as_bytes()])
}

impl AuditRow {
    /// The entry that follows `before`.
    pub(super) fn after(before: &Link, entry: PreparedAudit) -> Self {
        let hash = audit_hash(&before.hash, &entry.0);
        Self { seq: before.seq + 1, entry: entry.0, hash }
    }

    pub(super) fn link(&self) -> Link {
        Link { seq: self.seq, hash: self.hash }
    }

    /// The line in the file, with its line feed.
    pub(super) fn line(&self) -> String {
        let open = self.entry.strip_suffix('}').unwrap_or(&self.entry);
        format!("{open},\"hash\":\"{}\"}}\n", self.hash)
    }

    pub(super) fn insert(&self, db: &Connection) -> Result<(), StoreError> {
        let action = "could not append to the audit log";
        let values = params![rows::int(self.seq), self.entry, self.hash.as_bytes()];
        let sql = "INSERT INTO audit (audit_seq, entry, hash) VALUES (?1, ?2, ?3)";
        db.prepare_cached(sql).doing(action)?.execute(values).doing(action)?;
        Ok(())
    }
}

/// The entry and the hash in a line of the file, without its line feed.
pub(super) fn parse_line(line: &str) -> Option<(String, Hash)> {
    let (open, rest) = line.rsplit_once(",\"hash\":\"")?;
    let hash = rest.strip_suffix("\"}")?.parse().ok()?;
    Some((format!("{open}}}"), hash))
}

/// Up to `limit` entries after `after`, oldest first, each checked against the one before it.
pub(super) fn rows_after(
    db: &Connection,
    after: u64,
    limit: u32,
) -> Result<Vec<AuditRow>, StoreError> {
    let mut before = link_at(db, after)?;
    let action = "could not read the audit log";
    let sql = "SELECT audit_seq, entry, hash FROM audit WHERE audit_seq > ?1
               ORDER BY audit_seq LIMIT ?2";
    let mut query = db.prepare_cached(sql).doing(action)?;
    let found = query.query_map(params![rows::int(after), limit], row).doing(action)?;
    let mut entries = Vec::new();
    for row in found {
        let row = row.doing(action)?;
        if row.seq != before.seq + 1 || audit_hash(&before.hash, &row.entry) != row.hash {
            let what = format!("audit entry {}", before.seq + 1);
            return Err(StoreError::corrupt(what, "it does not fit its chain"));
        }
        before = row.link();
        entries.push(row);
    }
    Ok(entries)
}

pub(super) fn row(row: &rusqlite::Row<'_>) -> rusqlite::Result<AuditRow> {
    Ok(AuditRow { seq: rows::count(row, 0)?, entry: row.get(1)?, hash: rows::hash(row, 2)? })
}

/// The link of entry `seq`; the start of the chain for 0.
pub(super) fn link_at(db: &Connection, seq: u64) -> Result<Link, StoreError> {
    let missing = || StoreError::corrupt(format!("audit entry {seq}"), "it is missing");
    find_link(db, seq)?.ok_or_else(missing)
}

/// The same, where the entry need not be there.
pub(super) fn find_link(db: &Connection, seq: u64) -> Result<Option<Link>, StoreError> {
    if seq == 0 {
        return Ok(Some(Link::START));
    }
    let action = "could not read the audit log";
    let sql = "SELECT hash FROM audit WHERE audit_seq = ?1";
    db.prepare_cached(sql)
        .doing(action)?
        .query_row([rows::int(seq)], |row| Ok(Link { seq, hash: rows::hash(row, 0)? }))
        .optional()
        .doing(action)
}

/// The number of the entry with this hash.
pub(super) fn seq_of(db: &Connection, hash: &Hash) -> Result<Option<u64>, StoreError> {
    let action = "could not look for an audit entry";
    let sql = "SELECT audit_seq FROM audit WHERE hash = ?1";
    let mut query = db.prepare_cached(sql).doing(action)?;
    query.query_row([hash.as_bytes()], |row| rows::count(row, 0)).optional().doing(action)
}
