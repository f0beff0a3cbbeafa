//! What a run that is called may spend of the budget of the one that calls it.

use super::bounds;
use super::inside::{Inside, width};
use super::locate::{item, join};
use super::nodes;
use super::plan::Place;
use super::state::RunState;
use crate::contracts::Budget;

/// What the run called by the step at `path` may spend: what is left, in equal parts for all that
/// may still begin beside it. Time is not divided: it passes for all of them.
#[must_use]
pub fn share(state: &RunState, path: &str) -> Budget {
    let place = state.plan.place(&state.program, path);
    let mode = place.map_or(super::Section::Main, |place| place.spot.mode);
    let beside = beside(state, path);
    let (bound, used, lent) = (&state.budget, &state.used, &state.lent);
    let retries = bound.retries.saturating_sub(used.retries).saturating_sub(lent.retries);
    let tokens = bound.tokens.saturating_sub(used.tokens).saturating_sub(lent.tokens);
    let cost_usd = (bound.cost_usd - used.cost_usd - lent.cost_usd).max(0.0);
    // Calling costs one.
    let steps = (bounds::calls_left(state, mode) / beside).saturating_sub(1);
    Budget {
        steps: steps.max(1),
        retries: retries / beside,
        wall_ms: bound.wall_ms.saturating_sub(state.active_ms).max(1),
        tokens: tokens / u64::from(beside),
        cost_usd: cost_usd / f64::from(beside),
    }
}

/// How many steps share what is left, the one at `path` included: at each level around it, as many as
/// may be at work at once. Those at work that need nothing more, or have got their share, do not count.
fn beside(state: &RunState, path: &str) -> u32 {
    let (mut path, mut all) = (path, 1_u32);
    while !path.is_empty() {
        let Some(place) = state.plan.place(&state.program, path) else { break };
        all = all.saturating_mul(at_level(state, path, &place).max(1));
        path = place.parent;
    }
    all
}

fn at_level(state: &RunState, path: &str, place: &Place<'_>) -> u32 {
    let served = |other: &str| {
        let leaf = state.nodes.get(other).is_some_and(|node| node.inside == Inside::Nothing);
        other != path && leaf
    };
    if place.item.is_some() {
        let Some(Inside::Loop(items)) = state.nodes.get(place.parent).map(|node| &node.inside)
        else {
            return 1;
        };
        let parallel = place.step.foreach.map_or(1, |foreach| foreach.parallel);
        let busy = items.at_work.iter().filter(|index| served(&item(place.parent, **index)));
        return left(parallel, items.items, items.over, busy.count());
    }
    let block = state.plan.block(&state.program, place.owner(), place.spot.part);
    let Some(block) = block else { return 1 };
    let total = u32::try_from(block.steps.len()).unwrap_or(u32::MAX);
    let Some(list) = nodes::body(state, place.parent).and_then(|it| it.list(place.spot.part))
    else {
        return left(width(block), total, 0, 0);
    };
    let path_of = |position: u32| block.steps.get(position as usize).map(|step| &step.id);
    let busy = list.at_work.iter().filter_map(|position| path_of(*position));
    let busy = busy.filter(|id| served(&join(place.parent, id)));
    left(width(block), total, list.over, busy.count())
}

fn left(parallel: u32, total: u32, over: u32, served: usize) -> u32 {
    let served = u32::try_from(served).unwrap_or(u32::MAX);
    parallel.min(total.saturating_sub(over)).saturating_sub(served)
}
