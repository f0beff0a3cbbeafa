//! Playing a playbook's own tests: the real core and the real expressions, scripted results, no
//! store, no policy, no tools. Files that a step has written exist; no other does.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::agent::{self, Command, Phase, RunState, Section, Verdict};
use crate::contracts::{
    ApprovalId, ApprovalResolution, ApprovalSubject, Budget, CallDecided, CallEffect, CallFinished,
    CallId, CallNamed, CallRequested, Confinement, Decision, Effect, ErrorKind, EventBody, Hash,
    Map, Origin, Outcome, Profile, Receipt, RunFinished, RunStarted, StepFinished, StepStarted,
    StepVerified, Stored, TextRef, Timestamp, ToolError,
};
use crate::live::playbooks::SHIPPED_TEMPLATES;
use crate::playbook::expression::{Evaluator, Reads, RunError, Scope, StepView};
use crate::playbook::{self, Action, Observed, Playbook, Scenario, ScriptedResult, Step};

/// More events than any scenario of bounded steps can have.
const EVENTS_MAX: usize = 100_000;

/// Plays a scenario.
///
/// # Errors
/// Why it could not be played: inputs that do not fit, or a step that ran without a scripted result.
pub fn play(
    playbook: &Playbook,
    scenario: &Scenario,
    evaluator: &Evaluator,
) -> Result<Observed, String> {
    let inputs = playbook::resolve_inputs(playbook, &scenario.inputs)
        .map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))?;
    let mut stage = Stage::new(playbook, scenario, evaluator, inputs);
    stage.take(started(&playbook.budget))?;
    for _ in 0..EVENTS_MAX {
        let Some(command) = agent::wanted(&stage.state).into_iter().next() else {
            return Err(format!("the run stops as `{}`", stage.state.status().as_str()));
        };
        if let Command::Report { outcome } = command {
            return Ok(stage.observed(outcome));
        }
        for event in stage.execute(command)? {
            stage.take(event)?;
        }
    }
    Err("the run does not end".to_owned())
}

struct Stage<'a> {
    playbook: &'a Playbook,
    scenario: &'a Scenario,
    evaluator: &'a Evaluator,
    inputs: Map,
    state: RunState,
    items: BTreeMap<String, Vec<Value>>,
    args: BTreeMap<String, Value>,
    failures: BTreeMap<String, ToolError>,
    ran: Vec<String>,
    outputs: Map,
    next_id: u128,
}

impl<'a> Stage<'a> {
    fn new(
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
            failures: BTreeMap::new(),
            ran: Vec::new(),
            outputs: Map::new(),
            next_id: 0,
        }
    }

    fn observed(self, outcome: Outcome) -> Observed {
        Observed { ran: self.ran, outcome: outcome.as_str().to_owned(), outputs: self.outputs }
    }

    fn take(&mut self, event: EventBody) -> Result<(), String> {
        let (state, _) = agent::step(self.state.clone(), Timestamp::from_ms(0), &event)
            .map_err(|error| error.to_string())?;
        self.state = state;
        Ok(())
    }

    fn execute(&mut self, command: Command) -> Result<Vec<EventBody>, String> {
        match command {
            Command::Record(body) => Ok(vec![*body]),
            Command::Open { path, attempt, .. } => self.open(&path, attempt),
            Command::Decide { path, call_id } => Ok(vec![decided(path, call_id)]),
            Command::Ask { path, approval_id } => self.answer(&path, approval_id),
            Command::Execute { path, call_id } => self.call(&path, call_id),
            Command::Verify { index } => Ok(vec![self.verify(index)]),
            Command::Conclude(verdict) => Ok(vec![self.conclude(verdict)]),
            Command::Report { .. } => Ok(Vec::new()),
        }
    }

    fn open(&mut self, path: &str, attempt: u32) -> Result<Vec<EventBody>, String> {
        let (id, item) = match self.state.locate(path) {
            Some((_, step, item)) => (step.id.clone(), item),
            None => return Err(format!("there is no step `{path}`")),
        };
        let step = self.playbook.step(&id).ok_or_else(|| format!("there is no step `{id}`"))?;
        match self.try_open(step, path, attempt, item) {
            Ok(events) => Ok(events),
            Err(Stop::Expression(message)) => {
                self.failures.insert(id, ToolError::new(ErrorKind::Expression, message));
                Ok(vec![finished(path, attempt, false, Some(ErrorKind::Expression))])
            }
            Err(Stop::Script(message)) => Err(message),
        }
    }

    fn try_open(
        &mut self,
        step: &Step,
        path: &str,
        attempt: u32,
        item: Option<u32>,
    ) -> Result<Vec<EventBody>, Stop> {
        let scope = self.scope(Some(path), item);
        let reads = self.reads();
        let holds = |condition: &Option<String>| match condition {
            None => Ok(true),
            Some(condition) => self.evaluator.condition(condition, &scope, &reads),
        };
        if item.is_none() && !holds(&step.condition)? {
            return Ok(vec![skipped(path)]);
        }
        if let (Some(foreach), None) = (&step.foreach, item) {
            let Value::Array(list) = self.evaluator.value(&foreach.items, &scope, &reads)? else {
                return Err(Stop::Expression("`foreach` needs a list".to_owned()));
            };
            let count = u32::try_from(list.len()).unwrap_or(u32::MAX);
            self.items.insert(step.id.clone(), list);
            return Ok(vec![step_started(path, attempt, Some(count))]);
        }
        let events = match &step.action {
            Action::Tool { args, .. } => {
                let args = self.evaluator.value(&Value::Object(args.clone()), &scope, &reads)?;
                self.args.insert(path.to_owned(), args);
                self.request(step, path, attempt)
            }
            Action::Approval { when, .. } if !holds(when)? => return Ok(vec![skipped(path)]),
            Action::Approval { approvers, .. } => self.ask(path, attempt, *approvers),
            // A scenario that says what the planner comes to stands for a model.
            Action::Goal { .. } if self.scenario.results.contains_key(&step.id) => {
                self.request(step, path, attempt)
            }
            Action::Goal { skip_without_model: true, .. } => return Ok(vec![skipped(path)]),
            Action::Goal { .. } => {
                return Ok(vec![finished(path, attempt, false, Some(ErrorKind::NoModel))]);
            }
        };
        self.scripted(&step.id).map_err(Stop::Script)?;
        if self.ran.last() != Some(&step.id) && !self.ran.contains(&step.id) {
            self.ran.push(step.id.clone());
        }
        Ok(events)
    }

    fn request(&mut self, step: &Step, path: &str, attempt: u32) -> Vec<EventBody> {
        let requested = CallRequested {
            path: path.to_owned(),
            attempt,
            call_id: CallId::from_uuid(self.uuid()),
            name: "scripted".to_owned(),
            effect: step.effect.unwrap_or(CallEffect::Idempotent),
            call: no_text(),
            args_hash: Hash::ZERO,
            idempotency_key: String::new(),
            origin: Origin::Playbook,
        };
        vec![step_started(path, attempt, None), EventBody::CallRequested(requested)]
    }

    fn ask(&mut self, path: &str, attempt: u32, approvers: u32) -> Vec<EventBody> {
        let subject = ApprovalSubject {
            approval_id: ApprovalId::from_uuid(self.uuid()),
            path: path.to_owned(),
            call_id: None,
            args_hash: None,
            prompt: String::new(),
            expires_at: Timestamp::from_ms(0),
            approvers,
        };
        vec![step_started(path, attempt, None), EventBody::ApprovalRequested(subject)]
    }

    fn answer(&self, path: &str, approval_id: ApprovalId) -> Result<Vec<EventBody>, String> {
        let approved = self.scripted(path)?.ok;
        let by = "scenario".to_owned();
        let answer = ApprovalResolution { approval_id, approved, by, reason: None };
        Ok(vec![EventBody::ApprovalResolved(answer)])
    }

    fn call(&mut self, path: &str, call_id: CallId) -> Result<Vec<EventBody>, String> {
        let result = self.scripted(path)?.clone();
        let kind = result.error.as_ref().map(|error| error.kind);
        let kind = kind.or_else(|| (!result.ok).then_some(ErrorKind::Io));
        Ok(vec![
            EventBody::CallStarted(CallNamed { call_id, path: path.to_owned() }),
            EventBody::CallFinished(CallFinished {
                call_id,
                path: path.to_owned(),
                ok: result.ok,
                error_kind: kind,
                retryable: false,
                truncated: false,
                result: no_text(),
                receipt: Receipt::default(),
                duration_ms: 0,
            }),
        ])
    }

    /// What the scenario says a step answers; the items of a `foreach` all answer the same.
    fn scripted(&self, path: &str) -> Result<&ScriptedResult, String> {
        let id = self.state.locate(path).map_or(path, |(_, step, _)| step.id.as_str());
        self.scenario
            .results
            .get(id)
            .ok_or_else(|| format!("`{id}` ran, and the scenario has no result for it"))
    }

    fn verify(&self, index: u32) -> EventBody {
        let expression = self.playbook.verify.get(index as usize).cloned().unwrap_or_default();
        let scope = self.scope(None, None);
        let went = self.evaluator.condition(&expression, &scope, &self.reads());
        let ok = matches!(went, Ok(true));
        let error = went.err().map(|error| error.to_string());
        EventBody::StepVerified(StepVerified {
            path: format!("verify[{index}]"),
            attempt: 1,
            index,
            expression,
            ok,
            error,
        })
    }

    fn conclude(&mut self, verdict: Verdict) -> EventBody {
        let (scope, reads) = (self.scope(None, None), self.reads());
        let mut outcome = verdict.outcome;
        let mut outputs = Map::new();
        for (name, template) in &self.playbook.outputs {
            match self.evaluator.value(template, &scope, &reads) {
                Ok(value) => {
                    outputs.insert(name.clone(), value);
                }
                Err(_) if outcome == Outcome::Succeeded => outcome = Outcome::Failed,
                Err(_) => {}
            }
        }
        self.outputs = outputs;
        let Verdict { cause, kind, .. } = verdict;
        EventBody::RunFinished(RunFinished { outcome, cause, error_kind: kind, outputs: None })
    }

    fn scope(&self, path: Option<&str>, item: Option<u32>) -> Scope {
        let located = path.and_then(|path| self.state.locate(path));
        let in_handler = located.is_some_and(|(section, _, _)| section != Section::Main);
        let item = located.zip(item).and_then(|((_, step, _), index)| {
            let foreach = self.playbook.step(&step.id)?.foreach.as_ref()?;
            let value = self.items.get(&step.id)?.get(index as usize)?.clone();
            Some((foreach.name.clone(), value))
        });
        Scope {
            inputs: self.inputs.clone(),
            steps: self
                .playbook
                .all_steps()
                .map(|step| (step.id.clone(), self.view(&step.id)))
                .collect(),
            run: run_facts(self.playbook),
            memory: Value::Array(Vec::new()),
            secrets: self.playbook.permissions.secrets.iter().cloned().collect(),
            error: if in_handler { self.error() } else { None },
            item,
        }
    }

    fn view(&self, id: &str) -> StepView {
        let Some(Phase::Done { ok, skipped, .. }) = self.state.phase(id) else {
            return StepView { skipped: true, ..StepView::default() };
        };
        let result = self.scenario.results.get(id).filter(|_| !skipped);
        let data = match self.items.get(id) {
            Some(items) => {
                let one = result.and_then(|result| result.data.clone()).unwrap_or(Value::Null);
                Some(Value::Array(vec![one; items.len()]))
            }
            None => result.and_then(|result| result.data.clone()),
        };
        let scripted = result.and_then(|result| result.error.as_ref());
        let scripted = scripted.map(|error| ToolError::new(error.kind, error.message.clone()));
        let error = if ok { None } else { self.failures.get(id).cloned().or(scripted) };
        StepView { ok, skipped, data, error, artifacts: Vec::new(), attempts: 1 }
    }

    fn error(&self) -> Option<RunError> {
        let verdict = agent::verdict(&self.state);
        let cause = verdict.cause?;
        let message = self.view(&cause).error.map(|error| error.message).unwrap_or_default();
        let kind = verdict.kind.map_or("verification", ErrorKind::as_str).to_owned();
        Some(RunError { kind, message: if message.is_empty() { cause } else { message } })
    }

    fn reads(&self) -> ScriptedReads {
        let path = |args: &Value| args.get("path").and_then(Value::as_str).map(str::to_owned);
        let written = self.args.iter().filter(|(step, args)| {
            args.get("text").is_some()
                && matches!(self.state.phase(step), Some(Phase::Done { ok: true, .. }))
        });
        ScriptedReads { written: written.filter_map(|(_, args)| path(args)).collect() }
    }

    const fn uuid(&mut self) -> Uuid {
        self.next_id += 1;
        Uuid::from_u128(self.next_id)
    }
}

/// Why a step is not opened.
enum Stop {
    /// An expression failed, and the step with it.
    Expression(String),
    /// The scenario cannot be played.
    Script(String),
}

impl From<crate::playbook::expression::ExpressionError> for Stop {
    fn from(error: crate::playbook::expression::ExpressionError) -> Self {
        Self::Expression(error.to_string())
    }
}

/// Files that steps of the scenario wrote, without content.
struct ScriptedReads {
    written: Vec<String>,
}

impl Reads for ScriptedReads {
    fn exists(&self, path: &str) -> Result<bool, String> {
        Ok(self.written.iter().any(|written| written == path))
    }

    fn read(&self, path: &str) -> Result<String, String> {
        Err(format!("`{path}` has no content in a scenario"))
    }

    fn template(&self, name: &str) -> Result<String, String> {
        let shipped =
            SHIPPED_TEMPLATES.iter().find(|(path, _)| path.ends_with(&format!("/{name}")));
        // What a template of the workspace makes of the data is not what a scenario tests.
        Ok(shipped.map_or_else(String::new, |(_, text)| (*text).to_owned()))
    }

    fn now(&self) -> String {
        Timestamp::from_ms(0).to_string()
    }
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
    });
    facts.as_object().cloned().unwrap_or_default()
}

fn started(budget: &Budget) -> EventBody {
    EventBody::RunStarted(RunStarted {
        playbook: None,
        inputs: Map::new(),
        read_roots: Vec::new(),
        budget: budget.clone(),
        profile: Profile::Workspace,
        policy_hash: Hash::ZERO,
        unattended: false,
        dry_run: false,
        parent_run_id: None,
    })
}

fn decided(path: String, call_id: CallId) -> EventBody {
    let decision = Decision {
        effect: Effect::Allow,
        reason: "a scenario asks nobody".to_owned(),
        rules: Vec::new(),
        policy_hash: Hash::ZERO,
        confinement: Confinement::default(),
        obligations: Vec::new(),
        evaluated_us: 0,
    };
    EventBody::CallDecided(CallDecided { call_id, path, name: "scripted".to_owned(), decision })
}

fn step_started(path: &str, attempt: u32, item_count: Option<u32>) -> EventBody {
    EventBody::StepStarted(StepStarted { path: path.to_owned(), attempt, items: None, item_count })
}

fn skipped(path: &str) -> EventBody {
    EventBody::StepFinished(StepFinished {
        path: path.to_owned(),
        ok: false,
        skipped: true,
        attempt: 0,
        error_kind: None,
        message: None,
    })
}

fn finished(path: &str, attempt: u32, ok: bool, error_kind: Option<ErrorKind>) -> EventBody {
    EventBody::StepFinished(StepFinished {
        path: path.to_owned(),
        ok,
        skipped: false,
        attempt,
        error_kind,
        message: None,
    })
}

fn no_text() -> TextRef {
    Stored::new(Vec::new(), [0; 32]).reference
}
