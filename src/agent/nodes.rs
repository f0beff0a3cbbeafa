//! Changing nodes, so that what is counted of them stays true.

use super::failure::Failure;
use super::fold::FoldError;
use super::inside::{Body, Inside, Progress};
use super::locate::Part;
use super::plan::Place;
use super::program::Program;
use super::state::{Node, Phase, RunState};
use crate::contracts::{Budget, BudgetUse};

use std::sync::Arc;

/// What a path names, with the program and the plan at hand while the state is changed.
pub(super) struct Names {
    program: Arc<Program>,
    plan: Arc<super::plan::Plan>,
}

impl Names {
    pub(super) fn of(state: &RunState) -> Self {
        Self { program: Arc::clone(&state.program), plan: Arc::clone(&state.plan) }
    }

    pub(super) fn place<'a>(&'a self, path: &'a str) -> Option<Place<'a>> {
        self.plan.place(&self.program, path)
    }

    /// The id of the step whose instance is at `path`; `None` for the run.
    pub(super) fn id_at<'a>(&'a self, path: &'a str) -> Option<&'a str> {
        self.place(path).map(|place| place.step.id.as_str())
    }

    pub(super) fn fresh(&self, owner: Option<&str>, part: Part) -> Progress {
        let block = self.plan.block(&self.program, owner, part);
        block.map(|block| Progress::fresh(&self.plan, block)).unwrap_or_default()
    }

    pub(super) fn plan(&self) -> &super::plan::Plan {
        &self.plan
    }

    pub(super) fn program(&self) -> &Program {
        &self.program
    }
}

/// Puts a node in place of what was there, and keeps the counts.
pub(super) fn put(state: &mut RunState, path: &str, node: Node) {
    forget(state, path);
    count(state, path, &node);
    state.nodes.insert(path.to_owned(), node);
}

/// Takes a node away.
pub(super) fn remove(state: &mut RunState, path: &str) -> Option<Node> {
    forget(state, path);
    state.nodes.remove(path)
}

/// Changes the phase of a node that was reached.
pub(super) fn set_phase(
    state: &mut RunState,
    kind: &'static str,
    path: &str,
    phase: Phase,
) -> Result<(), FoldError> {
    let mut node =
        state.nodes.get(path).cloned().ok_or_else(|| FoldError::unreached(kind, path))?;
    node.phase = phase;
    put(state, path, node);
    Ok(())
}

fn count(state: &mut RunState, path: &str, node: &Node) {
    match node.phase {
        Phase::Asked(id) => {
            state.asked.insert(id, path.to_owned());
        }
        Phase::InDoubt => state.doubts = state.doubts.saturating_add(1),
        Phase::Running { .. } => state.running = state.running.saturating_add(1),
        Phase::Calling { .. } => {
            state.calling = state.calling.saturating_add(1);
            if let Some(share) = &node.share {
                state.lent.charge(&BudgetUse::from(share));
            }
        }
        _ => {}
    }
}

fn forget(state: &mut RunState, path: &str) {
    let Some(node) = state.nodes.get(path) else { return };
    match node.phase {
        Phase::Asked(id) => {
            state.asked.remove(&id);
            state.quorums.remove(&id);
        }
        Phase::InDoubt => state.doubts = state.doubts.saturating_sub(1),
        Phase::Running { .. } => state.running = state.running.saturating_sub(1),
        Phase::Calling { .. } => {
            state.calling = state.calling.saturating_sub(1);
            if let Some(share) = &node.share {
                take_back(&mut state.lent, share);
            }
        }
        _ => {}
    }
}

fn take_back(lent: &mut BudgetUse, share: &Budget) {
    lent.steps = lent.steps.saturating_sub(share.steps);
    lent.retries = lent.retries.saturating_sub(share.retries);
    lent.tokens = lent.tokens.saturating_sub(share.tokens);
    // Sums of doubles do not come back to zero by themselves.
    lent.cost_usd = if lent.steps == 0 { 0.0 } else { (lent.cost_usd - share.cost_usd).max(0.0) };
}

/// The lists of the block instance at `path`, or of the run.
pub(super) fn body<'a>(state: &'a RunState, path: &str) -> Option<&'a Body> {
    if path.is_empty() {
        return Some(&state.root);
    }
    match &state.nodes.get(path)?.inside {
        Inside::Body(body) => Some(body),
        _ => None,
    }
}

pub(super) fn body_mut<'a>(state: &'a mut RunState, path: &str) -> Option<&'a mut Body> {
    if path.is_empty() {
        return Some(&mut state.root);
    }
    match &mut state.nodes.get_mut(path)?.inside {
        Inside::Body(body) => Some(body),
        _ => None,
    }
}

/// The list that a step stands in, entered if it was not.
pub(super) fn list_of<'a>(
    state: &'a mut RunState,
    names: &Names,
    place: &Place<'_>,
) -> Option<&'a mut Progress> {
    let part = place.spot.part;
    let list = body_mut(state, place.parent)?.list_mut(part);
    Some(list.get_or_insert_with(|| names.fresh(place.owner(), part)))
}

/// Tells what is around a step that it has begun.
pub(super) fn tell_begun(state: &mut RunState, names: &Names, place: &Place<'_>) {
    match place.item {
        Some(item) => {
            if let Some(Node { inside: Inside::Loop(items), .. }) =
                state.nodes.get_mut(place.parent)
            {
                items.begin(item);
            }
        }
        None => {
            if let Some(list) = list_of(state, names, place) {
                list.begin(place.spot.position);
            }
        }
    }
}

/// Tells what is around a step that it is over, and what went wrong if something did.
pub(super) fn tell_over(
    state: &mut RunState,
    names: &Names,
    place: &Place<'_>,
    failure: Option<Failure>,
) {
    match place.item {
        Some(item) => {
            if let Some(Node { inside: Inside::Loop(items), .. }) =
                state.nodes.get_mut(place.parent)
            {
                items.end(item, failure);
            }
        }
        None => {
            let failure = failure.filter(|failure| !failure.is_survived(place.step));
            if let Some(list) = list_of(state, names, place) {
                list.end(place.spot, failure);
            }
        }
    }
}
