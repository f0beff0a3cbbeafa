//! What a run would do: each step with its arguments and the decision, without doing any of it.
//!
//! Nothing executes, reads included. A value that depends on a step that did not run is shown as
//! `<from steps.x>`, and its decision as `depends` unless it is refused already.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::{Value, json};

use super::audit::{self, Fate};
use super::error::RunError;
use super::intake::Checked;
use super::judge::{self, Judge};
use super::services::Services;
use crate::contracts::{
    CallEffect, CallId, Decision, FsAccess, Map, Origin, Profile, RunId, ToolCall,
};
use crate::playbook::expression::{Reads, Scope, StepView};
use crate::playbook::{Action, Step};
use crate::store::AuditEntry;
use crate::tools;

/// What stands for a value that would have to be read.
const NOT_READ: &str = "<not read in a dry run>";

/// One step of a dry run.
#[derive(Debug, Clone, Serialize, serde::Deserialize)]
pub struct DryStep {
    /// The step's id.
    pub path: String,
    /// What it would do: a tool's name, `approval` or `goal`.
    pub action: String,
    /// Whether it would run: `true`, `false`, or unknown because it depends on steps before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runs: Option<bool>,
    /// Its arguments, as far as they are known.
    pub args: Map,
    /// What would happen, in a sentence.
    pub would: String,
    /// What policy says; absent for steps that call no tool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<Decision>,
    /// Why its arguments could not be worked out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Goes through a checked playbook and audits each decision. Blocks.
///
/// # Errors
/// When the audit log cannot be written.
pub fn dry_run(services: &Services, checked: &Checked) -> Result<Vec<DryStep>, RunError> {
    let mut dry = Dry::new(services, checked);
    let playbook = &checked.playbook;
    let mut steps = Vec::new();
    for step in playbook.all_steps() {
        steps.push(dry.step(step));
        dry.pending.insert(step.id.clone());
    }
    for entry in dry.audit {
        services.store.audit(&entry)?;
    }
    Ok(steps)
}

struct Dry<'a> {
    services: &'a Services,
    checked: &'a Checked,
    run_id: RunId,
    scope: Scope,
    pending: BTreeSet<String>,
    audit: Vec<AuditEntry>,
}

impl<'a> Dry<'a> {
    fn new(services: &'a Services, checked: &'a Checked) -> Self {
        let playbook = &checked.playbook;
        let run_id = RunId::from_uuid(services.clock.uuid());
        let run = json!({
            "id": run_id.to_string(),
            "task_id": "",
            "playbook": playbook.name,
            "goal": playbook.description,
            "started_at": services.clock.now().to_string(),
            "unattended": unattended(services),
            "dry_run": true,
        });
        let steps: BTreeMap<String, StepView> =
            playbook.all_steps().map(|step| (step.id.clone(), StepView::default())).collect();
        let scope = Scope {
            inputs: checked.inputs.clone(),
            steps,
            run: run.as_object().cloned().unwrap_or_default(),
            memory: Value::Array(Vec::new()),
            secrets: playbook.permissions.secrets.iter().cloned().collect(),
            ..Scope::default()
        };
        // Handlers see `error`, which nobody knows.
        let pending = BTreeSet::from(["error".to_owned()]);
        Self { services, checked, run_id, scope, pending, audit: Vec::new() }
    }

    fn step(&mut self, step: &Step) -> DryStep {
        let item = step.foreach.as_ref().map(|foreach| foreach.name.clone());
        let mut pending = self.pending.clone();
        pending.extend(item);
        let runs = self.condition(step, &pending);
        let (action, template) = match &step.action {
            Action::Tool { tool, args } => (tool.clone(), args.clone()),
            Action::Goal { goal, .. } => ("goal".to_owned(), one("goal", goal)),
            Action::Approval { prompt, .. } => ("approval".to_owned(), one("prompt", prompt)),
        };
        let filled = self.fill(&template, &pending);
        let (args, unknown, error) = match filled {
            Ok((args, unknown)) => (args, unknown, None),
            Err(error) => (Map::new(), template.keys().cloned().collect(), Some(error)),
        };
        let mut dry = DryStep {
            path: step.id.clone(),
            action,
            runs,
            args,
            would: String::new(),
            decision: None,
            error,
        };
        match &step.action {
            Action::Tool { tool, .. } => self.decide(step, tool, unknown, &mut dry),
            Action::Goal { .. } => "let a planner reach the goal".clone_into(&mut dry.would),
            Action::Approval { .. } => "ask a person".clone_into(&mut dry.would),
        }
        dry
    }

    fn condition(&self, step: &Step, pending: &BTreeSet<String>) -> Option<bool> {
        let Some(condition) = &step.condition else { return Some(true) };
        let template = Value::String(format!("${{{{ {condition} }}}}"));
        let reads = DryReads::default();
        let evaluator = &self.services.evaluator;
        match evaluator.value_or_pending(&template, &self.scope, &reads, pending) {
            Ok((Value::Bool(holds), unknown)) if unknown.is_empty() => Some(holds),
            _ => None,
        }
    }

    /// Arguments as far as they are known, and the names of those that are not.
    fn fill(&self, args: &Map, pending: &BTreeSet<String>) -> Result<(Map, Vec<String>), String> {
        let (mut filled, mut unknown) = (Map::new(), Vec::new());
        for (name, template) in args {
            let reads = DryReads::default();
            let evaluator = &self.services.evaluator;
            match evaluator.value_or_pending(template, &self.scope, &reads, pending) {
                Ok((value, pointers)) => {
                    if !pointers.is_empty() {
                        unknown.push(name.clone());
                    }
                    filled.insert(name.clone(), value);
                }
                Err(_) if reads.asked.get() => {
                    unknown.push(name.clone());
                    filled.insert(name.clone(), json!(NOT_READ));
                }
                Err(error) => return Err(error.to_string()),
            }
        }
        Ok((filled, unknown))
    }

    fn decide(&mut self, step: &Step, tool: &str, unknown: Vec<String>, dry: &mut DryStep) {
        let call = self.call(step, tool, dry.args.clone());
        let whole = unknown.is_empty();
        let judge = Judge {
            services: self.services,
            playbook: &self.checked.playbook,
            inputs: &self.checked.inputs,
            read_roots: &self.checked.read_roots,
            unattended: unattended(self.services),
            run: judge::no_run(&self.checked.playbook, self.run_id),
            unknown,
            also: None,
            bounded: true,
        };
        let decision = judge.decide(&call).decision;
        dry.would = match tools::dry_run(&call) {
            Ok(would) => would,
            Err(_) if !whole => format!("call `{}`", call.name),
            Err(error) => {
                dry.error = Some(error.message);
                format!("call `{}`", call.name)
            }
        };
        let fate = Fate { dry_run: true, ok: true, error: None, duration_ms: 0 };
        self.audit.push(audit::entry(
            self.services,
            Some(self.run_id),
            &call,
            decision.effect,
            fate,
        ));
        dry.decision = Some(decision);
    }

    fn call(&self, step: &Step, tool: &str, args: Map) -> ToolCall {
        let known = self.services.vocabulary.get(tool);
        let reads_only = known.is_some_and(|tool| tool.effect == CallEffect::Read);
        ToolCall {
            id: CallId::from_uuid(self.services.clock.uuid()),
            run_id: self.run_id,
            step_id: step.id.clone(),
            name: known.map_or_else(|| tool.to_owned(), |tool| tool.name.clone()),
            args,
            timeout_ms: step.timeout_ms.or_else(|| known.map(|tool| tool.timeout_ms)).unwrap_or(0),
            allow_network: false,
            allow_fs: if reads_only { FsAccess::Read } else { FsAccess::Write },
            expected_output_schema: None,
            idempotency_key: String::new(),
            origin: Origin::Playbook,
            labels: step.labels.clone(),
        }
    }
}

fn one(name: &str, template: &str) -> Map {
    Map::from_iter([(name.to_owned(), json!(template))])
}

fn unattended(services: &Services) -> bool {
    services.config.policy.profile == Profile::Ci
}

/// Reads nothing, and remembers that it was asked to.
#[derive(Debug, Default)]
struct DryReads {
    asked: Cell<bool>,
}

impl DryReads {
    fn refuse<T>(&self) -> Result<T, String> {
        self.asked.set(true);
        Err("nothing is read in a dry run".to_owned())
    }
}

impl Reads for DryReads {
    fn exists(&self, _: &str) -> Result<bool, String> {
        self.refuse()
    }

    fn read(&self, _: &str) -> Result<String, String> {
        self.refuse()
    }

    fn template(&self, _: &str) -> Result<String, String> {
        self.refuse()
    }

    fn now(&self) -> String {
        "<now>".to_owned()
    }
}
