//! A scenario at work: what the core wants is answered from the script.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Value, json};
use uuid::Uuid;

use super::events;
use super::reads::ScriptedReads;
use crate::agent::{self, Command, Phase, RunState, Verdict};
use crate::contracts::{
    ApprovalId, ApprovalResolution, CallEffect, ErrorKind, EventBody, Map, Outcome, Quorum,
    RunFinished, StepVerified, Timestamp, ToolError,
};
use crate::orchestrator::error::RunError;
use crate::orchestrator::failure;
use crate::orchestrator::opening::{self, Desk, Names, Opened};
use crate::orchestrator::place::Place;
use crate::orchestrator::scope::feedback;
use crate::orchestrator::story::{self, Answered, Story};
use crate::playbook::expression::{Evaluator, Scope};
use crate::playbook::{self, Observed, Playbook, Scenario, ScriptedResult, Step};

/// A scenario and how far it has come.
pub(super) struct Stage<'a> {
    playbook: &'a Playbook,
    scenario: &'a Scenario,
    evaluator: &'a Evaluator,
    inputs: Map,
    state: RunState,
    /// Lists that steps go over, by path.
    items: BTreeMap<String, Vec<Value>>,
    /// Arguments of calls, by path.
    args: BTreeMap<String, Map>,
    /// What steps answered, by path.
    answers: BTreeMap<String, ScriptedResult>,
    /// Why steps could not begin, by path.
    failures: BTreeMap<String, ToolError>,
    /// How often each step answered, by id.
    times: BTreeMap<String, usize>,
    ran: Vec<String>,
    /// Steps in `ran` since a person last sent the run back.
    seen: BTreeSet<String>,
    outputs: Map,
    next_id: u128,
}

impl<'a> Stage<'a> {
    pub(super) fn new(
        playbook: &'a Playbook,
        scenario: &'a Scenario,
        evaluator: &'a Evaluator,
        inputs: Map,
    ) -> Self {
        Self {
            playbook,
            scenario,
            evaluator,
            inputs,
            state: RunState::new(Arc::new(playbook::compile(playbook))),
            items: BTreeMap::new(),
            args: BTreeMap::new(),
            answers: BTreeMap::new(),
            failures: BTreeMap::new(),
            times: BTreeMap::new(),
            ran: Vec::new(),
            seen: BTreeSet::new(),
            outputs: Map::new(),
            next_id: 0,
        }
    }

    pub(super) fn observed(self, outcome: Outcome) -> Observed {
        Observed { ran: self.ran, outcome: outcome.as_str().to_owned(), outputs: self.outputs }
    }

    pub(super) fn take(&mut self, event: &EventBody) -> Result<(), String> {
        agent::fold(&mut self.state, Timestamp::from_ms(0), event)
            .map_err(|error| error.to_string())
    }

    /// Does what the core wants; gives the events that come of it.
    pub(super) fn execute(&mut self, command: Command) -> Result<Vec<EventBody>, String> {
        match command {
            Command::Record(body) => Ok(vec![*body]),
            Command::Open { path, attempt, .. } => self.open(&path, attempt),
            Command::Decide { path, call_id } => Ok(vec![events::decided(path, call_id)]),
            Command::Ask { path, approval_id } => self.answer(&path, approval_id),
            Command::Execute { path, call_id } => {
                let result = self.scripted(&path)?;
                Ok(events::answered(&path, call_id, &result).to_vec())
            }
            Command::Call { path, attempt, .. } => {
                let result = self.scripted(&path)?;
                Ok(vec![events::finished(&path, attempt, result.ok, events::kind(&result))])
            }
            Command::Plan { round } => Ok(vec![events::unplanned(round)]),
            Command::Verify { index } => self.verify(index).map(|verified| vec![verified]),
            Command::Conclude(verdict) => self.conclude(verdict).map(|finished| vec![finished]),
            Command::Report { .. } => Ok(Vec::new()),
        }
    }

    fn open(&mut self, path: &str, attempt: u32) -> Result<Vec<EventBody>, String> {
        let playbook = self.playbook;
        let place = Place::of(playbook, path);
        let stop = place.as_ref().and_then(Place::step);
        let stop = stop.ok_or_else(|| format!("there is no step `{path}`"))?;
        let (step, is_item) = (stop.step, stop.item.is_some());
        let names = Names::of_step(self.evaluator, step, is_item);
        let scope = self.scope(Some(path), &names)?;
        let reads = self.reads();
        let desk = Desk { evaluator: self.evaluator, scope: &scope, reads: &reads };
        match opening::open(step, is_item, desk) {
            Ok(opened) => self.opened(step, path, attempt, opened),
            Err(error) => Ok(self.failed(path, attempt, ErrorKind::Expression, error.to_string())),
        }
    }

    fn opened(
        &mut self,
        step: &Step,
        path: &str,
        attempt: u32,
        opened: Opened<'_>,
    ) -> Result<Vec<EventBody>, String> {
        let begins = events::step(path, attempt);
        let scripted = self.scenario.results.contains_key(&step.id);
        let events = match opened {
            Opened::Skipped => return Ok(vec![events::skipped(path)]),
            Opened::Failed(kind, message) => return Ok(self.failed(path, attempt, kind, message)),
            Opened::List(items) => {
                let begins = events::list(path, attempt, items.len());
                self.items.insert(path.to_owned(), items);
                return Ok(vec![begins]);
            }
            Opened::Block => return Ok(vec![begins]),
            // A scenario that says what the planner comes to stands for a model.
            Opened::Goal { skip_without_model } if !scripted => {
                return Ok(vec![if skip_without_model {
                    events::skipped(path)
                } else {
                    events::finished(path, attempt, false, Some(ErrorKind::NoModel))
                }]);
            }
            Opened::Call => {
                let share = agent::share(&self.state, path);
                vec![events::child(path, attempt, self.uuid(), share)]
            }
            Opened::Gate { approvers, .. } => {
                vec![begins, events::asked(path, self.uuid(), approvers)]
            }
            Opened::Tool { args, .. } => {
                self.args.insert(path.to_owned(), args);
                vec![begins, self.requested(step, path, attempt)]
            }
            Opened::Goal { .. } => vec![begins, self.requested(step, path, attempt)],
        };
        if !scripted {
            return Err(no_result(&step.id));
        }
        if self.seen.insert(step.id.clone()) {
            self.ran.push(step.id.clone());
        }
        Ok(events)
    }

    fn requested(&mut self, step: &Step, path: &str, attempt: u32) -> EventBody {
        let effect = step.effect.unwrap_or(CallEffect::Idempotent);
        events::requested(path, attempt, self.uuid(), effect)
    }

    fn failed(
        &mut self,
        path: &str,
        attempt: u32,
        kind: ErrorKind,
        message: String,
    ) -> Vec<EventBody> {
        self.failures.insert(path.to_owned(), ToolError::new(kind, message));
        vec![events::finished(path, attempt, false, Some(kind))]
    }

    fn answer(&mut self, path: &str, approval_id: ApprovalId) -> Result<Vec<EventBody>, String> {
        let result = self.scripted(path)?;
        if result.comment.is_some() {
            self.seen.clear();
        }
        // Where several have to say yes, `ok` says that all of them did.
        let needed = self.state.quorum(approval_id).map_or(1, Quorum::needed);
        let people = if result.ok { needed } else { 1 };
        let answer = |person: u32| {
            let (by, reason) = (format!("scenario {person}"), result.comment.clone());
            let approved = result.ok;
            EventBody::ApprovalResolved(ApprovalResolution { approval_id, approved, by, reason })
        };
        Ok((1..=people).map(answer).collect())
    }

    /// What the scenario says a step answers this time.
    fn scripted(&mut self, path: &str) -> Result<ScriptedResult, String> {
        let located = self.state.locate(path).ok_or_else(|| no_result(path))?;
        let id = located.step.id.clone();
        let times = self.times.entry(id.clone()).or_default();
        let script = self.scenario.results.get(&id);
        let result = script.and_then(|script| script.nth(*times)).ok_or_else(|| no_result(&id))?;
        *times += 1;
        self.answers.insert(path.to_owned(), result.clone());
        Ok(result.clone())
    }

    fn verify(&self, index: u32) -> Result<EventBody, String> {
        let expression = self.playbook.verify.get(index as usize).cloned().unwrap_or_default();
        let mut names = Names::default();
        names.expression(self.evaluator, Some(&expression));
        let scope = self.scope(None, &names)?;
        let went = self.evaluator.condition(&expression, &scope, &self.reads());
        let ok = matches!(went, Ok(true));
        let error = went.err().map(|error| error.to_string());
        let path = format!("verify[{index}]");
        Ok(EventBody::StepVerified(StepVerified { path, attempt: 1, index, expression, ok, error }))
    }

    fn conclude(&mut self, verdict: Verdict) -> Result<EventBody, String> {
        let mut names = Names::default();
        names.map(self.evaluator, &self.playbook.outputs);
        let (scope, reads) = (self.scope(None, &names)?, self.reads());
        let mut outcome = verdict.outcome;
        for (name, template) in &self.playbook.outputs {
            match self.evaluator.value(template, &scope, &reads) {
                Ok(value) => {
                    self.outputs.insert(name.clone(), value);
                }
                Err(_) if outcome == Outcome::Succeeded => outcome = Outcome::Failed,
                Err(_) => {}
            }
        }
        let Verdict { cause, kind, .. } = verdict;
        Ok(EventBody::RunFinished(RunFinished {
            outcome,
            cause,
            error_kind: kind,
            outputs: None,
            labels: None,
        }))
    }

    fn scope(&self, path: Option<&str>, names: &Names) -> Result<Scope, String> {
        self.try_scope(path, names).map_err(|error| error.to_string())
    }

    fn try_scope(&self, path: Option<&str>, names: &Names) -> Result<Scope, RunError> {
        let place = path.and_then(|path| Place::of(self.playbook, path)).unwrap_or_default();
        let mut inputs = self.inputs.clone();
        feedback(&mut inputs, self.playbook, self.state.feedback.as_deref());
        let message = |path: &str| self.failure(path).map(|error| error.message);
        Ok(Scope {
            inputs,
            steps: story::views(self, &place, names)?,
            run: run_facts(self.playbook),
            memory: json!({ "pinned": [], "recalled": [] }),
            no_memory: None,
            secrets: self.playbook.permissions.secrets.iter().cloned().collect(),
            error: failure::seen(&self.state, path, &message)?,
            items: story::items(self, &place)?,
        })
    }

    fn reads(&self) -> ScriptedReads {
        let written = self.args.iter().filter(|(path, args)| {
            args.contains_key("text")
                && matches!(self.state.phase(path), Some(Phase::Done { ok: true, .. }))
        });
        let paths = written.filter_map(|(_, args)| args.get("path")?.as_str());
        ScriptedReads { written: paths.map(str::to_owned).collect() }
    }

    const fn uuid(&mut self) -> Uuid {
        self.next_id += 1;
        Uuid::from_u128(self.next_id)
    }
}

impl Story for Stage<'_> {
    fn playbook(&self) -> &Playbook {
        self.playbook
    }

    fn state(&self) -> &RunState {
        &self.state
    }

    fn count(&self, path: &str) -> Option<u32> {
        self.items.get(path).map(|items| u32::try_from(items.len()).unwrap_or(u32::MAX))
    }

    fn item(&self, path: &str, index: u32) -> Result<Option<Value>, RunError> {
        Ok(self.items.get(path).and_then(|items| items.get(index as usize)).cloned())
    }

    fn answered(&self, path: &str) -> Result<Option<Answered>, RunError> {
        let answered = |result: &ScriptedResult| Answered {
            data: result.data.clone(),
            artifacts: Vec::new(),
            error: result.error.as_ref().map(|it| ToolError::new(it.kind, it.message.clone())),
        };
        Ok(self.answers.get(path).map(answered))
    }

    fn failure(&self, path: &str) -> Result<ToolError, RunError> {
        let leaf = failure::leaf(self.playbook, &self.state, path);
        if let Some(failure) = self.failures.get(&leaf) {
            return Ok(failure.clone());
        }
        let scripted = self.answered(&leaf)?.and_then(|answered| answered.error);
        Ok(scripted.unwrap_or_else(|| ToolError::new(ErrorKind::Io, String::new())))
    }
}

fn no_result(id: &str) -> String {
    format!("`{id}` ran, and the scenario has no result for it")
}

fn run_facts(playbook: &Playbook) -> Map {
    let facts = json!({
        "id": "run_00000000000000000000000000000000",
        "task_id": "task_00000000000000000000000000000000",
        "playbook": playbook.name,
        "goal": playbook.description,
        "started_at": Timestamp::from_ms(0).to_string(),
        "unattended": false,
        "dry_run": false,
        "answer": "",
    });
    facts.as_object().cloned().unwrap_or_default()
}
