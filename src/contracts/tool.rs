//! A call of a tool and what came back.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{CallId, Hash, Map, RunId, Timestamp};

/// How much harm a tool can do.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Risk {
    /// Reads, or writes something that is easily put right.
    Low,
    /// Changes the workspace or talks to an allowed host.
    Medium,
    /// Can destroy, send or spend.
    High,
}

/// What may be done about a call that a crash cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CallEffect {
    /// Changes nothing: run it again.
    Read,
    /// Doing it twice is the same as once: probe, then finish or run again.
    Idempotent,
    /// Never run again by itself.
    NonIdempotent,
    /// Never run again by itself, and cannot be undone.
    Irreversible,
}

impl CallEffect {
    /// Whether the call may be repeated without asking anybody.
    #[must_use]
    pub const fn is_repeatable(self) -> bool {
        matches!(self, Self::Read | Self::Idempotent)
    }
}

/// Who wants the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// A step that a person wrote.
    Playbook,
    /// A model's plan.
    Planner,
    /// A direct request.
    Api,
    /// Another machine.
    Node,
    /// A client of the MCP server.
    Mcp,
}

/// How much of the file system a call may touch.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum FsAccess {
    /// Nothing.
    None,
    /// Read only.
    Read,
    /// Read and write.
    Write,
}

/// A request to run one tool. It says what is wanted, never that it may happen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ToolCall {
    /// Which call.
    pub id: CallId,
    /// The run it belongs to.
    pub run_id: RunId,
    /// The step's path, such as `each[3]`.
    pub step_id: String,
    /// The tool's name.
    pub name: String,
    /// Arguments, checked against the tool's schema.
    pub args: Map,
    /// How long it may take, in milliseconds.
    pub timeout_ms: u64,
    /// Whether the caller wants network access; policy may still refuse it.
    pub allow_network: bool,
    /// How much of the file system the caller wants.
    pub allow_fs: FsAccess,
    /// A JSON Schema that the result's `data` must meet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_output_schema: Option<Value>,
    /// The same key names the same effect.
    pub idempotency_key: String,
    /// Who wants it.
    pub origin: Origin,
    /// Where its arguments came from, such as `untrusted:web`: those of all arguments, and what the
    /// playbook states.
    #[serde(default)]
    pub labels: Vec<String>,
    /// Where the value of each argument came from. Empty where that was not traced: then every
    /// argument may have come from anywhere in `labels`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub arg_labels: BTreeMap<String, Vec<String>>,
}

/// Kinds of failure that playbooks can name in `retry.on` and read as `error.kind`.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// The arguments do not fit the tool's schema.
    BadArguments,
    /// There is no such tool.
    UnknownTool,
    /// The tool is switched off.
    ToolDisabled,
    /// Policy refused.
    Denied,
    /// What was named does not exist.
    NotFound,
    /// It exists already.
    Conflict,
    /// Outside of what the call may touch or run, or the system refused.
    Forbidden,
    /// Larger than a limit.
    TooLarge,
    /// Took longer than it may.
    Timeout,
    /// The other side is not there now.
    Unavailable,
    /// It was called more often than it may be.
    RateLimited,
    /// A command ended with a status other than 0.
    ExitStatus,
    /// A command was ended by a signal.
    Signal,
    /// A required sandbox layer is missing or failed.
    Sandbox,
    /// Reading or writing failed.
    Io,
    /// The content is not what the tool can read.
    BadContent,
    /// The result does not meet the expected schema.
    BadOutput,
    /// An expression could not be evaluated.
    Expression,
    /// No model is configured for a step that needs one.
    NoModel,
    /// A model's plan is none, or cannot be carried out.
    BadPlan,
    /// Planning goes round in circles.
    NoProgress,
    /// A budget was used up.
    Budget,
    /// A person stopped it.
    Cancelled,
    /// It may or may not have happened.
    InDoubt,
    /// A person said no.
    Rejected,
}

impl ErrorKind {
    /// The word used in JSON and in playbooks.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BadArguments => "bad_arguments",
            Self::UnknownTool => "unknown_tool",
            Self::ToolDisabled => "tool_disabled",
            Self::Denied => "denied",
            Self::NotFound => "not_found",
            Self::Conflict => "conflict",
            Self::Forbidden => "forbidden",
            Self::TooLarge => "too_large",
            Self::Timeout => "timeout",
            Self::Unavailable => "unavailable",
            Self::RateLimited => "rate_limited",
            Self::ExitStatus => "exit_status",
            Self::Signal => "signal",
            Self::Sandbox => "sandbox",
            Self::Io => "io",
            Self::BadContent => "bad_content",
            Self::BadOutput => "bad_output",
            Self::Expression => "expression",
            Self::NoModel => "no_model",
            Self::BadPlan => "bad_plan",
            Self::NoProgress => "no_progress",
            Self::Budget => "budget",
            Self::Cancelled => "cancelled",
            Self::InDoubt => "in_doubt",
            Self::Rejected => "rejected",
        }
    }
}

/// Why a tool did not do what it was asked: data for playbooks and models, not a Rust error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ToolError {
    /// The kind of failure.
    pub kind: ErrorKind,
    /// What happened and what to do, for people.
    pub message: String,
    /// Whether trying again could help.
    pub retryable: bool,
}

impl ToolError {
    /// A failure that trying again will not mend.
    #[must_use]
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), retryable: false }
    }

    /// A failure that may pass.
    #[must_use]
    pub fn retryable(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), retryable: true }
    }
}

/// A stored file that a call produced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ArtifactRef {
    /// File name for people.
    pub name: String,
    /// BLAKE3 of the content.
    pub hash: Hash,
    /// Size in bytes.
    pub bytes: u64,
    /// Media type.
    pub media_type: String,
}

/// Which sandbox layers held while a call ran.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// The profile's name; empty for a tool that runs inside the program.
    pub profile: String,
    /// Layers that were enforced, such as `landlock:7`, `seccomp`, `rlimits`.
    pub enforced: Vec<String>,
    /// Layers that were asked for and missing, with the reason.
    pub missing: Vec<String>,
}

/// What came back from a call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ToolResult {
    /// Which call.
    pub call_id: CallId,
    /// Whether the tool did what it was asked.
    pub ok: bool,
    /// The tool's answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Value>,
    /// Why not, when `ok` is false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ToolError>,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub finished_at: Timestamp,
    /// Lines for people.
    #[serde(default)]
    pub logs: Vec<String>,
    /// Files it produced.
    #[serde(default)]
    pub artifacts: Vec<ArtifactRef>,
    /// Where its content came from: the tool's labels and those of its inputs.
    #[serde(default)]
    pub labels: Vec<String>,
    /// Whether output was cut at the cap.
    pub truncated: bool,
    /// Which sandbox layers held.
    pub receipt: Receipt,
}
