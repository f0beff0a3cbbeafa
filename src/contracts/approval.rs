//! A person's answer.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ApprovalId, CallId, Hash, Timestamp};

/// What is being asked. Exactly this call, or this gate, and nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApprovalSubject {
    /// Which question.
    pub approval_id: ApprovalId,
    /// The step's path.
    pub path: String,
    /// The call; absent for an approval gate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call_id: Option<CallId>,
    /// Canonical hash of tool, arguments and run; absent for an approval gate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub args_hash: Option<Hash>,
    /// What the person reads.
    pub prompt: String,
    /// Until when an answer counts.
    pub expires_at: Timestamp,
    /// How many different people must say yes.
    pub approvers: u32,
}

/// The answer to an approval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApprovalResolution {
    /// Which question.
    pub approval_id: ApprovalId,
    /// Yes or no.
    pub approved: bool,
    /// Who answered, such as `terminal` or `--yes-approve cmd.remove-tree`.
    pub by: String,
    /// What they said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}
