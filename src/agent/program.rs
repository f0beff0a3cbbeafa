//! What a playbook compiles to: control flow only. Expressions and arguments stay with the playbook
//! and are evaluated by the driver; what came of them is in the events.

use super::locate::Part;
use crate::contracts::{Budget, ErrorKind};

/// A whole run's control flow.
#[derive(Debug, Clone, PartialEq)]
pub struct Program {
    /// The steps.
    pub steps: Block,
    /// Steps for when one of `steps` failed or a verification did not hold.
    pub on_failure: Block,
    /// Steps at the end, whatever happened.
    pub always: Block,
    /// Expressions that must hold after `steps`.
    pub verify: Vec<String>,
    /// Bounds.
    pub budget: Budget,
    /// Whether a planner adds to `steps` as long as the goal is not reached.
    pub planned: bool,
}

/// Steps that belong together, and the order among them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Block {
    /// The steps, as written.
    pub steps: Vec<Step>,
    /// What may begin when.
    pub order: Order,
}

/// The order among the steps of a block.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Order {
    /// One after the other.
    #[default]
    Sequence,
    /// Each as soon as the steps it needs are over; at most `parallel` at work at once.
    Graph {
        /// How many steps are at work at once, at least 1.
        parallel: u32,
    },
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Its id, unique in the playbook; `on_failure[0]` or `always[0]` where the author gave none.
    pub id: String,
    /// Ids of steps of the same block that must be over before; empty in a sequence.
    pub needs: Vec<String>,
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
    /// Runs another playbook as a run of its own.
    Call,
    /// Does the steps inside.
    Block(Box<Body>),
}

/// What stands inside a step that is a block.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Body {
    /// The steps.
    pub steps: Block,
    /// Steps for when one of `steps` failed; when they do well, the block did well.
    pub rescue: Block,
    /// Steps at the end, whatever happened.
    pub always: Block,
}

impl Body {
    /// One of its lists.
    #[must_use]
    pub const fn list(&self, part: Part) -> &Block {
        match part {
            Part::Steps => &self.steps,
            Part::Rescue => &self.rescue,
            Part::Always => &self.always,
        }
    }
}

/// An approval gate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gate {
    /// How long an answer counts, in milliseconds.
    pub ttl_ms: u64,
    /// How many different people must say yes.
    pub approvers: u32,
    /// Where a denial with a comment leads.
    pub rewind: Option<Rewind>,
}

/// Going back after a denial with a comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rewind {
    /// The id of an earlier step of the same block: it and everything after it is done again.
    pub to: String,
    /// How often at most.
    pub attempts: u32,
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
