//! What an edit of the rules leads to: it is counted, and stands in the system's own journal.

use std::sync::Arc;

use crate::cli::{CliError, Exit};
use crate::contracts::{EventBody, PolicyReloaded};
use crate::live::{LivePolicy, PolicyWatch, Reload};
use crate::ports::Clock;
use crate::store::Store;
use crate::telemetry::{Metrics, ReloadOutcome};

/// Most mistakes that are journalled with an edit; `policy check` says all of them.
const ERRORS_MAX: usize = 20;

/// Keeps `policy` up with its files, and journals and counts every edit.
pub(super) fn watch_policy(
    policy: &Arc<LivePolicy>,
    store: &Arc<Store>,
    metrics: &Arc<Metrics>,
    clock: &Arc<dyn Clock>,
) -> Result<PolicyWatch, CliError> {
    let (store, metrics, clock) = (Arc::clone(store), Arc::clone(metrics), Arc::clone(clock));
    policy.on_reload(Arc::new(move |reload: &Reload| {
        let taken = reload.errors.is_empty();
        let outcome = if taken { ReloadOutcome::Taken } else { ReloadOutcome::Refused };
        metrics
            .policy_reloaded(outcome, u64::try_from(reload.took.as_millis()).unwrap_or(u64::MAX));
        let event = EventBody::PolicyReloaded(journalled(reload));
        // The rules that are in force do not depend on whether it could be written down.
        if let Err(error) = store.append_system(vec![event], clock.now()) {
            tracing::warn!("an edit of the rules could not be journalled: {error}");
        }
    }));
    PolicyWatch::start(Arc::clone(policy)).map_err(|error| {
        CliError::new(Exit::Failed, format!("the rules cannot be kept up: {error}"))
    })
}

fn journalled(reload: &Reload) -> PolicyReloaded {
    let mut errors: Vec<String> =
        reload.errors.iter().take(ERRORS_MAX).map(ToString::to_string).collect();
    let more = reload.errors.len().saturating_sub(ERRORS_MAX);
    if more > 0 {
        errors.push(format!("and {more} more"));
    }
    PolicyReloaded { policy_hash: reload.hash, previous: reload.previous, errors }
}
