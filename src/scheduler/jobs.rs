//! What the program does for itself by the clock: checking everything that is stored, forgetting what is
//! old, and making one of memories that say the same.

use tokio::sync::watch;

use super::follow::{CONSOLIDATION, RETENTION, VERIFY};
use super::shared::{Shared, locked};
use crate::contracts::{ScheduleId, Timestamp};
use crate::orchestrator::{Occasion, consolidate_if_due};
use crate::store::{Finding, ScheduleRow, StoreError};

/// Runs whose texts are forgotten before looking whether the daemon is to stop.
const PORTION: u32 = 50;

/// Most runs whose texts are forgotten by one job; the next one goes on.
const RUNS_MAX: u32 = 10_000;

/// How long the times of schedules are kept as rows, in milliseconds; their events stay.
const FIRES_KEPT_MS: u64 = 90 * 86_400_000;

/// Findings named in an incident.
const NAMED_MAX: usize = 5;

/// Does a job, after the one that is at work. Ends early when `stop` is set: false, it is to be done
/// again. Blocks.
pub(super) fn run(shared: &Shared, job: &str, stop: &watch::Receiver<bool>) -> bool {
    let _alone = locked(&shared.job);
    if *stop.borrow() {
        return false;
    }
    let done = match job {
        VERIFY => verify(shared, stop).map_err(|error| error.to_string()),
        RETENTION => retention(shared, stop).map_err(|error| error.to_string()),
        CONSOLIDATION => consolidation(shared),
        other => {
            tracing::error!("there is no job `{other}`");
            return true;
        }
    };
    let name = format!("job {job}");
    match done {
        Ok(()) => shared.settled(&name),
        Err(error) => {
            let message = format!("the job `{job}` could not be done: {error}");
            shared.warn(&name, message.clone());
            shared.incident(job, None, message);
        }
    }
    !*stop.borrow()
}

/// Remembers that the job of a time has come to its end. Blocks.
pub(super) fn ended(shared: &Shared, schedule: ScheduleId, due_at: Timestamp) {
    let _alone = locked(&shared.schedules);
    let store = &shared.services().store;
    let saved = store.reader().schedule(&schedule).and_then(|row| {
        let job_done = row.job_done.max(Some(due_at));
        store.save_schedule(ScheduleRow { job_done, ..row })
    });
    match saved {
        // It is no longer wanted.
        Ok(()) | Err(StoreError::NotFound(_)) => {}
        Err(error) => {
            tracing::warn!("the end of a job could not be kept, so it is done again: {error}")
        }
    }
}

/// Checks everything that is stored, and raises an incident when it is not as it was written.
fn verify(shared: &Shared, stop: &watch::Receiver<bool>) -> Result<(), StoreError> {
    let reader = shared.services().store.reader();
    let stops = || *stop.borrow();
    let Some(report) = reader.verify_until(Some(&shared.audit_file()), &stops)? else {
        tracing::info!("the daemon stops; what is stored is checked at the next start");
        return Ok(());
    };
    if report.is_sound() {
        tracing::info!("{} events of {} runs are as they were written", report.events, report.runs);
        shared.settled("integrity");
        return Ok(());
    }
    let message = found(&report.findings);
    shared.warn("integrity", message.clone());
    shared.incident("integrity", None, message);
    Ok(())
}

fn found(findings: &[Finding]) -> String {
    let named: Vec<String> = findings.iter().take(NAMED_MAX).map(ToString::to_string).collect();
    let count = findings.len();
    format!(
        "the journal is damaged in {count} places; see `bailiwick verify`: {}",
        named.join("; ")
    )
}

/// Forgets texts of runs that ended long ago, and keys and times that are over.
fn retention(shared: &Shared, stop: &watch::Receiver<bool>) -> Result<(), StoreError> {
    let (services, now) = (shared.services(), shared.now());
    let config = services.config();
    let config = &config.retention;
    let store = &services.store;
    if let Some(age) = config.texts_ms {
        forget_texts(shared, before(now, age), stop)?;
    }
    let keys = store.prune_keys(before(now, config.keys_ms))?;
    let fires = store.prune_fires(before(now, FIRES_KEPT_MS))?;
    tracing::info!("{keys} keys and {fires} times of schedules are over");
    Ok(())
}

/// Makes one of memories that say the same, where there is enough to do.
fn consolidation(shared: &Shared) -> Result<(), String> {
    let report = consolidate_if_due(shared.services(), Occasion::Clock)
        .map_err(|error| error.to_string())?;
    match report {
        Some(report) => tracing::info!(
            "{} groups of memories say the same: {} were merged, {} wait, {} are held back",
            report.clusters,
            report.applied,
            report.kept,
            report.quarantined
        ),
        None => tracing::debug!("there is nothing new to consolidate"),
    }
    Ok(())
}

fn forget_texts(
    shared: &Shared,
    before: Timestamp,
    stop: &watch::Receiver<bool>,
) -> Result<(), StoreError> {
    let store = &shared.services().store;
    let (mut runs, mut texts) = (0_u32, 0_u64);
    while runs < RUNS_MAX && !*stop.borrow() {
        let portion = store.reader().runs_to_forget(before, PORTION)?;
        let mut progress = 0;
        for run in &portion {
            let forgotten = store.forget_run_texts(*run, shared.now())?;
            progress += forgotten.forgotten;
            runs = runs.saturating_add(1);
        }
        texts = texts.saturating_add(progress);
        // What is left is named by runs that have not ended: another day.
        if portion.is_empty() || progress == 0 {
            break;
        }
    }
    tracing::info!("{texts} texts of {runs} runs were forgotten");
    Ok(())
}

fn before(now: Timestamp, age_ms: u64) -> Timestamp {
    Timestamp::from_ms(now.ms().saturating_sub(i64::try_from(age_ms).unwrap_or(i64::MAX)))
}
