//! Going back: a gate that is denied with a comment has the steps before it done again.
//!
//! What is undone is taken out of the state, so that it is wanted anew; only the number of its tries
//! stays. Calls at work are never taken out: the list goes back as soon as they are over.

use std::collections::BTreeSet;

use super::bounds;
use super::inside::{Inside, Progress};
use super::locate::join;
use super::nodes::{self, Names};
use super::plan::Place;
use super::program::{Block, Order, Rewind, Step, StepKind};
use super::state::{Phase, RunState};
use crate::contracts::ApprovalResolution;

/// Takes an answer. One to a question that is no longer open changes nothing; a yes that is not enough
/// leaves it open.
pub(super) fn answered(state: &mut RunState, answer: &ApprovalResolution) {
    let Some(path) = state.asked.get(&answer.approval_id).cloned() else { return };
    if answer.approved && !enough(state, answer) {
        return;
    }
    let names = Names::of(state);
    let Some(mut node) = state.nodes.get(&path).cloned() else { return };
    node.phase = Phase::Answered { approved: answer.approved };
    nodes::put(state, &path, node);
    let comment = answer.reason.as_deref().map(str::trim).filter(|reason| !reason.is_empty());
    let (Some(place), Some(comment)) = (names.place(&path), comment) else { return };
    if answer.approved || !leads_back(state, &place, &path) {
        return;
    }
    state.feedback = Some(comment.to_owned());
    let times = state.rewinds.entry(path.clone()).or_default();
    *times = times.saturating_add(1);
    if let Some(list) = nodes::list_of(state, &names, &place) {
        list.rewinding.insert(place.spot.position);
    }
    settle(state, &names, &place);
}

/// Counts a yes, and says whether as many people as needed have said it now.
fn enough(state: &mut RunState, answer: &ApprovalResolution) -> bool {
    let Some(quorum) = state.quorums.get_mut(&answer.approval_id) else { return false };
    quorum.add(&answer.by);
    quorum.is_met()
}

/// Whether the step is a gate that may send its list back once more.
fn leads_back(state: &RunState, place: &Place<'_>, path: &str) -> bool {
    let Some(rewind) = rewind_of(place.step) else { return false };
    let list = nodes::body(state, place.parent).and_then(|body| body.list(place.spot.part));
    let goes_on = list.is_some_and(|list| list.failure.is_none())
        && bounds::closed(state, place.spot.mode).is_none();
    let done = state.rewinds.get(path).copied().unwrap_or(0);
    place.item.is_none() && goes_on && done < rewind.attempts
}

const fn rewind_of(step: &Step) -> Option<&Rewind> {
    match &step.kind {
        StepKind::Approval(gate) => gate.rewind.as_ref(),
        _ => None,
    }
}

/// Goes back, if a gate in the list of `place` wants to and nothing that it undoes is at work.
pub(super) fn settle(state: &mut RunState, names: &Names, place: &Place<'_>) {
    let part = place.spot.part;
    let list = nodes::body(state, place.parent).and_then(|body| body.list(part));
    let Some(list) = list.filter(|list| place.item.is_none() && !list.rewinding.is_empty()) else {
        return;
    };
    if list.failure.is_some() || bounds::closed(state, place.spot.mode).is_some() {
        return;
    }
    let Some(block) = names.plan().block(names.program(), place.owner(), part) else { return };
    let undone = undone(names, block, list);
    let busy = |position: &u32| {
        undone.contains(position)
            && !list.rewinding.contains(position)
            && !may_drop(state, place.parent, block, *position)
    };
    if list.at_work.iter().any(busy) {
        return;
    }
    let ready = list.ready.clone();
    for position in undone {
        undo(state, place.parent, block, position, ready.contains(&position));
    }
    let again = counted(state, names, place.parent, block);
    if let Some(body) = nodes::body_mut(state, place.parent) {
        *body.list_mut(part) = Some(again);
    }
}

/// The positions that the waiting gates send back: where each leads, and everything after that.
pub(super) fn undone(names: &Names, block: &Block, list: &Progress) -> BTreeSet<u32> {
    let mut all = BTreeSet::new();
    for gate in &list.rewinding {
        all.insert(*gate);
        let rewind = block.steps.get(*gate as usize).and_then(rewind_of);
        let target =
            rewind.and_then(|to| (0_u32..).zip(&block.steps).find(|(_, it)| it.id == to.to));
        let Some((target, _)) = target else { continue };
        match block.order {
            Order::Sequence => all.extend(target..list.total),
            Order::Graph { .. } => follow(names, block, target, &mut all),
        }
    }
    all
}

/// Adds a position and all that wait for it, directly or not.
fn follow(names: &Names, block: &Block, from: u32, all: &mut BTreeSet<u32>) {
    let mut left = vec![from];
    let mut seen = BTreeSet::new();
    while let Some(position) = left.pop() {
        if !seen.insert(position) {
            continue;
        }
        let step = block.steps.get(position as usize);
        if let Some(spot) = step.and_then(|step| names.plan().spot(&step.id)) {
            left.extend(&spot.dependents);
        }
    }
    all.extend(seen);
}

/// Whether a step that was begun has nothing at work: it waits for an answer.
fn may_drop(state: &RunState, parent: &str, block: &Block, position: u32) -> bool {
    let Some(step) = block.steps.get(position as usize) else { return true };
    state
        .nodes
        .get(&join(parent, &step.id))
        .is_none_or(|node| node.inside == Inside::Nothing && matches!(node.phase, Phase::Asked(_)))
}

/// Takes a step and everything inside of it out of the state; the number of its tries stays.
fn undo(state: &mut RunState, parent: &str, block: &Block, position: u32, ready: bool) {
    let Some(step) = block.steps.get(position as usize) else { return };
    let path = join(parent, &step.id);
    let mut gone: Vec<String> = Vec::new();
    for (open, close) in [('/', '0'), ('[', '\\')] {
        let range = format!("{path}{open}")..format!("{path}{close}");
        gone.extend(state.nodes.range(range).map(|(inner, _)| inner.clone()));
    }
    if state.nodes.contains_key(&path) {
        gone.push(path);
    } else if ready {
        // It may be about to be opened, with what the steps before said the last time.
        let tries = state.bases.entry(path).or_default();
        *tries = tries.saturating_add(1);
    }
    for path in gone {
        if let Some(node) = nodes::remove(state, &path)
            && node.attempt > 0
        {
            state.bases.insert(path, node.attempt);
        }
    }
}

/// How far a list has come, counted anew.
fn counted(state: &RunState, names: &Names, parent: &str, block: &Block) -> Progress {
    let mut list = Progress::fresh(names.plan(), block);
    let mut begun = Vec::new();
    for (position, step) in (0_u32..).zip(&block.steps) {
        let Some(node) = state.nodes.get(&join(parent, &step.id)) else { continue };
        begun.push(position);
        match names.plan().spot(&step.id) {
            Some(spot) if matches!(node.phase, Phase::Done { .. }) => list.end(spot, None),
            _ => list.begin(position),
        }
    }
    for position in begun {
        list.ready.remove(&position);
    }
    list
}
