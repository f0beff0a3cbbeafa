//! Taking up what an earlier host left unfinished.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinSet;

use super::runner::Host;
use crate::contracts::{RunId, RunStatus};
use crate::orchestrator::{NobodyAnswers, Observer, RunEnd, RunError, Services, goes_on};
use crate::store::RunInfo;

/// What became of runs that were taken up.
pub type Adopted = JoinSet<(RunId, Result<RunEnd, RunError>)>;

/// Drives every run of the workspace that was cut off to its end, or to where it waits for a person.
/// Runs that wait for one already are left to `runs resume`. They are nobody's here: stopping this
/// process does not cancel them, it cuts them off once more.
///
/// To be called before guests are let in, whose runs are not to be mistaken for orphans.
///
/// # Errors
/// When the list of unfinished runs cannot be read. What becomes of each run is in its own result.
pub async fn adopt_unfinished(host: &Host, observer: &Observer) -> Result<Adopted, RunError> {
    let services = Arc::clone(&host.services);
    let unfinished = tokio::task::spawn_blocking(move || cut_off(&services))
        .await
        .map_err(|error| RunError::Worker(error.to_string()))??;
    let mut adopted = JoinSet::new();
    for run in unfinished {
        let (host, observer) = (host.clone(), Arc::clone(observer));
        adopted.spawn(async move {
            // The sender is kept until the run has ended: nobody stops it.
            let (_nobody, stop) = watch::channel(0);
            let answerer = Arc::new(NobodyAnswers);
            let yes = Vec::new();
            let end = host.resume(run.run_id, "adopted", answerer, yes, observer, stop).await;
            (run.run_id, end)
        });
    }
    Ok(adopted)
}

fn cut_off(services: &Services) -> Result<Vec<RunInfo>, RunError> {
    let mut runs = Vec::new();
    for run in services.store.reader().unfinished()? {
        // One that has not begun waits in the queue.
        if run.status == RunStatus::Queued {
            continue;
        }
        match goes_on(services, &run) {
            Ok(true) => runs.push(run),
            Ok(false) => {}
            Err(error) => tracing::warn!("`{}` is not taken up: {error}", run.run_id),
        }
    }
    Ok(runs)
}
