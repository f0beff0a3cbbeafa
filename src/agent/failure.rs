//! What went wrong, as far as the core knows.

use super::inside::{Body, Inside};
use super::locate::Part;
use super::program::Step;
use super::state::{RunState, Section};
use super::verdict::verdict;
use crate::contracts::ErrorKind;

/// A failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The path of the step that decided it.
    pub cause: String,
    /// What kind of failure it was.
    pub kind: Option<ErrorKind>,
}

impl Failure {
    /// Failures that nothing makes up for: refusals outweigh stops, and stops errors.
    const fn weight(&self) -> u8 {
        match self.kind {
            Some(ErrorKind::Denied | ErrorKind::Rejected) => 2,
            Some(ErrorKind::Cancelled | ErrorKind::Budget) => 1,
            _ => 0,
        }
    }

    /// Whether it is one of those.
    pub(super) const fn is_final(&self) -> bool {
        self.weight() > 0
    }

    /// Whether a refusal.
    pub(super) const fn is_refusal(&self) -> bool {
        self.weight() > 1
    }

    /// Whether the list of `step` goes on after it. Refusals and stops are not errors to be
    /// continued.
    pub(super) const fn is_survived(&self, step: &Step) -> bool {
        step.continue_on_error && !self.is_final()
    }
}

/// Keeps the first failure, unless a later one weighs more.
pub(super) fn worsen(kept: &mut Option<Failure>, next: Option<Failure>) {
    if let Some(next) = next
        && kept.as_ref().is_none_or(|kept| kept.weight() < next.weight())
    {
        *kept = Some(next);
    }
}

/// What the step at `path` sees as `error`: the failure of the block whose `rescue` or `always` it
/// stands in, the innermost first; that of the run in `on_failure` and `always`; nothing elsewhere.
#[must_use]
pub fn failure_around(state: &RunState, path: &str) -> Option<Failure> {
    let at = state.locate(path)?;
    let seen = |body: &Body, part: Part| match part {
        Part::Steps => None,
        Part::Rescue => body.failure_in(Part::Steps).cloned(),
        Part::Always => body.failure(),
    };
    let around = at.parents.iter().rev().find_map(|parent| {
        match state.nodes.get(&parent.path).map(|node| &node.inside) {
            Some(Inside::Body(body)) => seen(body, parent.part),
            _ => None,
        }
    });
    around.or_else(|| {
        let verdict = verdict(state);
        let cause = verdict.cause.filter(|_| at.section != Section::Main)?;
        Some(Failure { cause, kind: verdict.kind })
    })
}
