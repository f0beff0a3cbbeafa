//! A playbook's control flow, for the core.

use super::model::{Action, Body, Playbook, Step};
use crate::agent::program::{self, Block, Gate, Order, Program, StepKind};

/// What the core needs of `playbook`. Expressions and arguments stay behind.
#[must_use]
pub fn compile(playbook: &Playbook) -> Program {
    Program {
        steps: block(&playbook.steps, playbook.parallel),
        on_failure: block(&playbook.on_failure, 1),
        always: block(&playbook.always, 1),
        verify: playbook.verify.clone(),
        budget: playbook.budget.clone(),
        planned: playbook.goal.is_some(),
    }
}

/// Steps are a graph as soon as one of them says what it needs.
fn block(steps: &[Step], parallel: u32) -> Block {
    let graph = steps.iter().any(|step| !step.needs.is_empty());
    let order = if graph { Order::Graph { parallel } } else { Order::Sequence };
    Block { steps: steps.iter().map(step).collect(), order }
}

fn body(body: &Body) -> program::Body {
    program::Body {
        steps: block(&body.steps, body.parallel),
        rescue: block(&body.rescue, 1),
        always: block(&body.always, 1),
    }
}

fn step(step: &Step) -> program::Step {
    let kind = match &step.action {
        Action::Tool { .. } => StepKind::Tool,
        Action::Goal { skip_without_model, .. } => {
            StepKind::Goal { skip_without_model: *skip_without_model }
        }
        Action::Approval { ttl_ms, approvers, rewind, .. } => StepKind::Approval(Gate {
            ttl_ms: *ttl_ms,
            approvers: *approvers,
            rewind: rewind.clone(),
        }),
        Action::Call { .. } => StepKind::Call,
        Action::Block(inside) => StepKind::Block(Box::new(body(inside))),
    };
    let foreach = step.foreach.as_ref();
    program::Step {
        id: step.id.clone(),
        needs: step.needs.clone(),
        kind,
        foreach: foreach
            .map(|foreach| program::Foreach { parallel: foreach.parallel, limit: foreach.limit }),
        retry: step.retry.clone(),
        continue_on_error: step.continue_on_error,
    }
}
