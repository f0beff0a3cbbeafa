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
mod approvals;
mod claims;
mod erase;
mod error;
mod file_labels;
mod finding;
mod fires;
mod forget_run;
mod handle;
mod incidents;
mod keys;
mod proposals;
mod read;
mod schedules;

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
mod verify_work;

// what is kept
mod audit;
mod audit_file;
mod audit_mark;
mod blobs;
mod damage;
mod hashed;
mod heads;
mod jobs;
mod records;
mod rows;
mod summary;
mod tip;

// underneath
mod connection;
mod digest;
mod layout;
mod migrate_2;
mod pool;
mod refs;
mod schema;

pub use append::{
    APPEND_EVENTS_MAX, AUDIT_BYTES_MAX, Append, AuditEntry, PAYLOAD_BYTES_MAX, TEXT_BYTES_MAX,
};
pub use approvals::{ApprovalInfo, ApprovalStatus};
pub use audit_file::AUDIT_FILE_BYTES_MAX;
pub use blobs::INLINE_BYTES_MAX;
pub use claims::{ClaimWanted, Claimed, Leave};
pub use erase::RecordsErased;
pub use error::StoreError;
pub use file_labels::FileLabels;
pub use finding::{Finding, FindingKind};
pub use fires::{Fire, FireRow, FireState, Fired};
pub use forget_run::RunForgotten;
pub use handle::{Opened, Store};
pub use incidents::{IncidentRow, IncidentsWanted};
pub use jobs::{Enqueue, Fence, QueueDepth, QueueEntry, QueueState};
pub use keys::{ANSWER_BYTES_MAX, KEY_BYTES_MAX, KnownKey, NewKey, Remembered};
pub use lock::is_held;
pub use open::StoreOptions;
pub use read::{AuditLine, ROWS_MAX, Reader, RunInfo};
pub use schedules::{SCHEDULE_BYTES_MAX, ScheduleRow, ScheduleSource, ScheduleTarget};
pub use verify::VerifyReport;

#[cfg(test)]
mod tests;
