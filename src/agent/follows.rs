//! Whether an event still has a place in the run.
//!
//! Pieces of work take time, and the run goes on meanwhile: it may be stopped, or run out of its
//! budget, and end a step that is being opened or decided. What such work brings then comes too late.
//! This is also what holds the bounds: of the steps that were wanted at some time, only those begin
//! that are wanted still.

use super::bounds;
use super::inside::{Body, Inside, Progress, width};
use super::locate::Part;
use super::nodes::{self, Names};
use super::plan::Place;
use super::planning;
use super::program::StepKind;
use super::rewind;
use super::state::{Node, Phase, RunState};
use crate::contracts::{ApprovalResolution, CallId, EventBody, Quorum};

pub(super) fn follows(state: &RunState, event: &EventBody) -> bool {
    if state.reported {
        return false;
    }
    if state.outcome.is_some() {
        return matches!(event, EventBody::ReportReady(_));
    }
    match event {
        EventBody::StepStarted(started) => match state.nodes.get(&started.path) {
            None => {
                let first = state.bases.get(&started.path).copied().unwrap_or(0).saturating_add(1);
                started.attempt == first && may_begin(state, &started.path)
            }
            Some(node) => {
                let again = node.attempt < started.attempt;
                !is_done(node)
                    && node.attempt <= started.attempt
                    && (!again || has_calls(state, &started.path))
            }
        },
        EventBody::StepFinished(finished) => match state.nodes.get(&finished.path) {
            None => may_begin(state, &finished.path),
            // The end of a step that does not run names no try.
            Some(node) => {
                !is_done(node) && (finished.attempt == 0 || node.attempt <= finished.attempt)
            }
        },
        EventBody::CallRequested(requested) => open(state, &requested.path, None),
        EventBody::CallDecided(decided) if decided.is_aside() => true,
        EventBody::CallDecided(decided) => open(state, &decided.path, Some(decided.call_id)),
        EventBody::ApprovalRequested(subject) => open(state, &subject.path, subject.call_id),
        EventBody::ApprovalResolved(answer) => counts(state, answer),
        EventBody::CallIntent(intent) => open(state, &intent.path, Some(intent.call_id)),
        EventBody::CallStarted(named) | EventBody::CallInDoubt(named) => {
            open(state, &named.path, Some(named.call_id))
        }
        EventBody::CallFinished(finished) => open(state, &finished.path, Some(finished.call_id)),
        EventBody::PlanProposed(proposed) => planning::is_next(state, proposed.round),
        EventBody::PlanRevised(revised) => {
            planning::is_next(state, revised.round.saturating_add(1))
        }
        EventBody::StepVerified(verified) => verified.index as usize == state.verified.len(),
        _ => true,
    }
}

/// Whether the question is open, and not answered with yes by this person before.
fn counts(state: &RunState, answer: &ApprovalResolution) -> bool {
    let said = |quorum: &Quorum| answer.approved && quorum.has(&answer.by);
    state.asked.contains_key(&answer.approval_id)
        && !state.quorum(answer.approval_id).is_some_and(said)
}

/// Whether a call is left for another try.
fn has_calls(state: &RunState, path: &str) -> bool {
    let place = state.plan.place(&state.program, path);
    place.is_some_and(|place| bounds::calls_left(state, place.spot.mode) > 0)
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

/// Whether a step that was not reached may begin, or be passed over, now.
fn may_begin(state: &RunState, path: &str) -> bool {
    let names = Names::of(state);
    let Some(place) = names.place(path) else { return false };
    let mode = place.spot.mode;
    if bounds::closed(state, mode).is_some() || bounds::calls_left(state, mode) == 0 {
        return false;
    }
    match place.item {
        Some(item) => item_may_begin(state, &place, item),
        None => nodes::body(state, place.parent)
            .is_some_and(|body| step_may_begin(state, &names, &place, body)),
    }
}

fn item_may_begin(state: &RunState, place: &Place<'_>, item: u32) -> bool {
    let parallel = place.step.foreach.map_or(0, |foreach| foreach.parallel as usize);
    match state.nodes.get(place.parent).map(|node| &node.inside) {
        Some(Inside::Loop(items)) => {
            items.is_unbegun(item)
                && items.at_work.len() < parallel
                && items.failure.as_ref().is_none_or(|failure| failure.is_survived(place.step))
        }
        _ => false,
    }
}

fn step_may_begin(state: &RunState, names: &Names, place: &Place<'_>, body: &Body) -> bool {
    let part = place.spot.part;
    let Some(block) = names.plan().block(names.program(), place.owner(), part) else {
        return false;
    };
    let fresh;
    let list = match body.list(part) {
        Some(list) => list,
        None => {
            fresh = names.fresh(place.owner(), part);
            &fresh
        }
    };
    let goes_back = |list: &Progress| {
        !list.rewinding.is_empty()
            && rewind::undone(names, block, list).contains(&place.spot.position)
    };
    is_turn(state, names, place, body)
        && list.ready.contains(&place.spot.position)
        && list.at_work.len() < width(block) as usize
        && list.failure.is_none()
        && !goes_back(list)
}

/// Whether the list is the one of its block, or of the run, that is on.
fn is_turn(state: &RunState, names: &Names, place: &Place<'_>, body: &Body) -> bool {
    let idle = |part| body.idle(part);
    match place.spot.part {
        Part::Steps => !body.entered(Part::Rescue) && !body.entered(Part::Always),
        Part::Rescue => {
            let of_block = place.owner().and_then(|owner| names.plan().spot(owner));
            let rescues = match of_block.and_then(|spot| spot.step(names.program())) {
                Some(step) => match &step.kind {
                    StepKind::Block(inside) => {
                        super::lists::rescues(state, inside, body, place.spot.mode)
                    }
                    _ => false,
                },
                // The run's own `on_failure`: only it is wanted when it is its turn.
                None => true,
            };
            rescues && idle(Part::Steps) && !body.entered(Part::Always)
        }
        Part::Always => idle(Part::Steps) && idle(Part::Rescue),
    }
}
