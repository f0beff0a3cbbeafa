//! What a run would do: each step with its arguments and the decision, without doing any of it.
//!
//! Nothing executes, reads included. A value that depends on a step that did not run is shown as
//! `<from steps.x>`, and its decision as `depends` unless it is refused already. Steps inside of a
//! block are shown once, and so are those of a playbook that is called, with its inputs and within the
//! bounds of its caller.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::{Value, json};

use super::attached::Attached;
use super::audit::{self, Fate};
use super::called::called;
use super::dry_origins::DryGround;
use super::dry_value::{self, Known};
use super::error::RunError;
use super::intake::{self, Checked};
use super::judge::{self, Judge};
use super::origins;
use super::place::{inside, join, sections};
use super::planning::{Came, FirstPlan, first_plan};
use super::scope::feedback;
use super::services::Services;
use super::taken::{Labels, secret};
use crate::contracts::{
    Bound, CallEffect, CallId, Decision, Effect, ErrorKind, FsAccess, Map, Origin, Profile, RunId,
    ToolCall,
};
use crate::playbook::expression::{Scope, StepView};
use crate::playbook::{Action, Pinned, Playbook, Step};
use crate::store::AuditEntry;

/// One step of a dry run.
#[derive(Debug, Clone, Serialize, serde::Deserialize)]
pub struct DryStep {
    /// The step's path, without items: a loop is shown once. Steps of a playbook that is called stand
    /// behind the path of the step that calls it and ` > `.
    pub path: String,
    /// What it would do: a tool's name, `approval`, `goal`, `call` or `block`.
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
    /// Of what kind that is, where a model was asked and there is no plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_kind: Option<ErrorKind>,
}

/// Goes through a checked playbook and audits each decision. Blocks.
///
/// # Errors
/// When the audit log cannot be written.
pub fn dry_run(services: &Services, checked: &Checked) -> Result<Vec<DryStep>, RunError> {
    dry_run_with(services, checked, &[])
}

/// As [`dry_run`], with files that came with the task.
///
/// # Errors
/// As [`dry_run`].
pub fn dry_run_with(
    services: &Services,
    checked: &Checked,
    attached: &[Attached],
) -> Result<Vec<DryStep>, RunError> {
    dry_run_as(services, checked, RunId::from_uuid(services.clock.uuid()), Came::with(attached))
}

/// As [`dry_run`], in the name of a run that there is, with what came to it.
pub(super) fn dry_run_as(
    services: &Services,
    checked: &Checked,
    run_id: RunId,
    came: Came,
) -> Result<Vec<DryStep>, RunError> {
    let mut shown = Shown::default();
    let library = Pinned::from(checked.sources.clone());
    let top = Dry::new(services, checked, &library, run_id);
    top.sections(&mut shown);
    top.planned(checked, came, &mut shown)?;
    for entry in shown.audit {
        services.store.audit(&entry)?;
    }
    Ok(shown.steps)
}

/// What was gone through so far.
#[derive(Default)]
struct Shown {
    steps: Vec<DryStep>,
    audit: Vec<AuditEntry>,
}

/// One playbook that is gone through.
struct Dry<'a> {
    services: &'a Services,
    playbook: &'a Playbook,
    read_roots: &'a [std::path::PathBuf],
    library: &'a Pinned,
    run_id: RunId,
    scope: Scope,
    /// Inputs whose value is not known, of a playbook that is called with one.
    unknown_inputs: bool,
    /// Bounds of the runs above, nearest first.
    bounds: Vec<Bound>,
    /// What stands before the paths of its steps.
    before: String,
    /// Where values would come from.
    ground: RefCell<DryGround>,
}

impl<'a> Dry<'a> {
    fn new(
        services: &'a Services,
        checked: &'a Checked,
        library: &'a Pinned,
        run_id: RunId,
    ) -> Self {
        Self {
            services,
            playbook: &checked.playbook,
            read_roots: &checked.read_roots,
            library,
            run_id,
            scope: scope(services, &checked.playbook, checked.inputs.clone(), run_id),
            unknown_inputs: false,
            bounds: Vec::new(),
            before: String::new(),
            ground: RefCell::new(ground(&checked.playbook, &checked.inputs)),
        }
    }

    /// Goes through every step, in the order in which they are written.
    fn sections(&self, shown: &mut Shown) {
        // Handlers see `error`, which nobody knows.
        let mut pending = BTreeSet::from(["error".to_owned(), "memory".to_owned()]);
        if self.unknown_inputs {
            pending.insert("inputs".to_owned());
        }
        shown.steps.extend(self.goal());
        for (_, steps) in sections(self.playbook) {
            self.list(steps, "", &mut pending, shown);
        }
    }

    /// What stands for the steps of a playbook that has a goal: nobody knows them before a planner is asked.
    fn goal(&self) -> Option<DryStep> {
        let goal = self.playbook.goal.as_ref()?;
        let template = Map::from_iter([("goal".to_owned(), json!(goal))]);
        let (args, error) = match self.known(&BTreeSet::new()).fill(&template) {
            Ok((args, _)) => (args, None),
            Err(error) => (Map::new(), Some(error)),
        };
        let would = "let a planner find the steps; each plan is judged before anything of it runs";
        Some(DryStep {
            path: format!("{}goal", self.before),
            action: "goal".to_owned(),
            runs: Some(true),
            args,
            would: would.to_owned(),
            decision: None,
            error,
            error_kind: None,
        })
    }

    /// Has a model find the first steps of a goal, where one is configured.
    fn planned(&self, checked: &Checked, came: Came, shown: &mut Shown) -> Result<(), RunError> {
        let asked = self.playbook.goal.is_some() && self.services.model.is_some();
        let Some(goal) = shown.steps.first_mut().filter(|it| asked && it.error.is_none()) else {
            return Ok(());
        };
        let FirstPlan { would, error, steps, calls } =
            first_plan(self.services, checked, self.run_id, came)?;
        goal.would = would;
        (goal.error_kind, goal.error) = error.unzip();
        let decided = steps.iter().filter_map(|step| step.decision.as_ref());
        let audited = decided.zip(&calls).map(|(decision, call)| self.entry(call, decision));
        shown.audit.extend(audited);
        shown.steps.splice(1..1, steps);
        Ok(())
    }

    fn entry(&self, call: &ToolCall, decision: &Decision) -> AuditEntry {
        let obligations = decision.obligations.clone();
        let refused = decision.effect == Effect::Deny;
        let error = refused.then(|| decision.reason.clone());
        let fate = Fate { dry_run: true, ok: !refused, error, obligations, ..Fate::default() };
        audit::entry(self.services, Some(self.run_id), call, decision.effect, fate)
    }

    fn list(&self, steps: &[Step], block: &str, pending: &mut BTreeSet<String>, shown: &mut Shown) {
        for step in steps {
            let mut inner = pending.clone();
            inner.extend(step.foreach.as_ref().map(|foreach| foreach.name.clone()));
            if let Some(foreach) = &step.foreach {
                let labels = self.origins(&foreach.over.template());
                self.ground.borrow_mut().items.insert(foreach.name.clone(), labels);
            }
            let path = join(block, &step.id);
            let (dry, unknown) = self.step(step, &path, &inner, shown);
            let goes_in = dry.runs != Some(false);
            shown.steps.push(dry);
            if let Some(lists) = inside(step).filter(|_| goes_in) {
                for (_, steps) in lists {
                    self.list(steps, &path, &mut inner, shown);
                }
                pending.extend(lists.into_iter().flat_map(|(_, all)| all).map(|it| it.id.clone()));
            }
            if goes_in {
                self.called(step, &path, &unknown, shown);
            }
            pending.insert(step.id.clone());
        }
    }

    /// A step, and the names of its arguments that are not known.
    fn step(
        &self,
        step: &Step,
        path: &str,
        pending: &BTreeSet<String>,
        shown: &mut Shown,
    ) -> (DryStep, Vec<String>) {
        let (action, template, would) = described(step);
        let filled = self.known(pending).fill(&template);
        let (args, unknown, error) = match filled {
            Ok((args, unknown)) => (args, unknown, None),
            Err(error) => (Map::new(), template.keys().cloned().collect(), Some(error)),
        };
        let (mut args, mut found) = (args, Labels::new());
        for value in args.values_mut() {
            let names = self.services.redactor.conceal(value);
            found.extend(names.iter().map(|name| secret(name)));
        }
        let mut dry = DryStep {
            path: format!("{}{path}", self.before),
            action,
            runs: self.known(pending).condition(step.condition.as_deref()),
            args,
            would,
            decision: None,
            error,
            error_kind: None,
        };
        if let Action::Tool { tool, args } = &step.action {
            let call = self.call(step, path, tool, dry.args.clone(), (args, &found));
            self.decide(&call, unknown.clone(), &mut dry, shown);
            self.answered(step, &call);
        }
        (dry, unknown)
    }

    fn origins(&self, template: &Value) -> Labels {
        origins::of(&self.services.evaluator, template, &*self.ground.borrow())
    }

    /// Remembers where the answer of a call would come from.
    fn answered(&self, step: &Step, call: &ToolCall) {
        let own = self.services.tool(&call.name);
        let own = own.map(|tool| self.services.policy.current().output_labels(&tool));
        let given = origins::handed_on(&call.labels).cloned();
        let labels = own.into_iter().flatten().chain(given).collect();
        self.ground.borrow_mut().answered(&step.id, labels);
    }

    fn known<'b>(&'b self, pending: &'b BTreeSet<String>) -> Known<'b> {
        Known { evaluator: &self.services.evaluator, scope: &self.scope, pending }
    }

    fn decide(&self, call: &ToolCall, unknown: Vec<String>, dry: &mut DryStep, shown: &mut Shown) {
        let whole = unknown.is_empty();
        let decision = self.judge(unknown).decide(call).decision;
        dry.would = match self.services.toolbox().dry_run(call) {
            Ok(would) => would,
            Err(_) if !whole => format!("call `{}`", call.name),
            Err(error) => {
                dry.error = Some(error.message);
                format!("call `{}`", call.name)
            }
        };
        shown.audit.push(self.entry(call, &decision));
        dry.decision = Some(decision);
    }

    fn judge(&self, unknown: Vec<String>) -> Judge<'_> {
        Judge {
            services: self.services,
            playbook: self.playbook,
            inputs: &self.scope.inputs,
            read_roots: self.read_roots,
            bounds: &self.bounds,
            unattended: unattended(self.services),
            run: judge::no_run(self.playbook, self.run_id),
            unknown,
            also: None,
            bounded: true,
        }
    }

    fn call(
        &self,
        step: &Step,
        path: &str,
        tool: &str,
        args: Map,
        (templates, found): (&Map, &Labels),
    ) -> ToolCall {
        let traced = origins::each(&self.services.evaluator, templates, &*self.ground.borrow());
        let stated = step.labels.iter().chain(found);
        let labelled = |(arg, labels): (String, Labels)| {
            let all = origins::whole(labels.into_iter().chain(stated.clone().cloned()).collect());
            (arg, all.into_iter().collect())
        };
        let arg_labels: BTreeMap<String, Vec<String>> = traced.into_iter().map(labelled).collect();
        let labels: Labels = arg_labels.values().flatten().chain(&step.labels).cloned().collect();
        let found = self.services.tool(tool);
        let known = found.as_deref();
        let reads_only = known.is_some_and(|tool| tool.effect == CallEffect::Read);
        ToolCall {
            id: CallId::from_uuid(self.services.clock.uuid()),
            run_id: self.run_id,
            step_id: path.to_owned(),
            name: known.map_or_else(|| tool.to_owned(), |tool| tool.name.clone()),
            args,
            timeout_ms: step.timeout_ms.or_else(|| known.map(|tool| tool.timeout_ms)).unwrap_or(0),
            allow_network: known.is_some_and(|tool| self.judge(Vec::new()).reaches(tool)),
            allow_fs: if reads_only { FsAccess::Read } else { FsAccess::Write },
            expected_output_schema: None,
            idempotency_key: String::new(),
            origin: Origin::Playbook,
            labels: labels.into_iter().collect(),
            arg_labels,
        }
    }

    /// Goes into the playbook that a step calls.
    fn called(&self, step: &Step, path: &str, unknown: &[String], shown: &mut Shown) {
        let Action::Call { playbook: name, inputs: templates } = &step.action else { return };
        let Some(caller) = shown.steps.last_mut().filter(|last| last.error.is_none()) else {
            return;
        };
        match self.child(name, &caller.args, unknown) {
            Err(error) => caller.error = Some(error),
            Ok((playbook, inputs)) => {
                let run_id = RunId::from_uuid(self.services.clock.uuid());
                let mut bounds = vec![self.judge(Vec::new()).own_bound()];
                bounds.extend(self.bounds.iter().cloned());
                let mut inner = ground(&playbook, &inputs);
                let evaluator = &self.services.evaluator;
                let given = origins::each(evaluator, templates, &*self.ground.borrow());
                inner.inputs = given.into_iter().collect();
                let child = Dry {
                    ground: RefCell::new(inner),
                    playbook: &playbook,
                    run_id,
                    scope: scope(self.services, &playbook, inputs, run_id),
                    unknown_inputs: !unknown.is_empty(),
                    bounds,
                    before: format!("{}{path} > ", self.before),
                    ..*self
                };
                child.sections(shown);
                let inner = child.ground.into_inner();
                let from = inner.inputs.into_values().chain(inner.steps.into_values()).flatten();
                self.ground.borrow_mut().answered(&step.id, from.collect());
            }
        }
    }

    /// A playbook that is called, and its inputs; those that are not known yet have no value.
    fn child(
        &self,
        name: &str,
        given: &Map,
        unknown: &[String],
    ) -> Result<(Playbook, Map), String> {
        let called = called(self.services, self.library, name, self.bounds.len());
        let playbook = called.map_err(|refused| refused.message)?.playbook;
        let root = &self.services.root;
        let (placed, _) = intake::place_paths(self.services, &playbook, given, root);
        let inputs = dry_value::inputs(&playbook, &placed, unknown)?;
        Ok((playbook, inputs))
    }
}

fn ground(playbook: &Playbook, inputs: &Map) -> DryGround {
    let secrets = playbook.permissions.secrets.clone();
    DryGround { names: inputs.keys().cloned().collect(), secrets, ..DryGround::default() }
}

/// What a step does, the templates to show, and what would happen.
fn described(step: &Step) -> (String, Map, String) {
    let one = |name: &str, text: &str| Map::from_iter([(name.to_owned(), json!(text))]);
    let (action, templates, would) = match &step.action {
        Action::Tool { tool, args } => (tool.as_str(), args.clone(), String::new()),
        Action::Goal { goal, .. } => {
            ("goal", one("goal", goal), "let a planner reach the goal".to_owned())
        }
        Action::Approval { prompt, rewind, .. } => {
            let back = rewind.as_ref().map_or_else(String::new, |rewind| {
                format!("; a no with a comment goes back to `{}`", rewind.to)
            });
            ("approval", one("prompt", prompt), format!("ask a person{back}"))
        }
        Action::Call { playbook, inputs } => {
            ("call", inputs.clone(), format!("run the playbook `{playbook}`"))
        }
        Action::Block(body) => {
            let rescue = if body.rescue.is_empty() { "" } else { ", and others when one fails" };
            ("block", Map::new(), format!("do the steps inside{rescue}"))
        }
    };
    (action.to_owned(), templates, would)
}

fn scope(services: &Services, playbook: &Playbook, mut inputs: Map, run_id: RunId) -> Scope {
    feedback(&mut inputs, playbook, None);
    let run = json!({
        "id": run_id.to_string(),
        "task_id": "",
        "playbook": playbook.name,
        "goal": playbook.description,
        "started_at": services.clock.now().to_string(),
        "unattended": unattended(services),
        "dry_run": true,
        "answer": "",
    });
    let steps: BTreeMap<String, StepView> =
        playbook.all_steps().map(|step| (step.id.clone(), StepView::default())).collect();
    Scope {
        inputs,
        steps,
        run: run.as_object().cloned().unwrap_or_default(),
        memory: Value::Null,
        secrets: playbook.permissions.secrets.iter().cloned().collect(),
        ..Scope::default()
    }
}

fn unattended(services: &Services) -> bool {
    services.config().policy.profile == Profile::Ci
}
