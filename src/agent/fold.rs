//! Taking an event into the state.

use super::state::{Call, Node, Phase, RunState};
use crate::contracts::{
    Effect, EventBody, Resolution, RunStarted, RunStatus, StepStarted, Timestamp,
};

/// An event that cannot follow what happened before it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FoldError {
    /// It names a step that the program does not have, or that was not reached.
    #[error("`{kind}` names the step `{path}`, which {why}")]
    Step {
        /// The event's kind.
        kind: &'static str,
        /// The path.
        path: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// It follows the end.
    #[error("`{0}` follows the end of the run")]
    AfterEnd(&'static str),
}

/// Takes `event`, which was appended at `at`, into the state.
pub(super) fn apply(
    state: &mut RunState,
    at: Timestamp,
    event: &EventBody,
) -> Result<(), FoldError> {
    let kind = event.kind().as_str();
    if state.reported {
        return Err(FoldError::AfterEnd(kind));
    }
    count_time(state, at, event);
    match event {
        EventBody::RunStarted(started) => start(state, at, started),
        EventBody::StepStarted(started) => open(state, kind, started)?,
        EventBody::CallRequested(requested) => {
            let call = Call { id: requested.call_id, effect: requested.effect };
            state.used.steps = state.used.steps.saturating_add(1);
            let node = reached(state, kind, &requested.path)?;
            node.call = Some(call);
            node.phase = Phase::Requested;
        }
        EventBody::CallDecided(decided) => {
            let node = reached(state, kind, &decided.path)?;
            let effect = decided.decision.effect;
            // Decided again after a yes, by a changed policy that still asks the same: it stands.
            let stands = node.phase == Phase::Answered { approved: true } && effect == Effect::Ask;
            if !stands {
                node.phase = Phase::Decided(effect);
            }
        }
        EventBody::ApprovalRequested(subject) => {
            reached(state, kind, &subject.path)?.phase = Phase::Asked(subject.approval_id);
        }
        EventBody::ApprovalResolved(answer) => {
            let asked = |node: &&mut Node| node.phase == Phase::Asked(answer.approval_id);
            if let Some(node) = state.nodes.values_mut().find(asked) {
                node.phase = Phase::Answered { approved: answer.approved };
            }
        }
        EventBody::CallIntent(intent) => {
            reached(state, kind, &intent.path)?.phase = Phase::Running { interrupted: false };
        }
        EventBody::CallStarted(named) => {
            reached(state, kind, &named.path)?.phase = Phase::Running { interrupted: false };
        }
        EventBody::CallFinished(finished) => {
            reached(state, kind, &finished.path)?.phase = Phase::Returned {
                ok: finished.ok,
                kind: finished.error_kind,
                retryable: finished.retryable,
            };
        }
        EventBody::CallInDoubt(named) => {
            reached(state, kind, &named.path)?.phase = Phase::InDoubt;
        }
        EventBody::CallResolved(resolved) => {
            let node = reached(state, kind, &resolved.path)?;
            node.phase = after_doubt(resolved.resolution);
        }
        EventBody::StepFinished(finished) => finish(state, kind, finished)?,
        EventBody::StepVerified(verified) => state.verified.push(verified.ok),
        EventBody::BudgetExhausted(met) => state.exhausted = state.exhausted.or(Some(met.budget)),
        EventBody::RunPaused(_) => state.paused = true,
        EventBody::RunResumed(_) => resume(state),
        EventBody::RunCancelRequested(_) => state.cancels = state.cancels.saturating_add(1),
        EventBody::RunFinished(finished) => state.outcome = Some(finished.outcome),
        EventBody::ReportReady(_) => state.reported = true,
        EventBody::TaskAccepted(_)
        | EventBody::BudgetWarned(_)
        | EventBody::MemoryWritten(_)
        | EventBody::PolicyReloaded(_)
        | EventBody::CallUndone(_)
        | EventBody::IncidentRaised(_) => {}
    }
    Ok(())
}

/// Time counts while somebody or something is at work on the run.
fn count_time(state: &mut RunState, at: Timestamp, event: &EventBody) {
    let at_work = state.started_at.is_some()
        && !matches!(state.status(), RunStatus::WaitingApproval | RunStatus::Paused)
        && !matches!(event, EventBody::RunResumed(_));
    if let Some(last) = state.last_at.filter(|_| at_work) {
        state.active_ms = state.active_ms.saturating_add(at.since_ms(last));
    }
    state.last_at = Some(at);
}

fn start(state: &mut RunState, at: Timestamp, started: &RunStarted) {
    state.started_at = Some(at);
    state.budget = started.budget.clone();
}

fn open(state: &mut RunState, kind: &'static str, started: &StepStarted) -> Result<(), FoldError> {
    known(state, kind, &started.path)?;
    if started.attempt > 1 {
        state.used.retries = state.used.retries.saturating_add(1);
    }
    let phase = match started.item_count {
        Some(items) => Phase::Looping { items },
        None => Phase::Opened,
    };
    let node = Node { attempt: started.attempt, phase, call: None };
    state.nodes.insert(started.path.clone(), node);
    Ok(())
}

fn finish(
    state: &mut RunState,
    kind: &'static str,
    finished: &crate::contracts::StepFinished,
) -> Result<(), FoldError> {
    known(state, kind, &finished.path)?;
    let phase =
        Phase::Done { ok: finished.ok, skipped: finished.skipped, kind: finished.error_kind };
    let node = state.nodes.entry(finished.path.clone()).or_insert(Node {
        attempt: finished.attempt,
        phase,
        call: None,
    });
    node.phase = phase;
    Ok(())
}

/// The process that ran the calls is gone: what was running may or may not have happened.
fn resume(state: &mut RunState) {
    state.paused = false;
    for node in state.nodes.values_mut() {
        if let Phase::Running { interrupted } = &mut node.phase {
            *interrupted = true;
        }
    }
}

const fn after_doubt(resolution: Resolution) -> Phase {
    match resolution {
        Resolution::Happened => Phase::Returned { ok: true, kind: None, retryable: false },
        Resolution::DidNotHappen => Phase::Requested,
        Resolution::Abandoned => Phase::Returned {
            ok: false,
            kind: Some(crate::contracts::ErrorKind::InDoubt),
            retryable: false,
        },
    }
}

fn known(state: &RunState, kind: &'static str, path: &str) -> Result<(), FoldError> {
    match state.locate(path) {
        Some(_) => Ok(()),
        None => {
            Err(FoldError::Step { kind, path: path.to_owned(), why: "the program does not have" })
        }
    }
}

fn reached<'a>(
    state: &'a mut RunState,
    kind: &'static str,
    path: &str,
) -> Result<&'a mut Node, FoldError> {
    state.nodes.get_mut(path).ok_or_else(|| FoldError::Step {
        kind,
        path: path.to_owned(),
        why: "was not reached",
    })
}
