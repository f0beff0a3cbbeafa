//! A playbook's control flow, for the core.

use super::model::{Action, Playbook, Step};
use crate::agent::program::{self, Gate, Program, StepKind};

/// What the core needs of `playbook`. Expressions and arguments stay behind.
#[must_use]
pub fn compile(playbook: &Playbook) -> Program {
    Program {
        steps: playbook.steps.iter().map(step).collect(),
        on_failure: playbook.on_failure.iter().map(step).collect(),
        always: playbook.always.iter().map(step).collect(),
        verify: playbook.verify.clone(),
        budget: playbook.budget.clone(),
    }
}

fn step(step: &Step) -> program::Step {
    let kind = match &step.action {
        Action::Tool { .. } => StepKind::Tool,
        Action::Goal { skip_without_model, .. } => {
            StepKind::Goal { skip_without_model: *skip_without_model }
        }
        Action::Approval { ttl_ms, approvers, .. } => {
            StepKind::Approval(Gate { ttl_ms: *ttl_ms, approvers: *approvers })
        }
    };
    program::Step {
        id: step.id.clone(),
        kind,
        foreach: step
            .foreach
            .as_ref()
            .map(|foreach| program::Foreach { parallel: foreach.parallel, limit: foreach.limit }),
        retry: step.retry.clone(),
        continue_on_error: step.continue_on_error,
    }
}
