//! What lists and single answers show, the same on the command line and over HTTP.
//!
//! Fields that have no value are there as `null`, so that programs find every name.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    ApprovalId, Budget, CallId, Decision, Diagnostic, Event, Hash, Map, Risk, RunId, RunReport,
    RunStatus, ScheduleId, TaskEnvelope, TaskId, Timestamp, ToolCall,
};

/// A run in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RunView {
    /// Which run.
    pub run_id: RunId,
    /// The task it does.
    pub task_id: Option<TaskId>,
    /// Where it stands.
    pub status: RunStatus,
    /// The playbook's name.
    pub playbook: Option<String>,
    /// The goal in words.
    pub goal: String,
    /// Time of its first event.
    pub created_at: Timestamp,
    /// Time of its newest event.
    pub updated_at: Timestamp,
    /// How many events it has.
    pub events: u64,
}

/// A page of runs, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RunPage {
    /// The runs.
    pub items: Vec<RunView>,
    /// What to ask for the next page with; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// What an undo did, or would do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UndoView {
    /// Whether nothing was done yet.
    pub dry_run: bool,
    /// The run that the undo was; null of a dry run.
    pub undo_run_id: Option<RunId>,
    /// Calls that were put back, newest first.
    pub put_back: Vec<CallPutBack>,
    /// What was left alone.
    pub left_alone: Vec<CallLeftAlone>,
}

/// A call that was put back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CallPutBack {
    /// The call.
    pub call_id: CallId,
    /// The run that made it.
    pub run_id: RunId,
    /// Its tool.
    pub tool: String,
    /// What was changed by putting it back; empty where all was as before already.
    pub paths: Vec<String>,
}

/// A call that was left alone, as a whole or in part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CallLeftAlone {
    /// The call.
    pub call_id: CallId,
    /// The run that made it.
    pub run_id: RunId,
    /// Its tool.
    pub tool: String,
    /// What it is about, where it is one path.
    pub path: Option<String>,
    /// Why.
    pub why: String,
    /// Whether it is left because somebody else changed something since. If not, it could never be put
    /// back, or only a directory stays that something else is in.
    pub conflict: bool,
}

/// What policy answered for one step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DecisionView {
    /// The call it is about.
    pub call_id: CallId,
    /// The step's path.
    pub path: String,
    /// The tool.
    pub tool: String,
    /// The answer.
    pub decision: Decision,
}

/// An event as JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EventView {
    /// The run, or `run_system`.
    pub run_id: String,
    /// Its number in the run.
    pub seq: u64,
    /// Its number among all events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub global_seq: Option<u64>,
    /// When it was appended.
    pub at: Timestamp,
    /// What kind of thing happened.
    pub kind: String,
    /// What belongs to the kind.
    pub payload: Value,
    /// The hash of the event before it.
    pub prev_hash: Hash,
    /// Its hash.
    pub hash: Hash,
}

impl EventView {
    /// An event as it is shown.
    ///
    /// # Errors
    /// When its payload is no JSON.
    pub fn of(event: &Event) -> Result<Self, serde_json::Error> {
        Ok(Self {
            run_id: event.run_id.clone(),
            seq: event.seq,
            global_seq: Some(event.global_seq),
            at: event.at,
            kind: event.kind.as_str().to_owned(),
            payload: serde_json::from_str(&event.payload)?,
            prev_hash: event.prev_hash,
            hash: event.hash,
        })
    }
}

/// Everything about one run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunDetail {
    /// Which run.
    pub run_id: RunId,
    /// Where it stands.
    pub status: RunStatus,
    /// The task it does.
    pub task: Option<TaskEnvelope>,
    /// Its report, once it has ended.
    pub report: Option<RunReport>,
    /// Calls of which nobody knows whether they happened.
    pub in_doubt: Vec<ToolCall>,
    /// What policy answered, in order.
    pub decisions: Vec<DecisionView>,
    /// Its events, where they were asked for.
    pub events: Vec<EventView>,
}

/// A task that was taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TaskTaken {
    /// Which task.
    pub task_id: TaskId,
    /// The run that does it.
    pub run_id: RunId,
    /// Where it stands: `queued`.
    pub status: RunStatus,
}

/// What came of an order to a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RunTold {
    /// Which run.
    pub run_id: RunId,
    /// Where it stands now.
    pub status: RunStatus,
}

/// A task with how far it has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TaskView {
    /// Which task.
    pub task_id: TaskId,
    /// The goal in words.
    pub goal: String,
    /// Where it stands.
    pub status: RunStatus,
    /// Tool calls so far, retries included.
    pub step_count: u32,
    /// Most tool calls.
    pub max_steps: u32,
    /// Most retries.
    pub max_retries: u32,
    /// Questions that wait for an answer.
    pub required_approvals: Vec<ApprovalId>,
    /// Files it produced: their hashes.
    pub artifacts: Vec<String>,
    /// When it was taken.
    pub created_at: Timestamp,
    /// Time of its newest event.
    pub updated_at: Timestamp,
    /// The run that does it.
    pub run_id: RunId,
}

/// A page of tasks, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TaskPage {
    /// The tasks.
    pub tasks: Vec<TaskView>,
    /// What to ask for the next page with; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// A task in the words of the task API.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewTask {
    /// What to do, in words.
    pub goal: String,
    /// Most tool calls, within what configuration allows.
    #[serde(default)]
    pub max_steps: Option<u32>,
    /// Most retries, within what configuration allows.
    #[serde(default)]
    pub max_retries: Option<u32>,
}

impl NewTask {
    /// The budget it states, if it states any.
    #[must_use]
    pub fn budget(&self, otherwise: &Budget) -> Option<Budget> {
        (self.max_steps.is_some() || self.max_retries.is_some()).then(|| Budget {
            steps: self.max_steps.unwrap_or(otherwise.steps),
            retries: self.max_retries.unwrap_or(otherwise.retries),
            ..otherwise.clone()
        })
    }
}

/// A question to a person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ApprovalView {
    /// Which question.
    pub approval_id: ApprovalId,
    /// The run that asks; absent for an approval that was given before anybody asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<RunId>,
    /// The step's path; empty for an approval given beforehand.
    pub step: String,
    /// What the person reads.
    pub prompt: String,
    /// The call that is asked about: `bailiwick policy explain` takes it. Absent at an approval gate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call_id: Option<CallId>,
    /// The tool that would be called; absent at an approval gate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// Its arguments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub args: Option<Map>,
    /// How dangerous the tool is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub risk: Option<Risk>,
    /// Whether `undo` could put back what it does; absent at an approval gate, and of calls that change
    /// nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undoable: Option<bool>,
    /// The rules that ask.
    pub rules: Vec<String>,
    /// When it was asked.
    pub requested_at: Timestamp,
    /// Until when an answer counts.
    pub expires_at: Timestamp,
    /// How many different people must say yes.
    #[serde(default = "one")]
    pub approvers: u32,
    /// Who did.
    #[serde(default)]
    pub approved_by: Vec<String>,
    /// Who gave it, of an approval given beforehand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given_by: Option<String>,
    /// `open`, `expired` (open, but an answer does not count any more), `approved`, `denied`, `superseded`
    /// (asked again, or decided anew) or `void` (no longer of use). An approval given beforehand is `open`
    /// until it is used (`approved`) or revoked (`denied`).
    pub status: String,
    /// Who answered last; of an approval given beforehand, the run that used it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// What they said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl ApprovalView {
    /// As it is at `now`: an open question whose time is over is expired.
    #[must_use]
    pub fn at(mut self, now: Timestamp) -> Self {
        if self.status == Self::OPEN && now > self.expires_at {
            self.status = Self::EXPIRED.to_owned();
        }
        self
    }

    /// Whether somebody may still answer; an answer to an expired question asks it anew.
    #[must_use]
    pub fn waits(&self) -> bool {
        self.status == Self::OPEN || self.status == Self::EXPIRED
    }

    const OPEN: &str = "open";
    /// What the status of an open question is when its time is over.
    pub const EXPIRED: &str = "expired";
}

const fn one() -> u32 {
    1
}

/// A page of questions, newest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ApprovalPage {
    /// The questions.
    pub approvals: Vec<ApprovalView>,
    /// What to ask for the next page with; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAnswer {
    /// Yes or no.
    pub approved: bool,
    /// Why, or what shall be done differently.
    #[serde(default)]
    pub reason: Option<String>,
}

/// What came of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Answered {
    /// Which question.
    pub approval_id: ApprovalId,
    /// The run that had asked; absent for an approval that was given beforehand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<RunId>,
    /// What was answered.
    pub approved: bool,
    /// Where the run stands now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<RunStatus>,
    /// How many more people must say yes.
    #[serde(default)]
    pub missing: u32,
}

/// An approval that is given before anybody asks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewApproval {
    /// The arguments it is for; for any when absent.
    #[serde(default)]
    pub args: Option<Map>,
}

/// An approval that was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Given {
    /// Which; it can be revoked by a no.
    pub approval_id: ApprovalId,
    /// The tool's own name.
    pub tool_name: String,
    /// Until when it can be used, once.
    pub expires_at: Timestamp,
}

/// A schedule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ScheduleView {
    /// Which schedule.
    pub schedule_id: ScheduleId,
    /// Its name: the playbook's, or that of the program's own job.
    pub name: String,
    /// The playbook it starts; `null` for a job of the program itself.
    pub playbook: Option<String>,
    /// Who made it: `playbook`, `api` or `internal`.
    pub source: String,
    /// When, as cron.
    pub cron: String,
    /// The time zone of `cron`.
    pub timezone: String,
    /// What happens when the run before is still at work: `skip`, `queue` or `cancel_previous`.
    pub overlap: String,
    /// Which missed times are made up for: `none`, `latest` or `all`.
    pub catch_up: String,
    /// How long a missed time is worth making up for, in milliseconds.
    pub window_ms: u64,
    /// Inputs of the playbook.
    pub inputs: Map,
    /// Whether a person holds it.
    pub paused: bool,
    /// Why it does not fire, if it does not.
    pub refused: Option<String>,
    /// When it fires next.
    pub next_at: Option<Timestamp>,
    /// The last time that was due.
    pub last_due: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed.
    pub updated_at: Timestamp,
}

/// Every schedule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ScheduleList {
    /// The schedules.
    pub items: Vec<ScheduleView>,
}

/// What came of a time that was due.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FireView {
    /// When it was due.
    pub due_at: Timestamp,
    /// When that was noted.
    pub at: Timestamp,
    /// `fired` or `missed`.
    pub state: String,
    /// The run that it started.
    pub run_id: Option<RunId>,
    /// Why nothing was started.
    pub reason: Option<String>,
}

/// A schedule with its next and last times.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ScheduleDetail {
    /// The schedule.
    pub schedule: ScheduleView,
    /// When it fires next.
    pub next: Vec<Timestamp>,
    /// What came of the last times, newest first.
    pub fires: Vec<FireView>,
}

/// A change of a schedule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScheduleChange {
    /// Whether it is held.
    pub paused: bool,
}

/// The run that a schedule started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ScheduleStarted {
    /// The run; `null` for a job of the program itself, which has none.
    pub run_id: Option<RunId>,
}

/// An input of a playbook.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct InputView {
    /// Its name.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// Whether it has to be given.
    pub required: bool,
    /// What it is when it is not given.
    pub default: Option<Value>,
    /// What it is for.
    pub description: String,
}

/// A playbook in a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PlaybookView {
    /// Its name.
    pub name: String,
    /// Its file.
    pub path: String,
    /// What it does.
    pub description: Option<String>,
    /// Whether it can be run.
    pub ok: bool,
    /// BLAKE3 of its file.
    pub hash: Option<Hash>,
    /// What it takes.
    pub inputs: Vec<InputView>,
    /// Whether its file is broken now: what was good last is run, and `diagnostics` are those of the file.
    #[serde(default)]
    pub stale: bool,
    /// Mistakes and warnings.
    pub diagnostics: Vec<Diagnostic>,
}

/// Every playbook.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PlaybookList {
    /// The playbooks.
    pub items: Vec<PlaybookView>,
}
