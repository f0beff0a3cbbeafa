//! What bounds the work of a run: stops, and what is left of its budget.

use super::state::{RunState, Section};
use crate::contracts::ErrorKind;

/// Calls that handlers may make beyond the budget: cleaning up is not stopped by what was used up
/// before, and is not without bound either.
const HANDLER_CALLS: u32 = 20;

/// Why no new step of this mode may begin, if so.
pub(super) fn closed(state: &RunState, mode: Section) -> Option<ErrorKind> {
    let spent = mode != Section::Main && is_spent(state, mode);
    stops(state, mode).or_else(|| spent.then_some(ErrorKind::Budget))
}

/// Why what is at work in this mode must end, if so.
pub(super) fn stops(state: &RunState, mode: Section) -> Option<ErrorKind> {
    match mode {
        Section::Always if state.cancels > 1 => Some(ErrorKind::Cancelled),
        Section::Always => None,
        Section::OnFailure => (state.cancels > 0).then_some(ErrorKind::Cancelled),
        Section::Main if state.cancels > 0 => Some(ErrorKind::Cancelled),
        Section::Main => state.exhausted.map(|_| ErrorKind::Budget),
    }
}

/// The calls that are left, less what was lent to runs that were called.
pub(super) fn calls_left(state: &RunState, mode: Section) -> u32 {
    calls(state, mode).saturating_sub(state.used.steps).saturating_sub(state.lent.steps)
}

/// Whether the calls are used up, for good: nothing that was lent comes back.
pub(super) fn is_spent(state: &RunState, mode: Section) -> bool {
    calls(state, mode) <= state.used.steps
}

const fn calls(state: &RunState, mode: Section) -> u32 {
    let reserve = match mode {
        Section::Main => 0,
        Section::OnFailure | Section::Always => HANDLER_CALLS,
    };
    state.budget.steps.saturating_add(reserve)
}
