//! Where a run stands: a fold over its events and nothing else.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::program::{Program, Step};
use crate::contracts::{
    ApprovalId, Budget, BudgetKind, BudgetUse, CallEffect, CallId, Effect, ErrorKind, Outcome,
    RunStatus, Timestamp,
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
    pub nodes: BTreeMap<String, Node>,
    /// Results of `verify:`, in order.
    pub verified: Vec<bool>,
    /// What was used of the budget; wall time is the driver's to know.
    pub used: BudgetUse,
    /// The first budget that was used up.
    pub exhausted: Option<BudgetKind>,
    /// How often somebody asked to stop: once ends the work, twice skips `always` as well.
    pub cancels: u32,
    /// Whether it is held.
    pub paused: bool,
    /// How it ended; set by `run.finished`.
    pub outcome: Option<Outcome>,
    /// Whether the report is written: nothing follows.
    pub reported: bool,
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
    /// The call of the current try.
    pub call: Option<Call>,
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
            program,
            started_at: None,
            active_ms: 0,
            last_at: None,
            nodes: BTreeMap::new(),
            verified: Vec::new(),
            used: BudgetUse::default(),
            exhausted: None,
            cancels: 0,
            paused: false,
            outcome: None,
            reported: false,
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
        let any = |wanted: fn(&Phase) -> bool| self.nodes.values().any(|node| wanted(&node.phase));
        if any(|phase| *phase == Phase::InDoubt) {
            RunStatus::InDoubt
        } else if self.paused {
            RunStatus::Paused
        } else if any(|phase| matches!(phase, Phase::Asked(_))) {
            RunStatus::WaitingApproval
        } else {
            RunStatus::Running
        }
    }

    /// The step at `path`, its section, and the item's position when it is one of a `foreach`.
    #[must_use]
    pub fn locate(&self, path: &str) -> Option<(Section, &Step, Option<u32>)> {
        self.program.locate(path)
    }

    /// The node at `path`, if it was reached.
    #[must_use]
    pub fn phase(&self, path: &str) -> Option<Phase> {
        self.nodes.get(path).map(|node| node.phase)
    }
}

impl Program {
    /// The steps of a section.
    #[must_use]
    pub fn section(&self, section: Section) -> &[Step] {
        match section {
            Section::Main => &self.steps,
            Section::OnFailure => &self.on_failure,
            Section::Always => &self.always,
        }
    }

    /// The step at `path`, its section, and the item's position when it is one of a `foreach`.
    #[must_use]
    pub fn locate(&self, path: &str) -> Option<(Section, &Step, Option<u32>)> {
        let all = [Section::Main, Section::OnFailure, Section::Always];
        let steps = || {
            all.into_iter()
                .flat_map(|section| self.section(section).iter().map(move |step| (section, step)))
        };
        if let Some((section, step)) = steps().find(|(_, step)| step.id == path) {
            return Some((section, step, None));
        }
        let (id, rest) = path.rsplit_once('[')?;
        let item: u32 = rest.strip_suffix(']')?.parse().ok()?;
        let (section, step) = steps().find(|(_, step)| step.id == id && step.foreach.is_some())?;
        Some((section, step, Some(item)))
    }
}
