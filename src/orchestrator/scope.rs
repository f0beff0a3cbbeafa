//! What expressions see: inputs, steps and facts of the run, read from its journal and store.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::call;
use super::driver::Work;
use super::error::RunError;
use super::failure;
use super::memories::{self, RUN};
use super::opening::Names;
use super::place::Place;
use super::planning;
use super::story::{self, Answered, Story};
use crate::agent::RunState;
use crate::contracts::{Map, ToolError, ToolResult};
use crate::playbook::Playbook;
use crate::playbook::expression::Scope;

/// The scope of the step at `path`; of the run as a whole when there is none. Of what the steps
/// answered, only that of the steps in `names` is read. Blocks.
pub(super) fn build(work: &Work, path: Option<&str>, names: &Names) -> Result<Scope, RunError> {
    let place = path.and_then(|path| Place::of(&work.playbook, path)).unwrap_or_default();
    let (inputs, run) = started(work)?;
    let recalled = work.record.recalled.get(RUN);
    Ok(Scope {
        inputs,
        steps: story::views(work, &place, names)?,
        run,
        memory: match recalled.filter(|_| names.memory) {
            Some(recalled) => memories::shown(&work.services, recalled)?,
            None => Value::Null,
        },
        no_memory: recalled.and_then(|recalled| recalled.refused.clone()),
        secrets: work.playbook.permissions.secrets.iter().cloned().collect::<BTreeSet<_>>(),
        error: failure::seen_from(work, path)?,
        items: story::items(work, &place)?,
    })
}

fn started(work: &Work) -> Result<(Map, Map), RunError> {
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
        "answer": planning::answer(work)?,
    });
    let Value::Object(run) = run else { return Err(incomplete("facts")) };
    let mut inputs = started.inputs.clone();
    feedback(&mut inputs, &work.playbook, work.state.feedback.as_deref());
    Ok((inputs, run))
}

/// What a person wrote who sent the run back: an input of playbooks that can be sent back.
pub(super) fn feedback(inputs: &mut Map, playbook: &Playbook, said: Option<&str>) {
    if playbook.all_steps().any(rewinds) {
        let said = Value::String(said.unwrap_or_default().to_owned());
        inputs.insert("feedback".to_owned(), said);
    }
}

fn rewinds(step: &crate::playbook::Step) -> bool {
    matches!(&step.action, crate::playbook::Action::Approval { rewind: Some(_), .. })
}

impl Story for Work {
    fn playbook(&self) -> &Playbook {
        &self.playbook
    }

    fn state(&self) -> &RunState {
        &self.state
    }

    fn count(&self, path: &str) -> Option<u32> {
        self.record.items.get(path).map(|list| list.count)
    }

    fn item(&self, path: &str, index: u32) -> Result<Option<Value>, RunError> {
        let Some(list) = self.record.items.get(path) else { return Ok(None) };
        let run = self.run_id.to_string();
        let read = || call::document(self.services.store.reader(), &run, "a list", &list.text);
        let items = self.record.lists.get(&list.text, read)?;
        Ok(items.get(index as usize).cloned())
    }

    fn answered(&self, path: &str) -> Result<Option<Answered>, RunError> {
        let (store, run) = (self.services.store.reader(), self.run_id.to_string());
        if let Some(reference) = self.record.finished_at(path).and_then(|it| it.result.as_ref()) {
            let data = call::document(store, &run, "what a called run answered", reference)?;
            return Ok(Some(Answered { data: Some(data), ..Answered::default() }));
        }
        let Some(finished) = self.record.call_at(path).and_then(|call| call.finished.as_ref())
        else {
            return Ok(None);
        };
        let result: ToolResult = call::document(store, &run, "a result", &finished.result)?;
        let ToolResult { data, artifacts, error, .. } = result;
        Ok(Some(Answered { data, artifacts, error }))
    }

    fn failure(&self, path: &str) -> Result<ToolError, RunError> {
        Ok(failure::of_path(self, path)?.into_error())
    }
}
