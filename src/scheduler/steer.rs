//! Telling runs something, and giving those a worker that have work again.

use std::collections::BTreeSet;
use std::mem::take;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::adopt::requeue;
use super::engine::Answered;
use super::shared::{Shared, blocking, locked};
use crate::contracts::{ApprovalId, RunId, RunStatus, Timestamp};
use crate::orchestrator::{
    Control, ControlError, RunError, Told, begin, goes_on, revoke, tell_to_the_end,
};
use crate::playbook::CALL_DEPTH_MAX;
use crate::store::{ApprovalStatus, QueueState, RunInfo, StoreError};

/// How long a run may take to do as it is told.
const PATIENCE: Duration = Duration::from_secs(30);
/// Questions that are read at once.
const QUESTIONS: u32 = 200;

/// Tells a run something. What is journalled may give the run work again, also when nobody waits for
/// the answer any more: the telling goes on to its end, and only the wait for it has a bound.
pub(super) async fn control(
    shared: &Arc<Shared>,
    run: RunId,
    control: Control,
) -> Result<Told, ControlError> {
    let telling = async {
        let turn = Arc::clone(&shared.telling).acquire_owned().await;
        let turn = turn.map_err(|error| RunError::Worker(error.to_string()))?;
        let shared = Arc::clone(shared);
        let telling = tokio::spawn(async move {
            let told = tell_and_wake(&shared, run, control).await;
            drop(turn);
            told
        });
        telling.await.map_err(|error| RunError::Worker(error.to_string()))?
    };
    timeout(PATIENCE, telling).await.unwrap_or(Err(ControlError::Unanswered))
}

async fn tell_and_wake(
    shared: &Arc<Shared>,
    run: RunId,
    control: Control,
) -> Result<Told, ControlError> {
    let reading = Arc::clone(shared);
    let info = blocking(move || info(&reading, run)).await??;
    if matches!(control, Control::Resume { .. }) && info.status != RunStatus::Paused {
        let looking = Arc::clone(shared);
        if blocking(move || lacks_worker(&looking, run)).await?? {
            wake(shared, run).await?;
            return Ok(Told { status: info.status, live: false });
        }
    }
    if info.status == RunStatus::Queued {
        not_begun(shared, run, &control).await?;
    }
    let holds = matches!(control, Control::Pause { .. });
    let told = tell_to_the_end(shared.services(), run, control).await;
    let has_work = match &told {
        Ok(told) => !told.live && !holds,
        // The refusal is journalled: the run goes on to its end.
        Err(
            ControlError::Denied { .. } | ControlError::Changed { .. } | ControlError::Lapsed(_),
        ) => true,
        Err(_) => false,
    };
    if has_work {
        wake(shared, run).await?;
    }
    told
}

/// A run that waits for its turn has begun nothing that could go on or be answered. To stop or hold it,
/// it is begun first, so that it ends as every run does.
async fn not_begun(
    shared: &Arc<Shared>,
    run: RunId,
    control: &Control,
) -> Result<(), ControlError> {
    match control {
        Control::Cancel { .. } | Control::Pause { .. } => {
            let services = Arc::clone(shared.services());
            blocking(move || begin(&services, run, None)).await??;
            Ok(())
        }
        Control::Resume { .. } => Err(ControlError::NotPaused(RunStatus::Queued)),
        Control::Answer { approval_id, .. } => Err(ControlError::NotOpen(*approval_id)),
        Control::Resolve { call, .. } => Err(ControlError::NotInDoubt(*call)),
        Control::Judge | Control::Lapse(_) => Err(ControlError::Stands),
    }
}

/// Answers a question of whichever run asked it.
pub(super) async fn answer(
    shared: &Arc<Shared>,
    approval_id: ApprovalId,
    approved: bool,
    by: String,
    reason: Option<String>,
) -> Result<Answered, ControlError> {
    let reading = Arc::clone(shared);
    let found = blocking(move || reading.services().store.reader().approval(&approval_id)).await?;
    let run_id = match found {
        Ok(found) => found.run_id,
        Err(StoreError::NotFound(_)) => return Err(ControlError::NotOpen(approval_id)),
        Err(error) => return Err(RunError::from(error).into()),
    };
    let Some(run_id) = run_id else {
        return take_back(shared, approval_id, approved, by, reason).await;
    };
    let answer = Control::Answer { approval_id, approved, by, reason };
    let told = control(shared, run_id, answer).await?;
    let reading = Arc::clone(shared);
    let now = blocking(move || reading.services().store.reader().approval(&approval_id)).await?;
    let now = now.map_err(RunError::from)?;
    let missing = if now.status == ApprovalStatus::Open { now.quorum.missing() } else { 0 };
    Ok(Answered { run_id: Some(run_id), status: Some(told.status), missing })
}

/// A no to an approval that was given beforehand takes it back; a yes says what was said before.
async fn take_back(
    shared: &Arc<Shared>,
    approval_id: ApprovalId,
    approved: bool,
    by: String,
    reason: Option<String>,
) -> Result<Answered, ControlError> {
    let services = Arc::clone(shared.services());
    let taken = blocking(move || match approved {
        true => Ok(false),
        false => revoke(&services, approval_id, by, reason),
    });
    match taken.await?? {
        true => Ok(Answered { run_id: None, status: None, missing: 0 }),
        false => Err(ControlError::NotOpen(approval_id)),
    }
}

/// Has every run that asks about a call decide that anew. How many questions changed.
pub(super) async fn judge_pending(shared: &Arc<Shared>) -> Result<usize, RunError> {
    let reading = Arc::clone(shared);
    let runs: BTreeSet<RunId> = blocking(move || asking(&reading)).await??;
    let mut changed = 0;
    for run in runs {
        match control(shared, run, Control::Judge).await {
            Ok(_) => changed += 1,
            // It asks the same, or went on meanwhile.
            Err(ControlError::Stands | ControlError::Ended(_)) => {}
            // One that cannot be judged keeps no other from it; its answers are judged again as well.
            Err(error) => shared.warn("judging", format!("{run} cannot be judged anew: {error}")),
        }
    }
    Ok(changed)
}

/// Ends questions that want words and whose time is over at `now`, so that their runs go on.
pub(super) async fn lapse(shared: &Arc<Shared>, now: Timestamp) -> Result<(), RunError> {
    let reading = Arc::clone(shared);
    for (run, question) in blocking(move || overdue(&reading, now)).await?? {
        match control(shared, run, Control::Lapse(question)).await {
            Ok(_)
            | Err(ControlError::NotOpen(_) | ControlError::Stands | ControlError::Ended(_)) => {}
            Err(error) => shared.warn("asking", format!("{question} cannot be ended: {error}")),
        }
    }
    Ok(())
}

fn overdue(shared: &Shared, now: Timestamp) -> Result<Vec<(RunId, ApprovalId)>, RunError> {
    let reader = shared.services().store.reader();
    if reader.open_approvals()? == 0 {
        return Ok(Vec::new());
    }
    let (mut found, mut before) = (Vec::new(), None);
    loop {
        let page = reader.approvals(Some(ApprovalStatus::Open), before, QUESTIONS)?;
        let Some(last) = page.last() else { return Ok(found) };
        before = Some(last.cursor);
        let over =
            page.iter().filter(|it| it.subject.consult.is_some() && now > it.subject.expires_at);
        found.extend(over.filter_map(|it| Some((it.run_id?, it.approval_id))));
    }
}

/// Runs that ask about a call.
fn asking(shared: &Shared) -> Result<BTreeSet<RunId>, RunError> {
    let reader = shared.services().store.reader();
    let (mut runs, mut before) = (BTreeSet::new(), None);
    loop {
        let page = reader.approvals(Some(ApprovalStatus::Open), before, QUESTIONS)?;
        let Some(last) = page.last() else { return Ok(runs) };
        before = Some(last.cursor);
        let about_calls = page.iter().filter(|it| it.subject.call_id.is_some());
        runs.extend(about_calls.filter_map(|it| it.run_id));
    }
}

/// Puts a run into the queue, or the one above all that called it. One that is at work already is looked
/// at again when its worker is done with it.
async fn wake(shared: &Arc<Shared>, run: RunId) -> Result<(), RunError> {
    let waking = Arc::clone(shared);
    let above = blocking(move || {
        wake_now(&waking, run)?;
        above(&waking, run)
    })
    .await??;
    // Those at work on something else look again at what they called.
    for caller in above {
        shared.services().live.wake(caller).await;
    }
    Ok(())
}

/// The runs that called a run, nearest first.
fn above(shared: &Shared, run: RunId) -> Result<Vec<RunId>, RunError> {
    let (mut found, mut above) = (info(shared, run)?, Vec::new());
    while let Some(caller) = found.parent_run_id.filter(|_| above.len() < CALL_DEPTH_MAX) {
        above.push(caller);
        found = info(shared, caller)?;
    }
    Ok(above)
}

fn wake_now(shared: &Shared, run: RunId) -> Result<(), RunError> {
    let top = topmost(shared, run)?;
    if top.unfinished { requeue(shared, &top) } else { Ok(()) }
}

/// Whether a run has work, is held by nobody, and has no worker nor waits for one: it could not be
/// driven, or lost its worker. Blocks.
fn lacks_worker(shared: &Shared, run: RunId) -> Result<bool, RunError> {
    let services = shared.services();
    let top = topmost(shared, run)?;
    let driven = [run, top.run_id].into_iter().any(|run| services.live.is_live(run));
    if driven || !top.unfinished || top.status == RunStatus::Paused {
        return Ok(false);
    }
    let place = services.store.reader().queued(&top.run_id)?;
    let parked = place.is_none_or(|place| place.state == QueueState::Parked);
    Ok(parked && (shared.stuck.contains(top.run_id) || goes_on(services, &top)?))
}

fn topmost(shared: &Shared, run: RunId) -> Result<RunInfo, RunError> {
    let mut found = info(shared, run)?;
    for _ in 0..CALL_DEPTH_MAX {
        let Some(parent) = found.parent_run_id else { break };
        found = info(shared, parent)?;
    }
    Ok(found)
}

fn info(shared: &Shared, run: RunId) -> Result<RunInfo, RunError> {
    Ok(shared.services().store.reader().run(&run)?)
}

/// Runs that have work and that nobody drives by now: those that somebody else drove when they got it,
/// and those that could not be driven and are tried again. Blocks.
pub(super) fn wake_freed(shared: &Shared, now: Instant) {
    let live = &shared.services().live;
    let freed: BTreeSet<RunId> = {
        let mut later = locked(&shared.later);
        let (driven, freed) = take(&mut *later).into_iter().partition(|run| live.is_live(*run));
        *later = driven;
        freed
    };
    for run in freed.into_iter().chain(shared.stuck.due(now)) {
        let name = format!("waking {run}");
        match wake_now(shared, run) {
            Ok(()) => shared.settled(&name),
            // One that cannot be woken keeps no other from it.
            Err(error) => {
                locked(&shared.later).insert(run);
                shared.warn(&name, format!("{run} cannot be given a worker yet: {error}"));
            }
        }
    }
}
