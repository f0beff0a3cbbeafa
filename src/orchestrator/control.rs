//! What people want of a run from outside: stop, hold, go on, answer, settle.
//!
//! The one that drives the run journals it. Where nobody does, whoever brings it takes the run's seat
//! for as long as that takes: both ways run the same code.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{oneshot, watch};

use super::answer::NobodyAnswers;
use super::driver::{Driver, Observer};
use super::error::RunError;
use super::journal::Batch;
use super::live_runs::{Order, Purpose};
use super::record::RunRecord;
use super::resolve;
use super::services::{Services, blocking};
use crate::contracts::{
    ApprovalId, ApprovalResolution, CallId, Decision, EventBody, Quorum, Resolution, RunId,
    RunResumed, RunSignal, RunStatus,
};

/// Who has the seat of a run may change this often while something is brought to it.
const TRIES: usize = 32;

/// How long a driver may take to do as it is told.
const PATIENCE: Duration = Duration::from_secs(30);

/// What stands before the run with which another one is held.
const WITH: &str = "with ";

/// What somebody wants of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Control {
    /// Stop. A second one skips `always` as well.
    Cancel {
        /// Who.
        by: String,
        /// Why.
        reason: Option<String>,
    },
    /// Begin nothing new until told to.
    Pause {
        /// Who.
        by: String,
        /// Why.
        reason: Option<String>,
    },
    /// Go on.
    Resume {
        /// Who.
        by: String,
        /// Why.
        reason: Option<String>,
    },
    /// The answer to an open question.
    Answer {
        /// Which question.
        approval_id: ApprovalId,
        /// Yes or no.
        approved: bool,
        /// Who.
        by: String,
        /// What they said.
        reason: Option<String>,
    },
    /// What became of calls in doubt.
    Resolve {
        /// What became of them.
        resolution: Resolution,
        /// Which call; every one that is in doubt when absent.
        call: Option<CallId>,
        /// Who says so.
        by: String,
    },
    /// Other rules are in force: what it asks people is decided anew.
    Judge,
    /// The time for an answer in words is over.
    Lapse(ApprovalId),
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    /// Where the run stands now.
    pub status: RunStatus,
    /// Whether somebody drives it; else it goes on when somebody does.
    pub live: bool,
}

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// Nothing more happens to a run that has ended.
    #[error("the run has ended: it {}", ended(*.0))]
    Ended(RunStatus),
    /// Nobody waits for this answer.
    #[error("`{0}` waits for no answer: it was answered, asked again, or is no longer of use")]
    NotOpen(ApprovalId),
    /// They have said yes before: it takes somebody else.
    #[error("`{by}` has said yes to `{approval_id}` already; it needs {} different people, and {} so far said yes: {}", .quorum.needed(), .quorum.yes().len(), .quorum.yes().join(", "))]
    SaidYes {
        /// Which question.
        approval_id: ApprovalId,
        /// Who.
        by: String,
        /// Who said yes so far.
        quorum: Box<Quorum>,
    },
    /// Several people must say yes, and it is not known who this is.
    #[error(
        "`{approval_id}` needs {needed} different people, and nobody knows who `{by}` is: answer with a token of your own (bailiwick tokens add NAME), or on this machine"
    )]
    Unnamed {
        /// Which question.
        approval_id: ApprovalId,
        /// As what they came.
        by: String,
        /// How many people.
        needed: u32,
    },
    /// Other rules ask by now, so that the answer is to another question.
    #[error("the rules changed since `{approval_id}` was asked; it is asked again as `{renewed}`")]
    Changed {
        /// What was answered.
        approval_id: ApprovalId,
        /// The question that is open now.
        renewed: ApprovalId,
    },
    /// By the rules of now, what it asks is asked still.
    #[error("everything that the run asks is asked by the rules of now as well")]
    Stands,
    /// The answer came too late.
    #[error("`{approval_id}` expired; it is asked again as `{renewed}`")]
    Expired {
        /// What was answered.
        approval_id: ApprovalId,
        /// The question that is open now.
        renewed: ApprovalId,
    },
    /// Words were wanted, and came too late.
    #[error("`{0}` expired: what was to hold when nobody answers in time holds")]
    Lapsed(ApprovalId),
    /// Words were wanted, and these are no answer.
    #[error("`{0}`: {1}")]
    NoAnswer(ApprovalId, String),
    /// The rules have changed and refuse the call, whatever a person says.
    #[error("policy refuses this call now: {}", .0.reason)]
    Denied(Box<Decision>),
    /// There is no such call in doubt.
    #[error("no call of the run is in doubt{}", .0.map(|call| format!(" as `{call}`")).unwrap_or_default())]
    NotInDoubt(Option<CallId>),
    /// It is not held.
    #[error("the run is not paused: it is {}", .0.as_str())]
    NotPaused(RunStatus),
    /// It is held already.
    #[error("the run is paused already")]
    Paused,
    /// Somebody else has the run and does not answer.
    #[error("whoever drives the run does not answer; try again")]
    Unanswered,
    /// The run cannot be read or written.
    #[error(transparent)]
    Run(#[from] RunError),
}

/// How a run ended, behind "it".
const fn ended(status: RunStatus) -> &'static str {
    match status {
        RunStatus::Denied => "was denied",
        RunStatus::Cancelled => "was cancelled",
        status => status.as_str(),
    }
}

/// Tells a run something, whether it is driven in this process or by nobody.
///
/// # Errors
/// When it makes no sense for the run as it stands, or the store fails.
pub async fn tell(
    services: &Arc<Services>,
    run: RunId,
    control: Control,
) -> Result<Told, ControlError> {
    let telling = tell_to_the_end(services, run, control);
    tokio::time::timeout(PATIENCE, telling).await.unwrap_or(Err(ControlError::Unanswered))
}

/// As [`tell`], however long it takes: for whoever has to do something once it is journalled, which
/// may be after nobody waits for the answer any more.
///
/// # Errors
/// As [`tell`].
pub async fn tell_to_the_end(
    services: &Arc<Services>,
    run: RunId,
    control: Control,
) -> Result<Told, ControlError> {
    let holds = matches!(control, Control::Pause { .. } | Control::Resume { .. });
    let told = bring(services, run, control.clone()).await?;
    if holds {
        pass_on(services, run, &control).await?;
    }
    Ok(told)
}

/// Who holds a run is told to the runs that it called: they are held with it, and go on with it. One
/// that a person holds by itself stays held.
async fn pass_on(
    services: &Arc<Services>,
    run: RunId,
    control: &Control,
) -> Result<(), ControlError> {
    let loading = Arc::clone(services);
    let with = format!("{WITH}{run}");
    let children = blocking(move || {
        let (record, _) = RunRecord::load(loading.store.reader(), run)?;
        let mut children = Vec::new();
        for child in record.open_children() {
            // One that was to be called may not have begun.
            let found = RunRecord::find(loading.store.reader(), child)?;
            children.extend(found.map(|found| (child, found.paused_by)));
        }
        Ok::<_, RunError>(children)
    })
    .await??;
    for (child, paused_by) in children {
        let theirs = match control {
            Control::Pause { reason, .. } if paused_by.is_none() => {
                Control::Pause { by: with.clone(), reason: reason.clone() }
            }
            Control::Resume { reason, .. } if paused_by.as_ref() == Some(&with) => {
                Control::Resume { by: with.clone(), reason: reason.clone() }
            }
            _ => continue,
        };
        match Box::pin(tell_to_the_end(services, child, theirs)).await {
            Ok(_)
            | Err(ControlError::Ended(_) | ControlError::Paused | ControlError::NotPaused(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

async fn bring(
    services: &Arc<Services>,
    run: RunId,
    control: Control,
) -> Result<Told, ControlError> {
    let nobody: Observer = Arc::new(|_, _| {});
    for _ in 0..TRIES {
        if let Some(sender) = services.live.sender(run) {
            let (answer, answered) = oneshot::channel();
            if sender.send(Order::Take(control.clone(), answer)).await.is_ok()
                && let Ok(result) = answered.await
            {
                return result.map(|status| Told { status, live: true });
            }
            // It ended before it read this.
            services.live.free(run).await;
        }
        let answerer = Arc::new(NobodyAnswers);
        let open = Driver::open_for(
            Purpose::Note,
            Arc::clone(services),
            answerer,
            Arc::clone(&nobody),
            run,
        );
        match open.await {
            Ok(mut driver) => {
                let stops = matches!(control, Control::Cancel { .. });
                let mut status = driver.obey(control).await?;
                if stops && driver.run.state.nodes.is_empty() {
                    // Nothing was begun: it ends here and now, whatever waits before it.
                    let (_nobody, stop) = watch::channel(0);
                    status = driver.drive(stop).await?.status;
                }
                return Ok(Told { status, live: false });
            }
            Err(RunError::AlreadyDriven(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(ControlError::Unanswered)
}

impl Driver {
    /// Journals what somebody wants, and says where the run stands then.
    pub(super) async fn obey(&mut self, control: Control) -> Result<RunStatus, ControlError> {
        if self.run.state.outcome.is_some() {
            return Err(match control {
                Control::Resolve { call, .. } => ControlError::NotInDoubt(call),
                _ => ControlError::Ended(self.run.state.status()),
            });
        }
        match control {
            Control::Cancel { by, reason } => self.cancel(RunSignal { by, reason }).await?,
            Control::Pause { by, reason } => self.pause(RunSignal { by, reason }).await?,
            Control::Resume { by, reason } => self.go_on(by, reason).await?,
            Control::Answer { approval_id, approved, by, reason } => {
                let resolution = ApprovalResolution { approval_id, approved, by, reason };
                self.answer(resolution).await?;
            }
            Control::Resolve { resolution, call, by } => self.settle(resolution, call, by).await?,
            Control::Judge => self.judge_open().await?,
            Control::Lapse(approval_id) => self.lapse(approval_id).await?,
        }
        Ok(self.run.state.status())
    }

    async fn pause(&mut self, signal: RunSignal) -> Result<(), ControlError> {
        if self.run.state.paused {
            return Err(ControlError::Paused);
        }
        Ok(self.append(Batch::of(vec![EventBody::RunPaused(signal)])).await?)
    }

    /// A run that nobody drives was held by a process that may be gone: what it had begun counts as
    /// interrupted.
    async fn go_on(&mut self, by: String, reason: Option<String>) -> Result<(), ControlError> {
        if !self.run.state.paused {
            return Err(ControlError::NotPaused(self.run.state.status()));
        }
        let interrupted = !self.is_driving();
        let resumed = RunResumed { by, reason, interrupted };
        Ok(self.append(Batch::of(vec![EventBody::RunResumed(resumed)])).await?)
    }

    async fn settle(
        &mut self,
        resolution: Resolution,
        call: Option<CallId>,
        by: String,
    ) -> Result<(), ControlError> {
        let bodies = resolve::resolutions(&self.run.state, resolution, call, &by);
        if bodies.is_empty() {
            return Err(ControlError::NotInDoubt(call));
        }
        Ok(self.append(Batch::of(bodies)).await?)
    }
}
