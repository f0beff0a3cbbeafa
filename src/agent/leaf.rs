//! What a step wants that does its work itself: a call of a tool, of a playbook, or a question.

use super::bounds::{self, stops};
use super::commands::{Command, open, record};
use super::planning;
use super::program::Step;
use super::retry;
use super::state::{Node, Phase, RunState, Section};
use crate::contracts::{CallNamed, Effect, ErrorKind, EventBody, StepFinished};

/// What a step that has begun and is not over wants.
pub(super) fn work(
    state: &RunState,
    mode: Section,
    step: &Step,
    path: &str,
    node: &Node,
) -> Option<Command> {
    let stopping = stops(state, mode);
    let refused = |kind| Some(done(path, node, false, Some(kind)));
    match (node.phase, node.call) {
        (Phase::Running { interrupted: false } | Phase::Done { .. }, _) => None,
        (Phase::Calling { run_id }, _) => {
            let (path, attempt) = (path.to_owned(), node.attempt);
            let share = node.share.clone().unwrap_or_else(|| state.budget.clone());
            Some(Command::Call { path, attempt, run_id, share })
        }
        (Phase::Running { interrupted: true }, Some(call)) if !call.effect.is_repeatable() => {
            let named = CallNamed { call_id: call.id, path: path.to_owned() };
            Some(record(EventBody::CallInDoubt(named)))
        }
        (Phase::Returned { ok, kind, .. }, _) => {
            let again = retry::delay_ms(state, step, path, node)
                .filter(|_| stopping.is_none() && !bounds::is_spent(state, mode));
            match again {
                // What was lent may come back.
                Some(_) if bounds::calls_left(state, mode) == 0 => None,
                Some(delay_ms) => Some(open(path, node.attempt.saturating_add(1), delay_ms)),
                None => Some(done(path, node, ok, kind)),
            }
        }
        (Phase::InDoubt, _) if state.cancels == 0 => None,
        (Phase::InDoubt, _) => refused(ErrorKind::InDoubt),
        _ if stopping.is_some() => Some(done(path, node, false, stopping)),
        (Phase::Answered { approved: false }, _) if planning::is_declined(state, path) => {
            Some(record(EventBody::StepFinished(StepFinished::skipped(path))))
        }
        (Phase::Answered { approved: false }, _) => refused(ErrorKind::Rejected),
        (Phase::Answered { approved: true }, None) => Some(done(path, node, true, None)),
        (Phase::Decided(Effect::Deny | Effect::Depends), _) => refused(ErrorKind::Denied),
        (Phase::Asked(approval_id), _) => Some(Command::Ask { path: path.to_owned(), approval_id }),
        (Phase::Requested | Phase::Decided(Effect::Ask), Some(call)) => {
            Some(Command::Decide { path: path.to_owned(), call_id: call.id })
        }
        (
            Phase::Decided(Effect::Allow)
            | Phase::Answered { approved: true }
            | Phase::Running { interrupted: true },
            Some(call),
        ) => Some(Command::Execute { path: path.to_owned(), call_id: call.id }),
        // A step that was opened and nothing more, or a phase whose call is missing: open it again.
        _ => Some(open(path, node.attempt, 0)),
    }
}

fn done(path: &str, node: &Node, ok: bool, error_kind: Option<ErrorKind>) -> Command {
    record(EventBody::StepFinished(StepFinished::new(path, node.attempt, ok, error_kind)))
}
