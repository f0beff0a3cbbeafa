//! Driving runs in the host's own process.

use std::sync::Arc;

use tokio::sync::watch;

use super::protocol::{Refusal, RunRequest};
use crate::contracts::{EventBody, Hash, RunId, RunSignal, TaskId};
use crate::orchestrator::{
    Answerer, Driver, IntakeError, Observer, PreApproved, Run, RunEnd, RunError, Services, accept,
    end_cut_off_undo,
};
use crate::store::Append;

/// Why a run did not come to an end here.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// It was not taken.
    #[error("{}", .0.message)]
    Refused(Refusal),
    /// It could not go on.
    #[error(transparent)]
    Run(#[from] RunError),
}

impl From<IntakeError> for HostError {
    fn from(error: IntakeError) -> Self {
        match error {
            IntakeError::Run(error) => Self::Run(error),
            IntakeError::Playbook { ref diagnostics, .. } => {
                let diagnostics = diagnostics.clone();
                Self::Refused(Refusal { message: error.to_string(), diagnostics, usage: true })
            }
            IntakeError::Inputs(_) => {
                let diagnostics = Vec::new();
                Self::Refused(Refusal { message: error.to_string(), diagnostics, usage: true })
            }
        }
    }
}

/// The host: everything runs share.
#[derive(Debug, Clone)]
pub struct Host {
    /// What drivers work with.
    pub services: Arc<Services>,
    /// Names the configuration it works by.
    pub config: Hash,
}

impl Host {
    /// Accepts a run and makes it durable. Blocks.
    ///
    /// # Errors
    /// When the request is wrong or the store fails.
    pub fn accept(&self, request: &RunRequest) -> Result<(TaskId, RunId), HostError> {
        if request.config != self.config {
            return Err(HostError::Refused(Refusal {
                message: "the process that holds this workspace has another configuration; wait until it has ended".to_owned(),
                diagnostics: Vec::new(),
                usage: false,
            }));
        }
        let accepted = accept(&self.services, &request.wanted()).map_err(HostError::from)?;
        Ok((accepted.task_id, accepted.run_id))
    }

    /// Drives an accepted run until it ends or waits.
    ///
    /// # Errors
    /// When the store fails or the journal does not fold.
    pub async fn drive(
        &self,
        run_id: RunId,
        answerer: Arc<dyn Answerer>,
        yes_approve: Vec<String>,
        observer: Observer,
        stop: watch::Receiver<u32>,
    ) -> Result<RunEnd, RunError> {
        let services = Arc::clone(&self.services);
        let run = tokio::task::spawn_blocking(move || Run::load(&services, run_id))
            .await
            .map_err(|error| RunError::Worker(error.to_string()))??;
        let answerer: Arc<dyn Answerer> = Arc::new(PreApproved::new(yes_approve, answerer));
        Driver::new(Arc::clone(&self.services), answerer, observer, run).drive(stop).await
    }

    /// Takes up a run whose process is gone: says so in its journal, then drives it.
    ///
    /// # Errors
    /// As [`Host::drive`].
    pub async fn resume(
        &self,
        run_id: RunId,
        by: &str,
        answerer: Arc<dyn Answerer>,
        yes_approve: Vec<String>,
        observer: Observer,
        stop: watch::Receiver<u32>,
    ) -> Result<RunEnd, RunError> {
        let (services, by) = (Arc::clone(&self.services), by.to_owned());
        let ended = tokio::task::spawn_blocking(move || {
            if let Some(end) = end_cut_off_undo(&services, run_id)? {
                return Ok(Some(end));
            }
            note_resumed(&services, run_id, by).map(|()| None)
        })
        .await
        .map_err(|error| RunError::Worker(error.to_string()))??;
        if let Some(end) = ended {
            return Ok(end);
        }
        self.drive(run_id, answerer, yes_approve, observer, stop).await
    }
}

/// Journals that whoever ran this before is gone, so that calls it had begun count as interrupted.
fn note_resumed(services: &Services, run_id: RunId, by: String) -> Result<(), RunError> {
    let run = Run::load(services, run_id)?;
    if run.state.outcome.is_some() {
        return Ok(());
    }
    let resumed = EventBody::RunResumed(RunSignal { by, reason: None });
    let now = services.clock.now();
    let append = Append::new(run_id.to_string(), run.record.seq, now, vec![resumed]);
    services.store.append(append)?;
    Ok(())
}
