//! Runs whose steps a planner finds: each plan becomes a block behind what was done so far, with a
//! question before it where somebody has to agree. A no with a comment leads to another plan.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::bounds;
use super::commands::{Command, record};
use super::fold::FoldError;
use super::locate::Part;
use super::plan::Plan;
use super::program::{Block, Body, Gate, Order, Retry, Step, StepKind};
use super::state::{Phase, RunState, Section};
use crate::contracts::{
    ApprovalResolution, BudgetKind, BudgetMet, ErrorKind, EventBody, ModelAnswered, PlanApproved,
    PlanProposed, PlanRevised,
};

/// From which share of a bound on it is said that little is left.
const WARN_FROM: f64 = 0.8;

/// What the block of a plan is called, before its number.
const BLOCK: &str = "plan_";
/// What stands behind that for the question before it.
const GATE: &str = "_gate";

/// How far planning has come.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plans {
    /// Plans that were proposed.
    pub proposed: u32,
    /// Plans that may be carried out.
    approved: u32,
    /// What people said who declined a plan and want another, by its number.
    pub declined: BTreeMap<u32, String>,
    /// Who agreed to the plan at hand so far.
    by: Vec<String>,
    /// Whether no other plan follows, and why where that is a failure.
    over: Option<Option<ErrorKind>>,
}

impl Plans {
    /// Why planning ended without reaching the goal.
    #[must_use]
    pub fn failure(&self) -> Option<ErrorKind> {
        self.over.flatten()
    }

    pub(super) fn approve(&mut self, round: u32) {
        self.approved = self.approved.max(round);
        self.by.clear();
    }

    pub(super) fn revise(&mut self, revised: &PlanRevised) {
        if !revised.goes_on {
            self.over = Some(revised.error_kind);
        }
    }
}

/// The id of the block that a plan becomes.
#[must_use]
pub fn block_of(round: u32) -> String {
    format!("{BLOCK}{round}")
}

/// The id of the question before it.
#[must_use]
pub fn gate_of(round: u32) -> String {
    format!("{BLOCK}{round}{GATE}")
}

/// The plan that a path is in, or asks about.
#[must_use]
pub fn round_of(path: &str) -> Option<u32> {
    let first = path.split_once('/').map_or(path, |(first, _)| first);
    let number = first.strip_prefix(BLOCK)?;
    number.strip_suffix(GATE).unwrap_or(number).parse().ok()
}

/// What has to be said before anything else begins.
pub(super) fn to_say(state: &RunState) -> Option<Command> {
    little_left(state).or_else(|| agreed(state))
}

/// That the people who were asked agreed to a plan.
fn agreed(state: &RunState) -> Option<Command> {
    let round = state.plans.proposed;
    let asked = round > state.plans.approved;
    let yes = Phase::Done { ok: true, skipped: false, kind: None };
    let said = asked && state.phase(&gate_of(round)) == Some(yes);
    said.then(|| {
        record(EventBody::PlanApproved(PlanApproved { round, by: state.plans.by.clone() }))
    })
}

/// That little is left of a bound, once for each.
fn little_left(state: &RunState) -> Option<Command> {
    if bounds::stops(state, Section::Main).is_some() {
        return None;
    }
    spending(state).into_iter().find_map(|met| {
        let little = met.used >= WARN_FROM * met.limit && met.used < met.limit;
        let said = state.warned.contains(&met.budget);
        (little && !said).then(|| record(EventBody::BudgetWarned(met)))
    })
}

/// What was used of each bound, time aside.
fn spending(state: &RunState) -> [BudgetMet; 4] {
    let (used, limit) = (&state.used, &state.budget);
    #[expect(clippy::cast_precision_loss, reason = "told to people")]
    let tokens = (used.tokens as f64, limit.tokens as f64);
    [
        (BudgetKind::Steps, (f64::from(used.steps), f64::from(limit.steps))),
        (BudgetKind::Retries, (f64::from(used.retries), f64::from(limit.retries))),
        (BudgetKind::Tokens, tokens),
        (BudgetKind::Cost, (used.cost_usd, limit.cost_usd)),
    ]
    .map(|(budget, (used, limit))| BudgetMet { budget, used, limit })
}

/// What planning wants once every step there is is over.
pub(super) fn wanted(state: &RunState) -> Option<Command> {
    let failed = state.root.failure_in(Part::Steps).is_some();
    let over = state.plans.over.is_some() || failed;
    if !state.program.planned || over || bounds::stops(state, Section::Main).is_some() {
        return None;
    }
    let spent = spending(state).into_iter().find(|met| match met.budget {
        BudgetKind::Tokens => met.used >= met.limit,
        // Where nothing costs anything, nothing may be spent and nothing is.
        BudgetKind::Cost => met.used > met.limit,
        _ => false,
    });
    Some(match spent {
        Some(met) => record(EventBody::BudgetExhausted(met)),
        None => Command::Plan { round: state.plans.proposed.saturating_add(1) },
    })
}

/// Whether the plan `round` is the one that is wanted.
pub(super) fn is_next(state: &RunState, round: u32) -> bool {
    wanted(state) == Some(Command::Plan { round })
}

/// Puts a plan behind the steps of the run.
pub(super) fn propose(
    state: &mut RunState,
    kind: &'static str,
    proposed: &PlanProposed,
) -> Result<(), FoldError> {
    let path = block_of(proposed.round);
    if !state.program.planned || proposed.round != state.plans.proposed.saturating_add(1) {
        return Err(FoldError::Step { kind, path, why: "is not the next plan" });
    }
    let program = Arc::make_mut(&mut state.program);
    program.steps.steps.extend(steps(proposed));
    state.plan = Arc::new(Plan::of(program));
    if let Some(list) = state.root.list_mut(Part::Steps) {
        list.grow(&program.steps);
    }
    state.plans.proposed = proposed.round;
    state.plans.by.clear();
    Ok(())
}

/// What a plan becomes.
fn steps(proposed: &PlanProposed) -> impl Iterator<Item = Step> {
    let gate = proposed.gate.as_ref().map(|gate| {
        let (ttl_ms, approvers) = (gate.ttl_ms, gate.approvers);
        let gate = Gate { ttl_ms, approvers, rewind: None };
        step(gate_of(proposed.round), Vec::new(), StepKind::Approval(gate))
    });
    let inside: Vec<Step> = proposed
        .steps
        .iter()
        .map(|it| step(it.id.clone(), it.needs.clone(), StepKind::Tool))
        .collect();
    let graph = inside.iter().any(|step| !step.needs.is_empty());
    let order = if graph { Order::Graph { parallel: proposed.parallel } } else { Order::Sequence };
    let body = Body { steps: Block { steps: inside, order }, ..Body::default() };
    let block = step(block_of(proposed.round), Vec::new(), StepKind::Block(Box::new(body)));
    // What failed is for the next plan to see.
    gate.into_iter().chain([Step { continue_on_error: true, ..block }])
}

fn step(id: String, needs: Vec<String>, kind: StepKind) -> Step {
    Step { id, needs, kind, foreach: None, retry: Retry::default(), continue_on_error: false }
}

/// Notes who agreed to the plan at hand, or what somebody wants otherwise.
pub(super) fn answered(state: &mut RunState, answer: &ApprovalResolution) {
    let round = state.plans.proposed;
    let asks = state.asked.get(&answer.approval_id) == Some(&gate_of(round));
    if !state.program.planned || !asks {
        return;
    }
    if answer.approved {
        state.plans.by.push(answer.by.clone());
        return;
    }
    let comment = answer.reason.as_deref().map(str::trim).filter(|said| !said.is_empty());
    if let Some(comment) = comment {
        state.plans.declined.insert(round, comment.to_owned());
    }
}

/// Whether the question at `path` was answered with a no after which another plan follows.
pub(super) fn is_declined(state: &RunState, path: &str) -> bool {
    let round = round_of(path).filter(|round| gate_of(*round) == path);
    state.program.planned && round.is_some_and(|round| state.plans.declined.contains_key(&round))
}

/// Takes what a question to a model took.
pub(super) fn charge(state: &mut RunState, answered: &ModelAnswered) {
    let tokens = answered.input_tokens.saturating_add(answered.output_tokens);
    state.used.tokens = state.used.tokens.saturating_add(tokens);
    state.used.cost_usd += answered.cost_usd.max(0.0);
}
