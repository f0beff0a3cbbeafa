//! The engine: a cheap handle to everything that makes runs begin.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, watch};
use tokio::task::JoinHandle;

use super::direct::{self, Calling};
use super::schedule::{NewSchedule, ScheduleError};
use super::shared::{Shared, blocking};
use super::submit::{Accepted, Origin, SubmitError};
use super::workers::Workers;
use super::{adopt, clock, hook, intake, keep, steer};
use crate::contracts::views::Given;
use crate::contracts::{ApprovalId, Map, RunId, RunStatus, ScheduleId, TaskSubmission, Timestamp};
use crate::live::playbooks::LivePlaybooks;
use crate::orchestrator::{
    Control, ControlError, Direct, GiveError, Observer, RunError, Services, Told, give,
};
use crate::playbook::Webhook;
use crate::ports::Embedder;
use crate::store::{FireRow, QueueDepth, ScheduleRow};

/// How long workers, clock and jobs may take to end after every driver has.
const LAST_WORDS: Duration = Duration::from_secs(20);

/// What an engine is made of.
#[derive(Clone)]
pub struct EngineParts {
    /// What drivers work with.
    pub services: Arc<Services>,
    /// Playbooks, as they are now.
    pub playbooks: Arc<LivePlaybooks>,
    /// Whether the workspace is trusted: schedules of the files of one that is not do not fire.
    pub trusted: bool,
    /// Sees every event of every run.
    pub observer: Observer,
    /// What compares goals with descriptions; without it words alone count.
    pub embedder: Option<Arc<dyn Embedder>>,
}

impl std::fmt::Debug for EngineParts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EngineParts").field("trusted", &self.trusted).finish_non_exhaustive()
    }
}

/// Why an engine does not start.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The store failed.
    #[error(transparent)]
    Run(#[from] RunError),
}

/// What came of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answered {
    /// The run that had asked; `None` for an approval that was given beforehand.
    pub run_id: Option<RunId>,
    /// Where it stands.
    pub status: Option<RunStatus>,
    /// How many more people must say yes.
    pub missing: u32,
}

/// How the engine is.
#[derive(Debug, Clone, Default)]
pub struct EngineStatus {
    /// What waits and what is at work.
    pub queue: QueueDepth,
    /// Runs at work in this process.
    pub running: usize,
    /// Whether it is about to end.
    pub draining: bool,
    /// What a person should know.
    pub warnings: Vec<String>,
}

/// Makes runs begin. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Engine {
    shared: Arc<Shared>,
    tasks: Arc<Tasks>,
}

/// What runs beside the callers, each with the way to end it.
#[derive(Debug)]
struct Tasks {
    stop_clock: watch::Sender<bool>,
    stop_workers: watch::Sender<bool>,
    clock: Mutex<Option<JoinHandle<()>>>,
    workers: Mutex<Option<JoinHandle<()>>>,
}

impl Engine {
    /// Takes up what an earlier process left unfinished, then starts the workers and the clock.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn start(parts: EngineParts) -> Result<Self, EngineError> {
        let shared = Arc::new(Shared::new(parts));
        if !shared.services().config().schedules.enabled {
            let message = "`schedules.enabled` is false: no playbook is started by its schedule";
            shared.warn("schedules", message.to_owned());
        }
        let adopting = Arc::clone(&shared);
        let adopted = blocking(move || adopt::adopt(&adopting)).await??;
        if adopted > 0 {
            tracing::info!("{adopted} runs that were cut off are taken up again");
        }
        let (stop_clock, clock_stops) = watch::channel(false);
        let (stop_workers, workers_stop) = watch::channel(false);
        let clock = tokio::spawn(clock::run(Arc::clone(&shared), clock_stops));
        let workers = tokio::spawn(Workers::new(Arc::clone(&shared)).run(workers_stop));
        let (clock, workers) = (Mutex::new(Some(clock)), Mutex::new(Some(workers)));
        let tasks = Arc::new(Tasks { stop_clock, stop_workers, clock, workers });
        Ok(Self { shared, tasks })
    }

    /// Only takes a task, with no engine: nothing is started, the next engine works it off. Blocks.
    ///
    /// # Errors
    /// As [`Engine::submit`].
    pub fn accept_only(
        parts: EngineParts,
        submission: &TaskSubmission,
        origin: Origin,
    ) -> Result<Accepted, SubmitError> {
        intake::submit(&Arc::new(Shared::new(parts)), submission, origin)
    }

    /// Takes a task.
    ///
    /// # Errors
    /// When it is wrong, or cannot be taken now.
    pub async fn submit(
        &self,
        submission: TaskSubmission,
        origin: Origin,
    ) -> Result<Accepted, SubmitError> {
        let shared = Arc::clone(&self.shared);
        blocking(move || intake::submit(&shared, &submission, origin)).await?
    }

    /// How a playbook may be started over HTTP, when it may: the name of the secret to check.
    #[must_use]
    pub fn webhook(&self, playbook: &str) -> Option<Webhook> {
        hook::webhook(&self.shared, playbook)
    }

    /// Starts a playbook by its webhook. Whoever calls has checked the secret.
    ///
    /// # Errors
    /// As [`Engine::submit`].
    pub async fn hook(
        &self,
        playbook: &str,
        body: &[u8],
        origin: Origin,
    ) -> Result<Accepted, SubmitError> {
        let (shared, playbook) = (Arc::clone(&self.shared), playbook.to_owned());
        let body = body.to_vec();
        blocking(move || hook::submit(&shared, &playbook, &body, origin)).await?
    }

    /// Tells a run something, and gives it a worker when it has work again.
    ///
    /// # Errors
    /// When it makes no sense for the run as it stands, or the store fails.
    pub async fn control(&self, run: RunId, control: Control) -> Result<Told, ControlError> {
        steer::control(&self.shared, run, control).await
    }

    /// Answers a question of whichever run asked it.
    ///
    /// # Errors
    /// [`ControlError::NotOpen`] when there is none such, or as [`Engine::control`].
    pub async fn answer(
        &self,
        approval_id: ApprovalId,
        approved: bool,
        by: String,
        reason: Option<String>,
    ) -> Result<Answered, ControlError> {
        steer::answer(&self.shared, approval_id, approved, by, reason).await
    }

    /// Makes a direct call: a run of one step, driven at once. `approval` is the one that was given for it.
    ///
    /// # Errors
    /// When it does not fit, or cannot be made now.
    pub async fn call(
        &self,
        wanted: Direct,
        approval: Option<ApprovalId>,
    ) -> Result<Calling, SubmitError> {
        direct::call(&self.shared, wanted, approval).await
    }

    /// Gives a yes to one call of a tool before anybody asks.
    ///
    /// # Errors
    /// When there is no such tool, or its calls are too grave for a yes to any.
    pub async fn approve(
        &self,
        tool: String,
        args: Option<Map>,
        by: String,
    ) -> Result<Given, GiveError> {
        let services = Arc::clone(self.shared.services());
        blocking(move || give(&services, &tool, args.as_ref(), by)).await?
    }

    /// To be called when other rules are in force: decides anew what people are asked about, so that
    /// nobody is asked what the rules allow or refuse by now. How many runs it changed something for.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn judge_pending(&self) -> Result<usize, EngineError> {
        Ok(steer::judge_pending(&self.shared).await?)
    }

    /// Every schedule, oldest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn schedules(&self) -> Result<Vec<ScheduleRow>, ScheduleError> {
        self.of_schedules(keep::list).await
    }

    /// One schedule.
    ///
    /// # Errors
    /// When there is none.
    pub async fn schedule(&self, id: ScheduleId) -> Result<ScheduleRow, ScheduleError> {
        self.of_schedules(move |shared| keep::one(shared, id)).await
    }

    /// What came of its last times, newest first.
    ///
    /// # Errors
    /// When there is none.
    pub async fn fires(&self, id: ScheduleId, limit: u32) -> Result<Vec<FireRow>, ScheduleError> {
        self.of_schedules(move |shared| keep::fires(shared, id, limit)).await
    }

    /// Its next times, as if nothing held it.
    ///
    /// # Errors
    /// When there is none.
    pub async fn next(
        &self,
        id: ScheduleId,
        count: usize,
    ) -> Result<Vec<Timestamp>, ScheduleError> {
        self.of_schedules(move |shared| keep::next(shared, id, count)).await
    }

    /// Makes a schedule.
    ///
    /// # Errors
    /// When it is wrong, or nobody would be there to answer what its run would ask.
    pub async fn add_schedule(&self, wanted: NewSchedule) -> Result<ScheduleRow, ScheduleError> {
        self.of_schedules(move |shared| keep::add(shared, &wanted)).await
    }

    /// Makes a schedule with an id that the caller derived from the request. One that is there with
    /// this id was made by the same request before, and is given back as it is.
    ///
    /// # Errors
    /// As [`Engine::add_schedule`].
    pub async fn add_schedule_as(
        &self,
        id: ScheduleId,
        wanted: NewSchedule,
    ) -> Result<ScheduleRow, ScheduleError> {
        self.of_schedules(move |shared| keep::add_as(shared, id, &wanted)).await
    }

    /// Holds a schedule, or lets it go on.
    ///
    /// # Errors
    /// When there is none.
    pub async fn set_paused(
        &self,
        id: ScheduleId,
        paused: bool,
    ) -> Result<ScheduleRow, ScheduleError> {
        self.of_schedules(move |shared| keep::set_paused(shared, id, paused)).await
    }

    /// Removes a schedule that was made over the API.
    ///
    /// # Errors
    /// When there is none, or it follows a file or configuration.
    pub async fn delete_schedule(&self, id: ScheduleId) -> Result<(), ScheduleError> {
        self.of_schedules(move |shared| keep::delete(shared, id)).await
    }

    /// Starts what a schedule starts, now and beside its times. `None` for a job of the program itself,
    /// which has no run and is done when this returns.
    ///
    /// # Errors
    /// When there is none, it is refused, or its run is not taken.
    pub async fn run_now(
        &self,
        id: ScheduleId,
        origin: Origin,
    ) -> Result<Option<RunId>, ScheduleError> {
        let stop = self.tasks.stop_clock.subscribe();
        self.of_schedules(move |shared| keep::run_now(shared, id, origin, &stop)).await
    }

    /// What people should know about the run-time override; looks at it first. Blocks.
    #[must_use]
    pub fn execution_mistakes(&self) -> Option<String> {
        let settings = &self.shared.services().settings;
        drop(settings.refreshed());
        let mistakes: Vec<String> = settings.mistakes().iter().map(ToString::to_string).collect();
        (!mistakes.is_empty()).then(|| mistakes.join("; "))
    }

    /// How it is.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn status(&self) -> Result<EngineStatus, EngineError> {
        let shared = Arc::clone(&self.shared);
        let status = blocking(move || {
            let services = shared.services();
            let queue = services.store.reader().queue_depth().map_err(RunError::from)?;
            let (running, draining) = (services.live.count(), shared.is_draining());
            Ok(EngineStatus { queue, running, draining, warnings: shared.warnings() })
        });
        status.await?
    }

    /// Says what a person should know under a name of its own, until it is said with nothing.
    pub fn warn(&self, name: &str, message: Option<String>) {
        match message {
            Some(message) => self.shared.warn(name, message),
            None => self.shared.settled(name),
        }
    }

    /// Whether it is about to end.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.shared.is_draining()
    }

    /// Ends: nothing new begins, calls at work may end for `grace`, what is left is paused until the next
    /// start. A second call waits for the first.
    pub async fn shutdown(&self, grace: Duration) {
        self.shared.drain();
        // Receivers that are gone have ended.
        self.tasks.stop_clock.send_replace(true);
        if !self.shared.services().live.drain(grace).await {
            tracing::warn!("some runs did not end in time; the next start takes them up");
        }
        if tokio::time::timeout(LAST_WORDS, self.shared.all_told()).await.is_err() {
            tracing::warn!("some runs did not hear in time what they were told");
        }
        self.tasks.stop_workers.send_replace(true);
        join("workers", &self.tasks.workers).await;
        join("clock", &self.tasks.clock).await;
    }

    async fn of_schedules<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Shared) -> Result<T, ScheduleError> + Send + 'static,
    ) -> Result<T, ScheduleError> {
        let shared = Arc::clone(&self.shared);
        blocking(move || work(&shared)).await?
    }
}

async fn join(what: &str, task: &Mutex<Option<JoinHandle<()>>>) {
    let mut task = task.lock().await;
    let Some(mut handle) = task.take() else { return };
    match tokio::time::timeout(LAST_WORDS, &mut handle).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::error!("the {what} broke: {error}"),
        Err(_) => {
            tracing::warn!("the {what} did not end in time and are cut off");
            handle.abort();
        }
    }
}
