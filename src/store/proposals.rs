//! Proposals of what memories may become, as rows. Their texts are blobs, so that they can be forgotten.

use rusqlite::{Connection, Row, params};

use crate::contracts::{MemoryMetadata, MemoryProposal, TextRef, Timestamp};

use super::error::{Context, StoreError};
use super::hashed::{checked, new_hash};
use super::read::Reader;
use super::{blobs, rows, schema};

const DOMAIN: &[u8] = b"bailiwick.proposal.v1";
/// The columns that [`row`] reads, in its order.
pub(super) const COLUMNS: &str = "proposal_id, state, created_ms, entry, row_hash";
/// Most proposals that are listed; older ones are still there.
const LISTED_MAX: u32 = 100_000;

/// Reads [`COLUMNS`] and checks that the row is what was written.
pub(super) fn row(row: &Row<'_>) -> rusqlite::Result<MemoryProposal> {
    let id: String = row.get(0)?;
    let what = format!("the proposal `{id}`");
    let fields: (String, String, i64, String) = (id, row.get(1)?, row.get(2)?, row.get(3)?);
    let stored = rows::hash(row, 4)?;
    let (id, state, created_ms, entry) = checked(DOMAIN, fields, &stored, 4, &what)?;
    let proposal: MemoryProposal =
        serde_json::from_str(&entry).map_err(|error| rows::unreadable(3, error))?;
    let fits = proposal.id.to_string() == id
        && proposal.state.name() == state
        && proposal.created_at.ms() == created_ms;
    if fits {
        return Ok(proposal);
    }
    Err(rows::unreadable(3, format!("{what} holds another one")))
}

/// Writes a proposal over the one before.
pub(super) fn save(db: &Connection, proposal: &MemoryProposal) -> Result<(), StoreError> {
    let action = "could not write a proposal";
    let entry = serde_json::to_string(proposal).map_err(|error| {
        StoreError::BadRequest(format!("the proposal cannot be written as json: {error}"))
    })?;
    let fields = (proposal.id.to_string(), proposal.state.name(), proposal.created_at.ms(), entry);
    let hash = new_hash(DOMAIN, &fields, action)?;
    let sql = format!(
        "INSERT INTO proposals ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (proposal_id) DO UPDATE SET state = ?2, entry = ?4, row_hash = ?5"
    );
    let values = params![fields.0, fields.1, fields.2, fields.3, hash.as_bytes()];
    db.prepare_cached(&sql).doing(action)?.execute(values).doing(action)?;
    Ok(())
}

/// Forgets what proposals say that name the record `id`: their texts, and what stands in their rows. Gives
/// the number of texts that are gone now.
pub(super) fn erase_naming(db: &Connection, id: &str, at: Timestamp) -> Result<u64, StoreError> {
    let action = "could not read the proposals";
    let sql = format!("SELECT {COLUMNS} FROM proposals WHERE instr(entry, ?1)");
    let naming: Vec<MemoryProposal> = {
        let mut query = db.prepare_cached(&sql).doing(action)?;
        query.query_map([id], row).doing(action)?.collect::<Result<_, _>>().doing(action)?
    };
    let mut texts = 0;
    for mut proposal in naming {
        texts += forget_text(db, &proposal.text, at)?;
        proposal.metadata = MemoryMetadata {
            supersedes: proposal.metadata.supersedes,
            ..MemoryMetadata::default()
        };
        proposal.reasons = vec!["a source was forgotten".to_owned()];
        proposal.span = None;
        proposal.updated_at = at;
        save(db, &proposal)?;
    }
    Ok(texts)
}

fn forget_text(db: &Connection, text: &TextRef, at: Timestamp) -> Result<u64, StoreError> {
    let stored = blobs::is_stored(db, text)?;
    if stored {
        blobs::forget(db, text, at)?;
    }
    Ok(u64::from(stored))
}

impl Reader {
    /// Every proposal of what memories may become, oldest first.
    ///
    /// # Errors
    /// When a row does not fit its hash, or the database cannot be read.
    pub fn proposals(&self) -> Result<Vec<MemoryProposal>, StoreError> {
        let action = "could not list the proposals";
        let sql = format!(
            "SELECT {COLUMNS} FROM proposals ORDER BY created_ms, proposal_id LIMIT {LISTED_MAX}"
        );
        self.pool.with(|db| {
            if schema::version(db)? < schema::PROPOSALS_SINCE {
                return Ok(Vec::new());
            }
            let mut query = db.prepare_cached(&sql).doing(action)?;
            query.query_map([], row).doing(action)?.collect::<Result<_, _>>().doing(action)
        })
    }
}
