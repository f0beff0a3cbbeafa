//! What a run leaves for people: outcome, what was done, what it cost, what comes next.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    ArtifactRef, BudgetUse, CallId, Effect, ErrorKind, Hash, MatchedRule, MemoryId, RunId,
    RunStatus, TaskId,
};

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Done, and verified.
    Succeeded,
    /// Ended with an error.
    Failed,
    /// Stopped by a person.
    Cancelled,
    /// Stopped by policy.
    Denied,
}

impl Outcome {
    /// The word used in JSON and tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.status().as_str()
    }

    /// The end state it leads to.
    #[must_use]
    pub const fn status(self) -> RunStatus {
        match self {
            Self::Succeeded => RunStatus::Succeeded,
            Self::Failed => RunStatus::Failed,
            Self::Cancelled => RunStatus::Cancelled,
            Self::Denied => RunStatus::Denied,
        }
    }
}

/// One step, for the report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StepLine {
    /// The step's path.
    pub path: String,
    /// Whether it did what it should.
    pub ok: bool,
    /// Whether it did not run.
    pub skipped: bool,
    /// How often it was tried.
    pub attempts: u32,
    /// The run that did its work, of a step that calls a playbook.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<RunId>,
    /// The error's kind and message, when it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// One decision of policy, for the report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DecisionLine {
    /// The call: `bailiwick policy explain` takes it. Absent in reports of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call_id: Option<CallId>,
    /// The step's path.
    pub path: String,
    /// The tool.
    pub tool: String,
    /// The verdict.
    pub effect: Effect,
    /// Why.
    pub reason: String,
    /// Which rules matched.
    pub rules: Vec<MatchedRule>,
}

/// What a run cost.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Telemetry {
    /// From start to end, in milliseconds.
    pub duration_ms: u64,
    /// Tokens sent to and received from models.
    pub tokens: u64,
    /// Cost in US dollars.
    pub cost_usd: f64,
    /// How often each tool was called.
    pub calls_by_tool: BTreeMap<String, u32>,
    /// Memories that were recalled.
    pub recalled: Vec<MemoryId>,
    /// What was used of the budget.
    pub budget_used: BudgetUse,
}

/// The report of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RunReport {
    /// Version of this document.
    pub schema_version: u32,
    /// Which task.
    pub task_id: TaskId,
    /// Which run.
    pub run_id: RunId,
    /// The playbook's name, when there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub playbook: Option<String>,
    /// How it ended.
    pub outcome: Outcome,
    /// The kind of failure, where it did not succeed and there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_kind: Option<ErrorKind>,
    /// What happened, in a sentence or two.
    pub summary: String,
    /// Each step.
    pub steps: Vec<StepLine>,
    /// The playbook's outputs.
    pub outputs: BTreeMap<String, Value>,
    /// Files it produced.
    pub artifacts: Vec<ArtifactRef>,
    /// What policy decided.
    pub decisions: Vec<DecisionLine>,
    /// What a person could do now.
    pub next_steps: Vec<String>,
    /// What it cost.
    pub telemetry: Telemetry,
    /// The policy in force at the end.
    pub policy_hash: Hash,
    /// The hash of `run.finished`.
    pub journal_head: Hash,
}
