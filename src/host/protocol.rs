//! What goes over the host's socket: one JSON document per line, both ways.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::contracts::{
    ApprovalId, ApprovalSubject, Attachment, Decision, Hash, Map, RunId, RunReport, RunStatus,
    TaskId, Timestamp, Trigger,
};
use crate::orchestrator::{MemoryOrder, OrderRefused, Wanted};

/// Longest line read from the socket, in bytes.
pub(super) const LINE_BYTES_MAX: usize = 16 << 20;

/// A run that somebody wants. Every part that depends on where they stand is resolved: the host may
/// run in another directory.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunRequest {
    /// The playbook's file, as shown to people.
    pub path: String,
    /// The playbook's text.
    pub source: String,
    /// The goal in words, when the playbook was chosen by one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub goal: Option<String>,
    /// Inputs as given.
    pub inputs: Map,
    /// Files that come with it; one of the workspace by its path from the root.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
    /// Absolute directory that relative paths among the inputs start from.
    pub cwd: std::path::PathBuf,
    /// Rules whose questions are answered with yes.
    #[serde(default)]
    pub yes_approve: Vec<String>,
    /// The configuration this was asked under: the host must have the same.
    pub config: Hash,
    /// Whether somebody sits at a terminal and can be asked.
    pub attended: bool,
    /// A repeated request with the same key is the same task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
    /// What set it off.
    #[serde(default)]
    pub trigger: Trigger,
    /// Whether it only shows what it would do.
    #[serde(default)]
    pub dry_run: bool,
}

impl RunRequest {
    /// The request as intake takes it.
    #[must_use]
    pub fn wanted(&self) -> Wanted<'_> {
        Wanted {
            path: &self.path,
            source: &self.source,
            goal: self.goal.as_deref(),
            inputs: &self.inputs,
            cwd: &self.cwd,
            idempotency_key: self.idempotency_key.as_deref(),
            trigger: self.trigger,
            dry_run: self.dry_run,
        }
    }
}

/// From the guest to the host.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type", deny_unknown_fields)]
pub(super) enum FromGuest {
    /// The first line: what is wanted.
    Run {
        /// The run.
        request: Box<RunRequest>,
    },
    /// The first line as well, and the only one: a change of memory.
    Memory {
        /// The change.
        order: Box<MemoryOrder>,
    },
    /// The answer to a question; `None` leaves it open.
    Answer {
        /// Which question.
        approval_id: ApprovalId,
        /// Yes or no.
        approved: Option<bool>,
        /// Who answered.
        by: String,
        /// What they said.
        reason: Option<String>,
    },
    /// Stop. A second one skips `always` as well.
    Cancel,
}

/// From the host to the guest.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type")]
pub(super) enum FromHost {
    /// The run is durable.
    Accepted {
        /// Which task.
        task_id: TaskId,
        /// Which run.
        run_id: RunId,
    },
    /// The run is not taken.
    Refused {
        /// Why.
        refusal: Refusal,
    },
    /// A change of memory is done.
    Changed {
        /// What came of it.
        answer: Value,
    },
    /// A change of memory is not done.
    Unchanged {
        /// Why.
        refused: OrderRefused,
    },
    /// Something happened.
    Event {
        /// Position in the run.
        seq: u64,
        /// When.
        at: Timestamp,
        /// The kind.
        kind: String,
        /// The payload, as JSON text.
        payload: String,
    },
    /// A person must answer.
    Question {
        /// What is asked.
        subject: Box<ApprovalSubject>,
        /// The tool and its arguments.
        call: Option<(String, String)>,
        /// Why policy asks.
        decision: Option<Box<Decision>>,
        /// The rules that ask about the steps of a plan.
        #[serde(default)]
        plan_rules: Vec<String>,
        /// Who said yes already.
        #[serde(default)]
        yes: Vec<String>,
    },
    /// The run ended or waits.
    End {
        /// Where it stands.
        status: RunStatus,
        /// Its report.
        report: Option<Box<RunReport>>,
    },
}

/// Why a run was not taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// What is wrong.
    pub message: String,
    /// Mistakes in the playbook.
    pub diagnostics: Vec<crate::contracts::Diagnostic>,
    /// Whether the mistake is in what was handed in, rather than in this program or its store.
    pub usage: bool,
}
