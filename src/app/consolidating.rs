//! Consolidation that does not wait for the clock: when so much is new that it is worth doing now.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;

use crate::orchestrator::{Occasion, Services, consolidate_if_due};
use crate::scheduler::Engine;

/// How often it is looked whether something was written.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// What a warning about it is called.
const WARNING: &str = "consolidation";

/// Consolidates when there is enough to do, until the handle is aborted.
pub(super) fn follow(services: Arc<Services>, engine: Engine) -> JoinHandle<()> {
    tokio::spawn(async move {
        let mut seen = 0;
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let services = Arc::clone(&services);
            let looking = tokio::task::spawn_blocking(move || look(&services, seen));
            match looking.await {
                Ok(Ok(up_to)) => {
                    engine.warn(WARNING, None);
                    seen = up_to;
                }
                Ok(Err(why)) => engine.warn(WARNING, Some(why)),
                Err(error) => {
                    tracing::error!("memories are no longer consolidated by themselves: {error}");
                    return;
                }
            }
        }
    })
}

/// Does a job where something was written since `seen` and it is enough; gives how far it looked.
fn look(services: &Services, seen: u64) -> Result<u64, String> {
    let last = services.memory.library().map_err(|error| error.to_string())?.last_seq();
    if last == seen {
        return Ok(seen);
    }
    let done = consolidate_if_due(services, Occasion::Threshold);
    if let Some(report) = done.map_err(|error| error.to_string())? {
        tracing::info!(
            "so much is new that memories were consolidated: {} groups say the same, {} were merged",
            report.clusters,
            report.applied
        );
    }
    Ok(last)
}
