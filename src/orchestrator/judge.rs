//! Everything about a run that bears on a decision, and the decision.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use serde_json::Value;

use super::driver::Work;
use super::services::Services;
use crate::contracts::{Confinement, Decision, Effect, Hash, Map, RunId, ToolCall};
use crate::facts::{self, Surroundings, WrittenPermissions};
use crate::playbook::Playbook;
use crate::playbook::expression::{Reads, Scope};
use crate::policy::{PathFault, PolicySet, Request, RunFacts};
use crate::ports::ToolDescriptor;

/// Judges the calls of one run.
pub(super) struct Judge<'a> {
    pub services: &'a Services,
    pub playbook: &'a Playbook,
    pub inputs: &'a Map,
    pub read_roots: &'a [PathBuf],
    pub unattended: bool,
    pub run: RunFacts,
    /// Arguments whose value is not known yet: only in a dry run.
    pub unknown: Vec<String>,
    /// A tool that the playbook may use beside those in `permissions`, because another key says so.
    pub also: Option<&'static str>,
    /// Whether the playbook's permissions bound the call. They do not bound reading templates, which
    /// govern the program as playbooks do.
    pub bounded: bool,
}

impl<'a> Judge<'a> {
    /// For a call of the step at `path` of a run at work.
    pub(super) fn of(work: &'a Work, path: &str) -> Option<Self> {
        let (started, _) = work.record.started.as_ref()?;
        Some(Self {
            services: &work.services,
            playbook: &work.playbook,
            inputs: &started.inputs,
            read_roots: &started.read_roots,
            unattended: started.unattended,
            run: run_facts(work, path),
            unknown: Vec::new(),
            also: None,
            bounded: true,
        })
    }

    /// The rules as they are now, and what they say. Blocks: facts are read from the disk.
    pub(super) fn decide(&self, call: &ToolCall) -> Judged {
        let set = self.services.policy.current();
        let refused = |reason: String| {
            let decision = refusal(set.hash(), reason);
            Judged { set: Arc::clone(&set), request: None, decision }
        };
        let Some(tool) = self.services.vocabulary.get(&call.name) else {
            return refused(format!("there is no tool `{}`", call.name));
        };
        #[allow(clippy::disallowed_methods, reason = "measures how long deciding takes")]
        let began = Instant::now();
        let request = match self.request(call, tool) {
            Ok(request) => request,
            Err(fault) => return refused(fault.to_string()),
        };
        let mut decision = set.decide(&request);
        decision.evaluated_us = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
        Judged { set, request: Some(request), decision }
    }

    fn request(&self, call: &ToolCall, tool: &ToolDescriptor) -> Result<Request, PathFault> {
        let mut places = self.services.places.clone();
        for root in self.read_roots {
            let root = facts::resolve(&root.to_string_lossy(), &places)?;
            places.read_roots.push(root);
        }
        let permissions = self.permissions().resolved(&places)?;
        let around = Surroundings {
            places: &places,
            permissions: self.bounded.then_some(&permissions),
            now: self.services.clock.now(),
            unattended: self.unattended,
            unknown: &self.unknown,
        };
        Ok(facts::collect(call, tool, &around, self.run.clone()))
    }

    /// The playbook's upper bound with its templates filled in.
    fn permissions(&self) -> WrittenPermissions {
        let stated = &self.playbook.permissions;
        let tools = stated.tools.iter().cloned().chain(self.also.map(str::to_owned));
        WrittenPermissions {
            file: self.playbook.file.clone(),
            tools: Some(tools.collect()),
            read: Some(self.paths(&stated.read)),
            write: Some(self.paths(&stated.write)),
            network: Some(stated.network.clone()),
            secrets: Some(stated.secrets.clone()),
        }
    }

    /// A template that cannot be filled bounds tighter: it is left out, and said.
    fn paths(&self, templates: &[String]) -> Vec<String> {
        let scope = Scope { inputs: self.inputs.clone(), ..Scope::default() };
        let fill = |template: &String| {
            let template = Value::String(template.clone());
            self.services.evaluator.value(&template, &scope, &NoReads)
        };
        templates
            .iter()
            .filter_map(|template| match fill(template) {
                Ok(Value::String(path)) => Some(path),
                other => {
                    tracing::warn!("`{template}` in `permissions` names no path: {other:?}");
                    None
                }
            })
            .collect()
    }
}

/// A decision and what it was made from.
pub(super) struct Judged {
    pub set: Arc<PolicySet>,
    pub request: Option<Request>,
    pub decision: Decision,
}

fn refusal(policy_hash: Hash, reason: String) -> Decision {
    Decision {
        effect: Effect::Deny,
        reason,
        rules: Vec::new(),
        policy_hash,
        confinement: Confinement::default(),
        obligations: Vec::new(),
        evaluated_us: 0,
    }
}

fn run_facts(work: &Work, path: &str) -> RunFacts {
    let used = &work.state.used;
    let mut calls = BTreeMap::new();
    let mut untrusted = false;
    for call in work.record.calls.values() {
        if let Some(started) = call.started_at {
            calls.entry(call.requested.name.clone()).or_insert_with(Vec::new).push(started);
        }
        let tool = work.services.vocabulary.get(&call.requested.name);
        let strange = |label: &String| label.starts_with("untrusted");
        untrusted |=
            call.finished.is_some() && tool.is_some_and(|tool| tool.labels.iter().any(strange));
    }
    calls.values_mut().for_each(|times| times.sort_unstable());
    RunFacts {
        id: work.run_id.to_string(),
        playbook: work.playbook.name.clone(),
        step: path.to_owned(),
        steps_used: used.steps,
        steps_left: work.state.budget.steps.saturating_sub(used.steps),
        cost_usd: used.cost_usd,
        read_secret: false,
        untrusted,
        calls,
    }
}

/// The facts of a run that has not begun.
pub(super) fn no_run(playbook: &Playbook, run_id: RunId) -> RunFacts {
    RunFacts {
        id: run_id.to_string(),
        playbook: playbook.name.clone(),
        steps_left: playbook.budget.steps,
        ..RunFacts::default()
    }
}

/// Where nothing may be read: templates of permissions are made of inputs alone.
pub(super) struct NoReads;

impl Reads for NoReads {
    fn exists(&self, path: &str) -> Result<bool, String> {
        Err(format!("`{path}` cannot be looked for here"))
    }

    fn read(&self, path: &str) -> Result<String, String> {
        Err(format!("`{path}` cannot be read here"))
    }

    fn template(&self, name: &str) -> Result<String, String> {
        Err(format!("`{name}` cannot be read here"))
    }

    fn now(&self) -> String {
        String::new()
    }
}
