//! Seeded simulation: random programs in a scripted world, crashed after every event and continued.
//!
//! The world below plays driver and tools. It remembers how often each effect really happened, which
//! the journal may not know: a crash between `call.started` and `call.finished` loses the answer, not
//! the effect.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use proptest::prelude::*;
use uuid::Uuid;

use super::program::{Foreach, Gate, Program, Retry, Step, StepKind};
use super::{Command, RunState, step, wanted};
use crate::contracts::{
    ApprovalId, ApprovalResolution, ApprovalSubject, Budget, CallDecided, CallEffect, CallFinished,
    CallId, CallIntent, CallNamed, CallRequested, Confinement, Decision, Effect, ErrorKind,
    EventBody, EventKind, Hash, Map, Origin, Outcome, Profile, Receipt, RunFinished, RunReport,
    RunSignal, RunStarted, RunStatus, StepStarted, StepVerified, Stored, TaskId, Telemetry,
    Timestamp,
};

const LONGEST_RUN: usize = 2_000;

/// What the tools of one run do, by step path without the item.
#[derive(Debug, Clone)]
struct Script {
    effect: CallEffect,
    verdict: Effect,
    answer: bool,
    fails: u32,
    retryable: bool,
    items: u32,
}

struct World<'a> {
    scripts: &'a BTreeMap<String, Script>,
    /// How often each call's effect really happened.
    happened: BTreeMap<CallId, u32>,
    /// How often a path's tool was run, over all crashes.
    tries: BTreeMap<String, u32>,
    next_id: u128,
}

impl World<'_> {
    fn uuid(&mut self) -> Uuid {
        self.next_id += 1;
        Uuid::from_u128(self.next_id)
    }

    fn script(&self, path: &str) -> &Script {
        let id = path.split_once('[').map_or(path, |(id, _)| id);
        self.scripts.get(path).or_else(|| self.scripts.get(id)).expect("every step has a script")
    }

    /// What the driver would append for `command`.
    fn execute(&mut self, state: &RunState, command: &Command) -> Vec<EventBody> {
        match command {
            Command::Record(body) => vec![body.as_ref().clone()],
            Command::Open { path, attempt, .. } => self.open(state, path, *attempt),
            Command::Decide { path, call_id } => self.decide(path, *call_id),
            Command::Ask { path, approval_id } => {
                vec![EventBody::ApprovalResolved(ApprovalResolution {
                    approval_id: *approval_id,
                    approved: self.script(path).answer,
                    by: "simulation".to_owned(),
                    reason: None,
                })]
            }
            Command::Execute { path, call_id } => self.run(path, *call_id),
            Command::Verify { index } => vec![EventBody::StepVerified(StepVerified {
                path: format!("verify[{index}]"),
                attempt: 1,
                index: *index,
                expression: "true".to_owned(),
                ok: true,
                error: None,
            })],
            Command::Conclude(verdict) => vec![EventBody::RunFinished(RunFinished {
                outcome: verdict.outcome,
                cause: verdict.cause.clone(),
                error_kind: verdict.kind,
                outputs: None,
            })],
            Command::Report { outcome } => vec![report(*outcome)],
        }
    }

    fn open(&mut self, state: &RunState, path: &str, attempt: u32) -> Vec<EventBody> {
        let (_, step, item) = state.locate(path).expect("the core names known steps");
        let script = self.script(path).clone();
        let looping = step.foreach.is_some() && item.is_none();
        let items = looping.then(|| text("[]"));
        let item_count = looping.then_some(script.items);
        let started = StepStarted { path: path.to_owned(), attempt, items, item_count };
        let mut events = vec![EventBody::StepStarted(started)];
        match &step.kind {
            _ if looping => {}
            StepKind::Approval(gate) => {
                events.push(EventBody::ApprovalRequested(ApprovalSubject {
                    approval_id: ApprovalId::from_uuid(self.uuid()),
                    path: path.to_owned(),
                    call_id: None,
                    args_hash: None,
                    prompt: "go on?".to_owned(),
                    expires_at: Timestamp::from_ms(gate.ttl_ms.try_into().unwrap()),
                    approvers: gate.approvers,
                }))
            }
            _ => events.push(EventBody::CallRequested(CallRequested {
                path: path.to_owned(),
                attempt,
                call_id: CallId::from_uuid(self.uuid()),
                name: "tool".to_owned(),
                effect: script.effect,
                call: text("{}"),
                args_hash: Hash::ZERO,
                idempotency_key: path.to_owned(),
                origin: Origin::Playbook,
            })),
        }
        events
    }

    fn decide(&mut self, path: &str, call_id: CallId) -> Vec<EventBody> {
        let effect = self.script(path).verdict;
        let decision = Decision {
            effect,
            reason: "simulated".to_owned(),
            rules: Vec::new(),
            policy_hash: Hash::ZERO,
            confinement: Confinement::default(),
            obligations: Vec::new(),
            evaluated_us: 0,
        };
        let name = "tool".to_owned();
        let decided = CallDecided { call_id, path: path.to_owned(), name, decision };
        let mut events = vec![EventBody::CallDecided(decided)];
        if effect == Effect::Ask {
            events.push(EventBody::ApprovalRequested(ApprovalSubject {
                approval_id: ApprovalId::from_uuid(self.uuid()),
                path: path.to_owned(),
                call_id: Some(call_id),
                args_hash: Some(Hash::ZERO),
                prompt: "may it?".to_owned(),
                expires_at: Timestamp::from_ms(1),
                approvers: 1,
            }));
        }
        events
    }

    fn run(&mut self, path: &str, call_id: CallId) -> Vec<EventBody> {
        let script = self.script(path).clone();
        let tries = self.tries.entry(path.to_owned()).or_default();
        *tries += 1;
        let ok = *tries > script.fails;
        *self.happened.entry(call_id).or_default() += 1;
        let path = path.to_owned();
        let named = CallNamed { call_id, path: path.clone() };
        let intent =
            CallIntent { call_id, path: path.clone(), effect: script.effect, snapshot: None };
        let mut events = Vec::new();
        if script.effect != CallEffect::Read {
            events.push(EventBody::CallIntent(intent));
        }
        events.push(EventBody::CallStarted(named));
        events.push(EventBody::CallFinished(CallFinished {
            call_id,
            path,
            ok,
            error_kind: (!ok).then_some(ErrorKind::Unavailable),
            retryable: !ok && script.retryable,
            truncated: false,
            result: text("{}"),
            receipt: Receipt::default(),
            duration_ms: 1,
        }));
        events
    }
}

fn text(content: &str) -> crate::contracts::TextRef {
    Stored::new(content.as_bytes().to_vec(), [7; 32]).reference
}

fn report(outcome: Outcome) -> EventBody {
    EventBody::ReportReady(crate::contracts::ReportReady {
        report: RunReport {
            schema_version: 1,
            task_id: TaskId::from_uuid(Uuid::nil()),
            run_id: crate::contracts::RunId::from_uuid(Uuid::nil()),
            playbook: None,
            outcome,
            summary: String::new(),
            steps: Vec::new(),
            outputs: BTreeMap::new(),
            artifacts: Vec::new(),
            decisions: Vec::new(),
            next_steps: Vec::new(),
            telemetry: Telemetry::default(),
            policy_hash: Hash::ZERO,
            journal_head: Hash::ZERO,
        },
    })
}

fn started() -> EventBody {
    EventBody::RunStarted(RunStarted {
        playbook: None,
        inputs: Map::new(),
        read_roots: Vec::new(),
        budget: Budget::default(),
        profile: Profile::Workspace,
        policy_hash: Hash::ZERO,
        unattended: false,
        dry_run: false,
        parent_run_id: None,
    })
}

fn fold(program: &Arc<Program>, journal: &[EventBody]) -> RunState {
    journal.iter().fold(RunState::new(Arc::clone(program)), |state, event| {
        step(state, Timestamp::from_ms(0), event).expect("the journal folds").0
    })
}

/// Runs to the end, or until the journal holds `crash_after` events. What a command did to the world
/// stays done even when its last events were not written.
fn drive(
    program: &Arc<Program>,
    world: &mut World<'_>,
    journal: &mut Vec<EventBody>,
    crash_after: usize,
) -> RunState {
    let mut state = fold(program, journal);
    while journal.len() < crash_after {
        let commands = wanted(&state);
        let Some(command) = commands.first() else { return state };
        let events = world.execute(&state, command);
        assert!(!events.is_empty(), "{command:?} led nowhere");
        for event in events.into_iter().take(crash_after - journal.len()) {
            state = step(state, Timestamp::from_ms(0), &event).expect("the event follows").0;
            journal.push(event);
        }
        assert!(journal.len() < LONGEST_RUN, "the run does not end: {:?}", wanted(&state));
    }
    state
}

fn resumed(journal: &mut Vec<EventBody>) {
    let signal = RunSignal { by: "simulation".to_owned(), reason: None };
    journal.push(EventBody::RunResumed(signal));
}

fn arbitrary_script() -> impl Strategy<Value = (Script, Step)> {
    let effects = prop_oneof![
        Just(CallEffect::Read),
        Just(CallEffect::Idempotent),
        Just(CallEffect::NonIdempotent),
        Just(CallEffect::Irreversible),
    ];
    let verdicts =
        prop_oneof![6 => Just(Effect::Allow), 2 => Just(Effect::Ask), 1 => Just(Effect::Deny)];
    let kinds = prop_oneof![
        5 => Just(StepKind::Tool),
        1 => Just(StepKind::Approval(Gate { ttl_ms: 1, approvers: 1 })),
    ];
    let parts = (effects, verdicts, any::<bool>(), 0_u32..3, any::<bool>(), 0_u32..4);
    let shape = (kinds, any::<bool>(), 1_u32..4, any::<bool>());
    (parts, shape).prop_map(|((effect, verdict, answer, fails, retryable, items), shape)| {
        let (kind, foreach, attempts, continue_on_error) = shape;
        let tool = kind == StepKind::Tool;
        let step = Step {
            id: String::new(),
            foreach: (foreach && tool).then_some(Foreach { parallel: 2, limit: 10 }),
            retry: Retry { attempts, initial_ms: 1, ..Retry::default() },
            kind,
            continue_on_error,
        };
        (Script { effect, verdict, answer: answer || items > 0, fails, retryable, items }, step)
    })
}

fn arbitrary_run() -> impl Strategy<Value = (Program, BTreeMap<String, Script>)> {
    let list = |max| proptest::collection::vec(arbitrary_script(), 0..max);
    (list(4), list(2), list(2), 0..2_usize).prop_map(|(steps, on_failure, always, verify)| {
        let mut scripts = BTreeMap::new();
        let mut named = |prefix: &str, list: Vec<(Script, Step)>| -> Vec<Step> {
            list.into_iter()
                .enumerate()
                .map(|(index, (script, step))| {
                    let id = format!("{prefix}{index}");
                    scripts.insert(id.clone(), script);
                    Step { id, ..step }
                })
                .collect()
        };
        let program = Program {
            steps: named("s", steps),
            on_failure: named("f", on_failure),
            always: named("a", always),
            verify: vec!["true".to_owned(); verify],
            budget: Budget::default(),
        };
        (program, scripts)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn every_crash_point_leads_to_an_end_without_repeating_what_must_not_be(
        (program, scripts) in arbitrary_run()
    ) {
        let program = Arc::new(program);
        let fresh = || World { scripts: &scripts, happened: BTreeMap::new(), tries: BTreeMap::new(), next_id: 0 };
        let mut whole = vec![started()];
        let end = drive(&program, &mut fresh(), &mut whole, usize::MAX);
        prop_assert!(end.reported, "an uncrashed run ends");
        for crash_after in 1..whole.len() {
            let (mut world, mut journal) = (fresh(), vec![started()]);
            drive(&program, &mut world, &mut journal, crash_after);
            resumed(&mut journal);
            let end = drive(&program, &mut world, &mut journal, usize::MAX);
            let ended = end.reported || end.status() == RunStatus::InDoubt;
            prop_assert!(ended, "crash after {crash_after}: stuck with {:?}", wanted(&end));
            check_effects(&world, &journal)?;
        }
    }
}

/// A call that may not be repeated happened at most once; one that returned was never run again.
fn check_effects(world: &World<'_>, journal: &[EventBody]) -> Result<(), TestCaseError> {
    let mut effects = BTreeMap::new();
    let mut returned = BTreeSet::new();
    for event in journal {
        match event {
            EventBody::CallRequested(call) => {
                effects.insert(call.call_id, call.effect);
            }
            EventBody::CallStarted(named) => {
                prop_assert!(!returned.contains(&named.call_id), "a finished call ran again");
            }
            EventBody::CallFinished(finished) => {
                returned.insert(finished.call_id);
            }
            _ => {}
        }
    }
    for (call, times) in &world.happened {
        let repeatable = effects.get(call).is_some_and(|effect| effect.is_repeatable());
        prop_assert!(repeatable || *times <= 1, "{call} happened {times} times");
    }
    Ok(())
}

#[test]
fn a_denied_step_ends_the_run_denied_whatever_continue_on_error_says() {
    let script = Script {
        effect: CallEffect::Read,
        verdict: Effect::Deny,
        answer: true,
        fails: 0,
        retryable: false,
        items: 0,
    };
    let step = |id: &str| Step {
        id: id.to_owned(),
        kind: StepKind::Tool,
        foreach: None,
        retry: Retry::default(),
        continue_on_error: true,
    };
    let program = Arc::new(Program {
        steps: vec![step("s0"), step("s1")],
        on_failure: Vec::new(),
        always: Vec::new(),
        verify: Vec::new(),
        budget: Budget::default(),
    });
    let scripts = BTreeMap::from([("s0".to_owned(), script.clone()), ("s1".to_owned(), script)]);
    let mut world =
        World { scripts: &scripts, happened: BTreeMap::new(), tries: BTreeMap::new(), next_id: 0 };
    let mut journal = vec![started()];
    let end = drive(&program, &mut world, &mut journal, usize::MAX);
    assert_eq!(end.status(), RunStatus::Denied);
    assert!(world.happened.is_empty(), "nothing ran");
    assert!(end.phase("s1").is_none(), "the next step was not reached");
    let kinds: Vec<EventKind> = journal.iter().map(EventBody::kind).collect();
    assert_eq!(kinds.last(), Some(&EventKind::ReportReady));
}
