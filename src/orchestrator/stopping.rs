//! How a driver ends: because nothing is left to do here, because the process stops, because somebody
//! cancels the run.

use std::time::Duration;

use super::driver::Driver;
use super::error::RunError;
use super::journal::Batch;
use crate::agent::{self, Command};
use crate::contracts::{EventBody, RunSignal};

/// How long calls at work may take to stop when the run cannot go on.
const GRACE: Duration = Duration::from_secs(5);

/// Who pauses the runs that a stopping process leaves behind: the next one takes them up.
pub const SHUTDOWN: &str = "shutdown";

impl Driver {
    /// Ends driving. In a process that is stopping the run is paused, and calls that did not end in
    /// time are cut off: what became of them is found out by the next process.
    pub(super) async fn leave(&mut self) -> Result<(), RunError> {
        let over = self.run.state.outcome.is_some() || self.run.state.paused;
        if self.draining.is_none() || over || !self.has_work() {
            return Ok(());
        }
        let signal = RunSignal { by: SHUTDOWN.to_owned(), reason: None };
        self.append(Batch::of(vec![EventBody::RunPaused(signal)])).await?;
        // Nothing is journalled any more, so that no call counts as ended that was cut off.
        self.mailbox.close();
        self.stop_calls();
        self.wait_for_work().await;
        Ok(())
    }

    /// Whether something is at work, or wanted that only this process' end keeps from being started.
    fn has_work(&self) -> bool {
        let open = |command: &Command| !self.parked.contains(&command.key());
        !self.busy.is_empty() || agent::wanted(&self.run.state).iter().any(open)
    }

    pub(super) async fn wait_for_work(&mut self) {
        while self.mailbox.try_recv().is_ok() {}
        let ended = async { while self.work.join_next().await.is_some() {} };
        if tokio::time::timeout(GRACE, ended).await.is_err() {
            tracing::warn!("work of {} did not stop in time", self.run.id);
        }
    }

    pub(super) async fn cancel(&mut self, signal: RunSignal) -> Result<(), RunError> {
        if self.run.state.outcome.is_some() {
            return Ok(());
        }
        self.append(Batch::of(vec![EventBody::RunCancelRequested(signal)])).await?;
        self.stop_work();
        Ok(())
    }

    /// Ends what is at work now, runs that it called included.
    pub(super) fn stop_work(&mut self) {
        self.forget_parked_calls();
        self.stops.send_modify(|stops| *stops = stops.saturating_add(1));
        self.stop_calls();
    }

    /// Ends calls at work now; what begins later has a fresh token.
    pub(super) fn stop_calls(&mut self) {
        std::mem::take(&mut self.calls).request();
    }
}
