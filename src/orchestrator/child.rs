//! A step that calls a playbook: a run of its own, driven inside of the one that calls it.
//!
//! Its id stands in the caller's `step.started`, so that the run is begun once, whatever happens:
//! after a crash the same id is taken up again, or only asked how it ended.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::watch;

use super::called::Refused;
use super::child_intake;
use super::driver::{Driver, RunEnd, Work};
use super::error::RunError;
use super::journal::{Batch, Progress};
use super::lineage;
use super::record::RunRecord;
use super::services::blocking;
use super::stopping::SHUTDOWN;
use crate::contracts::{
    Budget, ErrorKind, EventBody, Outcome, RunId, RunSignal, RunStatus, StepFinished,
};
use crate::store::{Reader, StoreError};

/// How often a run was told to stop since a piece of its work began.
#[derive(Debug, Clone)]
pub(super) struct Stops {
    before: u32,
    count: watch::Receiver<u32>,
}

impl Stops {
    /// From now on, as `count` counts.
    pub(super) fn since_now(count: &watch::Sender<u32>) -> Self {
        let count = count.subscribe();
        let before = *count.borrow();
        Self { before, count }
    }
}

/// A step that called a playbook.
pub(super) struct Calling {
    pub path: String,
    pub attempt: u32,
    /// The run that does its work.
    pub run_id: RunId,
    /// What that run may spend.
    pub share: Budget,
}

/// Drives the run that a step called, beginning it if it has not begun. Ends in `step.finished`; a run
/// that waits for somebody parks the one that called it.
pub(super) async fn call(work: Work, calling: Calling) -> Result<Progress, RunError> {
    let calling = Arc::new(calling);
    let (beginning, of) = (work.clone(), Arc::clone(&calling));
    let (begun, decided) = blocking(move || begin(&beginning, &of)).await??;
    let fresh = match begun {
        Ok(fresh) => fresh,
        Err(refused) => {
            let mut batch = failed(&work, &calling, refused);
            batch.extend(decided);
            work.journal.append(batch).await?;
            return Ok(Progress::Made);
        }
    };
    if !decided.bodies.is_empty() {
        work.journal.append(decided).await?;
    }
    if !driven_to_end(&work, &calling, fresh).await? {
        return Ok(Progress::Parked);
    }
    let (ending, of) = (work.clone(), Arc::clone(&calling));
    let batch = blocking(move || answer(&ending, &of)).await??;
    work.journal.append(batch).await?;
    Ok(Progress::Made)
}

/// Makes the run durable, unless it is. True when it was not there before. Also gives what was decided
/// about reads on the way.
fn begin(work: &Work, calling: &Calling) -> Result<(Result<bool, Refused>, Batch), RunError> {
    let mut decided = Batch::default();
    let begun = match work.services.store.reader().run(&calling.run_id) {
        Ok(_) => Ok(false),
        Err(StoreError::NotFound { .. }) => {
            child_intake::accept(work, calling, &mut decided)?.map(|()| true)
        }
        Err(error) => return Err(error.into()),
    };
    Ok((begun, decided))
}

/// Drives it to where it ends or waits. False when it waits, or is held by a person.
async fn driven_to_end(work: &Work, calling: &Calling, fresh: bool) -> Result<bool, RunError> {
    let mut driver = match driver(work, calling.run_id).await {
        Ok(driver) => driver,
        Err(RunError::Draining) => return Ok(false),
        Err(error) => return Err(error),
    };
    if driver.run.record.report.is_some() {
        return Ok(true);
    }
    if driver.run.record.paused_by.as_ref().is_some_and(|by| by != SHUTDOWN) {
        return Ok(false);
    }
    let by = format!("caller {}", work.run_id);
    if !fresh {
        driver.take_over(&by).await?;
        // A caller that was stopped could not tell it any more.
        if work.state.is_stopping(&calling.path) {
            driver.cancel(RunSignal { by, reason: None }).await?;
        }
    }
    Ok(drive(work, driver).await?.status.is_end())
}

/// The one who drives it. Where somebody has its seat, who may only bring it an answer, it is waited for.
async fn driver(work: &Work, run_id: RunId) -> Result<Driver, RunError> {
    loop {
        let services = Arc::clone(&work.services);
        let (answerer, observer) = (Arc::clone(&work.answerer), Arc::clone(&work.observer));
        match Driver::open(services, answerer, observer, run_id).await {
            Err(RunError::AlreadyDriven(_)) => work.services.live.free(run_id).await,
            opened => return opened,
        }
    }
}

/// Drives it; each time its caller is told to stop, so is it.
async fn drive(work: &Work, driver: Driver) -> Result<RunEnd, RunError> {
    let (told, stop) = watch::channel(0);
    let mut driven = boxed(driver, stop);
    let Stops { before, mut count } = work.stops.clone();
    loop {
        tokio::select! {
            biased;
            end = &mut driven => return end,
            Ok(()) = count.changed() => {
                let since = count.borrow_and_update().saturating_sub(before);
                told.send_replace(since);
            }
        }
    }
}

/// A driver inside of a driver's work: its type is hidden, for it would contain itself.
fn boxed(
    driver: Driver,
    stop: watch::Receiver<u32>,
) -> Pin<Box<dyn Future<Output = Result<RunEnd, RunError>> + Send>> {
    Box::pin(driver.drive(stop))
}

/// What the called run came to, as the end of the step.
fn answer(work: &Work, calling: &Calling) -> Result<Batch, RunError> {
    let store = work.services.store.reader();
    let (record, _) = RunRecord::load(store, calling.run_id)?;
    let incomplete = |what| RunError::Incomplete { run: calling.run_id.to_string(), what };
    let (finished, _, _) = record.finished.as_ref().ok_or_else(|| incomplete("`run.finished`"))?;
    let report = record.report.as_ref().ok_or_else(|| incomplete("`report.ready`"))?;
    let clock = &work.services.clock;
    let mut batch = Batch::default();
    // A text of its own: what one run forgets, the other still has.
    let outputs = match &finished.outputs {
        Some(outputs) => store.blob(outputs)?,
        None => b"{}".to_vec(),
    };
    let result = Some(batch.text(outputs, clock.salt()));
    let labels = finished.labels.clone();
    let labels = labels.unwrap_or_else(|| record.taken.all().into_iter().collect());
    let flow = Some(Box::new(lineage::flow(&work.services, &record, labels, &mut batch)?));
    let ok = finished.outcome == Outcome::Succeeded;
    let summary = format!("{} ({})", report.summary, calling.run_id);
    let message = (!ok).then(|| batch.text(summary, clock.salt()));
    batch.bodies.push(EventBody::StepFinished(StepFinished {
        result,
        flow,
        message,
        used: Some(report.telemetry.budget_used.clone()),
        ..StepFinished::new(
            calling.path.as_str(),
            calling.attempt,
            ok,
            kind(finished.outcome, finished.error_kind),
        )
    }));
    Ok(batch)
}

/// The kind of failure that the caller sees.
fn kind(outcome: Outcome, kind: Option<ErrorKind>) -> Option<ErrorKind> {
    match outcome {
        Outcome::Succeeded => None,
        Outcome::Failed => kind,
        Outcome::Denied => {
            kind.filter(|kind| *kind == ErrorKind::Rejected).or(Some(ErrorKind::Denied))
        }
        Outcome::Cancelled => Some(ErrorKind::Cancelled),
    }
}

fn failed(work: &Work, calling: &Calling, refused: Refused) -> Batch {
    let mut batch = Batch::default();
    let message = batch.text(refused.message, work.services.clock.salt());
    batch.bodies.push(EventBody::StepFinished(StepFinished {
        message: Some(message),
        ..StepFinished::new(calling.path.as_str(), calling.attempt, false, Some(refused.kind))
    }));
    batch
}

/// Where a run really stands that only waits for one that it called: where that one stands. Blocks.
pub(super) fn standing(store: &Reader, record: &RunRecord) -> Result<Option<RunStatus>, RunError> {
    let mut waits = None;
    for run_id in record.open_children() {
        let Some(child) = RunRecord::find(store, run_id)? else { continue };
        let own = store.run(&run_id)?.status;
        let stands = match own {
            RunStatus::Running => standing(store, &child)?,
            other => Some(other).filter(|status| !status.is_end()),
        };
        // What may or may not have happened is to be seen first.
        if waits != Some(RunStatus::InDoubt) {
            waits = stands.or(waits);
        }
    }
    Ok(waits)
}
