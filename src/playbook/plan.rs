//! What a playbook will do and may touch, without running it.

mod text;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;

use super::model::{Action, Over, Permissions, Playbook, Step};
use crate::contracts::{Budget, CallEffect, Map, Risk};
use crate::ports::{PathAccess, ToolDescriptor, Vocabulary};

/// A playbook's graph.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Plan {
    /// The playbook's name.
    pub name: String,
    /// What it does.
    pub description: String,
    /// The file it was read from.
    pub file: String,
    /// The most it may spend.
    pub budget: Budget,
    /// The most it may touch.
    pub permissions: PlannedPermissions,
    /// Every step, in the order in which they may run.
    pub steps: Vec<PlannedStep>,
    /// Expressions that must hold.
    pub verify: Vec<String>,
    /// Where a person may have to say yes, and why.
    pub approvals: Vec<PlannedApproval>,
}

/// The most a playbook may touch, as written: expressions are not evaluated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlannedPermissions {
    /// Tools.
    pub tools: Vec<String>,
    /// Paths that may be read.
    pub read: Vec<String>,
    /// Paths that may be written.
    pub write: Vec<String>,
    /// Hosts.
    pub network: Vec<String>,
    /// Secrets.
    pub secrets: Vec<String>,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PlannedStep {
    /// `steps`, `on_failure` or `always`.
    pub section: &'static str,
    /// The block it stands in.
    pub inside: Option<String>,
    /// `block`, `rescue` or `always`: the list of that block.
    pub part: Option<&'static str>,
    /// How many blocks are around it.
    pub depth: u32,
    /// Its id.
    pub id: String,
    /// Ids of steps that are over before it begins, where there is a graph.
    pub needs: Vec<String>,
    /// The fragment's file it stands in.
    pub fragment: Option<String>,
    /// Line in its file, from 1.
    pub line: u32,
    /// `tool`, `goal`, `approval`, `call` or `block`.
    pub kind: &'static str,
    /// The tools it may call.
    pub tools: Vec<String>,
    /// The highest risk among them.
    pub risk: Option<Risk>,
    /// What doing it twice means, of a step that calls one tool.
    pub effect: Option<CallEffect>,
    /// Paths it reads, as written.
    pub reads: Vec<String>,
    /// Paths it writes, as written.
    pub writes: Vec<String>,
    /// Whether it may send anything over a network.
    pub network: bool,
    /// The command it runs, as written.
    pub command: Option<Value>,
    /// The expression that must hold for it to run.
    #[serde(rename = "if")]
    pub condition: Option<String>,
    /// The list it repeats over, as written; of a matrix, its axes.
    pub foreach: Option<Value>,
    /// Combinations of a matrix that are left out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<Map>,
    /// Where a denial with a comment leads.
    pub rewind_to: Option<String>,
    /// What it calls.
    pub call: Option<PlannedCall>,
}

/// A playbook that is called, and the most it may touch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlannedCall {
    /// Its name or path, as written.
    pub playbook: String,
    /// The most it may touch; nothing is known of one that was not found.
    pub permissions: Option<PlannedPermissions>,
}

/// Where a person may have to say yes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlannedApproval {
    /// The step.
    pub step: String,
    /// Why.
    pub reason: String,
}

/// The playbooks that are called, by their names as written.
type Called = BTreeMap<String, Arc<Playbook>>;

/// The plan of `playbook`, which calls those in `called`.
#[must_use]
pub fn plan(playbook: &Playbook, called: &Called, vocabulary: &Vocabulary) -> Plan {
    let sections = [
        ("steps", &playbook.steps),
        ("on_failure", &playbook.on_failure),
        ("always", &playbook.always),
    ];
    let mut steps = Vec::new();
    for (section, list) in sections {
        let at = At { section, inside: None, part: None, depth: 0 };
        let mut planner = Planner { playbook, called, vocabulary, steps: &mut steps };
        planner.list(list, at);
    }
    let approvals = playbook
        .all_steps()
        .zip(&steps)
        .flat_map(|(step, planned)| approvals(step, planned, called))
        .collect();
    Plan {
        name: playbook.name.clone(),
        description: playbook.description.clone(),
        file: playbook.file.clone(),
        budget: playbook.budget.clone(),
        permissions: PlannedPermissions::of(&playbook.permissions),
        steps,
        verify: playbook.verify.clone(),
        approvals,
    }
}

impl PlannedPermissions {
    fn of(permissions: &Permissions) -> Self {
        let Permissions { tools, read, write, network, secrets } = permissions.clone();
        Self { tools, read, write, network, secrets }
    }

    const fn lists(&self) -> [(&'static str, &Vec<String>); 5] {
        [
            ("tools", &self.tools),
            ("read", &self.read),
            ("write", &self.write),
            ("network", &self.network),
            ("secrets", &self.secrets),
        ]
    }
}

/// Where a list of steps stands.
#[derive(Debug, Clone, Copy)]
struct At<'a> {
    section: &'static str,
    inside: Option<&'a str>,
    part: Option<&'static str>,
    depth: u32,
}

struct Planner<'a> {
    playbook: &'a Playbook,
    called: &'a Called,
    vocabulary: &'a Vocabulary,
    steps: &'a mut Vec<PlannedStep>,
}

impl Planner<'_> {
    /// Each step before what it holds, as in [`Playbook::all_steps`].
    fn list(&mut self, steps: &[Step], at: At<'_>) {
        for step in steps {
            let mut planned = planned(at, step, &self.playbook.permissions, self.vocabulary);
            if let Action::Call { playbook, .. } = &step.action {
                let called = self.called.get(playbook);
                let permissions = called.map(|it| PlannedPermissions::of(&it.permissions));
                planned.call = Some(PlannedCall { playbook: playbook.clone(), permissions });
            }
            self.steps.push(planned);
            if let Action::Block(body) = &step.action {
                let lists =
                    [("block", &body.steps), ("rescue", &body.rescue), ("always", &body.always)];
                for (part, list) in lists {
                    let (inside, depth) = (Some(step.id.as_str()), at.depth + 1);
                    self.list(list, At { inside, part: Some(part), depth, ..at });
                }
            }
        }
    }
}

fn planned(
    at: At<'_>,
    step: &Step,
    permissions: &Permissions,
    vocabulary: &Vocabulary,
) -> PlannedStep {
    let (kind, tools) = kind_and_tools(step);
    let known: Vec<&ToolDescriptor> =
        tools.iter().filter_map(|tool| vocabulary.get(tool)).map(AsRef::as_ref).collect();
    let (reads, writes) = roots(step, &known, permissions);
    let (command, effect) = command_and_effect(step, &known);
    let rewind_to = match &step.action {
        Action::Approval { rewind, .. } => rewind.as_ref().map(|rewind| rewind.to.clone()),
        _ => None,
    };
    PlannedStep {
        section: at.section,
        inside: at.inside.map(str::to_owned),
        part: at.part,
        depth: at.depth,
        id: step.id.clone(),
        needs: step.needs.clone(),
        fragment: step.fragment.clone(),
        line: step.place.line,
        kind,
        risk: known.iter().map(|tool| tool.risk).max(),
        effect,
        reads,
        writes,
        network: known.iter().any(|tool| tool.sends_network) && !permissions.network.is_empty(),
        command,
        condition: step.condition.clone(),
        foreach: step.foreach.as_ref().map(|foreach| foreach.over.template()),
        exclude: step.foreach.as_ref().map_or_else(Vec::new, |foreach| match &foreach.over {
            Over::Matrix { exclude, .. } => exclude.clone(),
            Over::List(_) => Vec::new(),
        }),
        rewind_to,
        call: None,
        tools,
    }
}

/// What kind of step it is, and the tools it may call.
fn kind_and_tools(step: &Step) -> (&'static str, Vec<String>) {
    match &step.action {
        Action::Tool { tool, .. } => ("tool", vec![tool.clone()]),
        Action::Goal { tools, .. } => ("goal", tools.clone()),
        Action::Approval { .. } => ("approval", Vec::new()),
        Action::Call { .. } => ("call", Vec::new()),
        Action::Block(_) => ("block", Vec::new()),
    }
}

/// The command that a step runs, as written, and what doing it twice means, if it calls one tool.
fn command_and_effect(
    step: &Step,
    tools: &[&ToolDescriptor],
) -> (Option<Value>, Option<CallEffect>) {
    let (Action::Tool { args, .. }, [tool]) = (&step.action, tools) else { return (None, None) };
    let command = tool.command.as_ref().and_then(|name| args.get(name)).cloned();
    (command, Some(step.effect.unwrap_or(tool.effect)))
}

/// Paths a step reads and writes. A command and an agentic step may reach all the playbook may.
fn roots(
    step: &Step,
    tools: &[&ToolDescriptor],
    permissions: &Permissions,
) -> (Vec<String>, Vec<String>) {
    let (args, tool) = match (&step.action, tools) {
        (Action::Tool { args, .. }, [tool]) if tool.command.is_none() => (args, tool),
        (Action::Approval { .. } | Action::Call { .. } | Action::Block(_), _) => {
            return (Vec::new(), Vec::new());
        }
        _ => return (permissions.read.clone(), permissions.write.clone()),
    };
    let paths = |wanted: fn(PathAccess) -> bool| {
        let wanted = tool.paths.iter().filter(|path| wanted(path.access));
        let texts = wanted.filter_map(|path| args.get(&path.arg)?.as_str());
        texts.map(str::to_owned).collect()
    };
    let reading = |access| matches!(access, PathAccess::Read | PathAccess::Exec);
    let writing = |access| matches!(access, PathAccess::Write | PathAccess::Delete);
    (paths(reading), paths(writing))
}

/// Where a person may have to say yes because of a step: of a call, in what it calls.
fn approvals(step: &Step, planned: &PlannedStep, called: &Called) -> Vec<PlannedApproval> {
    let mut found = Vec::from_iter(approval(step, planned));
    let mut open: Vec<(String, &Step)> = vec![(step.id.clone(), step)];
    let mut seen = BTreeSet::new();
    while let Some((path, step)) = open.pop() {
        let Action::Call { playbook, .. } = &step.action else { continue };
        let Some(inner) = called.get(playbook).filter(|_| seen.insert(playbook)) else { continue };
        for step in inner.all_steps() {
            let path = format!("{path}/{}", step.id);
            let gate = gate(step);
            found.extend(gate.map(|reason| PlannedApproval { step: path.clone(), reason }));
            open.push((path, step));
        }
    }
    found
}

/// What an approval gate asks.
fn gate(step: &Step) -> Option<String> {
    let Action::Approval { prompt, when, approvers, .. } = &step.action else { return None };
    let people = if *approvers > 1 { format!(" {approvers} people") } else { String::new() };
    let when = when.as_ref().map(|when| format!(" if `{when}`")).unwrap_or_default();
    Some(format!("asks{people}{when}: {prompt}"))
}

fn approval(step: &Step, planned: &PlannedStep) -> Option<PlannedApproval> {
    let high = || "risk high: policy may ask".to_owned();
    let reason = gate(step).or_else(|| (planned.risk == Some(Risk::High)).then(high))?;
    Some(PlannedApproval { step: step.id.clone(), reason })
}
