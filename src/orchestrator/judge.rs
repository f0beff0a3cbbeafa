//! Everything about a run that bears on a decision, and the decision.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use imbl::Vector;
use serde_json::Value;

use super::carried;
use super::driver::Work;
use super::lineage;
use super::prefer;
use super::record::RunRecord;
use super::services::Services;
use super::taken::{is_secret, is_strange};
use crate::contracts::{
    Bound, Decision, Effect, Hash, Map, RunFlow, RunId, ShadowDecision, Timestamp, ToolCall,
};
use crate::facts::{self, Surroundings, WrittenPermissions};
use crate::playbook::Playbook;
use crate::playbook::expression::{Reads, Scope};
use crate::policy::{PathFault, Permissions, Places, PolicySet, Request, RunFacts};
use crate::ports::ToolDescriptor;

/// Judges the calls of one run.
pub(super) struct Judge<'a> {
    pub services: &'a Services,
    pub playbook: &'a Playbook,
    pub inputs: &'a Map,
    pub read_roots: &'a [PathBuf],
    /// Bounds of the runs above, each of which must hold as well.
    pub bounds: &'a [Bound],
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
            bounds: &started.bounds,
            unattended: started.unattended,
            run: run_facts(work, path),
            unknown: Vec::new(),
            also: None,
            bounded: true,
        })
    }

    /// Whether the tool's profile and every bound of the run leave a network.
    pub(super) fn reaches(&self, tool: &ToolDescriptor) -> bool {
        let above = self.bounds.iter().map(|bound| &bound.network);
        let bounds = above.chain([&self.playbook.permissions.network]);
        let reach = self.services.places.nets.of(&tool.profile);
        reach.within(bounds.map(Vec::as_slice)).is_some()
    }

    /// The rules as they are now, and what they say. Blocks: facts are read from the disk.
    pub(super) fn decide(&self, call: &ToolCall) -> Judged {
        // What was switched before counts here.
        let config = self.services.settings.refreshed();
        let set = self.services.policy.current();
        let refused = |reason: String| {
            let decision = refusal(set.hash(), reason);
            Judged { set: Arc::clone(&set), request: None, decision, shadow: None }
        };
        let Some(tool) = self.services.tool(&call.name) else {
            return refused(format!("there is no tool `{}`", call.name));
        };
        #[allow(clippy::disallowed_methods, reason = "measures how long deciding takes")]
        let began = Instant::now();
        let request = match self.request(call, &tool) {
            Ok(request) => request,
            Err(fault) => return refused(fault.to_string()),
        };
        let mut judged = Judged::of(self.services, set, request);
        prefer::hint(config.run.prefer_sandbox, &mut judged);
        let took = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
        judged.decision.evaluated_us = took;
        self.services.metrics.policy_decided(judged.decision.effect, took);
        judged
    }

    fn request(&self, call: &ToolCall, tool: &ToolDescriptor) -> Result<Request, PathFault> {
        let mut places = self.services.places.clone();
        for root in self.read_roots {
            let root = facts::resolve(&root.to_string_lossy(), &places)?;
            places.read_roots.push(root);
        }
        let permissions = self.permissions(&places)?;
        let around = Surroundings {
            places: &places,
            permissions: &permissions,
            now: self.services.clock.now(),
            unattended: self.unattended,
            unknown: &self.unknown,
        };
        let mut request = facts::collect(call, tool, &around, self.run.clone());
        let came = carried::read(self.services, tool, &request);
        request.reads_secret |= came.iter().any(|label| is_secret(label));
        Ok(request)
    }

    /// Every upper bound of the run: the playbook's own first, then those of the runs above.
    fn permissions(&self, places: &Places) -> Result<Vec<Permissions>, PathFault> {
        if !self.bounded {
            return Ok(Vec::new());
        }
        let own = self.own_bound();
        std::iter::once(&own)
            .chain(self.bounds)
            .map(|bound| self.written(bound).resolved(places))
            .collect()
    }

    /// The playbook's upper bound with its templates filled in.
    pub(super) fn own_bound(&self) -> Bound {
        let stated = &self.playbook.permissions;
        Bound {
            file: self.playbook.file.clone(),
            tools: stated.tools.clone(),
            read: self.paths(&stated.read),
            write: self.paths(&stated.write),
            network: stated.network.clone(),
            secrets: stated.secrets.clone(),
        }
    }

    /// What another key than `permissions` lets a playbook do, it lets it do when it is called as well.
    fn written(&self, bound: &Bound) -> WrittenPermissions {
        let tools = bound.tools.iter().cloned().chain(self.also.map(str::to_owned));
        WrittenPermissions {
            file: bound.file.clone(),
            tools: Some(tools.collect()),
            read: Some(bound.read.clone()),
            write: Some(bound.write.clone()),
            network: Some(bound.network.clone()),
            secrets: Some(bound.secrets.clone()),
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

/// The same for a call of a run at work.
pub(super) fn reaches(work: &Work, tool: &ToolDescriptor) -> bool {
    Judge::of(work, "").is_some_and(|judge| judge.reaches(tool))
}

/// A decision and what it was made from.
pub(super) struct Judged {
    pub set: Arc<PolicySet>,
    pub request: Option<Request>,
    pub decision: Decision,
    /// What the rules on trial say, where they say something else.
    pub shadow: Option<ShadowDecision>,
}

impl Judged {
    /// What `set` says about `request`, and the rules on trial beside it.
    pub(super) fn of(services: &Services, set: Arc<PolicySet>, request: Request) -> Self {
        let (decision, failed) = set.decide_counting(&request);
        services.metrics.scripts_failed(failed);
        let trial = services.trial.as_ref().and_then(|trial| trial.current());
        let shadow = trial.and_then(|trial| differing(&trial.decide(&request), &decision));
        if let Some(shadow) = &shadow {
            services.metrics.trial_differed(shadow.effect);
        }
        Self { set, request: Some(request), decision, shadow }
    }

    /// Whether the call reads a secret, or is given one.
    pub(super) fn reads_secret(&self) -> bool {
        self.request.as_ref().is_some_and(|request| {
            let mut labels = request.labels.values().flatten();
            request.reads_secret || labels.any(|label| is_secret(label))
        })
    }
}

/// What rules on trial say, where it is another verdict.
fn differing(trial: &Decision, decision: &Decision) -> Option<ShadowDecision> {
    (trial.effect != decision.effect).then(|| ShadowDecision {
        effect: trial.effect,
        reason: trial.reason.clone(),
        rules: trial.rules.clone(),
        policy_hash: trial.policy_hash,
    })
}

fn refusal(policy_hash: Hash, reason: String) -> Decision {
    Decision {
        effect: Effect::Deny,
        reason,
        rules: Vec::new(),
        policy_hash,
        confinement: Arc::default(),
        obligations: Vec::new(),
        approvers: 1,
        evaluated_us: 0,
    }
}

fn run_facts(work: &Work, path: &str) -> RunFacts {
    let used = &work.state.used;
    let strange = |name: &String| {
        let tool = work.services.tool(name);
        tool.is_some_and(|tool| tool.labels.iter().any(|label| is_strange(label)))
    };
    let (taken, inside) = (&work.record.taken, inside(work));
    RunFacts {
        id: work.run_id.to_string(),
        playbook: work.playbook.name.clone(),
        goal: lineage::goal(&work.record).to_owned(),
        step: path.to_owned(),
        steps_used: used.steps,
        steps_left: work.state.budget.steps.saturating_sub(used.steps),
        cost_usd: used.cost_usd,
        read_secret: taken.read_secret || inside.read_secret,
        untrusted: taken.untrusted || inside.untrusted || work.record.answered.keys().any(strange),
        calls: work.record.begun.iter().map(begun).collect(),
    }
}

/// What runs that it called and that are at work have taken in so far. What cannot be read may be anything.
fn inside(work: &Work) -> RunFlow {
    let mut flow = RunFlow::default();
    let mut open: Vec<RunId> = work.record.open_children().collect();
    while let Some(run_id) = open.pop() {
        match RunRecord::find(work.services.store.reader(), run_id) {
            Ok(Some(record)) => {
                flow.untrusted |= record.taken.untrusted;
                flow.read_secret |= record.taken.read_secret;
                open.extend(record.open_children());
            }
            Ok(None) => {}
            Err(error) => {
                tracing::warn!("`{run_id}` counts as having read everything: {error}");
                (flow.untrusted, flow.read_secret) = (true, true);
            }
        }
    }
    flow
}

fn begun((tool, times): (&String, &Vector<Timestamp>)) -> (String, Vec<Timestamp>) {
    (tool.clone(), times.iter().copied().collect())
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
