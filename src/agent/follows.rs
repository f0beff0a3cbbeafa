//! Whether an event still has a place in the run.
//!
//! Pieces of work take time, and the run goes on meanwhile: it may be stopped, or run out of its
//! budget, and end a step that is being opened or decided. What such work brings then comes too late.

use super::state::{Node, Phase, RunState};
use crate::contracts::{CallId, EventBody};

pub(super) fn follows(state: &RunState, event: &EventBody) -> bool {
    if state.reported {
        return false;
    }
    if state.outcome.is_some() {
        return matches!(event, EventBody::ReportReady(_));
    }
    match event {
        EventBody::StepStarted(started) => match state.nodes.get(&started.path) {
            None => true,
            Some(node) => !is_done(node) && node.attempt <= started.attempt,
        },
        EventBody::StepFinished(finished) => {
            state.nodes.get(&finished.path).is_none_or(|node| !is_done(node))
        }
        EventBody::CallRequested(requested) => open(state, &requested.path, None),
        EventBody::CallDecided(decided) => open(state, &decided.path, Some(decided.call_id)),
        EventBody::ApprovalRequested(subject) => open(state, &subject.path, subject.call_id),
        EventBody::ApprovalResolved(answer) => {
            state.nodes.values().any(|node| node.phase == Phase::Asked(answer.approval_id))
        }
        EventBody::CallIntent(intent) => open(state, &intent.path, Some(intent.call_id)),
        EventBody::CallStarted(named) | EventBody::CallInDoubt(named) => {
            open(state, &named.path, Some(named.call_id))
        }
        EventBody::CallFinished(finished) => open(state, &finished.path, Some(finished.call_id)),
        EventBody::StepVerified(verified) => verified.index as usize == state.verified.len(),
        _ => true,
    }
}

/// Whether the step is at work, on this call if one is named.
fn open(state: &RunState, path: &str, call: Option<CallId>) -> bool {
    let Some(node) = state.nodes.get(path) else { return false };
    let same = call.is_none_or(|call| node.call.is_none_or(|known| known.id == call));
    !is_done(node) && same
}

const fn is_done(node: &Node) -> bool {
    matches!(node.phase, Phase::Done { .. })
}
