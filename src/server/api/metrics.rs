//! `/metrics`: what was counted, and what is so now.

use std::sync::Arc;
use std::time::Duration;

use crate::server::problem::Problem;
use crate::server::reply::{Answer, Reply};
use crate::server::route::Call;
use crate::store::StoreError;
use crate::telemetry::{Gauges, METRICS_TYPE};

pub(in crate::server) async fn metrics(call: Call) -> Answer {
    let engine = call.shared.engine.status().await?;
    let shared = Arc::clone(&call.shared);
    let looked = call.shared.blocking(move || {
        let services = &shared.services;
        let approvals_open = services.store.reader().open_approvals()?;
        let standing = services.policy.standing();
        let now = Gauges {
            policy_hash: standing.hash,
            profile: services.config().policy.profile,
            policy_errors: standing.errors as u64,
            trial_errors: services.trial.as_ref().map_or(0, |trial| trial.errors().len() as u64),
            policy_age_ms: millis(standing.age),
            policy_stale_ms: standing.stale.map_or(0, millis),
            approvals_open,
            queue_waiting: engine.queue.waiting,
            queue_running: engine.running as u64,
            stream_clients: shared.hub.clients() as u64,
            journal_events: *services.store.subscribe().borrow(),
            store_writes: services.store.poisoned().is_none(),
        };
        Ok::<_, StoreError>(services.metrics.text(&now))
    });
    let page = looked.await?.map_err(Problem::from)?;
    Ok(Reply::plain(METRICS_TYPE, page))
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
