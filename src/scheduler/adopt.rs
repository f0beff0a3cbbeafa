//! Taking up what an earlier process left unfinished: runs that were cut off go back into the queue, and
//! those that wait for a person keep waiting.

use super::shared::{Shared, locked};
use crate::contracts::{Priority, RunStatus};
use crate::orchestrator::{RunError, goes_on};
use crate::store::RunInfo;

/// Puts every run that can go on by itself into the queue. Runs that were called are driven by the runs
/// that called them. Blocks.
pub(super) fn adopt(shared: &Shared) -> Result<usize, RunError> {
    let store = &shared.services().store;
    let mut adopted = 0;
    for run in store.reader().unfinished()? {
        let begun = run.status != RunStatus::Queued;
        if begun {
            locked(&shared.inherited).insert(run.run_id);
        }
        match goes_on(shared.services(), &run) {
            Ok(true) => {}
            Ok(false) => continue,
            Err(error) => {
                tracing::warn!("`{}` is not taken up: {error}", run.run_id);
                continue;
            }
        }
        requeue(shared, &run)?;
        adopted += usize::from(begun);
    }
    Ok(adopted)
}

/// Puts a run into the queue, where it was or at the end.
pub(super) fn requeue(shared: &Shared, run: &RunInfo) -> Result<(), RunError> {
    let store = &shared.services().store;
    let place = store.reader().queued(&run.run_id)?;
    let (priority, playbook, concurrency) = match place {
        Some(place) => (place.priority, place.playbook, place.concurrency),
        None => (Priority::Normal, run.playbook.clone().unwrap_or_default(), None),
    };
    store.requeue(run.run_id, priority, playbook, concurrency)?;
    shared.work.notify_one();
    Ok(())
}
