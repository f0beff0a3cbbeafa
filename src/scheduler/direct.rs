//! Direct calls: driven at once and beside the queue, since somebody waits for the answer.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::disk::Space;
use super::fields::attachment_error;
use super::shared::{Shared, blocking};
use super::submit::{FieldError, SubmitError};
use crate::contracts::{ApprovalId, RunId};
use crate::orchestrator::{Direct, Driver, IntakeError, NobodyAnswers, RunError};

/// Direct calls at work at once; more are told to come again.
pub(super) const CALLS_MAX: usize = 64;
/// When to come again, in seconds.
const RETRY_AFTER_S: u64 = 2;

/// A direct call at work.
#[derive(Debug)]
pub struct Calling {
    /// Its run.
    pub run_id: RunId,
    /// Ends when the run ends, or waits for a person.
    pub driven: JoinHandle<()>,
}

/// Makes the run of a call durable and drives it; `approval` is the one that was given for it.
pub(super) async fn call(
    shared: &Arc<Shared>,
    wanted: Direct,
    approval: Option<ApprovalId>,
) -> Result<Calling, SubmitError> {
    let busy = || SubmitError::Busy { retry_after_s: RETRY_AFTER_S };
    let turn = Arc::clone(&shared.calling).try_acquire_owned().map_err(|_full| busy())?;
    let taking = Arc::clone(shared);
    let run_id = blocking(move || take(&taking, &wanted)).await??;
    let services = Arc::clone(shared.services());
    services.rates.prepay(run_id);
    if let Some(approval) = approval {
        services.named.name(run_id, approval);
    }
    let driving = Arc::clone(shared);
    let driven = tokio::spawn(async move {
        if let Err(error) = drive(&driving, run_id).await {
            tracing::warn!("the direct call of {run_id} is not driven to its end: {error}");
        }
        let services = driving.services();
        services.rates.settle(run_id);
        services.named.forget(run_id);
        drop(turn);
    });
    Ok(Calling { run_id, driven })
}

fn take(shared: &Shared, wanted: &Direct) -> Result<RunId, SubmitError> {
    if shared.is_draining() {
        return Err(SubmitError::Draining);
    }
    if let Ok(Space::Low { free }) = shared.disk.look() {
        return Err(SubmitError::NoSpace { free_bytes: free });
    }
    match wanted.accept(shared.services()) {
        Ok(accepted) => Ok(accepted.run_id),
        Err(IntakeError::Run(error)) => Err(error.into()),
        Err(IntakeError::Inputs(wrong)) => {
            let field = |it: &dyn std::fmt::Display| FieldError::new("args", it.to_string());
            Err(SubmitError::Invalid(wrong.iter().map(|it| field(it)).collect()))
        }
        Err(IntakeError::Attachments(wrong)) => {
            Err(SubmitError::Invalid(wrong.into_iter().map(attachment_error).collect()))
        }
        // The program wrote it: such as a name of an argument that no expression can hold.
        Err(IntakeError::Playbook { diagnostics, .. }) => {
            let field = |it: &crate::contracts::Diagnostic| FieldError::new("args", &it.message);
            Err(SubmitError::Invalid(diagnostics.iter().map(field).collect()))
        }
    }
}

async fn drive(shared: &Shared, run_id: RunId) -> Result<(), RunError> {
    let services = Arc::clone(shared.services());
    let observer = Arc::clone(&shared.parts.observer);
    let driver = match Driver::open(services, Arc::new(NobodyAnswers), observer, run_id).await {
        // The same request came before, and is at work.
        Err(RunError::AlreadyDriven(_)) => return shared.services().live.left(run_id).await,
        opened => opened?,
    };
    // The sender is kept until the run has ended: it is stopped by being told.
    let (_nobody, stop) = watch::channel(0);
    driver.drive(stop).await.map(drop)
}
