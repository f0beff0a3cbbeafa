//! What planning works with: the goal, the tools, what was done, and where all that came from.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;

use super::given::given;
use crate::agent::block_of;
use crate::contracts::{ErrorKind, Hash, Map, ToolCall};
use crate::orchestrator::call;
use crate::orchestrator::driver::Work;
use crate::orchestrator::error::RunError;
use crate::orchestrator::journal::Batch;
use crate::orchestrator::memories::RUN;
use crate::orchestrator::opening::Names;
use crate::orchestrator::origins::{self, RunGround, handed_on};
use crate::orchestrator::reads::GovernedReads;
use crate::orchestrator::scope;
use crate::orchestrator::story::Story;
use crate::orchestrator::taken::Labels;
use crate::planning::{Done, PlanLimits, Round, is_stuck};
use crate::playbook::expression::Evaluator;
use crate::ports::Model;
use crate::prompt::Fragment;

/// The label of what a model wrote.
const MODEL: &str = "model";

/// Everything that a plan is made from and held against.
pub(super) struct Desk {
    pub work: Work,
    /// Which plan, from 1.
    pub round: u32,
    pub goal: String,
    /// The plans before.
    pub rounds: Vec<Round>,
    /// The calls of these plans.
    pub done: Vec<Done>,
    /// What the model is told.
    pub fragments: Vec<Fragment>,
    /// Where all that came from.
    pub labels: Vec<String>,
    /// The tools that a plan may use, by name.
    pub tools: BTreeSet<String>,
    pub limits: PlanLimits,
    /// What policy said about what was read for it, to be journalled with the question.
    pub decided: Batch,
    /// Why something that was handed in with the goal cannot be read.
    unread: Option<(ErrorKind, String)>,
    model: Option<Arc<dyn Model>>,
}

impl Desk {
    /// Blocks.
    pub(super) fn of(work: Work, round: u32) -> Result<Self, RunError> {
        let (goal, from, mut decided) = goal(&work)?;
        let given = given(&work, round);
        decided.extend(given.decided);
        let rounds = work.record.planned.rounds(&work.services, work.run_id)?;
        let config = work.services.config();
        let limits = PlanLimits {
            steps: config.planner.steps,
            rounds: config.planner.rounds,
            parallel: config.planner.parallel,
            context_tokens: config.planner.context_tokens as usize,
            reply_tokens: config.models.chat.reply_tokens,
        };
        let mut desk = Self {
            tools: tools(&work),
            model: work.services.model.clone(),
            done: done(&work, &rounds)?,
            fragments: Vec::new(),
            labels: labels(from, &given.fragments, &work),
            decided,
            unread: given.unread,
            work,
            round,
            goal,
            rounds,
            limits,
        };
        desk.fragments = desk.told()?;
        desk.fragments.extend(given.fragments);
        Ok(desk)
    }

    /// Why no model is asked, if so.
    pub(super) fn refusal(&self) -> Option<(ErrorKind, String)> {
        if self.model.is_none() {
            let why = "no model is configured to plan with: set `models.chat`, or name a playbook";
            return Some((ErrorKind::NoModel, why.to_owned()));
        }
        if let Some((kind, why)) = &self.unread {
            return Some((*kind, format!("what was handed in cannot be read: {why}")));
        }
        if self.tools.is_empty() {
            let why = "there is no tool that a plan may use: see `permissions.tools`";
            return Some((ErrorKind::BadPlan, why.to_owned()));
        }
        if self.round > self.limits.rounds {
            let most = self.limits.rounds;
            let why = format!("the goal is not reached after {most} plans (`planner.rounds`)");
            return Some((ErrorKind::NoProgress, why));
        }
        let carried_out: Vec<u32> =
            (1..self.round).filter(|round| self.declined(*round).is_none()).collect();
        is_stuck(&carried_out, &self.done).then(|| {
            let why = "no call of the last plans did what it was asked".to_owned();
            (ErrorKind::NoProgress, why)
        })
    }

    /// What somebody said who declined the plan `round` and wants another.
    pub(super) fn declined(&self, round: u32) -> Option<&str> {
        self.work.state.plans.declined.get(&round).map(String::as_str)
    }

    /// The model that is asked.
    pub(super) fn model(&self) -> Option<Arc<dyn Model>> {
        self.model.clone()
    }

    /// Calls that are left.
    pub(super) fn steps_left(&self) -> u32 {
        let state = &self.work.state;
        state.budget.steps.saturating_sub(state.used.steps)
    }
}

/// The goal in words, where they came from, and what policy said about what it reads.
fn goal(work: &Work) -> Result<(String, Labels, Batch), RunError> {
    let template = Value::String(work.playbook.goal.clone().unwrap_or_default());
    let evaluator: &Evaluator = &work.services.evaluator;
    let mut names = Names::default();
    names.template(evaluator, &template);
    let scope = scope::build(work, None, &names)?;
    let from = origins::of(evaluator, &template, &RunGround::of(work, None));
    let reads = GovernedReads::new(work, "goal", from.clone());
    let goal = evaluator.value(&template, &scope, &reads).map_err(|error| RunError::Playbook {
        run: work.run_id.to_string(),
        reason: format!("`goal`: {error}"),
    })?;
    let mut goal = goal.as_str().map_or_else(|| goal.to_string(), str::to_owned);
    work.services.redactor.conceal_text(&mut goal);
    let from = from.into_iter().chain(reads.noted()).collect();
    Ok((goal, from, reads.decided()))
}

/// What the plan is made from: the goal, what was handed in with it, and everything that was answered. What a
/// model makes of a person's words is no longer theirs.
fn labels(goal: Labels, given: &[Fragment], work: &Work) -> Vec<String> {
    let given = given.iter().flat_map(|fragment| fragment.labels.iter().cloned());
    let recalled = work.record.recalled.get(RUN).map(|recalled| recalled.labels.clone());
    let recalled = recalled.unwrap_or_default();
    let all: Vec<String> =
        goal.into_iter().chain(given).chain(work.record.taken.all()).chain(recalled).collect();
    let own: Labels = handed_on(&all).cloned().chain([MODEL.to_owned()]).collect();
    own.into_iter().collect()
}

/// The tools that the playbook may call and that are switched on.
fn tools(work: &Work) -> BTreeSet<String> {
    let set = work.services.policy.current();
    let own = work.playbook.permissions.tools.iter();
    let vocabulary = work.services.callable();
    own.filter_map(|name| vocabulary.get(name))
        .filter(|tool| set.is_enabled(&tool.name) == Some(true))
        .map(|tool| tool.name.clone())
        .collect()
}

fn done(work: &Work, rounds: &[Round]) -> Result<Vec<Done>, RunError> {
    let mut all = Vec::new();
    for round in rounds {
        for step in &round.draft.steps {
            let path = format!("{}/{}", block_of(round.number), step.id);
            let Some(record) = work.record.call_at(&path) else { continue };
            let ok = record.finished.as_ref().is_some_and(|finished| finished.ok);
            let args = args(work, record)?;
            let answered = work.answered(&path)?.unwrap_or_default();
            let said = serde_json::to_vec(&(answered.data, answered.error))?;
            let (round, tool) = (round.number, step.tool.clone());
            all.push(Done { round, tool, args, ok, answer: Hash::of(&said) });
        }
    }
    Ok(all)
}

/// The arguments of a call as it was made.
fn args(work: &Work, record: &crate::orchestrator::record::CallRecord) -> Result<Map, RunError> {
    let (store, run) = (work.services.store.reader(), work.run_id.to_string());
    let call: ToolCall = call::document(store, &run, "a call", &record.requested.call)?;
    Ok(call.args)
}
