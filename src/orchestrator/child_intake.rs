//! Beginning a run that a step calls: it works by what its caller pinned, and within its bounds.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::called::{Called, Refused, called, goal_called};
use super::child::Calling;
use super::driver::Work;
use super::error::RunError;
use super::goal::{GOAL, goal_input};
use super::intake;
use super::journal::Batch;
use super::judge::Judge;
use super::lineage;
use super::opening::{Desk, Names};
use super::origins::{self, RunGround};
use super::place::Place;
use super::reads::GovernedReads;
use super::run;
use super::scope;
use super::traced::Traced;
use crate::contracts::{
    ErrorKind, EventBody, Hash, Map, PlaybookRef, Priority, RunStarted, SCHEMA_VERSION,
    TaskAccepted, TaskEnvelope, TaskId, TaskType, Trigger,
};
use crate::playbook::{self, Action, Playbook};
use crate::store::Append;

/// Makes the run durable. The inner error fails the step. What was decided about reads on the way is put
/// into `decided`. Blocks.
pub(super) fn accept(
    work: &Work,
    calling: &Calling,
    decided: &mut Batch,
) -> Result<Result<(), Refused>, RunError> {
    let incomplete = |what| RunError::Incomplete { run: work.run_id.to_string(), what };
    let place = Place::of(&work.playbook, &calling.path).ok_or_else(|| incomplete("the step"))?;
    let step = place.step().ok_or_else(|| incomplete("the step"))?.step;
    let (started, _) = work.record.started.as_ref().ok_or_else(|| incomplete("`run.started`"))?;
    let (pinned, depth) = (run::pinned(&work.services, started)?, started.bounds.len());
    let (called, inputs) = match &step.action {
        Action::Call { playbook, inputs } => {
            (called(&work.services, &pinned, playbook, depth), Cow::Borrowed(inputs))
        }
        Action::Goal { goal, .. } => {
            let wanted = goal_input(json!(goal));
            (goal_called(&work.services, &work.playbook, step), Cow::Owned(wanted))
        }
        _ => return Err(incomplete("the call of a playbook")),
    };
    let called = match called {
        Ok(called) => called,
        Err(refused) => return Ok(Err(refused)),
    };
    let inputs = inputs.as_ref();
    let names = Names::of_step(&work.services.evaluator, step, true);
    let scope = scope::build(work, Some(&calling.path), &names)?;
    let evaluator = &work.services.evaluator;
    let ground = RunGround::of(work, Some(&calling.path));
    let from = origins::of_step(evaluator, step, true, &ground);
    let reads = GovernedReads::new(work, &calling.path, from);
    let desk = Desk { evaluator, scope: &scope, reads: &reads };
    let traced = Traced::of(inputs, desk, &ground).map(|traced| traced.noting(&reads.noted()));
    decided.extend(reads.decided());
    let (inputs, labels) = match traced {
        Ok(traced) => traced.known(work),
        Err(error) => return Ok(Err(Refused::new(ErrorKind::Expression, error.to_string()))),
    };
    match resolved(work, &called.playbook, &inputs) {
        Ok(resolved) => append(work, calling, called, (inputs, labels), resolved).map(Ok),
        Err(refused) => Ok(Err(refused)),
    }
}

/// Its inputs. Paths are measured from the workspace; what may be read is what the caller may read.
fn resolved(work: &Work, playbook: &Playbook, inputs: &Map) -> Result<Map, Refused> {
    let services = &work.services;
    let (given, _) = intake::place_paths(services, playbook, inputs, &services.root);
    playbook::resolve_inputs(playbook, &given).map_err(|errors| {
        let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
        Refused::new(ErrorKind::BadArguments, errors.join("; "))
    })
}

fn append(
    work: &Work,
    calling: &Calling,
    called: Called,
    (given, labels): (Map, BTreeMap<String, Vec<String>>),
    inputs: Map,
) -> Result<(), RunError> {
    let incomplete =
        || RunError::Incomplete { run: work.run_id.to_string(), what: "`run.started`" };
    let services = &work.services;
    let (parent, _) = work.record.started.as_ref().ok_or_else(incomplete)?;
    let judge = Judge::of(work, &calling.path).ok_or_else(incomplete)?;
    let Called { playbook, text } = called;
    let mut batch = Batch::default();
    let mut bounds = vec![judge.own_bound()];
    bounds.extend(parent.bounds.iter().cloned());
    let lineage = Some(Box::new(lineage::of_child(work, labels, &mut batch)?));
    let start = RunStarted {
        lineage,
        playbook: Some(PlaybookRef {
            name: playbook.name.clone(),
            path: playbook.file.clone(),
            hash: Hash::of(text.as_bytes()),
            source: batch.text(text, services.clock.salt()),
        }),
        inputs,
        read_roots: parent.read_roots.clone(),
        budget: playbook.budget.narrowed(&calling.share),
        profile: services.config().policy.profile,
        policy_hash: services.policy.current().hash(),
        unattended: parent.unattended,
        dry_run: false,
        parent_run_id: Some(work.run_id),
        trigger: Trigger::Call,
        pinned: run::pin(services, &mut batch, run::sources(services, parent)?),
        bounds,
    };
    batch.bodies = vec![
        EventBody::TaskAccepted(TaskAccepted { task: task(work, &playbook, given), start: None }),
        EventBody::RunStarted(start),
    ];
    let (run, now) = (calling.run_id.to_string(), services.clock.now());
    services.store.append(Append::new(run, 0, now, batch.bodies).texts(batch.texts))?;
    Ok(())
}

fn task(work: &Work, playbook: &Playbook, inputs: Map) -> TaskEnvelope {
    let clock = &work.services.clock;
    // A step with a goal says what is wanted in its own words.
    let wanted = inputs.get(GOAL).filter(|_| playbook.goal.is_some()).and_then(Value::as_str);
    let goal = wanted.unwrap_or(&playbook.description).to_owned();
    TaskEnvelope {
        schema_version: SCHEMA_VERSION,
        id: TaskId::from_uuid(clock.uuid()),
        created_at: clock.now(),
        task_type: TaskType::Playbook,
        goal,
        inputs,
        attachments: Vec::new(),
        context_hints: Vec::new(),
        priority: Priority::Normal,
        playbook: Some(playbook.file.clone()),
        budget: None,
        labels: BTreeMap::new(),
        idempotency_key: None,
    }
}
