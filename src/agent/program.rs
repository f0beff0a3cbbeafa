//! What a playbook compiles to: control flow only. Expressions and arguments stay with the playbook
//! and are evaluated by the driver; what came of them is in the events.

use crate::contracts::{Budget, ErrorKind};

/// A whole run's control flow.
#[derive(Debug, Clone, PartialEq)]
pub struct Program {
    /// Steps, in order.
    pub steps: Vec<Step>,
    /// Steps for when one of `steps` failed or a verification did not hold.
    pub on_failure: Vec<Step>,
    /// Steps at the end, whatever happened.
    pub always: Vec<Step>,
    /// Expressions that must hold after `steps`.
    pub verify: Vec<String>,
    /// Bounds.
    pub budget: Budget,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Its id, unique in the playbook; `on_failure[0]` or `always[0]` where the author gave none.
    pub id: String,
    /// What it does.
    pub kind: StepKind,
    /// Set when it repeats over a list.
    pub foreach: Option<Foreach>,
    /// When to try again.
    pub retry: Retry,
    /// Whether the run goes on when it failed.
    pub continue_on_error: bool,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StepKind {
    /// Calls one tool.
    Tool,
    /// Waits for a person's answer.
    Approval(Gate),
    /// Needs a planner.
    Goal {
        /// Whether the step is skipped, rather than failed, where there is no model.
        skip_without_model: bool,
    },
}

/// An approval gate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gate {
    /// How long an answer counts, in milliseconds.
    pub ttl_ms: u64,
    /// How many different people must say yes.
    pub approvers: u32,
}

/// A repetition over a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Foreach {
    /// How many items are at work at once, at least 1.
    pub parallel: u32,
    /// Most items; a longer list fails the step.
    pub limit: u32,
}

/// When a failed call is tried again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retry {
    /// Tries in all, the first included; at least 1.
    pub attempts: u32,
    /// How waiting grows.
    pub backoff: Backoff,
    /// First wait in milliseconds.
    pub initial_ms: u64,
    /// Longest wait in milliseconds.
    pub max_ms: u64,
    /// Kinds of failure worth another try; empty means those that say so themselves.
    pub on: Vec<ErrorKind>,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            attempts: 1,
            backoff: Backoff::Exponential,
            initial_ms: 1_000,
            max_ms: 60_000,
            on: Vec::new(),
        }
    }
}

/// How waiting between tries grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backoff {
    /// The same wait each time.
    Constant,
    /// Twice as long each time.
    Exponential,
}
