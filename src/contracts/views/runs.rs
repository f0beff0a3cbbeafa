//! Runs, their events, and what an undo did.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::contracts::{
    CallId, Decision, Event, Hash, RunId, RunReport, RunStatus, TaskEnvelope, TaskId, Timestamp,
    ToolCall,
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

/// What came of an order to a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RunTold {
    /// Which run.
    pub run_id: RunId,
    /// Where it stands now.
    pub status: RunStatus,
}
