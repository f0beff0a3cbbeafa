//! The time that a run may be at work.

use std::time::Duration;

use super::driver::Driver;
use super::error::RunError;
use super::journal::Batch;
use crate::contracts::{BudgetKind, BudgetMet, EventBody, RunSignal};

/// How long handlers may be at work after the run's time is over, in milliseconds.
const HANDLERS_MS: u64 = 60_000;

impl Driver {
    /// A run whose time was over before has its handlers' time from now on.
    pub(super) fn give_handlers_time(&mut self) {
        if self.run.state.exhausted.is_some() {
            self.handlers_until = Some(self.run.state.active_ms.saturating_add(HANDLERS_MS));
        }
    }

    /// How long the run may still be at work, while that matters. Handlers of a run that was stopped or
    /// used up its time have a while of their own.
    pub(super) fn wall_left(&self) -> Option<Duration> {
        let state = &self.run.state;
        if state.waits() || state.outcome.is_some() || state.cancels > 1 {
            return None;
        }
        let since = self.services.clock.now().since_ms(state.last_at?);
        let used = state.active_ms.saturating_add(since);
        let end = self.handlers_until.unwrap_or(state.budget.wall_ms);
        Some(Duration::from_millis(end.saturating_sub(used)))
    }

    /// The run's time is over, or that of its handlers.
    pub(super) async fn out_of_time(&mut self) -> Result<(), RunError> {
        let used = self.run.state.active_ms;
        if self.handlers_until.replace(used.saturating_add(HANDLERS_MS)).is_some() {
            tracing::warn!("the handlers of {} took too long and are stopped", self.run.id);
            let signal = RunSignal { by: "handlers took too long".to_owned(), reason: None };
            self.cancel(signal.clone()).await?;
            return self.cancel(signal).await;
        }
        #[allow(clippy::cast_precision_loss, reason = "for reading; milliseconds fit a double")]
        let limit = self.run.state.budget.wall_ms as f64;
        let met = BudgetMet { budget: BudgetKind::Wall, used: limit, limit };
        self.append(Batch::of(vec![EventBody::BudgetExhausted(met)])).await?;
        self.stop_work();
        Ok(())
    }
}
