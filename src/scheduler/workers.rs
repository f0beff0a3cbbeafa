//! The workers: claim what has work, drive it, give it back.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::{Instant, sleep, sleep_until};

use super::shared::{Shared, blocking, locked};
use super::steer;
use super::stuck::may_pass;
use crate::contracts::{RunId, RunStatus, Timestamp};
use crate::orchestrator::{Driver, NobodyAnswers, RunEnd, RunError, begin, end_cut_off_undo};
use crate::store::{ClaimWanted, Claimed, Fence, Leave, StoreError};

/// How often the queue is looked at when nobody says that there is something.
const POLL: Duration = Duration::from_secs(1);

/// The longest wait after the store failed.
const BACK_OFF_MAX: Duration = Duration::from_secs(60);

/// How long somebody may hold a run's seat, such as to journal an answer, before a worker gives it back.
const SEAT_PATIENCE: Duration = Duration::from_secs(2);
const SEAT_PAUSE: Duration = Duration::from_millis(10);

/// The name of the warning that the queue cannot be worked on.
const QUEUE: &str = "queue";

/// Runs at work here.
pub(super) struct Workers {
    shared: Arc<Shared>,
    work: JoinSet<Result<RunEnd, RunError>>,
    claims: HashMap<Id, Claimed>,
    failures: u32,
    /// When claims were renewed, by the machine's clock and by the one on the wall.
    beaten: Instant,
    beaten_at: Timestamp,
}

impl std::fmt::Debug for Workers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Workers").field("at_work", &self.claims.len()).finish_non_exhaustive()
    }
}

impl Workers {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        let (work, claims, beaten) = (JoinSet::new(), HashMap::new(), Instant::now());
        let beaten_at = shared.now();
        Self { shared, work, claims, failures: 0, beaten, beaten_at }
    }

    /// Works until `stop` is set and the last run was given back.
    pub(super) async fn run(mut self, mut stop: watch::Receiver<bool>) {
        loop {
            let stopping = *stop.borrow_and_update();
            if stopping && self.work.is_empty() {
                return;
            }
            let looked = self.look(stopping).await;
            self.note(looked);
            let shared = Arc::clone(&self.shared);
            let (beat, pause) = (self.beaten + self.beat(), self.pause());
            tokio::select! {
                Some(ended) = self.work.join_next_with_id() => self.ended(ended).await,
                () = shared.work.notified(), if !stopping => {}
                () = sleep(pause) => {}
                () = sleep_until(beat), if !self.claims.is_empty() => {}
                _ = stop.changed(), if !stopping => {}
            }
        }
    }

    /// Renews what is claimed, then claims what there is room for.
    async fn look(&mut self, stopping: bool) -> Result<(), RunError> {
        // A jump of the clock must not let claims of ours seem to be over.
        let now = self.shared.now();
        let passed = now.since_ms(self.beaten_at).max(self.beaten_at.since_ms(now));
        if self.beaten.elapsed().max(Duration::from_millis(passed)) >= self.beat() {
            self.heartbeat(now).await?;
        }
        if stopping || self.shared.is_draining() {
            return Ok(());
        }
        let freed = Arc::clone(&self.shared);
        blocking(move || steer::wake_freed(&freed, Instant::now())).await?;
        self.claim(now).await
    }

    async fn claim(&mut self, now: Timestamp) -> Result<(), RunError> {
        let config = self.shared.services().config();
        let queue = &config.queue;
        let at_work = self.work.len();
        let room = queue.concurrency.saturating_sub(u32::try_from(at_work).unwrap_or(u32::MAX));
        if room == 0 {
            return Ok(());
        }
        let wanted = ClaimWanted {
            count: room,
            total_max: queue.concurrency,
            per_playbook_max: queue.per_playbook,
            lease_ms: queue.lease_ms,
            now,
        };
        let shared = Arc::clone(&self.shared);
        let claimed = blocking(move || {
            let store = &shared.services().store;
            let depth = store.reader().queue_depth()?;
            // Looking costs less than claiming. What is claimed and not ours was left by another.
            let nothing = depth.waiting == 0 && depth.claimed <= at_work as u64;
            if nothing { Ok(Vec::new()) } else { store.claim(wanted) }
        })
        .await??;
        claimed.into_iter().for_each(|claimed| self.start(claimed));
        Ok(())
    }

    fn start(&mut self, claimed: Claimed) {
        let shared = Arc::clone(&self.shared);
        let handle = self.work.spawn(drive(shared, claimed.run_id, claimed.fence));
        self.claims.insert(handle.id(), claimed);
    }

    async fn heartbeat(&mut self, now: Timestamp) -> Result<(), RunError> {
        (self.beaten, self.beaten_at) = (Instant::now(), now);
        let claims: Vec<(RunId, Fence)> =
            self.claims.values().map(|claimed| (claimed.run_id, claimed.fence)).collect();
        if claims.is_empty() {
            return Ok(());
        }
        let shared = Arc::clone(&self.shared);
        let lost = blocking(move || {
            let services = shared.services();
            services.store.heartbeat(&claims, services.config().queue.lease_ms, now)
        })
        .await??;
        for run in lost {
            tracing::warn!("the place of {run} in the queue belongs to somebody else");
        }
        Ok(())
    }

    /// Gives a run back.
    async fn ended(&mut self, ended: Result<(Id, Result<RunEnd, RunError>), JoinError>) {
        let (id, end) = match ended {
            Ok((id, end)) => (id, end),
            Err(error) => (error.id(), Err(RunError::Worker(error.to_string()))),
        };
        let Some(claimed) = self.claims.remove(&id) else { return };
        let shared = Arc::clone(&self.shared);
        let given_back = blocking(move || give_back(&shared, claimed, end)).await;
        self.note(given_back.and_then(|given| given.map_err(RunError::from)));
    }

    /// Remembers whether the store works.
    fn note(&mut self, done: Result<(), RunError>) {
        match done {
            Ok(()) if self.failures == 0 => {}
            Ok(()) => {
                self.failures = 0;
                self.shared.settled(QUEUE);
            }
            Err(error) => {
                self.failures = self.failures.saturating_add(1);
                self.shared.warn(QUEUE, format!("the queue cannot be worked on: {error}"));
            }
        }
    }

    /// How long to wait before looking again: longer each time the store failed.
    fn pause(&self) -> Duration {
        POLL.saturating_mul(1_u32.checked_shl(self.failures).unwrap_or(u32::MAX)).min(BACK_OFF_MAX)
    }

    fn beat(&self) -> Duration {
        Duration::from_millis(self.shared.services().config().queue.lease_ms / 3)
    }
}

/// Drives a claimed run until it ends or waits.
async fn drive(shared: Arc<Shared>, run: RunId, fence: Fence) -> Result<RunEnd, RunError> {
    let services = Arc::clone(shared.services());
    let begun = blocking(move || begin(&services, run, Some(fence))).await??;
    let inherited = !begun && locked(&shared.inherited).remove(&run);
    if inherited {
        let services = Arc::clone(shared.services());
        if let Some(end) = blocking(move || end_cut_off_undo(&services, run)).await?? {
            return Ok(end);
        }
    }
    let mut driver = seat(&shared, run, fence).await?;
    if inherited && driver.is_held() {
        // Whoever lets it go on says so: to take it over now would be to do that.
        locked(&shared.inherited).insert(run);
        return Ok(RunEnd { run_id: run, status: RunStatus::Paused, report: None });
    }
    if inherited {
        driver.take_over("adopted").await?;
    }
    // The sender is kept until the run has ended: it is stopped by being told.
    let (_nobody, stop) = watch::channel(0);
    driver.drive(stop).await
}

/// Takes the run's seat; waits a moment for somebody who only journals something.
async fn seat(shared: &Shared, run: RunId, fence: Fence) -> Result<Driver, RunError> {
    let until = Instant::now() + SEAT_PATIENCE;
    loop {
        let services = Arc::clone(shared.services());
        let observer = Arc::clone(&shared.parts.observer);
        match Driver::open(services, Arc::new(NobodyAnswers), observer, run).await {
            Err(RunError::AlreadyDriven(_)) if Instant::now() < until => sleep(SEAT_PAUSE).await,
            opened => return opened.map(|driver| driver.fenced(fence)),
        }
    }
}

/// Gives the place of a run back, and says so when it could not be driven. Blocks.
pub(super) fn give_back(
    shared: &Shared,
    claimed: Claimed,
    end: Result<RunEnd, RunError>,
) -> Result<(), StoreError> {
    let run = claimed.run_id;
    if end.is_ok() && shared.stuck.went_on(run) {
        shared.settled(&stuck(run));
    }
    let leave = match end {
        Ok(end) if end.status.is_end() => Leave::Ended,
        Ok(_) | Err(RunError::Draining) => Leave::Waiting,
        Err(RunError::AlreadyDriven(_)) => {
            locked(&shared.later).insert(run);
            Leave::Waiting
        }
        // It was taken for gone: whoever has it now finds calls that were cut off.
        Err(RunError::Store(StoreError::StaleFence { .. })) => {
            locked(&shared.inherited).insert(run);
            locked(&shared.later).insert(run);
            Leave::Waiting
        }
        Err(error) => {
            left(shared, run, &error);
            Leave::Waiting
        }
    };
    match shared.services().store.complete(run, claimed.fence, leave) {
        Err(StoreError::StaleFence { .. }) => {
            tracing::warn!("the place of {run} in the queue was taken by somebody else");
            Ok(())
        }
        other => other,
    }
}

/// A run that cannot be driven: what may pass by itself is tried again after a while, anything else when
/// a person says so, or at the next start.
fn left(shared: &Shared, run: RunId, error: &RunError) {
    // Whoever drives it next finds calls that this driver had begun.
    locked(&shared.inherited).insert(run);
    let passes = may_pass(error);
    let again = if passes {
        "it is tried again in a moment".to_owned()
    } else {
        format!("it is tried again with `bailiwick runs resume {run}`, or at the next start")
    };
    let message = format!("{run} cannot go on: {error}; {again}");
    shared.warn(&stuck(run), message.clone());
    if shared.stuck.note(run, passes, Instant::now()) {
        shared.incident("run-stuck", Some(run), message);
    }
}

/// The name of the warning that a run cannot go on.
fn stuck(run: RunId) -> String {
    format!("run {run}")
}
