//! The words every part of the program shares: tasks, calls, decisions, results, events, reports.
//!
//! Pure data. Nothing here reads a clock, a file or the environment; ids and times arrive as values.
//! Everything that a person or a program hands in refuses unknown fields; everything that is stored
//! carries a `schema_version`.

pub mod approval;
mod budget;
mod canonical;
mod consolidation;
mod decision;
mod diagnostic;
mod duration;
mod event;
mod execution;
mod governing;
mod hash;
mod ids;
mod limits;
mod listed_host;
mod memory;
mod memory_forget;
mod memory_search;
mod memory_views;
mod once;
mod report;
mod schemas;
mod task;
mod time;
mod tool;
pub mod views;

pub use approval::{ApprovalResolution, ApprovalSubject, Beforehand, Consult, Quorum};
pub use budget::{Budget, BudgetKind, BudgetUse};
pub use canonical::canonical_hash;
pub use consolidation::{
    AreaHolds, BatchUndone, Consolidated, Consolidating, ConsolidationReport, MemoryConsolidated,
    MemoryJob, MemoryJobList, MemoryProposal, MemoryRuling, ProposalAnswer, ProposalList,
    ProposalSource, ProposalState, ProposalView,
};
pub use decision::{
    ApprovalMode, Confinement, Decision, Effect, MatchedRule, Network, Obligation, Profile,
};
pub use diagnostic::{Diagnostic, Severity};
pub use duration::{DurationError, format_duration_ms, parse_duration_ms};
pub use event::{
    ASIDE, ArtifactStored, Bound, BudgetMet, CallDecided, CallFinished, CallIntent, CallNamed,
    CallRequested, CallResolved, CallUndone, ConfigChanged, ContextBuilt, Event, EventBody,
    EventKind, IncidentRaised, Lineage, MemoryRecalled, MemoryWritten, ModelAnswered, ModelAsked,
    PinnedSource, PlanApproved, PlanGate, PlanProposed, PlanRevised, PlaybookRef, PolicyReloaded,
    ProposedStep, RecalledRecord, ReportReady, Resolution, RunFinished, RunFlow, RunResumed,
    RunSignal, RunStarted, ScheduleFired, ScheduleMissed, SettingChanged, ShadowDecision,
    SourceKind, StepFinished, StepStarted, StepVerified, Stored, TaskAccepted, TextRef, Trigger,
    event_hash,
};
pub use execution::{
    ArtifactList, ArtifactView, CallAnswer, ExecutionChange, ExecutionConfig, ExecutionFile,
    LogEntry, LogPage, NewCall, NodeHealth, ToolList, ToolSwitched, ToolView,
};
pub use governing::{GOVERNING, GOVERNING_RULES};
pub use hash::{Hash, HashError};
pub use ids::{
    ApprovalId, BatchId, CallId, IdError, IncidentId, MemoryId, ProposalId, RunId, ScheduleId,
    TaskId,
};
pub use limits::{
    ATTACHED_BYTES_MAX, ATTACHMENT_BYTES_MAX, ATTACHMENTS_MAX, GOAL_BYTES_MAX, HINTS_MAX,
    LABELS_MAX, SubmissionError, TEXT_BYTES_MAX,
};
pub use listed_host::{ListedHost, ListedHostError};
pub use memory::{
    Area, Embedded, HEARSAY, MemoryMetadata, MemoryOrigin, MemoryRecord, NewRecord, Provenance,
    REMEMBERED, RecordRow,
};
pub use memory_forget::{Doomed, ForgetPlan, ForgetReceipt, MemorySelection};
pub use memory_search::{
    MemoryAnswer, MemoryDraft, MemoryHit, MemoryQuery, SearchMode, Why, Written, WrittenAs,
};
pub use memory_views::{
    Forgetting, Forgotten, KvChanged, KvList, KvSetting, KvValue, MemoryPage, MemoryWrittenList,
    NewMemories, NewMemory, Pinning, Synced,
};
pub use once::Once;
pub use report::{DecisionLine, Outcome, RunReport, StepLine, Telemetry};
pub use schemas::schemas;
pub use task::{
    Attachment, ContextHint, HintKind, Priority, RunStatus, TaskEnvelope, TaskSubmission, TaskType,
};
pub use time::{Timestamp, TimestampError};

pub use tool::{
    ArtifactRef, CallEffect, ErrorKind, FsAccess, Origin, Receipt, Risk, ToolCall, ToolError,
    ToolResult,
};

/// Version of every stored document this build writes.
pub const SCHEMA_VERSION: u32 = 1;

/// JSON object with the order in which its author wrote it.
pub type Map = serde_json::Map<String, serde_json::Value>;

#[cfg(test)]
mod tests;
