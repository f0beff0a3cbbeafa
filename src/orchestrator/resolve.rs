//! Settling calls in doubt: a person says what became of them.

use super::error::RunError;
use super::run::Run;
use super::services::Services;
use crate::agent::Phase;
use crate::contracts::{CallResolved, EventBody, Resolution, RunId};
use crate::store::Append;

/// Journals what became of every call of the run that is in doubt, and says how many there were.
/// Blocks.
///
/// # Errors
/// When the run cannot be read or the store fails.
pub fn resolve(
    services: &Services,
    run_id: RunId,
    resolution: Resolution,
    by: &str,
) -> Result<usize, RunError> {
    let run = Run::load(services, run_id)?;
    let bodies: Vec<EventBody> = run
        .state
        .nodes
        .iter()
        .filter(|(_, node)| node.phase == Phase::InDoubt)
        .filter_map(|(path, node)| {
            let (call_id, path) = (node.call?.id, path.clone());
            let by = by.to_owned();
            Some(EventBody::CallResolved(CallResolved { call_id, path, resolution, by }))
        })
        .collect();
    let count = bodies.len();
    if count > 0 {
        let (run, seq, now) = (run_id.to_string(), run.record.seq, services.clock.now());
        services.store.append(Append::new(run, seq, now, bodies))?;
    }
    Ok(count)
}
