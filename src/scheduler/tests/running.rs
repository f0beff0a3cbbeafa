//! Runs from the queue to their ends, also across restarts.

use std::time::Duration;

use super::super::shared::Shared;
use super::fixture::{ASKS, Space, TRIES, WRITES, count, info, origin, task, until, until_status};
use crate::contracts::{ApprovalId, EventBody, EventKind, RunId, RunStatus};
use crate::orchestrator::{Control, ControlError, RunEnd, RunError, Services};
use crate::scheduler::Engine;
use crate::store::{ClaimWanted, Claimed, QueueState, StoreError};

const NO_GRACE: Duration = Duration::ZERO;

async fn submit(engine: &Engine, playbook: &str) -> RunId {
    engine.submit(task(playbook), origin()).await.unwrap().run_id
}

fn by() -> String {
    "token".to_owned()
}

fn cancel() -> Control {
    Control::Cancel { by: by(), reason: None }
}

/// The question that a run asks now.
fn open_question(services: &Services, run: RunId) -> ApprovalId {
    let open = services.store.reader().approvals(None, None, 100).unwrap();
    open.iter().rev().find(|it| it.run_id == Some(run)).unwrap().approval_id
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_submitted_is_done() {
    let space = Space::new(&[("writes", WRITES)]).set("queue.concurrency=2");
    let parts = space.parts();
    let services = parts.services.clone();
    let engine = Engine::start(parts).await.unwrap();
    let mut runs = Vec::new();
    for _ in 0..5 {
        runs.push(submit(&engine, "writes").await);
    }
    for run in &runs {
        until_status(&services, *run, RunStatus::Succeeded).await;
    }
    let empty = || services.store.reader().queue(10).unwrap().is_empty();
    until("an empty queue", empty).await;
    let status = engine.status().await.unwrap();
    assert_eq!((status.queue.waiting, status.queue.claimed, status.draining), (0, 0, false));
    assert_eq!(status.warnings, Vec::<String>::new());
    engine.shutdown(NO_GRACE).await;
    let error = engine.submit(task("writes"), origin()).await.unwrap_err();
    assert!(error.to_string().contains("stopping"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_waits_for_its_answer_at_no_cost_and_across_restarts() {
    let space = Space::new(&[("asks", ASKS)]).set("queue.concurrency=1");
    let parts = space.parts();
    let services = parts.services.clone();
    let engine = Engine::start(parts).await.unwrap();
    let (now, later, never) = (
        submit(&engine, "asks").await,
        submit(&engine, "asks").await,
        submit(&engine, "asks").await,
    );
    for run in [now, later, never] {
        // One place, three runs that wait: a waiting run holds none.
        until_status(&services, run, RunStatus::WaitingApproval).await;
    }
    let question = open_question(&services, now);
    let answered = engine.answer(question, true, by(), None).await.unwrap();
    assert_eq!(answered.run_id, Some(now));
    until_status(&services, now, RunStatus::Succeeded).await;
    let again = engine.answer(question, true, by(), None).await.unwrap_err();
    assert!(matches!(again, ControlError::NotOpen(_) | ControlError::Ended(_)), "{again}");
    let unknown = ApprovalId::from_uuid(services.clock.uuid());
    let error = engine.answer(unknown, true, by(), None).await.unwrap_err();
    assert!(matches!(error, ControlError::NotOpen(_)), "{error}");
    engine.shutdown(NO_GRACE).await;
    drop((engine, services));

    let parts = space.parts();
    let services = parts.services.clone();
    let engine = Engine::start(parts).await.unwrap();
    assert_eq!(info(&services, later).status, RunStatus::WaitingApproval);
    engine.answer(open_question(&services, later), true, by(), None).await.unwrap();
    until_status(&services, later, RunStatus::Succeeded).await;
    assert_eq!(count(&services, later, EventKind::RunResumed), 1);
    let told = engine.control(never, cancel()).await.unwrap();
    assert!(!told.live);
    until_status(&services, never, RunStatus::Cancelled).await;
    engine.shutdown(NO_GRACE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_was_cut_off_is_taken_up_and_a_queued_one_keeps_waiting() {
    let space = Space::new(&[("writes", WRITES), ("asks", ASKS)]);
    let shared = space.shared();
    let queued = super::super::intake::submit(&shared, &task("writes"), origin()).unwrap().run_id;
    let cut = super::super::intake::submit(&shared, &task("writes"), origin()).unwrap().run_id;
    assert!(crate::orchestrator::begin(shared.services(), cut, None).unwrap());
    assert!(!crate::orchestrator::begin(shared.services(), cut, None).unwrap());
    drop(shared);

    let parts = space.parts();
    let services = parts.services.clone();
    let engine = Engine::start(parts).await.unwrap();
    for (run, resumed) in [(queued, 0), (cut, 1)] {
        until_status(&services, run, RunStatus::Succeeded).await;
        assert_eq!(count(&services, run, EventKind::RunResumed), resumed, "{run}");
        assert_eq!(count(&services, run, EventKind::RunStarted), 1, "{run}");
    }
    engine.shutdown(NO_GRACE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shutdown_holds_what_is_at_work_and_the_next_start_goes_on() {
    let slow = TRIES.replace("50ms", "1h");
    let space = Space::new(&[("slow", &slow)]);
    let parts = space.parts();
    let services = parts.services.clone();
    let engine = Engine::start(parts).await.unwrap();
    let run = submit(&engine, "slow").await;
    let held = submit(&engine, "slow").await;
    let failed = |run| count(&services, run, EventKind::CallFinished) >= 1;
    until("first tries", || failed(run) && failed(held)).await;
    let told = engine.control(held, Control::Pause { by: by(), reason: None }).await.unwrap();
    assert_eq!(told.status, RunStatus::Paused);
    engine.shutdown(NO_GRACE).await;
    assert_eq!(info(&services, run).status, RunStatus::Paused);
    drop((engine, services));

    std::fs::write(space.root().join("go.txt"), "go").unwrap();
    let parts = space.parts();
    let services = parts.services.clone();
    let engine = Engine::start(parts).await.unwrap();
    let resumed = || count(&services, run, EventKind::RunResumed) == 1;
    until("the run to be taken up", resumed).await;
    // What a person holds stays held.
    assert_eq!(info(&services, held).status, RunStatus::Paused);
    assert_eq!(count(&services, held, EventKind::RunResumed), 0);
    for run in [run, held] {
        engine.control(run, cancel()).await.unwrap();
        until_status(&services, run, RunStatus::Cancelled).await;
    }
    engine.shutdown(NO_GRACE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_in_the_queue_can_be_stopped_and_held() {
    let slow = TRIES.replace("50ms", "1h");
    let space = Space::new(&[("slow", &slow), ("writes", WRITES)]).set("queue.concurrency=1");
    let parts = space.parts();
    let services = parts.services.clone();
    let engine = Engine::start(parts).await.unwrap();
    let first = submit(&engine, "slow").await;
    until_status(&services, first, RunStatus::Running).await;
    let (stopped, held) = (submit(&engine, "writes").await, submit(&engine, "writes").await);
    let resume = || Control::Resume { by: by(), reason: None };
    let error = engine.control(held, resume()).await.unwrap_err();
    assert!(matches!(error, ControlError::NotPaused(RunStatus::Queued)), "{error}");
    engine.control(stopped, cancel()).await.unwrap();
    let told = engine.control(held, Control::Pause { by: by(), reason: None }).await.unwrap();
    assert_eq!(told.status, RunStatus::Paused);
    engine.control(first, cancel()).await.unwrap();
    until_status(&services, first, RunStatus::Cancelled).await;
    until_status(&services, stopped, RunStatus::Cancelled).await;
    assert_eq!(count(&services, stopped, EventKind::CallIntent), 0);
    until_status(&services, held, RunStatus::Paused).await;
    engine.control(held, resume()).await.unwrap();
    until_status(&services, held, RunStatus::Succeeded).await;
    let error = engine.control(held, cancel()).await.unwrap_err();
    assert!(matches!(error, ControlError::Ended(RunStatus::Succeeded)), "{error}");
    engine.shutdown(NO_GRACE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn claims_hold_while_the_clock_jumps() {
    let slow = TRIES.replace("50ms", "1h");
    let space = Space::new(&[("slow", &slow)]).set("queue.lease=1s").set("queue.concurrency=4");
    let parts = space.parts();
    let services = parts.services.clone();
    let engine = Engine::start(parts).await.unwrap();
    let run = submit(&engine, "slow").await;
    until_status(&services, run, RunStatus::Running).await;
    let fence =
        || services.store.reader().queued(&run).unwrap().and_then(|place| place.lease_until);
    for jump in [600, -1_200, 600] {
        let before = fence();
        space.clock.pass(jump);
        until("a renewed lease", || fence() != before).await;
        assert_eq!(info(&services, run).status, RunStatus::Running);
    }
    assert_eq!(services.live.count(), 1);
    assert_eq!(count(&services, run, EventKind::RunStarted), 1);
    engine.control(run, cancel()).await.unwrap();
    until_status(&services, run, RunStatus::Cancelled).await;
    engine.shutdown(NO_GRACE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_cannot_be_driven_is_left_with_an_incident_and_others_go_on() {
    let space = Space::new(&[("writes", WRITES)]).set("queue.concurrency=1");
    let shared = space.shared();
    let services = shared.services().clone();
    let broken = super::super::intake::submit(&shared, &task("writes"), origin()).unwrap().run_id;
    let body = super::fixture::events(&services, &broken.to_string())[0].body().unwrap();
    let EventBody::TaskAccepted(taken) = body else { panic!("{body:?}") };
    let text = taken.start.unwrap().playbook.unwrap().source;
    services.store.forget_blob(&text, services.clock.now()).unwrap();
    let engine = Engine::start(shared.parts.clone()).await.unwrap();
    let good = submit(&engine, "writes").await;
    until_status(&services, good, RunStatus::Succeeded).await;
    let stuck = |body: &EventBody| {
        matches!(body, EventBody::IncidentRaised(raised)
            if raised.kind == "run-stuck" && raised.message.contains(&broken.to_string()))
    };
    let incidents = || super::fixture::system(&services).iter().filter(|body| stuck(body)).count();
    until("an incident", || incidents() == 1).await;
    let parked = || services.store.reader().queued(&broken).unwrap().unwrap().state;
    until("the place given back", || parked() == QueueState::Parked).await;
    let warnings = engine.status().await.unwrap().warnings;
    assert!(warnings.iter().any(|it| it.contains(&broken.to_string())), "{warnings:?}");
    assert_eq!(incidents(), 1, "it was tried once");
    // A person may have done something about it.
    let fence = || services.store.reader().queued(&broken).unwrap().unwrap().fence;
    let before = fence();
    let told = engine.control(broken, Control::Resume { by: by(), reason: None }).await.unwrap();
    assert!(!told.live);
    until("another try", || fence() != before && parked() == QueueState::Parked).await;
    assert_eq!(incidents(), 1, "that is no news");
    engine.shutdown(NO_GRACE).await;
}

/// Claims the only run of the queue.
fn claim(shared: &Shared) -> Claimed {
    let (now, lease_ms) = (shared.now(), 60_000);
    let wanted = ClaimWanted { count: 9, total_max: 9, per_playbook_max: 9, lease_ms, now };
    let claimed = shared.services().store.claim(wanted).unwrap();
    assert_eq!(claimed.len(), 1);
    claimed[0]
}

#[test]
fn what_may_pass_is_tried_again_by_itself_and_one_that_cannot_be_woken_holds_up_nobody() {
    let space = Space::new(&[("writes", WRITES)]);
    let shared = space.shared();
    let run = super::super::intake::submit(&shared, &task("writes"), origin()).unwrap().run_id;
    let full = Err(RunError::Store(StoreError::DiskFull("x".to_owned())));
    super::super::workers::give_back(&shared, claim(&shared), full).unwrap();
    assert!(shared.warnings().iter().any(|it| it.contains("cannot go on")));
    let state = || shared.services().store.reader().queued(&run).unwrap().unwrap().state;
    let wake = |seconds| {
        let now = tokio::time::Instant::now() + Duration::from_secs(seconds);
        super::super::steer::wake_freed(&shared, now);
    };
    wake(0);
    assert_eq!(state(), QueueState::Parked, "not at once");
    wake(1);
    assert_eq!(state(), QueueState::Waiting);

    let nobody = RunId::from_uuid(shared.services().clock.uuid());
    let end = RunEnd { run_id: run, status: RunStatus::Running, report: None };
    super::super::workers::give_back(&shared, claim(&shared), Ok(end)).unwrap();
    assert_eq!(state(), QueueState::Parked);
    assert!(!shared.warnings().iter().any(|it| it.contains("cannot go on")), "it went on");
    super::super::shared::locked(&shared.later).extend([nobody, run]);
    wake(0);
    assert_eq!(state(), QueueState::Waiting);
    let later: Vec<RunId> = super::super::shared::locked(&shared.later).iter().copied().collect();
    assert_eq!(later, [nobody], "what could not be woken is looked at again");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_does_not_let_go_of_what_a_person_holds() {
    let space = Space::new(&[("asks", ASKS)]);
    let parts = space.parts();
    let services = parts.services.clone();
    let engine = Engine::start(parts).await.unwrap();
    let run = submit(&engine, "asks").await;
    until_status(&services, run, RunStatus::WaitingApproval).await;
    engine.control(run, Control::Pause { by: by(), reason: None }).await.unwrap();
    engine.shutdown(NO_GRACE).await;
    drop((engine, services));

    let parts = space.parts();
    let services = parts.services.clone();
    let engine = Engine::start(parts).await.unwrap();
    let place = || services.store.reader().queued(&run).unwrap().unwrap();
    let before = place().fence;
    engine.answer(open_question(&services, run), true, by(), None).await.unwrap();
    let looked_at = || place().fence != before && place().state == QueueState::Parked;
    until("a worker that looks at it", looked_at).await;
    assert_eq!(info(&services, run).status, RunStatus::Paused);
    assert_eq!(count(&services, run, EventKind::RunResumed), 0);
    engine.control(run, Control::Resume { by: by(), reason: None }).await.unwrap();
    until_status(&services, run, RunStatus::Succeeded).await;
    engine.shutdown(NO_GRACE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_clock_starts_what_is_due_and_retention_forgets_what_is_old() {
    let hourly = format!("schedule: {{ cron: \"0 * * * *\" }}\n{WRITES}");
    let space = Space::new(&[("writes", &hourly)]).set("retention.texts=1d");
    let parts = space.parts();
    let (services, shared) = (parts.services.clone(), Shared::new(parts.clone()));
    let engine = Engine::start(parts).await.unwrap();
    let known = || services.store.reader().schedules().unwrap();
    until("a row", || !known().is_empty()).await;
    space.clock.set("2026-05-04T07:00:00Z");
    let runs = || services.store.reader().runs(None, 10).unwrap();
    until("a run", || !runs().is_empty()).await;
    let run = runs()[0].run_id;
    until_status(&services, run, RunStatus::Succeeded).await;
    engine.shutdown(NO_GRACE).await;
    let (_sender, stop) = tokio::sync::watch::channel(false);
    let old = |services: &Services| {
        services.store.reader().runs_to_forget(services.clock.now(), 10).unwrap().len()
    };
    space.clock.pass(3_600);
    super::super::jobs::run(&shared, "retention", &stop);
    assert_eq!(old(&services), 1, "it is not old enough");
    space.clock.pass(2 * 86_400);
    super::super::jobs::run(&shared, "retention", &stop);
    assert_eq!(old(&services), 0);
    assert!(services.store.reader().verify(None, None).unwrap().is_sound());
}
