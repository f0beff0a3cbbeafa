//! What expressions see: inputs, steps and facts of the run, read from its journal and store.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::call;
use super::driver::Work;
use super::error::RunError;
use super::failure;
use crate::agent::program::Step;
use crate::agent::{Phase, Section};
use crate::contracts::{StepFinished, ToolResult};
use crate::playbook::expression::{RunError as ScopeError, Scope, StepView};

/// The scope of the step at `path`; of the run as a whole when there is none. Blocks.
pub(super) fn build(work: &Work, path: Option<&str>) -> Result<Scope, RunError> {
    let located = path.and_then(|path| work.state.locate(path));
    let in_handler = located.is_some_and(|(section, _, _)| section != Section::Main);
    let item = match located {
        Some((_, step, Some(index))) => item(work, step, index)?,
        _ => None,
    };
    let error = if in_handler { failure::of_run(work)? } else { None };
    let (inputs, run) = started(work)?;
    Ok(Scope {
        inputs,
        steps: steps(work)?,
        run,
        memory: Value::Array(Vec::new()),
        secrets: work.playbook.permissions.secrets.iter().cloned().collect::<BTreeSet<_>>(),
        error: error.map(|(kind, message)| ScopeError { kind, message }),
        item,
    })
}

fn started(work: &Work) -> Result<(crate::contracts::Map, crate::contracts::Map), RunError> {
    let incomplete = |what| RunError::Incomplete { run: work.run_id.to_string(), what };
    let (started, at) = work.record.started.as_ref().ok_or_else(|| incomplete("`run.started`"))?;
    let task = work.record.task.as_ref().ok_or_else(|| incomplete("`task.accepted`"))?;
    let run = json!({
        "id": work.run_id.to_string(),
        "task_id": task.id.to_string(),
        "playbook": work.playbook.name,
        "goal": task.goal,
        "started_at": at.to_string(),
        "unattended": started.unattended,
        "dry_run": started.dry_run,
    });
    let Value::Object(run) = run else { return Err(incomplete("facts")) };
    Ok((started.inputs.clone(), run))
}

/// The name given by `as:` and the item at `index`.
fn item(work: &Work, step: &Step, index: u32) -> Result<Option<(String, Value)>, RunError> {
    let Some(foreach) = work.playbook.step(&step.id).and_then(|step| step.foreach.as_ref()) else {
        return Ok(None);
    };
    let Some(items) = work.record.items.get(&step.id) else { return Ok(None) };
    let run = work.run_id.to_string();
    let items: Vec<Value> = call::document(work.services.store.reader(), &run, "a list", items)?;
    Ok(items.into_iter().nth(index as usize).map(|item| (foreach.name.clone(), item)))
}

fn steps(work: &Work) -> Result<BTreeMap<String, StepView>, RunError> {
    let program = &work.state.program;
    let all = program.steps.iter().chain(&program.on_failure).chain(&program.always);
    let mut views = BTreeMap::new();
    for step in all {
        views.insert(step.id.clone(), view(work, step)?);
    }
    Ok(views)
}

fn view(work: &Work, step: &Step) -> Result<StepView, RunError> {
    let Some(node) = work.state.nodes.get(&step.id) else {
        return Ok(StepView { skipped: true, ..StepView::default() });
    };
    let mut view = StepView { attempts: node.attempt, ..StepView::default() };
    if let Phase::Done { ok, skipped, .. } = node.phase {
        (view.ok, view.skipped) = (ok, skipped);
    }
    match work.record.items.get(&step.id) {
        Some(_) => view.data = Some(items_data(work, step)?),
        None => {
            if let Some(result) = result(work, &step.id)? {
                view.data = result.data;
                view.artifacts = result.artifacts;
                view.error = result.error;
            }
        }
    }
    let over = |finished: &&StepFinished| finished.path == step.id && !finished.ok;
    if view.error.is_none()
        && !view.skipped
        && let Some(finished) = work.record.finished_steps.iter().rev().find(over)
    {
        view.error = Some(failure::of_step(work, finished)?.into_error());
    }
    Ok(view)
}

/// What the items of a `foreach` answered, in their order; nothing for those that were not reached.
fn items_data(work: &Work, step: &Step) -> Result<Value, RunError> {
    let count = match work.state.phase(&step.id) {
        Some(Phase::Looping { items }) => items,
        _ => count_items(work, &step.id),
    };
    let mut data = Vec::new();
    for index in 0..count {
        let result = result(work, &format!("{}[{index}]", step.id))?;
        data.push(result.and_then(|result| result.data).unwrap_or(Value::Null));
    }
    Ok(Value::Array(data))
}

fn count_items(work: &Work, id: &str) -> u32 {
    (0_u32..).take_while(|index| work.state.nodes.contains_key(&format!("{id}[{index}]"))).count()
        as u32
}

fn result(work: &Work, path: &str) -> Result<Option<ToolResult>, RunError> {
    let Some(finished) = work.record.call_at(path).and_then(|call| call.finished.as_ref()) else {
        return Ok(None);
    };
    let run = work.run_id.to_string();
    call::document(work.services.store.reader(), &run, "a result", &finished.result).map(Some)
}
