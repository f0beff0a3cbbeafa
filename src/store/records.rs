//! The log of memory records: rows are only added, and chained. The text of each is a blob, so that
//! it can be forgotten while the chain stays whole.

use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::contracts::{Area, Hash, MemoryId, NewRecord, RecordRow, Stored, TextRef, Timestamp};

use super::append::PreparedRecord;
use super::digest::digest;
use super::error::{Context, StoreError};
use super::tip::Link;
use super::{blobs, rows, schema};

/// The columns that [`row`] reads, in its order.
const COLUMNS: &str = "record_seq, id, area, blob, salted_hash, bytes, metadata, created_ms, \
                       updated_ms, content_hash, hash, metadata_hash, metadata_salt";
/// The same, of a database of a version before 3.
const COLUMNS_BEFORE_3: &str = "record_seq, id, area, blob, salted_hash, bytes, metadata, created_ms, \
                                updated_ms, content_hash, hash, NULL, NULL";
/// What stands where metadata was forgotten.
pub(super) const NO_METADATA: &str = "{}";

/// A row together with what the chain needs.
#[derive(Debug)]
pub(super) struct ChainedRecord {
    pub record: RecordRow,
    metadata_json: String,
    /// What the chain covers in place of the metadata; absent in rows of versions before 3.
    metadata_hash: Option<Hash>,
    /// Gone when the metadata was forgotten.
    metadata_salt: Option<[u8; 32]>,
    pub hash: Hash,
}

impl ChainedRecord {
    /// Whether this row follows a row with hash `prev`.
    pub(super) fn follows(&self, prev: &Hash) -> bool {
        let row = &self.record;
        let fields = Fields {
            id: row.id,
            area: row.area,
            text: &row.text,
            created_at: row.created_at,
            updated_at: row.updated_at,
        };
        let Some(metadata_hash) = &self.metadata_hash else {
            return fields.hash_1(prev, &self.metadata_json) == self.hash;
        };
        let metadata = self.metadata_json.as_bytes();
        let fits = match &self.metadata_salt {
            Some(salt) => Stored::salted_hash(salt, metadata) == *metadata_hash,
            None => metadata == NO_METADATA.as_bytes(),
        };
        fits && fields.hash_2(prev, metadata_hash) == self.hash
    }
}

/// What the chain covers, beside the metadata. The unsalted hash of the text is not part of it, so
/// that it can be forgotten.
struct Fields<'a> {
    id: MemoryId,
    area: Area,
    text: &'a TextRef,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl Fields<'_> {
    /// As versions before 3 wrote it, with the metadata itself.
    fn hash_1(&self, prev: &Hash, metadata: &str) -> Hash {
        self.hash(b"bailiwick.record.v1", prev, metadata.as_bytes())
    }

    /// With a salted hash of the metadata, which can be forgotten.
    fn hash_2(&self, prev: &Hash, metadata: &Hash) -> Hash {
        self.hash(b"bailiwick.record.v2", prev, metadata.as_bytes())
    }

    fn hash(&self, domain: &[u8], prev: &Hash, metadata: &[u8]) -> Hash {
        digest(
            domain,
            &[
                prev.as_bytes(),
                self.id.to_string().as_bytes(),
                self.area.name().as_bytes(),
                self.text.blob.as_bytes(),
                self.text.salted_hash.as_bytes(),
                &self.text.bytes.to_le_bytes(),
                metadata,
                &self.created_at.ms().to_le_bytes(),
                &self.updated_at.ms().to_le_bytes(),
            ],
        )
    }
}

/// The link that `new` makes behind `before`, its metadata hashed with `salt`.
pub(super) fn link_after(before: &Link, new: &PreparedRecord, salt: &[u8; 32]) -> Link {
    let NewRecord { id, area, text, created_at, updated_at, .. } = &new.record;
    let fields =
        Fields { id: *id, area: *area, text, created_at: *created_at, updated_at: *updated_at };
    Link { seq: before.seq + 1, hash: fields.hash_2(&before.hash, &new.metadata_hash(salt)) }
}

impl PreparedRecord {
    fn metadata_hash(&self, salt: &[u8; 32]) -> Hash {
        Stored::salted_hash(salt, self.metadata.as_bytes())
    }
}

/// Writes a row. The hash of a text that was forgotten is not written: it would betray it.
pub(super) fn insert(
    db: &Connection,
    link: Link,
    new: &PreparedRecord,
    salt: &[u8; 32],
) -> Result<(), StoreError> {
    let action = "could not append a memory record";
    let (record, metadata_hash) = (&new.record, new.metadata_hash(salt));
    let values = params![
        rows::int(link.seq),
        record.id.to_string(),
        record.area.name(),
        record.text.blob,
        record.text.salted_hash.as_bytes(),
        rows::int(record.text.bytes),
        new.metadata,
        record.created_at.ms(),
        record.updated_at.ms(),
        (!blobs::is_forgotten(db, &record.text)?).then_some(record.content_hash.as_bytes()),
        link.hash.as_bytes(),
        metadata_hash.as_bytes(),
        salt,
    ];
    let sql = format!(
        "INSERT INTO records ({COLUMNS})
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)"
    );
    db.prepare_cached(&sql).doing(action)?.execute(values).doing(action)?;
    Ok(())
}

/// Up to `limit` rows after `after`, oldest first, each checked against the one before it.
pub(super) fn rows_after(
    db: &Connection,
    after: u64,
    limit: u32,
) -> Result<Vec<ChainedRecord>, StoreError> {
    let action = "could not read the memory records";
    // Asked before every search, and there is seldom anything new.
    let newest = "SELECT coalesce(max(record_seq), 0) FROM records";
    let mut newest = db.prepare_cached(newest).doing(action)?;
    if newest.query_row([], |row| rows::count(row, 0)).doing(action)? == after {
        return Ok(Vec::new());
    }
    let mut before = link_at(db, after)?;
    let columns = if schema::version(db)? < 3 { COLUMNS_BEFORE_3 } else { COLUMNS };
    let sql =
        format!("SELECT {columns} FROM records WHERE record_seq > ?1 ORDER BY record_seq LIMIT ?2");
    let mut query = db.prepare_cached(&sql).doing(action)?;
    let found = query.query_map(params![rows::int(after), limit], row).doing(action)?;
    let mut records = Vec::new();
    for found in found {
        let found = found.doing(action)?;
        if found.record.record_seq != before.seq + 1 || !found.follows(&before.hash) {
            let what = format!("memory record row {}", before.seq + 1);
            return Err(StoreError::corrupt(what, "it does not fit its chain"));
        }
        before = Link { seq: found.record.record_seq, hash: found.hash };
        records.push(found);
    }
    Ok(records)
}

fn link_at(db: &Connection, seq: u64) -> Result<Link, StoreError> {
    if seq == 0 {
        return Ok(Link::START);
    }
    let action = "could not read the memory records";
    let sql = "SELECT hash FROM records WHERE record_seq = ?1";
    let hash = db
        .prepare_cached(sql)
        .doing(action)?
        .query_row([rows::int(seq)], |row| rows::hash(row, 0))
        .optional()
        .doing(action)?;
    let missing = || StoreError::corrupt(format!("memory record row {seq}"), "it is missing");
    Ok(Link { seq, hash: hash.ok_or_else(missing)? })
}

/// Reads [`COLUMNS`].
fn row(row: &Row<'_>) -> rusqlite::Result<ChainedRecord> {
    let (id, area): (String, String) = (row.get(1)?, row.get(2)?);
    let metadata_json: String = row.get(6)?;
    let content_hash: Option<[u8; 32]> = row.get(9)?;
    let record = RecordRow {
        record_seq: rows::count(row, 0)?,
        id: id.parse().map_err(|error: crate::contracts::IdError| rows::unreadable(1, error))?,
        area: Area::named(&area)
            .ok_or_else(|| rows::unreadable(2, format!("unknown area `{area}`")))?,
        text: TextRef {
            blob: row.get(3)?,
            salted_hash: rows::hash(row, 4)?,
            bytes: rows::count(row, 5)?,
        },
        metadata: serde_json::from_str(&metadata_json)
            .map_err(|error| rows::unreadable(6, error))?,
        created_at: rows::time(row, 7)?,
        updated_at: rows::time(row, 8)?,
        content_hash: content_hash.map(Hash::from_bytes),
    };
    let metadata_hash: Option<[u8; 32]> = row.get(11)?;
    Ok(ChainedRecord {
        record,
        metadata_json,
        metadata_hash: metadata_hash.map(Hash::from_bytes),
        metadata_salt: row.get(12)?,
        hash: rows::hash(row, 10)?,
    })
}
