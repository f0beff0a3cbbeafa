//! What a playbook will do and may touch, without running it.

use std::fmt::Write;

use serde::Serialize;
use serde_json::Value;

use super::model::{Action, Permissions, Playbook, Step};
use crate::contracts::{Budget, CallEffect, Risk, format_duration_ms};
use crate::ports::{PathAccess, ToolDescriptor, Vocabulary};

/// A playbook's graph: for this version, a list.
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
    /// Its id.
    pub id: String,
    /// Line in the file, from 1.
    pub line: u32,
    /// `tool`, `goal` or `approval`.
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
    /// The list it repeats over, as written.
    pub foreach: Option<Value>,
}

/// Where a person may have to say yes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlannedApproval {
    /// The step.
    pub step: String,
    /// Why.
    pub reason: String,
}

/// The plan of `playbook`.
#[must_use]
pub fn plan(playbook: &Playbook, vocabulary: &Vocabulary) -> Plan {
    let sections = [
        ("steps", &playbook.steps),
        ("on_failure", &playbook.on_failure),
        ("always", &playbook.always),
    ];
    let steps: Vec<PlannedStep> = sections
        .into_iter()
        .flat_map(|(section, steps)| steps.iter().map(move |step| (section, step)))
        .map(|(section, step)| planned(section, step, &playbook.permissions, vocabulary))
        .collect();
    let approvals = playbook.all_steps().zip(&steps).filter_map(|(s, p)| approval(s, p)).collect();
    let permissions = &playbook.permissions;
    Plan {
        name: playbook.name.clone(),
        description: playbook.description.clone(),
        file: playbook.file.clone(),
        budget: playbook.budget.clone(),
        permissions: PlannedPermissions {
            tools: permissions.tools.clone(),
            read: permissions.read.clone(),
            write: permissions.write.clone(),
            network: permissions.network.clone(),
            secrets: permissions.secrets.clone(),
        },
        steps,
        verify: playbook.verify.clone(),
        approvals,
    }
}

fn planned(
    section: &'static str,
    step: &Step,
    permissions: &Permissions,
    vocabulary: &Vocabulary,
) -> PlannedStep {
    let (kind, tools) = match &step.action {
        Action::Tool { tool, .. } => ("tool", vec![tool.clone()]),
        Action::Goal { tools, .. } => ("goal", tools.clone()),
        Action::Approval { .. } => ("approval", Vec::new()),
    };
    let known: Vec<&ToolDescriptor> =
        tools.iter().filter_map(|tool| vocabulary.get(tool)).map(AsRef::as_ref).collect();
    let (reads, writes) = roots(step, &known, permissions);
    let command = match (&step.action, known.as_slice()) {
        (Action::Tool { args, .. }, [tool]) => {
            tool.command.as_ref().and_then(|name| args.get(name)).cloned()
        }
        _ => None,
    };
    let effect = match (&step.action, known.as_slice()) {
        (Action::Tool { .. }, [tool]) => Some(step.effect.unwrap_or(tool.effect)),
        _ => None,
    };
    PlannedStep {
        section,
        id: step.id.clone(),
        line: step.place.line,
        kind,
        risk: known.iter().map(|tool| tool.risk).max(),
        effect,
        reads,
        writes,
        network: known.iter().any(|tool| tool.sends_network) && !permissions.network.is_empty(),
        command,
        condition: step.condition.clone(),
        foreach: step.foreach.as_ref().map(|foreach| foreach.items.clone()),
        tools,
    }
}

/// Paths a step reads and writes. A command and an agentic step may reach all the playbook may.
fn roots(
    step: &Step,
    tools: &[&ToolDescriptor],
    permissions: &Permissions,
) -> (Vec<String>, Vec<String>) {
    let (args, tool) = match (&step.action, tools) {
        (Action::Tool { args, .. }, [tool]) if tool.command.is_none() => (args, tool),
        (Action::Approval { .. }, _) => return (Vec::new(), Vec::new()),
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

fn approval(step: &Step, planned: &PlannedStep) -> Option<PlannedApproval> {
    let reason = match &step.action {
        Action::Approval { prompt, when: None, .. } => format!("asks: {prompt}"),
        Action::Approval { prompt, when: Some(when), .. } => format!("asks if `{when}`: {prompt}"),
        _ if planned.risk == Some(Risk::High) => "risk high: policy may ask".to_owned(),
        _ => return None,
    };
    Some(PlannedApproval { step: step.id.clone(), reason })
}

impl Plan {
    /// The plan for people.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = format!("{} · {}\n{}\n", self.name, self.file, self.description);
        let mut section = "";
        for step in &self.steps {
            if step.section != section {
                section = step.section;
                let _ = write!(text, "\n{section}\n");
            }
            step.describe(&mut text);
        }
        for condition in &self.verify {
            let _ = write!(text, "\nverify  {condition}");
        }
        text.push_str("\n\nmay touch\n");
        let permissions = &self.permissions;
        for (what, list) in [
            ("tools", &permissions.tools),
            ("read", &permissions.read),
            ("write", &permissions.write),
            ("network", &permissions.network),
            ("secrets", &permissions.secrets),
        ] {
            let list = if list.is_empty() { "nothing".to_owned() } else { list.join(", ") };
            let _ = writeln!(text, "  {what:<8} {list}");
        }
        let Budget { steps, retries, wall_ms, .. } = &self.budget;
        let wall = format_duration_ms(*wall_ms);
        let _ = writeln!(text, "  {:<8} {steps} calls, {retries} retries, {wall}", "budget");
        text.push_str("\napprovals\n");
        if self.approvals.is_empty() {
            text.push_str("  none in the playbook; policy may still ask\n");
        }
        for approval in &self.approvals {
            let _ = writeln!(text, "  {:<16} {}", approval.step, approval.reason);
        }
        text
    }
}

impl PlannedStep {
    fn describe(&self, text: &mut String) {
        let what = if self.tools.is_empty() { self.kind.to_owned() } else { self.tools.join(", ") };
        let mut facts = Vec::new();
        facts.extend(self.risk.map(|risk| format!("risk {}", word(&risk))));
        facts.extend(self.effect.map(|effect| word(&effect)));
        if self.network {
            facts.push("network".to_owned());
        }
        let _ = writeln!(text, "  {:<16} {what}  {}", self.id, facts.join(", "));
        let mut line = |label: &str, value: &str| {
            let _ = writeln!(text, "  {:<16}   {label} {value}", "");
        };
        self.reads.iter().for_each(|path| line("reads", path));
        self.writes.iter().for_each(|path| line("writes", path));
        self.command.iter().for_each(|command| line("runs", &command.to_string()));
        self.condition.iter().for_each(|condition| line("if", condition));
        self.foreach.iter().for_each(|list| line("for each of", &list.to_string()));
    }
}

/// The word a contract has in JSON.
fn word(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(Value::String(word)) => word,
        _ => String::new(),
    }
}
