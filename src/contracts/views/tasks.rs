//! Tasks as they are taken and shown.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::contracts::{ApprovalId, Budget, RunId, RunStatus, TaskId, Timestamp};

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
    /// Whether it only shows what it would do; as configuration says where this is absent.
    #[serde(default)]
    pub dry_run: Option<bool>,
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
