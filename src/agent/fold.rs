//! Taking an event into the state.

use super::failure::Failure;
use super::inside::{Body, Inside, Loop};
use super::nodes::{self, Names};
use super::plan::Place;
use super::planning;
use super::program::StepKind;
use super::rewind;
use super::state::{Call, Node, Phase, RunState};
use crate::contracts::{
    ApprovalSubject, CallDecided, CallRequested, Effect, EventBody, Quorum, Resolution, RunResumed,
    RunStarted, StepFinished, StepStarted, Timestamp,
};

/// An event that cannot follow what happened before it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FoldError {
    /// It names a step that the program does not have, or that was not reached.
    #[error("`{kind}` names the step `{path}`, which {why}")]
    Step {
        /// The event's kind.
        kind: &'static str,
        /// The path.
        path: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// It follows the end.
    #[error("`{0}` follows the end of the run")]
    AfterEnd(&'static str),
}

impl FoldError {
    pub(super) fn unreached(kind: &'static str, path: &str) -> Self {
        Self::Step { kind, path: path.to_owned(), why: "was not reached" }
    }
}

/// Takes `event`, which was appended at `at`, into the state.
pub(super) fn apply(
    state: &mut RunState,
    at: Timestamp,
    event: &EventBody,
) -> Result<(), FoldError> {
    let kind = event.kind().as_str();
    if state.reported {
        return Err(FoldError::AfterEnd(kind));
    }
    count_time(state, at, event);
    match event {
        EventBody::RunStarted(started) => start(state, at, started),
        EventBody::StepVerified(verified) => state.verified.push(verified.ok),
        EventBody::BudgetExhausted(met) => state.exhausted = state.exhausted.or(Some(met.budget)),
        EventBody::BudgetWarned(met) => state.warned.push(met.budget),
        EventBody::PlanProposed(proposed) => planning::propose(state, kind, proposed)?,
        EventBody::PlanApproved(approved) => state.plans.approve(approved.round),
        EventBody::PlanRevised(revised) => state.plans.revise(revised),
        EventBody::ModelAnswered(answered) => planning::charge(state, answered),
        EventBody::RunPaused(_) => state.paused = true,
        EventBody::RunResumed(resumed) => resume(state, resumed),
        EventBody::RunCancelRequested(_) => cancel(state),
        EventBody::RunFinished(finished) => state.outcome = Some(finished.outcome),
        EventBody::ReportReady(_) => state.reported = true,
        _ => return of_step(state, kind, event),
    }
    Ok(())
}

/// Events about a step.
fn of_step(state: &mut RunState, kind: &'static str, event: &EventBody) -> Result<(), FoldError> {
    let running = Phase::Running { interrupted: false };
    let (path, phase) = match event {
        EventBody::StepStarted(started) => return open(state, kind, started),
        EventBody::StepFinished(finished) => return finish(state, kind, finished),
        EventBody::CallRequested(requested) => return request(state, kind, requested),
        EventBody::CallDecided(decided) => return decide(state, kind, decided),
        EventBody::ApprovalResolved(answer) => {
            planning::answered(state, answer);
            rewind::answered(state, answer);
            return Ok(());
        }
        EventBody::ApprovalRequested(subject) => return ask(state, kind, subject),
        EventBody::CallIntent(intent) => (&intent.path, running),
        EventBody::CallStarted(named) => (&named.path, running),
        EventBody::CallInDoubt(named) => (&named.path, Phase::InDoubt),
        EventBody::CallResolved(resolved) => (&resolved.path, after_doubt(resolved.resolution)),
        EventBody::CallFinished(finished) => {
            let (ok, retryable) = (finished.ok, finished.retryable);
            (&finished.path, Phase::Returned { ok, kind: finished.error_kind, retryable })
        }
        // Nothing that the core goes by.
        _ => return Ok(()),
    };
    nodes::set_phase(state, kind, path, phase)
}

fn ask(
    state: &mut RunState,
    kind: &'static str,
    subject: &ApprovalSubject,
) -> Result<(), FoldError> {
    nodes::set_phase(state, kind, &subject.path, Phase::Asked(subject.approval_id))?;
    state.quorums.insert(subject.approval_id, Quorum::of(subject.approvers));
    Ok(())
}

fn request(
    state: &mut RunState,
    kind: &'static str,
    requested: &CallRequested,
) -> Result<(), FoldError> {
    nodes::set_phase(state, kind, &requested.path, Phase::Requested)?;
    state.used.steps = state.used.steps.saturating_add(1);
    if let Some(node) = state.nodes.get_mut(&requested.path) {
        node.call = Some(Call { id: requested.call_id, effect: requested.effect });
    }
    Ok(())
}

fn decide(
    state: &mut RunState,
    kind: &'static str,
    decided: &CallDecided,
) -> Result<(), FoldError> {
    if decided.is_aside() {
        return Ok(());
    }
    let effect = decided.decision.effect;
    // Decided again after a yes, by a changed policy that still asks the same: it stands.
    let stands = state.phase(&decided.path) == Some(Phase::Answered { approved: true });
    if stands && effect == Effect::Ask {
        return Ok(());
    }
    nodes::set_phase(state, kind, &decided.path, Phase::Decided(effect))
}

/// Time counts while somebody or something is at work on the run.
fn count_time(state: &mut RunState, at: Timestamp, event: &EventBody) {
    let at_work =
        state.started_at.is_some() && !matches!(event, EventBody::RunResumed(_)) && !state.waits();
    if let Some(last) = state.last_at.filter(|_| at_work) {
        state.active_ms = state.active_ms.saturating_add(at.since_ms(last));
    }
    state.last_at = Some(at);
}

/// Stops, also what was held: its handlers have work to do.
const fn cancel(state: &mut RunState) {
    state.cancels = state.cancels.saturating_add(1);
    state.paused = false;
}

fn start(state: &mut RunState, at: Timestamp, started: &RunStarted) {
    state.started_at = Some(at);
    state.budget = started.budget.clone();
}

fn open(state: &mut RunState, kind: &'static str, started: &StepStarted) -> Result<(), FoldError> {
    let path = &started.path;
    let names = Names::of(state);
    let place = known(state, &names, kind, path)?;
    let before = state.nodes.get(path);
    if before.is_some_and(|node| matches!(node.phase, Phase::Done { .. })) {
        return Err(FoldError::Step { kind, path: path.clone(), why: "is over" });
    }
    let began = before.is_some();
    let base = state.bases.get(path).copied().unwrap_or(0);
    if started.attempt > base.saturating_add(1) {
        state.used.retries = state.used.retries.saturating_add(1);
    }
    if started.child_run_id.is_some() {
        // It costs a call of its own, so that calling runs is bounded however little these do.
        state.used.steps = state.used.steps.saturating_add(1);
    }
    let (phase, inside) = entered(&place, started);
    let (attempt, share) = (started.attempt, started.share.clone());
    nodes::put(state, path, Node { attempt, phase, base, call: None, share, inside });
    if !began {
        nodes::tell_begun(state, &names, &place);
    }
    Ok(())
}

/// How far a step has come that has just begun.
fn entered(place: &Place<'_>, started: &StepStarted) -> (Phase, Inside) {
    if let Some(items) = started.item_count {
        return (Phase::Looping { items }, Inside::Loop(Loop::new(items)));
    }
    if let Some(run_id) = started.child_run_id {
        return (Phase::Calling { run_id }, Inside::Nothing);
    }
    let loops = place.step.foreach.is_some() && place.item.is_none();
    match place.step.kind {
        StepKind::Block(_) if !loops => (Phase::Inside, Inside::Body(Box::<Body>::default())),
        _ => (Phase::Opened, Inside::Nothing),
    }
}

fn finish(
    state: &mut RunState,
    kind: &'static str,
    finished: &StepFinished,
) -> Result<(), FoldError> {
    let path = &finished.path;
    let names = Names::of(state);
    let place = known(state, &names, kind, path)?;
    let before = nodes::remove(state, path);
    if let Some(Node { phase: Phase::Done { .. }, .. }) = before {
        return Err(FoldError::Step { kind, path: path.clone(), why: "is over" });
    }
    if let Some(used) = &finished.used {
        state.used.charge(used);
    }
    let failed = !finished.ok && !finished.skipped;
    let within = before.as_ref().and_then(|node| failure_within(&node.inside));
    let cause = within.map_or_else(|| path.clone(), |failure| failure.cause);
    let failure = failed.then_some(Failure { cause, kind: finished.error_kind });
    let phase =
        Phase::Done { ok: finished.ok, skipped: finished.skipped, kind: finished.error_kind };
    let tried = before.as_ref().map_or(0, |node| node.attempt);
    let node = Node {
        attempt: tried.max(finished.attempt),
        phase,
        base: state.bases.get(path).copied().unwrap_or(0),
        call: before.and_then(|node| node.call),
        share: None,
        inside: Inside::Nothing,
    };
    nodes::put(state, path, node);
    nodes::tell_over(state, &names, &place, failure);
    rewind::settle(state, &names, &place);
    Ok(())
}

fn failure_within(inside: &Inside) -> Option<Failure> {
    match inside {
        Inside::Nothing => None,
        Inside::Loop(items) => items.failure.clone(),
        Inside::Body(body) => body.failure(),
    }
}

/// Goes on. When the process that ran the calls is gone, what was running may or may not have
/// happened.
fn resume(state: &mut RunState, resumed: &RunResumed) {
    state.paused = false;
    if !resumed.interrupted {
        return;
    }
    let running = |node: &Node| matches!(node.phase, Phase::Running { .. });
    let cut_off = state.nodes.iter().filter(|(_, node)| running(node));
    let cut_off: Vec<String> = cut_off.map(|(path, _)| path.clone()).collect();
    for path in cut_off {
        if let Some(node) = state.nodes.get_mut(&path) {
            node.phase = Phase::Running { interrupted: true };
        }
    }
}

const fn after_doubt(resolution: Resolution) -> Phase {
    match resolution {
        Resolution::Happened => Phase::Returned { ok: true, kind: None, retryable: false },
        Resolution::DidNotHappen => Phase::Requested,
        Resolution::Abandoned => Phase::Returned {
            ok: false,
            kind: Some(crate::contracts::ErrorKind::InDoubt),
            retryable: false,
        },
    }
}

/// What `path` names. Its parent was reached, so that by induction the whole path fits the program.
fn known<'a>(
    state: &RunState,
    names: &'a Names,
    kind: &'static str,
    path: &'a str,
) -> Result<Place<'a>, FoldError> {
    let unknown =
        || FoldError::Step { kind, path: path.to_owned(), why: "the program does not have" };
    let place = names.place(path).ok_or_else(unknown)?;
    if place.item.is_none() && place.owner() != names.id_at(place.parent) {
        return Err(unknown());
    }
    match state.nodes.get(place.parent) {
        _ if place.parent.is_empty() => Ok(place),
        None => Err(FoldError::unreached(kind, place.parent)),
        Some(Node { inside: Inside::Loop(items), .. })
            if place.item.is_some_and(|item| item >= items.items) =>
        {
            Err(unknown())
        }
        Some(_) => Ok(place),
    }
}
