//! Payloads about calls.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::contracts::{
    CallEffect, CallId, Decision, ErrorKind, Hash, Origin, Receipt, RunId, TextRef,
};

/// `call.requested`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CallRequested {
    /// The step's path.
    pub path: String,
    /// 1 for the first try.
    pub attempt: u32,
    /// Which call.
    pub call_id: CallId,
    /// The tool.
    pub name: String,
    /// What may be done about it after a crash.
    pub effect: CallEffect,
    /// The whole [`crate::contracts::ToolCall`] as JSON.
    pub call: TextRef,
    /// Canonical hash (RFC 8785) of tool, arguments and run.
    pub args_hash: Hash,
    /// The same key names the same effect.
    pub idempotency_key: String,
    /// Who wants it.
    pub origin: Origin,
}

/// `call.decided`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CallDecided {
    /// Which call.
    pub call_id: CallId,
    /// The step's path.
    pub path: String,
    /// The tool.
    pub name: String,
    /// What policy answered.
    pub decision: Decision,
}

/// `call.intent`: durable before the tool starts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CallIntent {
    /// Which call.
    pub call_id: CallId,
    /// The step's path.
    pub path: String,
    /// What may be done about it after a crash.
    pub effect: CallEffect,
    /// The old content of what it will change (a tool's undo record as JSON), kept for undo.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<TextRef>,
}

/// `call.finished`: durable before anything relies on the result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CallFinished {
    /// Which call.
    pub call_id: CallId,
    /// The step's path.
    pub path: String,
    /// Whether the tool did what it was asked.
    pub ok: bool,
    /// The kind of failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_kind: Option<ErrorKind>,
    /// Whether trying again could help.
    #[serde(default)]
    pub retryable: bool,
    /// Whether output was cut at the cap.
    #[serde(default)]
    pub truncated: bool,
    /// The whole [`crate::contracts::ToolResult`] as JSON.
    pub result: TextRef,
    /// Which sandbox layers held.
    pub receipt: Receipt,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
}

/// A payload that only names a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CallNamed {
    /// Which call.
    pub call_id: CallId,
    /// The step's path.
    pub path: String,
}

/// What became of a call in doubt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Resolution {
    /// It happened: the step counts as done.
    Happened,
    /// It did not: it may be tried again.
    DidNotHappen,
    /// Nobody knows: the step failed.
    Abandoned,
}

/// `call.resolved`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CallResolved {
    /// Which call.
    pub call_id: CallId,
    /// The step's path.
    pub path: String,
    /// What was found.
    pub resolution: Resolution,
    /// Who said so.
    pub by: String,
}

/// `call.undone`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CallUndone {
    /// The call that was undone.
    pub call_id: CallId,
    /// The run it belonged to.
    pub of_run: RunId,
    /// What was put back.
    pub paths: Vec<String>,
}
