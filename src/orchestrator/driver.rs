//! The loop: what the core wants is started once, what comes of it is journalled and folded.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::answer::Answerer;
use super::audit::declined;
use super::child::{self, Calling, Stops};
use super::error::RunError;
use super::journal::{Batch, Journal, Kept, Message, Progress};
use super::live_runs::{Order, Purpose, Seat};
use super::record::RunRecord;
use super::run::Run;
use super::services::{Services, blocking};
use super::stopping::SHUTDOWN;
use super::{ask, conclude, decide, dry_end, execute, incident, open, planning, report};
use crate::agent::{self, Command, RunState};
use crate::contracts::{
    ApprovalId, Event, EventBody, RunId, RunReport, RunResumed, RunSignal, RunStatus, TaskId,
};
use crate::playbook::Playbook;
use crate::ports::Cancel;
use crate::store::{Append, Fence, StoreError};

/// Messages from pieces of work that may wait for the driver.
const MAILBOX: usize = 64;

/// What the keys of commands for called runs begin with.
const CALL: &str = "call ";

/// Sees every event once it is durable.
pub type Observer = Arc<dyn Fn(&Event, &EventBody) + Send + Sync>;

/// Where a run stands when its driver stops.
#[derive(Debug, Clone)]
pub struct RunEnd {
    /// Which run.
    pub run_id: RunId,
    /// Where it stands: an end, or what it waits for.
    pub status: RunStatus,
    /// Its report, when it ended.
    pub report: Option<RunReport>,
}

/// Drives one run. Nobody else appends to its journal meanwhile.
pub struct Driver {
    pub(super) services: Arc<Services>,
    answerer: Arc<dyn Answerer>,
    observer: Observer,
    pub(super) run: Run,
    pub(super) calls: Cancel,
    /// How often what is at work was told to stop for good: runs that it called stop as well.
    pub(super) stops: watch::Sender<u32>,
    journal: Journal,
    pub(super) mailbox: mpsc::Receiver<Message>,
    orders: mpsc::Receiver<Order>,
    purpose: Purpose,
    /// Set when this process is stopping: until when calls may end.
    pub(super) draining: Option<Instant>,
    fence: Option<Fence>,
    /// Whether the journal says already that somebody else drives it now.
    taken_over: bool,
    pub(super) work: JoinSet<(String, Result<Progress, RunError>)>,
    pub(super) busy: BTreeSet<String>,
    pub(super) parked: BTreeSet<String>,
    /// Until when handlers may be at work, in milliseconds of the run's own time.
    pub(super) handlers_until: Option<u64>,
    /// Given back last.
    _seat: Seat,
}

impl std::fmt::Debug for Driver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Driver").field("run", &self.run.id).finish_non_exhaustive()
    }
}

impl Drop for Driver {
    /// What is at work when its driver goes would be journalled by nobody.
    fn drop(&mut self) {
        self.stop_calls();
    }
}

/// What a piece of work sees: the run as it stood when the work was started.
#[derive(Clone)]
pub(super) struct Work {
    pub services: Arc<Services>,
    pub answerer: Arc<dyn Answerer>,
    pub run_id: RunId,
    pub playbook: Arc<Playbook>,
    pub state: Arc<RunState>,
    pub record: Arc<RunRecord>,
    pub journal: Journal,
    pub cancel: Cancel,
    pub observer: Observer,
    /// For runs that this one calls: they stop when it does.
    pub stops: Stops,
}

impl Driver {
    /// Takes the run's seat and folds its journal.
    ///
    /// # Errors
    /// [`RunError::AlreadyDriven`], [`RunError::Draining`], or that the journal cannot be read.
    pub async fn open(
        services: Arc<Services>,
        answerer: Arc<dyn Answerer>,
        observer: Observer,
        run: RunId,
    ) -> Result<Self, RunError> {
        Self::open_for(Purpose::Drive, services, answerer, observer, run).await
    }

    pub(super) async fn open_for(
        purpose: Purpose,
        services: Arc<Services>,
        answerer: Arc<dyn Answerer>,
        observer: Observer,
        run: RunId,
    ) -> Result<Self, RunError> {
        let (seat, orders) = services.live.take(run, purpose)?;
        let loading = Arc::clone(&services);
        let run = blocking(move || Run::load(&loading, run)).await??;
        let (sender, mailbox) = mpsc::channel(MAILBOX);
        Ok(Self {
            services,
            answerer,
            observer,
            run,
            calls: Cancel::default(),
            stops: watch::Sender::new(0),
            journal: Journal::new(sender),
            mailbox,
            orders,
            purpose,
            draining: None,
            fence: None,
            taken_over: false,
            work: JoinSet::new(),
            busy: BTreeSet::new(),
            parked: BTreeSet::new(),
            handlers_until: None,
            _seat: seat,
        })
    }

    /// Journals that whoever drove this run before is gone, so that calls it had begun count as
    /// interrupted.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn take_over(&mut self, by: &str) -> Result<(), RunError> {
        if self.run.state.outcome.is_some() {
            return Ok(());
        }
        self.taken_over = true;
        let resumed = RunResumed { by: by.to_owned(), reason: None, interrupted: true };
        self.append(Batch::of(vec![EventBody::RunResumed(resumed)])).await
    }

    /// The same, for a run that was claimed from the queue: once somebody else has claimed it, nothing
    /// more is appended here.
    #[must_use]
    pub const fn fenced(mut self, fence: Fence) -> Self {
        self.fence = Some(fence);
        self
    }

    /// While a run that was called waited for a person, nobody was at work on this one either.
    async fn note_time_apart(&mut self) -> Result<(), RunError> {
        let state = &self.run.state;
        if self.taken_over || state.paused || !state.is_calling() {
            return Ok(());
        }
        let by = "the run that it called".to_owned();
        let resumed = RunResumed { by, reason: None, interrupted: false };
        self.append(Batch::of(vec![EventBody::RunResumed(resumed)])).await
    }

    /// Runs that were called and waited are looked at again.
    pub(super) fn forget_parked_calls(&mut self) {
        self.parked.retain(|key| !key.starts_with(CALL));
    }

    /// Whether a person holds the run, who has not told it to stop since.
    #[must_use]
    pub fn is_held(&self) -> bool {
        let by_person = self.run.record.paused_by.as_ref().is_some_and(|by| by != SHUTDOWN);
        by_person && self.run.state.cancels == 0
    }

    /// Whether this is the one that does the run's work.
    pub(super) fn is_driving(&self) -> bool {
        self.purpose == Purpose::Drive
    }

    /// Drives until the run ends or waits for somebody who is not here. `stop` counts how often a
    /// person asked to stop.
    ///
    /// # Errors
    /// When the store fails or the journal does not fold. What was acknowledged is kept, and calls at
    /// work are stopped.
    pub async fn drive(mut self, stop: watch::Receiver<u32>) -> Result<RunEnd, RunError> {
        match self.run_to_end(stop).await {
            Ok(()) => self.end().await,
            Err(error) => {
                self.mailbox.close();
                self.stop_calls();
                self.wait_for_work().await;
                Err(error)
            }
        }
    }

    async fn run_to_end(&mut self, mut stop: watch::Receiver<u32>) -> Result<(), RunError> {
        self.give_handlers_time();
        self.note_time_apart().await?;
        self.end_if_dry().await?;
        let mut stops_seen = *stop.borrow_and_update();
        loop {
            if self.draining.is_none() && self.start_wanted().await? {
                continue;
            }
            if self.busy.is_empty() || self.run.state.reported {
                return self.leave().await;
            }
            let deadline = self.wall_left();
            tokio::select! {
                Some(Message::Append(batch, answer)) = self.mailbox.recv() => {
                    let kept = self.append_in_time(batch).await?;
                    if answer.send(kept).is_err() {
                        tracing::debug!("the work that appended is gone");
                    }
                }
                Some(ended) = self.work.join_next() => {
                    let (key, end) = ended.map_err(|error| RunError::Worker(error.to_string()))?;
                    self.over(key, end)?;
                }
                Some(order) = self.orders.recv() => self.take_order(order).await,
                Ok(()) = stop.changed() => {
                    let stops = *stop.borrow_and_update();
                    for _ in stops_seen..stops {
                        self.cancel(RunSignal { by: "signal".to_owned(), reason: None }).await?;
                    }
                    stops_seen = stops;
                }
                () = sleep(deadline), if deadline.is_some() => self.out_of_time().await?,
                () = until(self.draining), if self.draining.is_some() => return self.leave().await,
            }
        }
    }

    /// A run that only shows what it would do ends before it does anything.
    async fn end_if_dry(&mut self) -> Result<(), RunError> {
        if self.run.state.outcome.is_some() {
            return Ok(());
        }
        let work = self.work();
        match blocking(move || dry_end::end(&work)).await?? {
            Some(batch) => self.append(batch).await,
            None => Ok(()),
        }
    }

    /// Starts what is wanted and not yet at work. True when something was appended at once, so that
    /// the state wants something else now.
    async fn start_wanted(&mut self) -> Result<bool, RunError> {
        let mut records = Batch::default();
        for command in agent::wanted(&self.run.state) {
            let key = command.key();
            match command {
                Command::Record(body) => records.bodies.push(*body),
                _ if self.busy.contains(&key) || self.parked.contains(&key) => {}
                command => {
                    self.busy.insert(key.clone());
                    self.start(key, command);
                }
            }
        }
        let recorded = !records.bodies.is_empty();
        if recorded {
            self.append(records).await?;
        }
        Ok(recorded)
    }

    /// What a piece of work sees now.
    pub(super) fn work(&self) -> Work {
        Work {
            services: Arc::clone(&self.services),
            answerer: Arc::clone(&self.answerer),
            run_id: self.run.id,
            playbook: Arc::clone(&self.run.playbook),
            state: Arc::clone(&self.run.state),
            record: Arc::clone(&self.run.record),
            journal: self.journal.clone(),
            cancel: self.calls.clone(),
            observer: Arc::clone(&self.observer),
            stops: Stops::since_now(&self.stops),
        }
    }

    fn start(&mut self, key: String, command: Command) {
        let work = self.work();
        let task_id = self.run.task_id;
        self.work.spawn(async move { (key, carry_out(work, task_id, command).await) });
    }

    fn over(&mut self, key: String, end: Result<Progress, RunError>) -> Result<(), RunError> {
        self.busy.remove(&key);
        match end {
            Ok(Progress::Made) | Err(RunError::Superseded) => Ok(()),
            Ok(Progress::Parked) => {
                self.parked.insert(key);
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Appends what a piece of work brings, unless the run went on without it.
    async fn append_in_time(&mut self, batch: Batch) -> Result<Kept, RunError> {
        let is_late = |body: &EventBody| {
            !agent::follows(&self.run.state, body) || self.run.record.has_recalled(body)
        };
        if batch.bodies.first().is_some_and(is_late) {
            return Ok(Kept::TooLate);
        }
        self.append(batch).await?;
        Ok(Kept::Durable)
    }

    /// Makes a batch durable, then takes it into state and record.
    pub(super) async fn append(&mut self, mut batch: Batch) -> Result<(), RunError> {
        let Some((approval, answer)) = batch.beforehand.take() else {
            return self.write(batch, None).await;
        };
        let mut answered = batch.clone();
        answered.bodies.push(EventBody::ApprovalResolved(answer));
        match self.write(answered, Some(approval)).await {
            Err(RunError::Store(StoreError::Used(_))) => self.write(batch, None).await,
            written => written,
        }
    }

    async fn write(&mut self, batch: Batch, uses: Option<ApprovalId>) -> Result<(), RunError> {
        let (store, clock) = (Arc::clone(&self.services.store), Arc::clone(&self.services.clock));
        let (run_id, expected_seq) = (self.run.id.to_string(), self.run.record.seq);
        let bodies = batch.bodies.clone();
        let (incidents, fence) = (incident::of(&self.run, &bodies), self.fence);
        let (services, record) = (Arc::clone(&self.services), Arc::clone(&self.run.record));
        let events = blocking(move || {
            let Batch { bodies, texts, mut audit, records, files, beforehand: _ } = batch;
            audit.extend(declined(&services, &run_id, &record, &bodies)?);
            let at = clock.now();
            // Before the end that it tells of: after a crash it may be raised again, and never not.
            for incident in incidents {
                store.append_system(vec![EventBody::IncidentRaised(incident)], at)?;
            }
            let append = Append::new(run_id, expected_seq, at, bodies);
            let append = Append { texts, audit, records, files, fence, uses, ..append };
            store.append(append).map_err(RunError::from)
        })
        .await??;
        for (event, body) in events.iter().zip(&bodies) {
            Arc::make_mut(&mut self.run.record).take(event, body);
            agent::fold(Arc::make_mut(&mut self.run.state), event.at, body)
                .map_err(|source| RunError::Fold { run: self.run.id.to_string(), source })?;
            self.count(body);
            (self.observer)(event, body);
        }
        if bodies.iter().any(|body| matches!(body, EventBody::PlanProposed(_))) {
            let (mut run, services) = (self.run.clone(), Arc::clone(&self.services));
            self.run = blocking(move || run.grow(&services).map(|()| run)).await??;
        }
        Ok(())
    }

    /// What is counted of what is durable now.
    fn count(&self, body: &EventBody) {
        let metrics = &self.services.metrics;
        match body {
            EventBody::RunFinished(finished) => metrics.run_ended(finished.outcome),
            EventBody::ApprovalRequested(_) => metrics.approval_asked(),
            EventBody::ApprovalResolved(answer) => metrics.approval_answered(answer.approved),
            _ => {}
        }
    }

    /// Does as it is told from outside; whoever asked hears what came of it.
    async fn take_order(&mut self, order: Order) {
        match order {
            Order::Take(control, answer) => {
                let done = self.obey(control).await;
                if answer.send(done).is_err() {
                    tracing::debug!("whoever told {} something is gone", self.run.id);
                }
            }
            Order::Drain(deadline) => self.draining = Some(deadline),
            Order::Wake => self.forget_parked_calls(),
        }
    }

    /// Where the run stands; one that only waits for a run that it called, where that one stands.
    async fn end(&self) -> Result<RunEnd, RunError> {
        let mut status = self.run.state.status();
        if status == RunStatus::Running {
            let (store, record) = (Arc::clone(&self.services.store), Arc::clone(&self.run.record));
            let waits = blocking(move || child::standing(store.reader(), &record)).await??;
            status = waits.unwrap_or(status);
        }
        Ok(RunEnd { run_id: self.run.id, status, report: self.run.record.report.clone() })
    }
}

async fn carry_out(work: Work, task_id: TaskId, command: Command) -> Result<Progress, RunError> {
    match command {
        Command::Open { path, attempt, delay_ms } => {
            open::open(work, path, attempt, delay_ms).await
        }
        Command::Decide { path, call_id } => decide::decide(work, path, call_id).await,
        Command::Ask { path, approval_id } => ask::ask(work, path, approval_id).await,
        Command::Execute { path, call_id } => execute::execute(work, path, call_id).await,
        Command::Plan { round } => planning::plan(work, round).await,
        Command::Verify { index } => conclude::verify(work, index).await,
        Command::Conclude(verdict) => conclude::conclude(work, verdict).await,
        Command::Report { outcome } => report::write(work, task_id, outcome).await,
        Command::Call { path, attempt, run_id, share } => {
            child::call(work, Calling { path, attempt, run_id, share }).await
        }
        Command::Record(_) => Ok(Progress::Made),
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

async fn sleep(duration: Option<Duration>) {
    match duration {
        Some(duration) => tokio::time::sleep(duration).await,
        None => std::future::pending().await,
    }
}
