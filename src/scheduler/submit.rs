//! Taking a task: everything that can be wrong with it is said at once, and nothing is durable before.

use super::NewKey;
use crate::contracts::{Diagnostic, RunId, TaskId, Trigger};
use crate::orchestrator::RunError;

/// Who hands a task in, and how.
#[derive(Debug, Clone)]
pub struct Origin {
    /// Who: `token`, `socket:<uid>`, `api`, the name of a schedule.
    pub by: String,
    /// What makes it begin.
    pub trigger: Trigger,
    /// Remembered in the same transaction; its scope and request are the caller's business.
    pub key: Option<NewKey>,
}

/// A task that is durable and waits for a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accepted {
    /// Which task.
    pub task_id: TaskId,
    /// Its run.
    pub run_id: RunId,
    /// Whether it is the answer to a request that came before.
    pub repeated: bool,
}

/// One thing that is wrong with what was handed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// The field, as a path such as `budget.steps` or `inputs.repo`; empty for the whole.
    pub field: String,
    /// What is wrong with it.
    pub message: String,
    /// What to write instead.
    pub suggestion: Option<String>,
}

impl FieldError {
    /// A mistake without a suggestion.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into(), suggestion: None }
    }
}

impl std::fmt::Display for FieldError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.field.as_str() {
            "" => f.write_str(&self.message),
            field => write!(f, "`{field}`: {}", self.message),
        }
    }
}

/// Why a task is not taken.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// Fields are wrong (422).
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Invalid(Vec<FieldError>),
    /// The playbook has mistakes (422).
    #[error("the playbook `{path}` has mistakes and is not run")]
    Playbook {
        /// The file.
        path: String,
        /// Each mistake.
        diagnostics: Vec<Diagnostic>,
    },
    /// There is no such playbook (422; 404 where the path names it).
    #[error("there is no playbook `{name}`")]
    UnknownPlaybook {
        /// What was asked for.
        name: String,
        /// What may have been meant.
        suggestion: Option<String>,
    },
    /// Too many tasks wait (429).
    #[error("too many tasks wait; try again in {retry_after_s} seconds")]
    Busy {
        /// When to try again, in seconds.
        retry_after_s: u64,
    },
    /// The disk is nearly full (507).
    #[error("the disk has {free_bytes} bytes left, which is less than `queue.free_disk`")]
    NoSpace {
        /// What is left.
        free_bytes: u64,
    },
    /// The daemon is about to end (503).
    #[error("the daemon is stopping and takes no more tasks")]
    Draining,
    /// The key belongs to another request (422).
    #[error("the idempotency key was used for another request")]
    KeyReused,
    /// The store failed (500).
    #[error(transparent)]
    Run(#[from] RunError),
}
