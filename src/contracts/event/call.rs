//! Payloads about calls.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::contracts::{
    ArtifactRef, CallEffect, CallId, Decision, Effect, ErrorKind, Hash, MatchedRule, Origin,
    Receipt, RunId, TextRef,
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
    /// The facts it was decided on, as JSON without what the journal holds elsewhere: enough to
    /// decide again. Absent when there were none, as for a tool that does not exist.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub facts: Option<TextRef>,
    /// What the rules on trial would have answered, when they would have answered otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shadow: Option<Box<ShadowDecision>>,
    /// Whether the call reads a secret: once it ran, the run has read one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reads_secret: bool,
}

/// What stands behind the step's path when a decision is about a call that no step asked for: the path
/// of no step, since these have no such character.
pub const ASIDE: char = '#';

impl CallDecided {
    /// Whether no step asked for the call: it was a read in an expression, or a memory. Nothing waits
    /// for such a decision; it is kept to be judged again.
    #[must_use]
    pub fn is_aside(&self) -> bool {
        self.path.contains(ASIDE)
    }
}

/// What rules that are on trial would have answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ShadowDecision {
    /// The verdict.
    pub effect: Effect,
    /// Why, in one sentence.
    pub reason: String,
    /// Every rule that matched, strictest first.
    pub rules: Vec<MatchedRule>,
    /// The set on trial.
    pub policy_hash: Hash,
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
    /// Where its content came from, as in the result. Absent in journals of programs that did not
    /// trace it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<Vec<String>>,
    /// Fingerprints of its content, where it read a secret: by them the content is known again in
    /// what later calls are given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprints: Option<TextRef>,
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

/// `artifact.stored`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ArtifactStored {
    /// The call that produced it. Its result names it, in the order in which they are stored. Absent of a
    /// file that came with the task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call_id: Option<CallId>,
    /// The step's path; where in the task it stood, of a file that came with that.
    pub path: String,
    /// The content.
    pub content: TextRef,
    /// What it is, where no result names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact: Option<ArtifactRef>,
    /// Where it came from, where no result says so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
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
