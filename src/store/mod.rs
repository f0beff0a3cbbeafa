//! The one durable store: journal, run summaries, texts, memory records and the audit log, in one
//! SQLite database with one writer, and `heads.log` beside it as a witness.
//!
//! Owns the state directory (`.bailiwick/`) but for the host's socket, and
//! `logs/tools_audit.jsonl`. What events mean is the agent's; the store only keeps a summary of
//! each run for lists. What is worth remembering is the memory's; the store keeps its log.
//!
//! Promises: what was acknowledged is durable; what was changed or lost is noticed, named and never
//! a panic; nothing is returned that does not fit its hash.

// what goes in and comes out
mod append;
mod error;
mod finding;
mod handle;
mod read;

// writing
mod batch;
mod queue;
mod writer;

// opening and checking
mod check;
mod lock;
mod lost;
mod open;
mod verify;
mod verify_audit;

// what is kept
mod audit;
mod audit_file;
mod audit_mark;
mod blobs;
mod damage;
mod heads;
mod records;
mod rows;
mod summary;
mod tip;

// underneath
mod connection;
mod digest;
mod layout;
mod pool;
mod refs;
mod schema;

pub use append::{
    APPEND_EVENTS_MAX, AUDIT_BYTES_MAX, Append, AuditEntry, NewRecord, PAYLOAD_BYTES_MAX,
    TEXT_BYTES_MAX,
};
pub use audit_file::AUDIT_FILE_BYTES_MAX;
pub use blobs::INLINE_BYTES_MAX;
pub use error::StoreError;
pub use finding::{Finding, FindingKind};
pub use handle::{Opened, Store};
pub use lock::is_held;
pub use open::StoreOptions;
pub use read::{AuditLine, ROWS_MAX, Reader, RunInfo};
pub use records::RecordRow;
pub use verify::VerifyReport;

#[cfg(test)]
mod tests;
