//! The loop: what the core wants is started once, what comes of it is journalled and folded.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::answer::Answerer;
use super::error::RunError;
use super::journal::{Batch, Journal, Kept, Message, Progress};
use super::record::RunRecord;
use super::run::Run;
use super::services::{Services, blocking};
use super::{ask, conclude, decide, execute, open, report};
use crate::agent::{self, Command, RunState};
use crate::contracts::{
    BudgetKind, BudgetMet, Event, EventBody, RunId, RunReport, RunSignal, RunStatus, TaskId,
};
use crate::playbook::Playbook;
use crate::ports::Cancel;
use crate::store::Append;

/// Messages from pieces of work that may wait for the driver.
const MAILBOX: usize = 64;

/// How long handlers may be at work after the run's time is over, in milliseconds.
const HANDLERS_MS: u64 = 60_000;

/// How long calls at work may take to stop when the run cannot go on.
const GRACE: Duration = Duration::from_secs(5);

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

/// Drives one run.
pub struct Driver {
    services: Arc<Services>,
    answerer: Arc<dyn Answerer>,
    observer: Observer,
    run: Run,
    calls: Cancel,
    work: JoinSet<(String, Result<Progress, RunError>)>,
    busy: BTreeSet<String>,
    parked: BTreeSet<String>,
    /// Until when handlers may be at work, in milliseconds of the run's own time.
    handlers_until: Option<u64>,
}

impl std::fmt::Debug for Driver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Driver").field("run", &self.run.id).finish_non_exhaustive()
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
}

impl Driver {
    /// A driver for a loaded run.
    pub fn new(
        services: Arc<Services>,
        answerer: Arc<dyn Answerer>,
        observer: Observer,
        run: Run,
    ) -> Self {
        Self {
            services,
            answerer,
            observer,
            run,
            calls: Cancel::default(),
            work: JoinSet::new(),
            busy: BTreeSet::new(),
            parked: BTreeSet::new(),
            handlers_until: None,
        }
    }

    /// Drives until the run ends or waits for somebody who is not here. `stop` counts how often a
    /// person asked to stop.
    ///
    /// # Errors
    /// When the store fails or the journal does not fold. What was acknowledged is kept, and calls at
    /// work are stopped.
    pub async fn drive(mut self, stop: watch::Receiver<u32>) -> Result<RunEnd, RunError> {
        match self.run_to_end(stop).await {
            Ok(()) => Ok(self.end()),
            Err(error) => {
                self.stop_calls();
                let ended = async { while self.work.join_next().await.is_some() {} };
                if tokio::time::timeout(GRACE, ended).await.is_err() {
                    tracing::warn!("work of {} did not stop in time", self.run.id);
                }
                Err(error)
            }
        }
    }

    async fn run_to_end(&mut self, mut stop: watch::Receiver<u32>) -> Result<(), RunError> {
        if self.run.state.exhausted.is_some() {
            self.handlers_until = Some(self.run.state.active_ms.saturating_add(HANDLERS_MS));
        }
        let (sender, mut mailbox) = mpsc::channel(MAILBOX);
        let journal = Journal::new(sender);
        let mut stops_seen = *stop.borrow_and_update();
        loop {
            if self.start_wanted(&journal).await? {
                continue;
            }
            if self.busy.is_empty() || self.run.state.reported {
                return Ok(());
            }
            let deadline = self.wall_left();
            tokio::select! {
                Some(Message::Append(batch, answer)) = mailbox.recv() => {
                    let kept = self.append_in_time(batch).await?;
                    if answer.send(kept).is_err() {
                        tracing::debug!("the work that appended is gone");
                    }
                }
                Some(ended) = self.work.join_next() => {
                    let (key, end) = ended.map_err(|error| RunError::Worker(error.to_string()))?;
                    self.over(key, end)?;
                }
                Ok(()) = stop.changed() => {
                    let stops = *stop.borrow_and_update();
                    for _ in stops_seen..stops {
                        self.cancel("signal").await?;
                    }
                    stops_seen = stops;
                }
                () = sleep(deadline), if deadline.is_some() => self.out_of_time().await?,
            }
        }
    }

    /// Starts what is wanted and not yet at work. True when something was appended at once, so that
    /// the state wants something else now.
    async fn start_wanted(&mut self, journal: &Journal) -> Result<bool, RunError> {
        let mut records = Batch::default();
        for command in agent::wanted(&self.run.state) {
            let key = command.key();
            match command {
                Command::Record(body) => records.bodies.push(*body),
                _ if self.busy.contains(&key) || self.parked.contains(&key) => {}
                command => {
                    self.busy.insert(key.clone());
                    self.start(journal, key, command);
                }
            }
        }
        let recorded = !records.bodies.is_empty();
        if recorded {
            self.append(records).await?;
        }
        Ok(recorded)
    }

    fn start(&mut self, journal: &Journal, key: String, command: Command) {
        let work = Work {
            services: Arc::clone(&self.services),
            answerer: Arc::clone(&self.answerer),
            run_id: self.run.id,
            playbook: Arc::clone(&self.run.playbook),
            state: Arc::clone(&self.run.state),
            record: Arc::clone(&self.run.record),
            journal: journal.clone(),
            cancel: self.calls.clone(),
        };
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
        let late = batch.bodies.first().is_some_and(|body| !agent::follows(&self.run.state, body));
        if late {
            return Ok(Kept::TooLate);
        }
        self.append(batch).await?;
        Ok(Kept::Durable)
    }

    /// Makes a batch durable, then takes it into state and record.
    async fn append(&mut self, batch: Batch) -> Result<(), RunError> {
        let (store, clock) = (Arc::clone(&self.services.store), Arc::clone(&self.services.clock));
        let (run_id, expected_seq) = (self.run.id.to_string(), self.run.record.seq);
        let bodies = batch.bodies.clone();
        let events = blocking(move || {
            let Batch { bodies, texts, audit, records } = batch;
            let at = clock.now();
            store.append(Append { run_id, expected_seq, at, bodies, texts, audit, records })
        })
        .await??;
        for (event, body) in events.iter().zip(&bodies) {
            Arc::make_mut(&mut self.run.record).take(event, body);
            agent::fold(Arc::make_mut(&mut self.run.state), event.at, body)
                .map_err(|source| RunError::Fold { run: self.run.id.to_string(), source })?;
            (self.observer)(event, body);
        }
        Ok(())
    }

    async fn cancel(&mut self, by: &str) -> Result<(), RunError> {
        if self.run.state.outcome.is_some() {
            return Ok(());
        }
        let signal = RunSignal { by: by.to_owned(), reason: None };
        self.append(Batch::of(vec![EventBody::RunCancelRequested(signal)])).await?;
        self.stop_calls();
        Ok(())
    }

    /// Ends what is at work now; what begins later has a fresh token.
    fn stop_calls(&mut self) {
        std::mem::take(&mut self.calls).request();
    }

    /// How long the run may still be at work, while that matters. Handlers of a run that was stopped or
    /// used up its time have a while of their own.
    fn wall_left(&self) -> Option<Duration> {
        let state = &self.run.state;
        let waits = state.status() == RunStatus::WaitingApproval;
        if waits || state.outcome.is_some() || state.cancels > 1 {
            return None;
        }
        let since = self.services.clock.now().since_ms(state.last_at?);
        let used = state.active_ms.saturating_add(since);
        let end = self.handlers_until.unwrap_or(state.budget.wall_ms);
        Some(Duration::from_millis(end.saturating_sub(used)))
    }

    /// The run's time is over, or that of its handlers.
    async fn out_of_time(&mut self) -> Result<(), RunError> {
        let used = self.run.state.active_ms;
        if self.handlers_until.replace(used.saturating_add(HANDLERS_MS)).is_some() {
            tracing::warn!("the handlers of {} took too long and are stopped", self.run.id);
            self.cancel("handlers took too long").await?;
            return self.cancel("handlers took too long").await;
        }
        #[allow(clippy::cast_precision_loss, reason = "for reading; milliseconds fit a double")]
        let limit = self.run.state.budget.wall_ms as f64;
        let met = BudgetMet { budget: BudgetKind::Wall, used: limit, limit };
        self.append(Batch::of(vec![EventBody::BudgetExhausted(met)])).await?;
        self.stop_calls();
        Ok(())
    }

    fn end(&self) -> RunEnd {
        RunEnd {
            run_id: self.run.id,
            status: self.run.state.status(),
            report: self.run.record.report.clone(),
        }
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
        Command::Verify { index } => conclude::verify(work, index).await,
        Command::Conclude(verdict) => conclude::conclude(work, verdict).await,
        Command::Report { outcome } => report::write(work, task_id, outcome).await,
        Command::Record(_) => Ok(Progress::Made),
    }
}

async fn sleep(duration: Option<Duration>) {
    match duration {
        Some(duration) => tokio::time::sleep(duration).await,
        None => std::future::pending().await,
    }
}
