//! What memories may become: proposals, the batches that carried them out, and the report of a job.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Area, BatchId, Effect, MemoryId, MemoryMetadata, ProposalId, TextRef, Timestamp};

/// Where a proposal stands.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum ProposalState {
    /// It waits for a person.
    Proposed,
    /// A check found something: it is kept to be looked at, and cannot be accepted.
    Quarantined,
    /// It stands for its sources.
    Applied,
    /// A person said no.
    Rejected,
    /// It stood for its sources and was taken back.
    Undone,
}

impl ProposalState {
    /// Its name, as it stands in requests.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Proposed => "proposed",
            Self::Quarantined => "quarantined",
            Self::Applied => "applied",
            Self::Rejected => "rejected",
            Self::Undone => "undone",
        }
    }
}

/// A text that may stand for several memories.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MemoryProposal {
    /// Version of this document.
    pub schema_version: u32,
    /// Which proposal.
    pub id: ProposalId,
    /// Where it stands.
    pub state: ProposalState,
    /// What it was made of, in the order of the log.
    pub sources: Vec<MemoryId>,
    /// Where the record goes.
    pub area: Area,
    /// The text of the record.
    pub text: TextRef,
    /// Everything else about the record.
    pub metadata: MemoryMetadata,
    /// When the first and the last of it happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub span: Option<(Timestamp, Timestamp)>,
    /// The least similarity of two sources.
    pub similarity: f32,
    /// What the similarity is of: an embedder, or `words`.
    pub similar_by: String,
    /// Who wrote the text: `extract` for sentences of the sources, or a model.
    pub written_by: String,
    /// Why it is quarantined, or why a person is asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<String>,
    /// The batch that carried it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<BatchId>,
    /// The record that stands for the sources.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub derived: Option<MemoryId>,
    /// Who decided last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_by: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When its state last changed.
    pub updated_at: Timestamp,
}

/// A proposal as people are shown it: with its texts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ProposalView {
    /// The proposal.
    pub proposal: MemoryProposal,
    /// The text of the record; absent when it was forgotten.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The sources with their texts.
    pub sources: Vec<ProposalSource>,
    /// What would change, line by line: `-` what the sources say, `+` what would stand in their place,
    /// a blank for what stays as it is.
    pub diff: Vec<String>,
}

/// A source of a proposal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ProposalSource {
    /// Which record.
    pub id: MemoryId,
    /// Its text; absent when it was forgotten.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// What happened to memories that belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Consolidated {
    /// A job came to its end.
    Job,
    /// A person accepted a proposal.
    Accepted,
    /// A person rejected a proposal.
    Rejected,
    /// A batch was taken back.
    Undone,
    /// Policy, or a check, did not let it happen.
    Refused,
}

/// `memory.consolidated`. Names records only: what they say can be forgotten.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MemoryConsolidated {
    /// What happened.
    pub what: Consolidated,
    /// Who asked for it: a job, or a person.
    pub by: String,
    /// The batch of the changes, where something was changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<BatchId>,
    /// Proposals that were made or decided.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub proposals: Vec<ProposalId>,
    /// Records that stand for others now, or no longer do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub derived: Vec<MemoryId>,
    /// Records that others stand for now, or no longer do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<MemoryId>,
    /// Records that were put into the archive, or came back from it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub archived: Vec<MemoryId>,
    /// What policy said, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<MemoryRuling>,
    /// What a job found and did, in numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<Box<ConsolidationReport>>,
}

/// What policy said about a change of memory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MemoryRuling {
    /// Whether it may be done by itself, needs a person, or may not be done.
    pub effect: Effect,
    /// Why.
    pub reason: String,
    /// The rules that said so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<String>,
}

/// How much an area holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AreaHolds {
    /// Which area.
    pub area: Area,
    /// Records that count now.
    pub records: u64,
    /// Their texts, in bytes.
    pub bytes: u64,
    /// Records that were replaced and are still in the indexes.
    pub superseded: u64,
    /// Records in the archive.
    pub archived: u64,
}

/// What a consolidation did, or would do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConsolidationReport {
    /// Whether nothing was written.
    pub dry_run: bool,
    /// The batch of the changes, where something was changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<BatchId>,
    /// What similarities were of: an embedder, or `words`.
    pub similar_by: String,
    /// Each area before.
    pub before: Vec<AreaHolds>,
    /// Each area after.
    pub after: Vec<AreaHolds>,
    /// Records that were looked at.
    pub examined: usize,
    /// Records that were too many for this time.
    pub left: usize,
    /// Pairs that were near and differ in something that matters.
    pub kept_apart: usize,
    /// Groups of records that say the same.
    pub clusters: usize,
    /// Proposals that were made now, in whatever state.
    pub proposed: usize,
    /// Of these: carried out.
    pub applied: usize,
    /// Of these: held back by a check.
    pub quarantined: usize,
    /// Of these: waiting for a person.
    pub kept: usize,
    /// Records that went into the archive.
    pub archived: usize,
    /// The proposals.
    pub proposals: Vec<ProposalId>,
    /// What people should know, such as that no embedder was there.
    pub notes: Vec<String>,
}

/// A consolidation that came to its end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MemoryJob {
    /// When.
    pub at: Timestamp,
    /// Who or what asked for it.
    pub by: String,
    /// What it found and did; absent when an earlier version did it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<ConsolidationReport>,
}

/// Consolidations, the newest first.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MemoryJobList {
    /// Up to 100 of them.
    pub items: Vec<MemoryJob>,
}

/// A request to consolidate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Consolidating {
    /// Only say what would be done.
    #[serde(default)]
    pub dry_run: bool,
}

/// What somebody says to a proposal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProposalAnswer {
    /// Whether it is to stand for its sources.
    pub accept: bool,
}

/// Proposals, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ProposalList {
    /// All of them.
    pub items: Vec<MemoryProposal>,
}

/// What taking back a batch did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BatchUndone {
    /// Which batch.
    pub batch: BatchId,
    /// Records that are as they were before.
    pub restored: Vec<MemoryId>,
    /// Records that the batch had made, which no longer count.
    pub taken_back: Vec<MemoryId>,
}
