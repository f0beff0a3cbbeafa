//! Payloads about the run as a whole.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::contracts::{
    Budget, BudgetKind, ErrorKind, Hash, IncidentId, Lineage, Map, Outcome, Profile, RunId,
    RunReport, ScheduleId, TaskEnvelope, TextRef, Timestamp,
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
    /// How it shall start, of a task that waits in the queue: `run.started` repeats it with the rules
    /// that are in force by then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<Box<RunStarted>>,
}

/// What makes a run begin.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// A person at a terminal.
    #[default]
    Person,
    /// A task that came in over the API.
    Api,
    /// A schedule.
    Schedule,
    /// A webhook.
    Webhook,
    /// A step of another run.
    Call,
    /// A client of the MCP server.
    Mcp,
}

/// Something beside the playbook that the run works by: a playbook it calls, or a fragment that a
/// playbook includes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PinnedSource {
    /// What it is.
    pub kind: SourceKind,
    /// As it is named in the playbook.
    pub name: String,
    /// The file it was read from.
    pub path: String,
    /// BLAKE3 of the file.
    pub hash: Hash,
    /// The file's text.
    pub source: TextRef,
}

/// What a pinned source is.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum SourceKind {
    /// A playbook that is called.
    Playbook,
    /// A fragment that is included.
    Fragment,
}

/// The most a run that was called may touch, because the run that calls it may touch no more. Paths
/// are absolute or relative to the workspace; templates are filled in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bound {
    /// The calling playbook's file, for reasons.
    pub file: String,
    /// Tools.
    pub tools: Vec<String>,
    /// Paths that may be read.
    pub read: Vec<String>,
    /// Paths that may be written.
    pub write: Vec<String>,
    /// Patterns of hosts.
    pub network: Vec<String>,
    /// Names of secrets.
    pub secrets: Vec<String>,
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
    /// What made it begin.
    #[serde(default)]
    pub trigger: Trigger,
    /// Everything beside the playbook that it works by, for its whole life.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pinned: Vec<PinnedSource>,
    /// Bounds of the runs that called it, nearest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bounds: Vec<Bound>,
    /// Where what it begins with came from. Absent in journals of programs that did not trace it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lineage: Option<Box<Lineage>>,
}

/// `run.paused` and `run.cancel_requested`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RunSignal {
    /// Who wanted it.
    pub by: String,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// `run.resumed`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RunResumed {
    /// Who wanted it.
    pub by: String,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Whether the process that worked on it is gone, so that calls it had begun may or may not have
    /// happened; false when the run was only held.
    #[serde(default = "interrupted")]
    pub interrupted: bool,
}

const fn interrupted() -> bool {
    true
}

/// `schedule.fired`: durable before the run it starts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScheduleFired {
    /// Which schedule.
    pub schedule_id: ScheduleId,
    /// Its name: the playbook's, or that of an internal job.
    pub name: String,
    /// When it was due.
    pub due_at: Timestamp,
    /// The run it starts; absent for an internal job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<RunId>,
    /// Whether it makes up for a time that was missed.
    #[serde(default)]
    pub catch_up: bool,
}

/// `schedule.missed`: a time at which nothing was started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScheduleMissed {
    /// Which schedule.
    pub schedule_id: ScheduleId,
    /// Its name.
    pub name: String,
    /// When it was due.
    pub due_at: Timestamp,
    /// Why: the run before was at work, nobody was there, it was paused.
    pub reason: String,
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

/// `config.changed`: settings that count while the program runs were changed, or a change was refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfigChanged {
    /// The file.
    pub file: String,
    /// Who changed it; `file` where somebody edited it.
    pub by: String,
    /// What is another than before.
    pub changes: Vec<SettingChanged>,
    /// Why an edit, or a part of it, was not taken.
    #[serde(default)]
    pub errors: Vec<String>,
}

/// A setting that is another than before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SettingChanged {
    /// The key.
    pub key: String,
    /// Its value before, where it had one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<serde_json::Value>,
    /// Its value now, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<serde_json::Value>,
}

/// `incident.raised`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IncidentRaised {
    /// Which incident.
    pub incident_id: IncidentId,
    /// A stable name of the kind of incident.
    pub kind: String,
    /// The run it is about; absent where it is about none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<RunId>,
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
    /// Where they came from. Absent in journals of programs that did not trace it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<Vec<String>>,
}

/// `report.ready`: the last event of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReportReady {
    /// The whole report.
    pub report: RunReport,
}
