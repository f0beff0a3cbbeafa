//! What is asked for: submissions, envelopes, and how far a task has come.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Budget, Map, TaskId, Timestamp};

/// What a task names as its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TaskType {
    /// A named playbook.
    Playbook,
    /// A goal in words.
    Goal,
    /// One call of one tool.
    Tool,
}

/// Order in the queue.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// Served last, refused first.
    Low,
    /// The default.
    #[default]
    Normal,
    /// Served first.
    High,
}

/// A file that comes with a task. Exactly one of `path`, `artifact` and `data` is given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Attachment {
    /// File name for people.
    pub name: String,
    /// Media type, such as `text/plain`.
    pub media_type: String,
    /// A file of the workspace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The hash of a stored artifact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact: Option<String>,
    /// The content in base64, at most 1 MiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
}

/// What kind of thing a hint names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HintKind {
    /// A file of the workspace.
    File,
    /// A memory record.
    Memory,
    /// An address.
    Url,
    /// Plain words.
    Text,
}

/// Something a planner should look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ContextHint {
    /// What kind of thing `value` names.
    pub kind: HintKind,
    /// The path, id, address or text.
    pub value: String,
}

/// What a client hands in. One of `goal` and `playbook` is required.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TaskSubmission {
    /// The kind of work; inferred when absent, refused when it contradicts.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub task_type: Option<TaskType>,
    /// The goal in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub goal: Option<String>,
    /// The playbook's name or path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub playbook: Option<String>,
    /// Inputs of the playbook.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub inputs: Map,
    /// Files that come with the task.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
    /// Where a planner should look.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub context_hints: Vec<ContextHint>,
    /// Order in the queue.
    #[serde(default)]
    pub priority: Priority,
    /// A budget narrower than the configured one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<Budget>,
    /// Free labels.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// A repeated submission with the same key is the same task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
    /// Whether it only shows what it would do; as configuration says where this is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dry_run: Option<bool>,
}

/// A task as it was accepted and stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TaskEnvelope {
    /// Version of this document.
    pub schema_version: u32,
    /// Which task.
    pub id: TaskId,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// The kind of work.
    #[serde(rename = "type")]
    pub task_type: TaskType,
    /// The goal in words; a playbook's description where it names none.
    pub goal: String,
    /// Inputs of the playbook, as given.
    #[serde(default)]
    pub inputs: Map,
    /// Files that come with the task.
    #[serde(default)]
    pub attachments: Vec<Attachment>,
    /// Where a planner should look.
    #[serde(default)]
    pub context_hints: Vec<ContextHint>,
    /// Order in the queue.
    #[serde(default)]
    pub priority: Priority,
    /// The playbook's name or path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub playbook: Option<String>,
    /// A budget narrower than the configured one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<Budget>,
    /// Free labels.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// A repeated submission with the same key is the same task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
}

/// Where a task or run stands. The last four are ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// Accepted, not started.
    Queued,
    /// At work.
    Running,
    /// Held by a person or a shutdown.
    Paused,
    /// Waits for a person's answer.
    WaitingApproval,
    /// Waits before trying a call again.
    WaitingRetry,
    /// Something may or may not have happened; a person must say.
    InDoubt,
    /// Done, and verified.
    Succeeded,
    /// Ended with an error.
    Failed,
    /// Stopped by a person.
    Cancelled,
    /// Stopped by policy.
    Denied,
}

impl RunStatus {
    /// Whether nothing more will happen.
    #[must_use]
    pub const fn is_end(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Cancelled | Self::Denied)
    }

    /// The word used in JSON and tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::WaitingApproval => "waiting_approval",
            Self::WaitingRetry => "waiting_retry",
            Self::InDoubt => "in_doubt",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Denied => "denied",
        }
    }
}
