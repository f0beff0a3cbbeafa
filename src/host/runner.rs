//! Driving runs in the host's own process.

use std::sync::Arc;

use tokio::sync::watch;

use super::protocol::{Refusal, RunRequest};
use crate::contracts::{RunId, TaskId};
use crate::identity::this_account;
use crate::orchestrator::{
    Answerer, Control, Driver, IntakeError, Observer, PreApproved, RunEnd, RunError, Services,
    accept_with, end_cut_off_undo, tell,
};

/// Why a run of another process is not taken, and what to do about it.
const OTHER_CONFIG: &str = "the process that holds this workspace works by another configuration: configuration, `.env` or trust changed since it started, or this command was given `--set` or `--config`; start it again, or hand the run to a daemon as it is: bailiwick submit";

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
            IntakeError::Inputs(_) | IntakeError::Attachments(_) => {
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
}

impl Host {
    /// Accepts a run and makes it durable. Blocks.
    ///
    /// # Errors
    /// When the request is wrong or the store fails.
    pub fn accept(&self, request: &RunRequest) -> Result<(TaskId, RunId), HostError> {
        if request.config != self.services.tools.current().config {
            return Err(HostError::Refused(Refusal {
                message: OTHER_CONFIG.to_owned(),
                diagnostics: Vec::new(),
                usage: false,
            }));
        }
        let accepted = accept_with(&self.services, &request.wanted(), &request.attachments)
            .map_err(HostError::from)?;
        Ok((accepted.task_id, accepted.run_id))
    }

    /// Drives an accepted run until it ends or waits. Where it is at work already, since this process took
    /// it up among those that a killed one left, that is waited for first; a person who stops it
    /// meanwhile is told to whoever drives it.
    ///
    /// # Errors
    /// When the store fails or the journal does not fold.
    pub async fn drive(
        &self,
        run_id: RunId,
        answerer: Arc<dyn Answerer>,
        yes_approve: Vec<String>,
        observer: Observer,
        mut stop: watch::Receiver<u32>,
    ) -> Result<RunEnd, RunError> {
        loop {
            let (answerer, observer) = (Arc::clone(&answerer), Arc::clone(&observer));
            match self.driver(run_id, answerer, yes_approve.clone(), observer).await {
                Err(RunError::AlreadyDriven(_)) => self.wait_for_other(run_id, &mut stop).await?,
                driver => return driver?.drive(stop).await,
            }
        }
    }

    /// Waits until whoever drives a run has left it.
    async fn wait_for_other(
        &self,
        run_id: RunId,
        stop: &mut watch::Receiver<u32>,
    ) -> Result<(), RunError> {
        let left = self.services.live.left(run_id);
        tokio::pin!(left);
        loop {
            tokio::select! {
                left = &mut left => return left,
                Ok(()) = stop.changed() => {
                    let control = Control::Cancel { by: "signal".to_owned(), reason: None };
                    if let Err(error) = tell(&self.services, run_id, control).await {
                        tracing::warn!("`{run_id}` could not be told to stop: {error}");
                    }
                }
            }
        }
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
        let services = Arc::clone(&self.services);
        let ended = tokio::task::spawn_blocking(move || end_cut_off_undo(&services, run_id));
        if let Some(end) = ended.await.map_err(|error| RunError::Worker(error.to_string()))?? {
            return Ok(end);
        }
        let mut driver = self.driver(run_id, answerer, yes_approve, observer).await?;
        driver.take_over(by).await?;
        driver.drive(stop).await
    }

    async fn driver(
        &self,
        run_id: RunId,
        answerer: Arc<dyn Answerer>,
        yes_approve: Vec<String>,
        observer: Observer,
    ) -> Result<Driver, RunError> {
        // Guests are let in only as the user that this process works for.
        let by = this_account();
        let answerer: Arc<dyn Answerer> = Arc::new(PreApproved::new(yes_approve, by, answerer));
        Driver::open(Arc::clone(&self.services), answerer, observer, run_id).await
    }
}
