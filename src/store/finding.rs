//! What an integrity check found. Findings are data: a check goes on after the first.

use serde::{Deserialize, Serialize};

/// The kind of damage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    /// A run has fewer events than were acknowledged.
    JournalShort,
    /// An event is not the one that was acknowledged, or does not fit its hash or its chain.
    JournalAltered,
    /// An event is missing in the middle.
    JournalHole,
    /// The store-wide numbers of events have holes, repeats or run backwards.
    GlobalOrder,
    /// A run's summary row is not what its events say.
    RunRow,
    /// A question in the inbox is not what its run's events say.
    Approval,
    /// A place in the queue is not what was written.
    Queue,
    /// A schedule, or what became of one of its times, is not what was written.
    Schedule,
    /// What is known under a key is not what was written.
    Key,
    /// `heads.log` is missing, unreadable in places, or shorter than it was.
    Heads,
    /// A stored text is missing or is not what was written.
    Blob,
    /// A proposal of what memories may become is not what was written.
    Proposal,
    /// Where the content of a file came from is not what was written.
    FileLabels,
    /// A memory record is missing or is not what was written.
    Record,
    /// An audit entry is missing or is not what was written.
    Audit,
    /// `tools_audit.jsonl` is not what was written to it.
    AuditFile,
    /// The list of earlier findings is not what was written.
    Findings,
    /// The database itself is damaged.
    Database,
}

impl FindingKind {
    /// Whether the host repairs it as soon as it is found: a later check sees nothing any more.
    pub(super) const fn is_repaired(self) -> bool {
        matches!(self, Self::Heads | Self::AuditFile)
    }
}

/// One piece of damage.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// The kind of damage.
    pub kind: FindingKind,
    /// The run it belongs to, when it belongs to one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<String>,
    /// What was found, in a sentence.
    pub message: String,
}

impl Finding {
    pub(super) fn new(kind: FindingKind, message: impl Into<String>) -> Self {
        Self { kind, run_id: None, message: message.into() }
    }

    pub(super) fn of_run(kind: FindingKind, run_id: &str, message: impl Into<String>) -> Self {
        Self { kind, run_id: Some(run_id.to_owned()), message: message.into() }
    }
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.run_id {
            Some(run_id) => write!(f, "`{run_id}`: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}
