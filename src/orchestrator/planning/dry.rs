//! The first plan of a goal, for a dry run: a model is asked for it, and policy about each of its steps.
//! Nothing of it runs, and nothing of it is journalled.

use std::collections::BTreeMap;
use std::sync::Arc;

use imbl::OrdMap;
use tokio::sync::{mpsc, watch};

use super::ATTEMPTS;
use super::desk::Desk;
use super::judged::{Judged, Mistake, View, failed};
use crate::agent::{RunState, block_of, gate_of};
use crate::contracts::{
    Attachment, ErrorKind, Map, PlanGate, Priority, Profile, RunId, RunStarted, SCHEMA_VERSION,
    TaskEnvelope, TaskId, TaskType, ToolCall, Trigger,
};
use crate::orchestrator::NobodyAnswers;
use crate::orchestrator::attached::{self, Attached, Held};
use crate::orchestrator::child::Stops;
use crate::orchestrator::driver::Work;
use crate::orchestrator::dry_run::DryStep;
use crate::orchestrator::error::RunError;
use crate::orchestrator::intake::Checked;
use crate::orchestrator::journal::Journal;
use crate::orchestrator::lineage;
use crate::orchestrator::record::RunRecord;
use crate::orchestrator::services::Services;
use crate::planning::{Draft, Reached};
use crate::playbook::compile;

/// What a goal would begin with.
#[derive(Default)]
pub(in crate::orchestrator) struct FirstPlan {
    /// What would happen, in a sentence.
    pub would: String,
    /// Why there is no plan.
    pub error: Option<(ErrorKind, String)>,
    /// Its steps, and the question before them.
    pub steps: Vec<DryStep>,
    /// The calls that were decided on.
    pub calls: Vec<ToolCall>,
}

/// What came to the run that a dry run stands for.
#[derive(Default)]
pub(in crate::orchestrator) struct Came {
    /// The task, if somebody sent one.
    task: Option<TaskEnvelope>,
    /// The files of a task that nobody sent.
    attachments: Vec<Attachment>,
    /// Their contents.
    attached: OrdMap<String, Held>,
}

impl Came {
    /// These files, and no task.
    pub(in crate::orchestrator) fn with(attached: &[Attached]) -> Self {
        let attachments = attached::named(attached);
        Self { task: None, attachments, attached: attached::held(attached) }
    }

    /// What came to a run that there is.
    pub(in crate::orchestrator) fn to(record: &RunRecord) -> Self {
        let (task, attached) = (record.task.clone(), record.attached.clone());
        Self { task, attachments: Vec::new(), attached }
    }
}

/// Asks for the first plan of a checked playbook that is a goal, with what came with its task. Blocks.
pub(in crate::orchestrator) fn first_plan(
    services: &Services,
    checked: &Checked,
    run_id: RunId,
    came: Came,
) -> Result<FirstPlan, RunError> {
    let desk = Desk::of(work(services, checked, run_id, came), 1)?;
    if let Some((kind, why)) = desk.refusal() {
        return Ok(FirstPlan::failed(kind, why));
    }
    let mut wrong: Option<Mistake> = None;
    for attempt in 1..=ATTEMPTS {
        let prompt = match desk.question(attempt, wrong.as_ref())? {
            Ok((_, prompt)) => prompt,
            Err(why) => return Ok(FirstPlan::failed(ErrorKind::BadPlan, why)),
        };
        let said = match desk.ask(attempt, &prompt).1 {
            Ok(said) => said,
            Err((kind, why)) => return Ok(FirstPlan::failed(kind, why)),
        };
        match desk.sound(&said).map_err(|not| *not) {
            Ok(draft) => return FirstPlan::of(&desk, &said.by, &draft),
            Err(Judged::Wrong(mistake)) => wrong = Some(mistake),
            Err(Judged::Reached(Reached { answer, .. })) => {
                let would = format!("`{}` says that nothing is to be done: {answer}", said.by);
                return Ok(FirstPlan { would, ..FirstPlan::default() });
            }
            Err(Judged::Good(_)) => break,
        }
    }
    let (kind, why) = failed(wrong);
    Ok(FirstPlan::failed(kind, why))
}

impl FirstPlan {
    fn failed(kind: ErrorKind, why: String) -> Self {
        let would = "have a model find the steps".to_owned();
        Self { would, error: Some((kind, why)), ..Self::default() }
    }

    fn of(desk: &Desk, by: &str, draft: &Draft) -> Result<Self, RunError> {
        let views = desk.views(&draft.steps)?;
        let gate = desk.gate(&views).map(|gate| question(desk.round, &gate));
        let mut steps: Vec<DryStep> = gate.into_iter().collect();
        let (mut calls, mut expects) = (Vec::new(), false);
        for view in views {
            let path = format!("{}/{}", block_of(desk.round), view.step.id);
            steps.push(step(desk, path, &view, expects));
            expects |= !view.step.expect.is_empty();
            calls.push(view.call);
        }
        let why = draft.thought.trim();
        let why = if why.is_empty() { String::new() } else { format!(": {why}") };
        let would = format!(
            "begin with the plan of `{by}` below, and have the next one made with its answers{why}"
        );
        Ok(Self { would, error: None, steps, calls })
    }
}

fn question(round: u32, gate: &PlanGate) -> DryStep {
    let people = if gate.approvers > 1 {
        format!("{} people", gate.approvers)
    } else {
        "a person".to_owned()
    };
    DryStep {
        path: gate_of(round),
        action: "approval".to_owned(),
        runs: Some(true),
        args: Map::new(),
        would: format!("ask {people} about the whole plan"),
        decision: None,
        error: None,
        error_kind: None,
    }
}

/// A step after one of which something is expected runs only where that comes.
fn step(desk: &Desk, path: String, view: &View<'_>, expects: bool) -> DryStep {
    let mut args = view.step.args.clone();
    for value in args.values_mut() {
        drop(desk.work.services.redactor.conceal(value));
    }
    let tool = &view.step.tool;
    DryStep {
        path,
        action: tool.clone(),
        runs: (!expects).then_some(true),
        args,
        would: view.would.clone().unwrap_or_else(|| format!("call `{tool}`")),
        decision: Some(view.decision.clone()),
        error: None,
        error_kind: None,
    }
}

/// The task of a dry run that nobody sent.
fn unsent(services: &Services, checked: &Checked, attachments: Vec<Attachment>) -> TaskEnvelope {
    let playbook = &checked.playbook;
    TaskEnvelope {
        schema_version: SCHEMA_VERSION,
        id: TaskId::from_uuid(services.clock.uuid()),
        created_at: services.clock.now(),
        task_type: TaskType::Goal,
        goal: playbook.description.clone(),
        inputs: checked.inputs.clone(),
        attachments,
        context_hints: Vec::new(),
        priority: Priority::Normal,
        playbook: Some(playbook.name.clone()),
        budget: None,
        labels: BTreeMap::new(),
        idempotency_key: None,
    }
}

/// A run that there is not, as far as planning looks at it: it has begun and done nothing.
fn work(services: &Services, checked: &Checked, run_id: RunId, came: Came) -> Work {
    let now = services.clock.now();
    let playbook = &checked.playbook;
    let profile = services.config().policy.profile;
    let started = RunStarted {
        playbook: None,
        inputs: lineage::concealed(services, &checked.inputs),
        read_roots: checked.read_roots.clone(),
        budget: playbook.budget.clone(),
        profile,
        policy_hash: services.policy.current().hash(),
        unattended: profile == Profile::Ci,
        dry_run: true,
        parent_run_id: None,
        trigger: Trigger::Person,
        pinned: Vec::new(),
        bounds: Vec::new(),
        lineage: Some(Box::new(lineage::of_top(services, Trigger::Person, &checked.inputs, None))),
    };
    let mut record = RunRecord::default();
    let Came { task, attachments, attached } = came;
    record.task = Some(task.unwrap_or_else(|| unsent(services, checked, attachments)));
    record.attached = attached;
    record.taken.begin(&started);
    record.started = Some((started, now));
    let state = RunState::new(Arc::new(compile(playbook)));
    Work {
        services: Arc::new(services.clone()),
        answerer: Arc::new(NobodyAnswers),
        run_id,
        playbook: Arc::new(playbook.clone()),
        state: Arc::new(state),
        record: Arc::new(record),
        // Nobody takes what would be written.
        journal: Journal::new(mpsc::channel(1).0),
        cancel: crate::ports::Cancel::default(),
        observer: Arc::new(|_, _| {}),
        stops: Stops::since_now(&watch::Sender::new(0)),
    }
}
