//! Telling runs something: with a driver at work and with none, in time and too late.
#![allow(clippy::disallowed_methods, reason = "tests name their own directories")]

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::place::{self, RISKY};
use crate::contracts::{ApprovalId, EventKind, Outcome, Receipt, Resolution, RunId, RunStatus};
use crate::host::Host;
use crate::orchestrator::{
    Control, ControlError, Driver, NobodyAnswers, Observer, RunError, SHUTDOWN, Told, tell,
};
use crate::ports::{Cancel, CommandOutput, CommandSpec, Ending, Probe, Sandbox, SandboxError};

const GATE: &str = r#"
schema: 1
name: gated
description: Waits for a person.
permissions: { tools: [list_dir], read: ["."] }
steps:
  - id: gate
    approval: { prompt: "Go on?", ttl: TTL }
  - { id: look, tool: list_dir, args: { path: "." } }
"#;

const SLOW: &str = r#"
schema: 1
name: slow
description: Takes its time.
permissions: { tools: [shell_exec], read: ["."], write: ["."] }
steps:
  - { id: wait, tool: shell_exec, args: { command: ["sleep", "60"] } }
  - { id: then, tool: shell_exec, args: { command: ["true"] } }
"#;

/// Runs nothing: `sleep` lasts until it is cancelled, everything else ends at once and well.
struct Sleepers;

impl Sandbox for Sleepers {
    fn probe(&self) -> Probe {
        Probe { backend: "none".to_owned(), layers: Vec::new() }
    }

    fn run(&self, spec: &CommandSpec, cancel: &Cancel) -> Result<CommandOutput, SandboxError> {
        let sleeps = spec.argv.first().is_some_and(|program| program == "sleep");
        while sleeps && !cancel.is_requested() {
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(CommandOutput {
            ending: if sleeps { Ending::Cancelled } else { Ending::Exited(0) },
            stdout: Vec::new(),
            stderr: Vec::new(),
            truncated: false,
            receipt: Receipt::default(),
            notes: Vec::new(),
        })
    }
}

/// A workspace in which commands sleep or do nothing.
struct Place(place::Place);

impl std::ops::Deref for Place {
    type Target = place::Place;

    fn deref(&self) -> &place::Place {
        &self.0
    }
}

impl Place {
    fn new() -> Self {
        Self::with(&[])
    }

    fn with(sets: &[&str]) -> Self {
        Self(place::Place::with(sets).in_sandbox(Arc::new(Sleepers)))
    }

    fn question(&self, run: RunId) -> ApprovalId {
        let run = self.load(run);
        let [(subject, _)] = run.record.open_questions()[..] else { panic!("no one question") };
        subject.approval_id
    }

    async fn answer(
        &self,
        run: RunId,
        id: ApprovalId,
        approved: bool,
    ) -> Result<Told, ControlError> {
        let (by, reason) = ("test".to_owned(), None);
        tell(self.services(), run, Control::Answer { approval_id: id, approved, by, reason }).await
    }

    /// Waits until a call of the run is at work.
    async fn at_work(&self, run: RunId) {
        for _ in 0..2_000 {
            if self.load(run).record.calls.values().any(|call| call.started_at.is_some()) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("nothing began");
    }
}

fn gate(ttl: &str) -> String {
    GATE.replace("TTL", ttl)
}

/// A run with a second to work that called one which waits for a person.
async fn calling_a_gate() -> (Place, RunId, RunId) {
    const CALLER: &str = r#"
schema: 1
name: caller
description: Calls one that waits.
permissions: { tools: [list_dir], read: ["."] }
budget: { wall: 1s }
steps: [ { id: child, call: gated } ]
"#;
    let place = Place::new();
    std::fs::create_dir(place.root.join("playbooks")).unwrap();
    std::fs::write(place.root.join("playbooks/gated.yaml"), gate("1h")).unwrap();
    let _ = place.services().playbooks.reread();
    let run = place.accept(CALLER);
    assert_eq!(place.drive(run).await.status, RunStatus::WaitingApproval);
    let child = place.load(run).record.open_children().next().unwrap();
    (place, run, child)
}

fn cancel() -> Control {
    Control::Cancel { by: "test".to_owned(), reason: Some("enough".to_owned()) }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_to_a_run_that_nobody_drives_counts_when_somebody_does() {
    for (approved, status) in [(true, RunStatus::Succeeded), (false, RunStatus::Denied)] {
        let place = Place::new();
        let run = place.accept(&gate("1h"));
        assert_eq!(place.drive(run).await.status, RunStatus::WaitingApproval);
        let question = place.question(run);
        let told = place.answer(run, question, approved).await.unwrap();
        assert_eq!(told, Told { status: RunStatus::Running, live: false });
        assert_eq!(place.drive(run).await.status, status);
        let again = place.answer(run, question, true).await;
        assert!(matches!(again, Err(ControlError::Ended(_))), "{again:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_answers_at_once_one_counts() {
    let place = Arc::new(Place::new());
    let run = place.accept(&gate("1h"));
    place.drive(run).await;
    let question = place.question(run);
    let answers = (0..8).map(|_| {
        let place = Arc::clone(&place);
        tokio::spawn(async move { place.answer(run, question, true).await })
    });
    let mut counted = 0;
    for answer in answers.collect::<Vec<_>>() {
        match answer.await.unwrap() {
            Ok(_) => counted += 1,
            Err(ControlError::NotOpen(id)) => assert_eq!(id, question),
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(counted, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_comes_too_late_is_asked_for_again() {
    let place = Place::new();
    let run = place.accept(&gate("1ms"));
    place.drive(run).await;
    let question = place.question(run);
    tokio::time::sleep(Duration::from_millis(20)).await;
    let late = place.answer(run, question, true).await.unwrap_err();
    let ControlError::Expired { approval_id, renewed } = late else { panic!("{late}") };
    assert_eq!((approval_id, renewed), (question, place.question(run)));
    assert_eq!(place.load(run).state.status(), RunStatus::WaitingApproval);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_yes_to_what_the_rules_refuse_by_now_is_refused_with_reasons() {
    let place = Place::new();
    let run = place.accept(RISKY);
    assert_eq!(place.drive(run).await.status, RunStatus::WaitingApproval);
    let rule = r#"
schema: 1
rules:
  - id: no.rm
    effect: deny
    on: { tool: [shell_exec] }
    when: { command: { program: [rm] } }
    reason: nothing is removed any more
    match: [ { tool: shell_exec, args: { command: ["rm", "x"] } } ]
    not_match: [ { tool: shell_exec, args: { command: ["ls"] } } ]
"#;
    std::fs::create_dir(place.root.join("policies")).unwrap();
    std::fs::write(place.root.join("policies/no-rm.yaml"), rule).unwrap();
    // What is on disk when a person answers counts, also before the watch has seen it.
    let error = place.answer(run, place.question(run), true).await.unwrap_err();
    assert!(error.to_string().contains("nothing is removed any more"), "{error}");
    let end = place.drive(run).await;
    assert_eq!(end.report.unwrap().outcome, Outcome::Denied);
    assert!(place.root.join("build").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn cancelling_a_run_at_work_ends_its_call_and_still_reports() {
    let place = Place::new();
    let run = place.accept(SLOW);
    let driving = place.start(run);
    place.at_work(run).await;
    let told = tell(place.services(), run, cancel()).await.unwrap();
    assert!(told.live);
    let end = driving.await.unwrap().unwrap();
    assert_eq!(end.report.unwrap().outcome, Outcome::Cancelled);
    assert!(matches!(
        tell(place.services(), run, cancel()).await,
        Err(ControlError::Ended(RunStatus::Cancelled))
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_run_begins_nothing_until_it_goes_on() {
    let place = Place::new();
    let run = place.accept(&gate("1h"));
    let by = || "test".to_owned();
    let pause = || Control::Pause { by: by(), reason: None };
    let resume = || Control::Resume { by: by(), reason: None };
    let early = tell(place.services(), run, resume()).await;
    assert!(matches!(early, Err(ControlError::NotPaused(_))), "{early:?}");
    tell(place.services(), run, pause()).await.unwrap();
    assert!(matches!(tell(place.services(), run, pause()).await, Err(ControlError::Paused)));
    assert_eq!(place.drive(run).await.status, RunStatus::Paused);
    assert!(place.load(run).state.nodes.is_empty(), "something began");
    let told = tell(place.services(), run, resume()).await.unwrap();
    assert_eq!(told.status, RunStatus::Running);
    assert_eq!(place.drive(run).await.status, RunStatus::WaitingApproval);
}

#[tokio::test(flavor = "multi_thread")]
async fn cancelling_ends_a_run_that_was_held_or_had_not_begun() {
    let place = Place::new();
    let pause = || Control::Pause { by: "test".to_owned(), reason: None };
    let held = place.accept(&gate("1h"));
    assert_eq!(place.drive(held).await.status, RunStatus::WaitingApproval);
    tell(place.services(), held, pause()).await.unwrap();
    tell(place.services(), held, cancel()).await.unwrap();
    assert_eq!(place.drive(held).await.report.unwrap().outcome, Outcome::Cancelled);
    for paused in [false, true] {
        let fresh = place.accept(&gate("1h"));
        if paused {
            tell(place.services(), fresh, pause()).await.unwrap();
        }
        let told = tell(place.services(), fresh, cancel()).await.unwrap();
        assert_eq!(told, Told { status: RunStatus::Cancelled, live: false });
        assert!(place.load(fresh).state.reported, "there is no report");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn time_passes_only_while_something_is_at_work() {
    const BESIDE: &str = r#"
schema: 1
name: beside
description: Waits for a person beside work.
permissions: { tools: [shell_exec], read: ["."], write: ["."] }
budget: { wall: 1s }
steps:
  - { id: gate, approval: { prompt: "Go on?", ttl: 1h } }
  - { id: slow, tool: shell_exec, args: { command: ["sleep", "60"] } }
  - { id: last, needs: [gate, slow], tool: shell_exec, args: { command: ["true"] } }
"#;
    let place = Place::new();
    let run = place.accept(BESIDE);
    let end = place.drive(run).await;
    assert_eq!(end.report.unwrap().outcome, Outcome::Failed, "a question hides the work beside it");
    let waits = place.accept(&gate("1h").replace("steps:", "budget: { wall: 1s }\nsteps:"));
    place.drive(waits).await;
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    place.answer(waits, place.question(waits), true).await.unwrap();
    assert_eq!(place.drive(waits).await.status, RunStatus::Succeeded);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_waited_for_one_it_called_has_its_time_left() {
    let (place, run, child) = calling_a_gate().await;
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    place.answer(child, place.question(child), true).await.unwrap();
    assert_eq!(place.drive(run).await.status, RunStatus::Succeeded);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_called_run_is_held_with_the_one_that_called_it_and_goes_on_with_it() {
    let (place, run, child) = calling_a_gate().await;
    let by = || "test".to_owned();
    for (control, status) in [
        (Control::Pause { by: by(), reason: None }, RunStatus::Paused),
        (Control::Resume { by: by(), reason: None }, RunStatus::WaitingApproval),
    ] {
        tell(place.services(), run, control).await.unwrap();
        assert_eq!(place.load(child).state.status(), status);
    }
    // Held by a person before, it stays held.
    let held = Control::Pause { by: by(), reason: None };
    tell(place.services(), child, held.clone()).await.unwrap();
    tell(place.services(), run, held).await.unwrap();
    tell(place.services(), run, Control::Resume { by: by(), reason: None }).await.unwrap();
    assert_eq!(place.load(child).state.status(), RunStatus::Paused);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_stops_pauses_what_it_cannot_finish_and_forgets_nothing() {
    let place = Place::new();
    let run = place.accept(SLOW);
    let driving = place.start(run);
    place.at_work(run).await;
    assert!(place.services().live.drain(Duration::from_millis(50)).await);
    assert_eq!(driving.await.unwrap().unwrap().status, RunStatus::Paused);
    let call = place.load(run).record.calls.values().next().cloned().unwrap();
    assert!(call.finished.is_none(), "a call that was cut off counts as ended");
    let refused = place.start(run).await.unwrap();
    assert!(matches!(refused, Err(RunError::Draining)), "{refused:?}");
    assert_eq!(SHUTDOWN, "shutdown");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_was_cut_off_is_in_doubt_until_somebody_settles_it() {
    let place = Place::new();
    let run = place.accept(SLOW);
    let driving = place.start(run);
    place.at_work(run).await;
    driving.abort();
    assert!(driving.await.is_err());
    let services = Arc::clone(place.services());
    let observer: Observer = Arc::new(|_, _| {});
    let open = Driver::open(services, Arc::new(NobodyAnswers), observer, run);
    let mut driver = open.await.unwrap();
    driver.take_over("test").await.unwrap();
    let (_nobody, stop) = watch::channel(0);
    assert_eq!(driver.drive(stop).await.unwrap().status, RunStatus::InDoubt);
    let settle = |call| {
        let (resolution, by) = (Resolution::Happened, "test".to_owned());
        tell(place.services(), run, Control::Resolve { resolution, call, by })
    };
    settle(None).await.unwrap();
    assert!(matches!(settle(None).await, Err(ControlError::NotInDoubt(None))));
    assert_eq!(place.drive(run).await.status, RunStatus::Succeeded);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_where_nobody_is_near_is_an_incident() {
    for (sets, incidents) in [(&["policy.profile=ci"][..], 1), (&[][..], 0)] {
        let place = Place::with(sets);
        let run = place.accept(RISKY);
        let end = place.drive(run).await;
        assert_eq!(end.status == RunStatus::Denied, incidents == 1, "{end:?}");
        let events = place.services().store.reader().events_all(0, 1_000).unwrap();
        let raised = events.iter().filter(|event| event.kind == EventKind::IncidentRaised);
        let raised: Vec<_> = raised.map(|event| event.payload.to_string()).collect();
        assert_eq!(raised.len(), incidents, "{raised:?}");
        assert!(raised.iter().all(|incident| incident.contains(&run.to_string())), "{raised:?}");
    }
}

/// Is within every count, and takes more than a second.
const OVERTIME: &str = "fn slow(req, ctx) {
    let s = `a`; s.pad(60000, `a`);
    for i in 0..9000 { s.sub_string(1, 59000); }
}
";

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_that_had_to_be_stopped_is_an_incident() {
    let place = Place::new();
    std::fs::create_dir_all(place.root.join("policies")).unwrap();
    std::fs::write(place.root.join("policies/my.rhai"), OVERTIME).unwrap();
    place.services().policy.refresh();
    let run = place.accept(RISKY);
    assert_eq!(place.drive(run).await.status, RunStatus::Denied);
    let events = place.services().store.reader().events_all(0, 1_000).unwrap();
    let raised = events.iter().filter(|event| event.kind == EventKind::IncidentRaised);
    let raised: Vec<_> = raised.map(|event| event.payload.to_string()).collect();
    assert_eq!(raised.len(), 1, "{raised:?}");
    for part in ["policy.script_overtime", "`my.slow` (policies/my.rhai:1)"] {
        assert!(raised[0].contains(part), "{raised:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_has_one_driver() {
    let place = Place::new();
    let run = place.accept(SLOW);
    let driving = place.start(run);
    place.at_work(run).await;
    let second = place.start(run).await.unwrap();
    assert!(matches!(second, Err(RunError::AlreadyDriven(id)) if id == run), "{second:?}");
    tell(place.services(), run, cancel()).await.unwrap();
    driving.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_to_drive_a_run_that_is_at_work_waits_for_its_end_and_can_stop_it() {
    let place = Place::new();
    let run = place.accept(SLOW);
    let adopted = place.start(run);
    place.at_work(run).await;
    let host = Host { services: Arc::clone(place.services()) };
    let (stopping, stop) = watch::channel(0);
    let observer: Observer = Arc::new(|_, _| {});
    let waiting = tokio::spawn(async move {
        host.drive(run, Arc::new(NobodyAnswers), vec![], observer, stop).await
    });
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!waiting.is_finished(), "it did not wait");
    stopping.send_replace(1);
    let end = waiting.await.unwrap().unwrap();
    assert_eq!(end.status, RunStatus::Cancelled);
    assert_eq!(end.report.unwrap(), adopted.await.unwrap().unwrap().report.unwrap());
}
