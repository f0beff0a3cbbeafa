//! Which runs are driven in this process, and the way to their drivers.
//!
//! One driver per run: whoever wants to append to a run's journal takes its seat first.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::control::{Control, ControlError};
use super::error::RunError;
use crate::contracts::{RunId, RunStatus};

/// Orders that may wait for a driver.
const ORDERS: usize = 16;

/// How long drivers may take to end after the grace is over.
const LAST_WORDS: Duration = Duration::from_secs(10);

/// What a driver is told from outside.
#[derive(Debug)]
pub(super) enum Order {
    /// Do this, and say where the run stands then.
    Take(Control, oneshot::Sender<Result<RunStatus, ControlError>>),
    /// Start nothing new; calls may end until then.
    Drain(Instant),
    /// Look again at what waited for another run.
    Wake,
}

/// The runs that are driven in this process.
#[derive(Debug, Default)]
pub struct LiveRuns {
    inner: Mutex<Inner>,
    freed: Notify,
}

#[derive(Debug, Default)]
struct Inner {
    seats: HashMap<RunId, Holder>,
    draining: bool,
}

/// Who has a seat.
#[derive(Debug)]
struct Holder {
    purpose: Purpose,
    sender: mpsc::Sender<Order>,
}

/// What its holder wants to do with a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Drive it.
    Drive,
    /// Journal one thing that somebody said, and leave.
    Note,
}

/// The right to append to a run's journal; given back when dropped.
#[derive(Debug)]
pub(super) struct Seat {
    runs: Arc<LiveRuns>,
    id: RunId,
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.runs.lock().seats.remove(&self.id);
        self.runs.freed.notify_waiters();
    }
}

impl LiveRuns {
    /// Takes the seat of a run, unless somebody has it.
    pub(super) fn take(
        self: &Arc<Self>,
        id: RunId,
        purpose: Purpose,
    ) -> Result<(Seat, mpsc::Receiver<Order>), RunError> {
        let mut inner = self.lock();
        if inner.draining && purpose == Purpose::Drive {
            return Err(RunError::Draining);
        }
        if inner.seats.contains_key(&id) {
            return Err(RunError::AlreadyDriven(id));
        }
        let (sender, orders) = mpsc::channel(ORDERS);
        inner.seats.insert(id, Holder { purpose, sender });
        Ok((Seat { runs: Arc::clone(self), id }, orders))
    }

    /// The way to whoever has the seat of a run.
    pub(super) fn sender(&self, id: RunId) -> Option<mpsc::Sender<Order>> {
        self.lock().seats.get(&id).map(|holder| holder.sender.clone())
    }

    /// Whether somebody has the seat of a run.
    #[must_use]
    pub fn is_live(&self, id: RunId) -> bool {
        self.lock().seats.contains_key(&id)
    }

    /// How many runs are driven now.
    #[must_use]
    pub fn count(&self) -> usize {
        let driven = |holder: &&Holder| holder.purpose == Purpose::Drive;
        self.lock().seats.values().filter(driven).count()
    }

    /// Has the run's driver look again at what waited for another run. False where nobody drives it.
    pub async fn wake(&self, id: RunId) -> bool {
        match self.sender(id) {
            Some(sender) => sender.send(Order::Wake).await.is_ok(),
            None => false,
        }
    }

    /// Waits until nobody drives a run any more.
    ///
    /// # Errors
    /// None; it fits where driving it would stand.
    pub async fn left(&self, id: RunId) -> Result<(), RunError> {
        self.free(id).await;
        Ok(())
    }

    /// Waits until nobody has the seat of a run.
    pub(super) async fn free(&self, id: RunId) {
        loop {
            let freed = self.freed.notified();
            tokio::pin!(freed);
            // Asked for before looking, so that what happens in between is not missed.
            freed.as_mut().enable();
            if !self.is_live(id) {
                return;
            }
            freed.await;
        }
    }

    /// Ends all driving in an orderly way: nothing new is started, calls at work may end for `grace`,
    /// then each run is paused until another process takes it up. True when every driver ended.
    pub async fn drain(&self, grace: Duration) -> bool {
        let deadline = Instant::now() + grace;
        let senders: Vec<_> = {
            let mut inner = self.lock();
            inner.draining = true;
            inner.seats.values().map(|holder| holder.sender.clone()).collect()
        };
        let mut telling = JoinSet::new();
        for sender in senders {
            // A driver that is gone has nothing to end.
            telling.spawn(async move {
                let _ = sender.send_timeout(Order::Drain(deadline), LAST_WORDS).await;
            });
        }
        telling.join_all().await;
        tokio::time::timeout_at(deadline + LAST_WORDS, self.empty()).await.is_ok()
    }

    async fn empty(&self) {
        loop {
            let freed = self.freed.notified();
            tokio::pin!(freed);
            freed.as_mut().enable();
            if self.lock().seats.is_empty() {
                return;
            }
            freed.await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
