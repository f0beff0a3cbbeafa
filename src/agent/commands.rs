//! What the core asks of the driver. Each ends in at least one event.

use crate::contracts::{ApprovalId, Budget, CallId, EventBody, Outcome, RunId};

use super::state::Verdict;

/// Something to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Evaluate the step's `if`, list or arguments. Ends in `step.started`, followed by
    /// `call.requested` or `approval.requested` where the step is neither a loop, a block nor a called
    /// playbook, or in `step.finished`.
    Open {
        /// The step's path.
        path: String,
        /// 1 for the first try; goes on counting when the step is rewound.
        attempt: u32,
        /// How long to wait before, in milliseconds.
        delay_ms: u64,
    },
    /// Collect facts and let policy decide. Ends in `call.decided`, followed by
    /// `approval.requested` when a person must answer.
    Decide {
        /// The step's path.
        path: String,
        /// Which call.
        call_id: CallId,
    },
    /// Get a person's answer. Ends in `approval.resolved`; wanted again while more people have to say yes.
    Ask {
        /// The step's path.
        path: String,
        /// Which question.
        approval_id: ApprovalId,
    },
    /// Run the tool. Ends in `call.intent` and `call.started`, then `call.finished`.
    Execute {
        /// The step's path.
        path: String,
        /// Which call.
        call_id: CallId,
    },
    /// Drive the run that the step called, beginning it if it has not begun. Ends in `step.finished`
    /// with what it answered and used. Wanted as well while this run is being stopped: the called one
    /// has to be stopped then.
    Call {
        /// The step's path.
        path: String,
        /// The step's try.
        attempt: u32,
        /// The run that does the step's work.
        run_id: RunId,
        /// What it may spend.
        share: Budget,
    },
    /// Append an event that follows from what happened.
    Record(Box<EventBody>),
    /// Let a planner find the next steps, or that none is needed. Ends in `plan.proposed` or
    /// `plan.revised`, after `context.built`, `model.asked` and `model.answered` where a model is asked.
    Plan {
        /// Which plan of the run, from 1.
        round: u32,
    },
    /// Evaluate an expression of `verify:`. Ends in `step.verified`.
    Verify {
        /// Its position, from 0.
        index: u32,
    },
    /// Evaluate outputs, write memories. Ends in `run.finished`.
    Conclude(Verdict),
    /// Write the report. Ends in `report.ready`.
    Report {
        /// How the run ended.
        outcome: Outcome,
    },
}

impl Command {
    /// What makes two commands the same piece of work, so that the driver starts it once.
    #[must_use]
    pub fn key(&self) -> String {
        match self {
            Self::Open { path, attempt, .. } => format!("open {path} {attempt}"),
            Self::Decide { call_id, .. } => format!("decide {call_id}"),
            Self::Ask { approval_id, .. } => format!("ask {approval_id}"),
            Self::Execute { call_id, .. } => format!("execute {call_id}"),
            Self::Call { path, attempt, .. } => format!("call {path} {attempt}"),
            Self::Record(body) => format!("record {} {}", body.kind().as_str(), subject(body)),
            Self::Plan { round } => format!("plan {round}"),
            Self::Verify { index } => format!("verify {index}"),
            Self::Conclude(_) => "conclude".to_owned(),
            Self::Report { .. } => "report".to_owned(),
        }
    }
}

/// A step that is to be opened.
pub(super) fn open(path: &str, attempt: u32, delay_ms: u64) -> Command {
    Command::Open { path: path.to_owned(), attempt, delay_ms }
}

/// An event that follows from what happened.
pub(super) fn record(body: EventBody) -> Command {
    Command::Record(Box::new(body))
}

fn subject(body: &EventBody) -> String {
    match body {
        EventBody::StepFinished(finished) => finished.path.clone(),
        EventBody::CallInDoubt(named) => named.call_id.to_string(),
        EventBody::BudgetExhausted(met) | EventBody::BudgetWarned(met) => {
            format!("{:?}", met.budget)
        }
        EventBody::PlanApproved(approved) => approved.round.to_string(),
        _ => String::new(),
    }
}
