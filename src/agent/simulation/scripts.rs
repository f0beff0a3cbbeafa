//! What tools, people and called runs do, and what really came of it.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::events;
use crate::agent::program::StepKind;
use crate::agent::{Command, Located, Phase, RunState, block_of, gate_of, round_of, share};
use crate::contracts::{
    ApprovalId, ApprovalResolution, BudgetUse, CallEffect, CallId, CallNamed, Effect, ErrorKind,
    EventBody, RunId, StepFinished, StepStarted,
};

/// What the step of one id does; the same for each of its instances.
#[derive(Debug, Clone)]
pub struct Script {
    pub effect: CallEffect,
    pub verdict: Effect,
    pub answer: bool,
    /// How many people must say yes to a call that asks.
    pub approvers: u32,
    /// Answers of no with a comment that come before `answer`.
    pub comments: u32,
    /// Calls that fail before one does well.
    pub fails: u32,
    pub error: ErrorKind,
    pub retryable: bool,
    pub items: u32,
    pub skipped: bool,
    pub child: Child,
}

/// What a called run comes to.
#[derive(Debug, Clone)]
pub struct Child {
    pub ok: bool,
    pub kind: Option<ErrorKind>,
    pub steps: u32,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            effect: CallEffect::Read,
            verdict: Effect::Allow,
            answer: true,
            approvers: 1,
            comments: 0,
            fails: 0,
            error: ErrorKind::Unavailable,
            retryable: false,
            items: 2,
            skipped: false,
            child: Child { ok: true, kind: None, steps: 1 },
        }
    }
}

/// What stands for the planner among the scripts: as many plans as items, each with a question before it
/// where it asks, and given up in the end where it fails.
pub const PLANS: &str = "plans";

/// Scripts by step id; a step without one does what the default says.
pub type Scripts = BTreeMap<String, Script>;

#[derive(Debug, Clone)]
pub struct World<'a> {
    scripts: &'a Scripts,
    /// How often each call's effect really happened.
    pub happened: BTreeMap<CallId, u32>,
    /// The path of each call.
    pub paths: BTreeMap<CallId, String>,
    /// How often a path's tool was run, over all crashes.
    tries: BTreeMap<String, u32>,
    /// How often a gate was answered.
    answers: BTreeMap<String, u32>,
    next_id: u128,
}

impl<'a> World<'a> {
    pub fn new(scripts: &'a Scripts) -> Self {
        Self {
            scripts,
            happened: BTreeMap::new(),
            paths: BTreeMap::new(),
            tries: BTreeMap::new(),
            answers: BTreeMap::new(),
            next_id: 0,
        }
    }

    fn uuid(&mut self) -> Uuid {
        self.next_id += 1;
        Uuid::from_u128(self.next_id)
    }

    fn script(&self, at: &Located<'_>) -> Script {
        self.scripts.get(&at.step.id).cloned().unwrap_or_default()
    }

    fn script_at(&self, state: &RunState, path: &str) -> Script {
        self.script(&state.locate(path).expect("the core names known steps"))
    }

    /// The next events of a piece of work, and whether more follow. `stage` counts from 0.
    pub fn advance(
        &mut self,
        state: &RunState,
        command: &Command,
        stage: u32,
    ) -> (Vec<EventBody>, bool) {
        let whole = |events| (events, false);
        match command {
            Command::Record(body) => whole(vec![body.as_ref().clone()]),
            Command::Open { path, attempt, .. } => whole(self.open(state, path, *attempt)),
            Command::Decide { path, call_id } => whole(self.decide(state, path, *call_id)),
            Command::Ask { path, approval_id } => {
                whole(vec![self.answer(state, path, *approval_id)])
            }
            Command::Execute { path, call_id } if stage == 0 => {
                (self.begin(state, path, *call_id), true)
            }
            Command::Execute { path, call_id } => whole(vec![self.end(state, path, *call_id)]),
            Command::Call { path, attempt, share, .. } => {
                let child = self.script_at(state, path).child;
                let stopped = state.cancels > 0;
                let kind = if stopped { Some(ErrorKind::Cancelled) } else { child.kind };
                let steps = child.steps.min(share.steps);
                whole(vec![EventBody::StepFinished(StepFinished {
                    used: Some(BudgetUse { steps, ..BudgetUse::default() }),
                    ..StepFinished::new(path, *attempt, child.ok && !stopped, kind)
                })])
            }
            Command::Plan { round } => whole(self.plan(*round)),
            Command::Verify { index } => whole(vec![events::verified(*index)]),
            Command::Conclude(verdict) => whole(vec![events::finished(verdict)]),
            Command::Report { outcome } => whole(vec![events::report(*outcome)]),
        }
    }

    fn plan(&self, round: u32) -> Vec<EventBody> {
        let script = self.scripts.get(PLANS).cloned().unwrap_or_default();
        if round > script.items {
            let given_up = (script.fails > 0).then_some(ErrorKind::NoProgress);
            return vec![events::revised(round - 1, given_up)];
        }
        let asks = script.verdict == Effect::Ask;
        let mut all = vec![events::proposed(round, asks, script.retryable)];
        if !asks {
            all.push(events::approved(round));
        }
        all
    }

    /// What may have happened at a crash, happened.
    pub fn lose(&mut self, call_id: CallId) {
        *self.happened.entry(call_id).or_default() += 1;
    }

    fn open(&mut self, state: &RunState, path: &str, attempt: u32) -> Vec<EventBody> {
        let at = state.locate(path).expect("the core names known steps");
        let script = self.script(&at);
        if (script.skipped || is_declined(state, path)) && at.item().is_none() {
            return vec![EventBody::StepFinished(StepFinished::skipped(path))];
        }
        let mut started = StepStarted::new(path, attempt);
        let mut more = Vec::new();
        match &at.step.kind {
            _ if at.step.foreach.is_some() && at.item().is_none() => {
                (started.items, started.item_count) =
                    (Some(events::text("[]")), Some(script.items));
            }
            StepKind::Block(_) => {}
            StepKind::Call => {
                started.child_run_id = Some(RunId::from_uuid(self.uuid()));
                started.share = Some(share(state, path));
            }
            StepKind::Approval(gate) => {
                more.push(events::question(path, self.uuid(), None, gate.ttl_ms, gate.approvers));
            }
            StepKind::Tool | StepKind::Goal { .. } => {
                let id = CallId::from_uuid(self.uuid());
                self.paths.insert(id, path.to_owned());
                more.push(events::requested(path, attempt, id, script.effect));
            }
        }
        let mut all = vec![EventBody::StepStarted(started)];
        all.extend(more);
        all
    }

    fn decide(&mut self, state: &RunState, path: &str, call_id: CallId) -> Vec<EventBody> {
        let Script { verdict: effect, approvers, .. } = self.script_at(state, path);
        let mut all = vec![events::decided(path, call_id, effect)];
        if effect == Effect::Ask {
            all.push(events::question(path, self.uuid(), Some(call_id), 1, approvers));
        }
        all
    }

    fn answer(&mut self, state: &RunState, path: &str, approval_id: ApprovalId) -> EventBody {
        let script = self.script_at(state, path);
        let given = self.answers.entry(path.to_owned()).or_default();
        let comment = *given < script.comments;
        *given += 1;
        EventBody::ApprovalResolved(ApprovalResolution {
            approval_id,
            approved: script.answer && !comment,
            // Everybody says it twice; the second time counts for nothing.
            by: format!("user:{}", *given / 2),
            reason: comment.then(|| format!("again, {given}")),
        })
    }

    fn begin(&self, state: &RunState, path: &str, call_id: CallId) -> Vec<EventBody> {
        let effect = self.script_at(state, path).effect;
        let mut all = Vec::new();
        if effect != CallEffect::Read {
            all.push(events::intent(path, call_id, effect));
        }
        all.push(EventBody::CallStarted(CallNamed { call_id, path: path.to_owned() }));
        all
    }

    fn end(&mut self, state: &RunState, path: &str, call_id: CallId) -> EventBody {
        let script = self.script_at(state, path);
        let tries = self.tries.entry(path.to_owned()).or_default();
        *tries += 1;
        let error = (*tries <= script.fails).then_some(script.error);
        *self.happened.entry(call_id).or_default() += 1;
        events::returned(path, call_id, error, script.retryable)
    }
}

/// Whether the block of a plan has a question before it that was answered with a no.
fn is_declined(state: &RunState, path: &str) -> bool {
    let gate = round_of(path).filter(|round| block_of(*round) == path).map(gate_of);
    let phase = gate.and_then(|gate| state.phase(&gate));
    matches!(phase, Some(Phase::Done { ok: false, .. }))
}
