//! How a run ends.

use super::failure::Failure;
use super::locate::Part;
use super::state::{RunState, Verdict};
use crate::contracts::{BudgetKind, ErrorKind, Outcome};

/// What decides a run whose planner gave up, as the cause of its end.
pub const PLAN: &str = "plan";

/// How the run ends, as far as its steps tell. A refusal anywhere outweighs a failure.
#[must_use]
pub fn verdict(state: &RunState) -> Verdict {
    let failures: Vec<&Failure> = [Part::Steps, Part::Rescue, Part::Always]
        .into_iter()
        .filter_map(|part| state.root.failure_in(part))
        .collect();
    let ends = |outcome, failure: &Failure| {
        let (cause, kind) = (Some(failure.cause.clone()), failure.kind);
        Verdict { outcome, cause, kind }
    };
    if let Some(refusal) = failures.iter().find(|failure| failure.is_refusal()) {
        return ends(Outcome::Denied, refusal);
    }
    if state.plans.failure() == Some(ErrorKind::Denied) {
        return unplanned(Outcome::Denied, ErrorKind::Denied);
    }
    // A run that used up its budget failed, also when its handlers had to be stopped afterwards.
    if let Some(budget) = state.exhausted {
        let cause = Some(format!("budget.{}", budget_name(budget)));
        return Verdict { outcome: Outcome::Failed, cause, kind: Some(ErrorKind::Budget) };
    }
    if state.cancels > 0 {
        let kind = Some(ErrorKind::Cancelled);
        return Verdict { outcome: Outcome::Cancelled, cause: None, kind };
    }
    if let Some(failure) = failures.first() {
        return ends(Outcome::Failed, failure);
    }
    if let Some(kind) = state.plans.failure() {
        return unplanned(Outcome::Failed, kind);
    }
    if let Some(index) = state.verified.iter().position(|ok| !ok) {
        let cause = Some(format!("verify[{index}]"));
        return Verdict { outcome: Outcome::Failed, cause, kind: None };
    }
    Verdict { outcome: Outcome::Succeeded, cause: None, kind: None }
}

/// The end of a run whose planner gave up.
fn unplanned(outcome: Outcome, kind: ErrorKind) -> Verdict {
    Verdict { outcome, cause: Some(PLAN.to_owned()), kind: Some(kind) }
}

const fn budget_name(budget: BudgetKind) -> &'static str {
    match budget {
        BudgetKind::Steps => "steps",
        BudgetKind::Retries => "retries",
        BudgetKind::Wall => "wall",
        BudgetKind::Tokens => "tokens",
        BudgetKind::Cost => "cost",
    }
}
