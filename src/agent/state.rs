//! Where a run stands: a fold over its events and nothing else.

use std::collections::BTreeMap;

use imbl::OrdMap;
use std::sync::Arc;

use super::commands::Command;
use super::inside::{Body, Inside};
use super::locate::Located;
use super::next;
use super::plan::Plan;
use super::planning::Plans;
use super::program::Program;
use crate::contracts::{
    ApprovalId, Budget, BudgetKind, BudgetUse, CallEffect, CallId, Effect, ErrorKind, Outcome,
    Quorum, RunId, RunStatus, Timestamp,
};

/// The state of one run.
#[derive(Debug, Clone)]
pub struct RunState {
    /// What it works by.
    pub program: Arc<Program>,
    /// Bounds in force.
    pub budget: Budget,
    /// When it started; `None` before `run.started`.
    pub started_at: Option<Timestamp>,
    /// How long it was at work, in milliseconds: waiting for a person, and for a host after a crash,
    /// does not count.
    pub active_ms: u64,
    /// When the last event was taken.
    pub last_at: Option<Timestamp>,
    /// Every step that was reached, by path.
    pub nodes: OrdMap<String, Node>,
    /// Results of `verify:`, in order.
    pub verified: Vec<bool>,
    /// What was used of the budget; wall time is the driver's to know.
    pub used: BudgetUse,
    /// What runs that were called and are at work may still use: it counts as used, so that runs side
    /// by side cannot spend the same.
    pub lent: BudgetUse,
    /// How often each gate sent the run back, by its path.
    pub rewinds: BTreeMap<String, u32>,
    /// What was said when a gate last sent the run back.
    pub feedback: Option<String>,
    /// The first budget that was used up.
    pub exhausted: Option<BudgetKind>,
    /// How often somebody asked to stop: once ends the work, twice skips `always` as well.
    pub cancels: u32,
    /// Whether it is held.
    pub paused: bool,
    /// Bounds of which it was said that little is left.
    pub warned: Vec<BudgetKind>,
    /// How far planning has come, where a planner finds the steps.
    pub plans: Plans,
    /// How it ended; set by `run.finished`.
    pub outcome: Option<Outcome>,
    /// Whether the report is written: nothing follows.
    pub reported: bool,
    /// Where the steps of the program stand.
    pub(super) plan: Arc<Plan>,
    /// How far the run's own lists have come.
    pub(super) root: Body,
    /// The open questions, and where they are asked.
    pub(super) asked: OrdMap<ApprovalId, String>,
    /// Who said yes to them so far.
    pub(super) quorums: OrdMap<ApprovalId, Quorum>,
    /// How many calls are in doubt.
    pub(super) doubts: u32,
    /// How many tools may be at work.
    pub(super) running: u32,
    /// How many runs were called and are not over.
    pub(super) calling: u32,
    /// Tries of steps that were rewound, by path.
    pub(super) bases: OrdMap<String, u32>,
}

/// Which list of a program a step stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// `steps`.
    Main,
    /// `on_failure`.
    OnFailure,
    /// `always`.
    Always,
}

/// One step that was reached.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// The current try, from 1.
    pub attempt: u32,
    /// How far it has come.
    pub phase: Phase,
    /// Tries made before the step was last rewound: the number of the try goes on counting, the
    /// bound on tries counts from here.
    pub base: u32,
    /// The call of the current try.
    pub call: Option<Call>,
    /// What the run that the step called may spend.
    pub share: Option<Budget>,
    /// What stands inside of it, while it is at work.
    pub(super) inside: Inside,
}

/// A call as far as the core must know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call {
    /// Which call.
    pub id: CallId,
    /// What may be done about it after a crash.
    pub effect: CallEffect,
}

/// How far a step has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Repeats over a list of this length.
    Looping {
        /// Items in the list.
        items: u32,
    },
    /// A block: does the steps inside.
    Inside,
    /// The run it called is at work.
    Calling {
        /// Which run.
        run_id: RunId,
    },
    /// Started; what it does is not requested yet.
    Opened,
    /// The call is known, the decision is not.
    Requested,
    /// Policy decided.
    Decided(Effect),
    /// A person must answer.
    Asked(ApprovalId),
    /// A person answered.
    Answered {
        /// Yes or no.
        approved: bool,
    },
    /// The tool may be at work.
    Running {
        /// Whether the process that ran it is gone.
        interrupted: bool,
    },
    /// Nobody knows whether it happened.
    InDoubt,
    /// The tool answered.
    Returned {
        /// Whether it did what it was asked.
        ok: bool,
        /// The kind of failure.
        kind: Option<ErrorKind>,
        /// Whether trying again could help.
        retryable: bool,
    },
    /// Over.
    Done {
        /// Whether it did what it should.
        ok: bool,
        /// Whether it did not run.
        skipped: bool,
        /// The kind of failure.
        kind: Option<ErrorKind>,
    },
}

/// How a run ends, before its outputs are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// How it ends.
    pub outcome: Outcome,
    /// The path of what decided it.
    pub cause: Option<String>,
    /// The kind of failure.
    pub kind: Option<ErrorKind>,
}

impl RunState {
    /// A run that has not started.
    #[must_use]
    pub fn new(program: Arc<Program>) -> Self {
        Self {
            budget: program.budget.clone(),
            plan: Arc::new(Plan::of(&program)),
            program,
            started_at: None,
            active_ms: 0,
            last_at: None,
            nodes: OrdMap::new(),
            verified: Vec::new(),
            used: BudgetUse::default(),
            lent: BudgetUse::default(),
            rewinds: BTreeMap::new(),
            feedback: None,
            exhausted: None,
            cancels: 0,
            paused: false,
            warned: Vec::new(),
            plans: Plans::default(),
            outcome: None,
            reported: false,
            root: Body::default(),
            asked: OrdMap::new(),
            quorums: OrdMap::new(),
            doubts: 0,
            running: 0,
            calling: 0,
            bases: OrdMap::new(),
        }
    }

    /// Where the run stands, in the words of the contract.
    #[must_use]
    pub fn status(&self) -> RunStatus {
        if let Some(outcome) = self.outcome {
            return outcome.status();
        }
        if self.started_at.is_none() {
            return RunStatus::Queued;
        }
        if self.doubts > 0 {
            RunStatus::InDoubt
        } else if self.paused {
            RunStatus::Paused
        } else if !self.asked.is_empty() {
            RunStatus::WaitingApproval
        } else {
            RunStatus::Running
        }
    }

    /// Who said yes so far to a question that is open.
    #[must_use]
    pub fn quorum(&self, question: ApprovalId) -> Option<&Quorum> {
        self.quorums.get(&question)
    }

    /// Whether nothing goes on until a person says something: time is not counted then.
    #[must_use]
    pub fn waits(&self) -> bool {
        let asks = !self.asked.is_empty() || self.doubts > 0;
        let answer = |command: &Command| matches!(command, Command::Ask { .. });
        self.paused || asks && self.running == 0 && next::wanted(self).iter().all(answer)
    }

    /// Whether a run that was called is not over.
    #[must_use]
    pub const fn is_calling(&self) -> bool {
        self.calling > 0
    }

    /// The step at `path` and what stands around it.
    #[must_use]
    pub fn locate(&self, path: &str) -> Option<Located<'_>> {
        self.program.locate(path)
    }

    /// How often the step at `path` was tried before a gate sent the run back: a try after that is no
    /// repetition of one before.
    #[must_use]
    pub fn base(&self, path: &str) -> u32 {
        self.bases.get(path).copied().unwrap_or(0)
    }

    /// Whether what is at work at `path` must end.
    #[must_use]
    pub fn is_stopping(&self, path: &str) -> bool {
        let place = self.plan.place(&self.program, path);
        place.is_some_and(|place| super::bounds::stops(self, place.spot.mode).is_some())
    }

    /// The node at `path`, if it was reached.
    #[must_use]
    pub fn phase(&self, path: &str) -> Option<Phase> {
        self.nodes.get(path).map(|node| node.phase)
    }
}
