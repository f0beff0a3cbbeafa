//! Settling calls in doubt: a person says what became of them.

use crate::agent::{Phase, RunState};
use crate::contracts::{CallId, CallResolved, EventBody, Resolution};

/// What became of every call that is in doubt, or of the one that is named.
pub(super) fn resolutions(
    state: &RunState,
    resolution: Resolution,
    call: Option<CallId>,
    by: &str,
) -> Vec<EventBody> {
    let doubted = state.nodes.iter().filter(|(_, node)| node.phase == Phase::InDoubt);
    let resolved = doubted.filter_map(|(path, node)| {
        let (call_id, path) = (node.call?.id, path.clone());
        let wanted = call.is_none_or(|call| call == call_id);
        let resolved = CallResolved { call_id, path, resolution, by: by.to_owned() };
        wanted.then_some(EventBody::CallResolved(resolved))
    });
    resolved.collect()
}
