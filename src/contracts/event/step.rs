//! Payloads about steps.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::contracts::{Budget, BudgetUse, ErrorKind, RunFlow, RunId, TextRef};

/// `step.started`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StepStarted {
    /// Where in the program, such as `each[3]/inner`.
    pub path: String,
    /// 1 for the first try.
    pub attempt: u32,
    /// The list a `foreach` goes over; its length stands in `item_count`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub items: Option<TextRef>,
    /// How many items a `foreach` has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item_count: Option<u32>,
    /// Where the items came from. Absent in journals of programs that did not trace it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<Vec<String>>,
    /// The run that does the step's work, of a step that calls a playbook.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub child_run_id: Option<RunId>,
    /// What that run may spend of this run's budget.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<Budget>,
}

impl StepStarted {
    /// A step that begins and neither repeats nor calls a playbook.
    #[must_use]
    pub fn new(path: impl Into<String>, attempt: u32) -> Self {
        let path = path.into();
        Self {
            path,
            attempt,
            items: None,
            item_count: None,
            labels: None,
            child_run_id: None,
            share: None,
        }
    }
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
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
    /// What a called playbook answered: its outputs as a JSON object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<TextRef>,
    /// Where what a called playbook answered came from, and what it had taken in. Absent in journals
    /// of programs that did not trace it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flow: Option<Box<RunFlow>>,
    /// What a called playbook used of this run's budget.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used: Option<BudgetUse>,
}

impl StepFinished {
    /// The end of a try; `kind` says what kind of failure it was.
    #[must_use]
    pub fn new(path: impl Into<String>, attempt: u32, ok: bool, kind: Option<ErrorKind>) -> Self {
        Self {
            path: path.into(),
            ok,
            skipped: false,
            attempt,
            error_kind: kind,
            message: None,
            result: None,
            flow: None,
            used: None,
        }
    }

    /// A step that does not run.
    #[must_use]
    pub fn skipped(path: impl Into<String>) -> Self {
        Self { skipped: true, ..Self::new(path, 0, false, None) }
    }
}
