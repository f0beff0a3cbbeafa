//! Payloads about steps.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::contracts::{ErrorKind, TextRef};

/// `step.started`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StepStarted {
    /// Where in the program, such as `each[3]`.
    pub path: String,
    /// 1 for the first try.
    pub attempt: u32,
    /// The list a `foreach` goes over; its length stands in `item_count`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub items: Option<TextRef>,
    /// How many items a `foreach` has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item_count: Option<u32>,
}

/// `step.verified`: one expression of `verify:`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StepVerified {
    /// Where in the playbook, such as `verify[0]`.
    pub path: String,
    /// The try; verification is tried once.
    pub attempt: u32,
    /// Position in `verify:`, from 0.
    pub index: u32,
    /// The expression.
    pub expression: String,
    /// Whether it held.
    pub ok: bool,
    /// Why it could not be evaluated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// `step.finished`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StepFinished {
    /// The step's path.
    pub path: String,
    /// Whether it did what it should.
    pub ok: bool,
    /// Whether its `if` was false, or it was not reached.
    pub skipped: bool,
    /// The last try; 0 when it did not run.
    pub attempt: u32,
    /// The kind of failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_kind: Option<ErrorKind>,
    /// The failure in words, where it is not in a call's result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<TextRef>,
}
