//! Payloads about the run as a whole.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::contracts::{
    Area, Budget, BudgetKind, ErrorKind, Hash, IncidentId, Map, MemoryId, Outcome, Profile, RunId,
    RunReport, TaskEnvelope, TextRef,
};

/// The playbook version a run works by, for its whole life.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlaybookRef {
    /// The playbook's name.
    pub name: String,
    /// The file it was read from.
    pub path: String,
    /// BLAKE3 of the file.
    pub hash: Hash,
    /// The file's text.
    pub source: TextRef,
}

/// `task.accepted`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TaskAccepted {
    /// The task as stored.
    pub task: TaskEnvelope,
}

/// `run.started`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RunStarted {
    /// The playbook; absent for a direct call of one tool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub playbook: Option<PlaybookRef>,
    /// Inputs after defaults and type checks.
    pub inputs: Map,
    /// Absolute paths that the person who started the run gave it to read.
    pub read_roots: Vec<PathBuf>,
    /// Bounds in force.
    pub budget: Budget,
    /// The rules in force.
    pub profile: Profile,
    /// Hash of the rules in force.
    pub policy_hash: Hash,
    /// Whether nobody can be asked: fired by a schedule or a webhook, or profile `ci`.
    pub unattended: bool,
    /// Whether nothing is executed.
    pub dry_run: bool,
    /// The run that called this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_run_id: Option<RunId>,
}

/// `run.paused`, `run.resumed` and `run.cancel_requested`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RunSignal {
    /// Who wanted it.
    pub by: String,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// `budget.warned` and `budget.exhausted`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BudgetMet {
    /// Which bound.
    pub budget: BudgetKind,
    /// What was used.
    pub used: f64,
    /// The bound.
    pub limit: f64,
}

/// `policy.reloaded`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicyReloaded {
    /// The set in force from now on.
    pub policy_hash: Hash,
    /// The set in force before.
    pub previous: Hash,
    /// Why an edit was not taken; the set in force is then the last good one.
    #[serde(default)]
    pub errors: Vec<String>,
}

/// `memory.written`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MemoryWritten {
    /// Which record.
    pub memory_id: MemoryId,
    /// Where it belongs.
    pub area: Area,
    /// The text.
    pub text: TextRef,
    /// Free tags.
    pub tags: Vec<String>,
}

/// `incident.raised`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IncidentRaised {
    /// Which incident.
    pub incident_id: IncidentId,
    /// A stable name of the kind of incident.
    pub kind: String,
    /// What happened and what to do.
    pub message: String,
}

/// `run.finished`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RunFinished {
    /// How it ended.
    pub outcome: Outcome,
    /// The path of the step that decided it, when it did not succeed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// The kind of failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_kind: Option<ErrorKind>,
    /// The playbook's outputs as a JSON object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outputs: Option<TextRef>,
}

/// `report.ready`: the last event of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReportReady {
    /// The whole report.
    pub report: RunReport,
}
