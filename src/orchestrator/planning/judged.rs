//! Judging a reply: as a plan, as steps of a playbook, and by policy, all of it before anything runs.

use std::collections::BTreeSet;

use super::desk::Desk;
use crate::agent::block_of;
use crate::config::AskPlan;
use crate::contracts::{
    ApprovalId, CallEffect, CallId, Decision, Effect, ErrorKind, EventBody, FsAccess, Map, Origin,
    PlanApproved, PlanGate, PlanProposed, ProposedStep, ToolCall,
};
use crate::orchestrator::beforehand;
use crate::orchestrator::error::RunError;
use crate::orchestrator::journal::Batch;
use crate::orchestrator::judge::{Judge, reaches};
use crate::orchestrator::obliged;
use crate::orchestrator::record::asking;
use crate::planning::{
    Draft, DraftStep, Ground, Plan, Reached, Round, check, playbook_of, read, repeats,
};
use crate::playbook::LintLimits;
use crate::policy::beforehand_hash;

/// Longest arguments in a question, in characters.
const ARGS_CHARS_MAX: usize = 400;

/// What a model said.
#[derive(Debug, Clone)]
pub(super) struct Said {
    pub by: String,
    pub text: String,
    pub cut: bool,
}

/// What is wrong with it.
#[derive(Debug, Clone)]
pub(super) struct Mistake {
    pub kind: ErrorKind,
    pub reply: String,
    pub mistakes: Vec<String>,
}

/// What a reply comes to.
pub(super) enum Judged {
    /// A plan.
    Good(Batch),
    /// The goal is reached.
    Reached(Reached),
    /// It has to be mended.
    Wrong(Mistake),
}

/// A step and what policy says of it.
pub(super) struct View<'a> {
    pub step: &'a DraftStep,
    pub call: ToolCall,
    pub decision: Decision,
    /// What the call would do, where all its arguments are known.
    pub would: Option<String>,
    /// Whether somebody said yes beforehand to exactly this call.
    given: bool,
}

impl Desk {
    /// Blocks.
    pub(super) fn judge(&self, said: Said) -> Result<Judged, RunError> {
        let wrong = |kind, mistakes| {
            Ok(Judged::Wrong(Mistake { kind, reply: said.text.clone(), mistakes }))
        };
        let mut draft = match self.sound(&said) {
            Ok(draft) => draft,
            Err(judged) => return Ok(*judged),
        };
        let steps = draft.steps.clone();
        let views = self.views(&steps)?;
        let denied: Vec<String> = views.iter().filter_map(View::refusal).collect();
        if !denied.is_empty() {
            return wrong(ErrorKind::Denied, denied);
        }
        let gate = self.gate(&views);
        draft.question = gate.as_ref().map(|_| self.question_of(&views));
        let round = Round { number: self.round, draft, gate, parallel: self.limits.parallel };
        if let Err(mistakes) = self.fits(&round) {
            return wrong(ErrorKind::BadPlan, mistakes);
        }
        self.proposed(&said.by, round, &views).map(Judged::Good)
    }

    /// The plan in a reply, where it has one that goes on from what was done; else what it comes to.
    pub(super) fn sound(&self, said: &Said) -> Result<Draft, Box<Judged>> {
        let wrong = |kind, mistakes| {
            Err(Box::new(Judged::Wrong(Mistake { kind, reply: said.text.clone(), mistakes })))
        };
        let draft = match self.draft(said) {
            Ok(Ok(draft)) => draft,
            Ok(Err(reached)) => return Err(Box::new(Judged::Reached(reached))),
            Err(mistakes) => return wrong(ErrorKind::BadPlan, mistakes),
        };
        let again = repeats(&draft.steps, &self.done);
        if !again.is_empty() {
            return wrong(ErrorKind::NoProgress, again);
        }
        Ok(Draft { labels: self.labels.clone(), ..draft })
    }

    /// What policy says of each step now.
    pub(super) fn views<'a>(&self, steps: &'a [DraftStep]) -> Result<Vec<View<'a>>, RunError> {
        steps.iter().map(|step| self.view(step)).collect()
    }

    /// The plan with the names it has in the run, or what the goal came to.
    fn draft(&self, said: &Said) -> Result<Result<Draft, Reached>, Vec<String>> {
        let plan: Plan = read(&said.text).map_err(|mistake| {
            let cut = said.cut.then(|| "the reply was cut: answer in fewer words".to_owned());
            cut.into_iter().chain([mistake]).collect::<Vec<_>>()
        })?;
        let toolbox = self.work.services.toolbox();
        let fits = |tool: &str, args: &Map| toolbox.check_args(tool, args);
        let earlier: BTreeSet<String> = self
            .rounds
            .iter()
            .flat_map(|round| round.draft.steps.iter().map(|step| step.id.clone()))
            .collect();
        let ground = Ground {
            round: self.round,
            vocabulary: &self.work.services.callable(),
            tools: &self.tools,
            fits: &fits,
            earlier: &earlier,
            limits: self.limits,
            steps_left: self.steps_left(),
        };
        let draft = check(&plan, &ground)?;
        Ok(if plan.done { Err(plan.reached()) } else { Ok(draft) })
    }

    /// Whether the run can go by the plan.
    fn fits(&self, round: &Round) -> Result<(), Vec<String>> {
        let rounds: Vec<Round> = self.rounds.iter().chain([round]).cloned().collect();
        let services = &self.work.services;
        let limits = LintLimits::from(services.config().as_ref());
        playbook_of(&self.work.playbook, &rounds, &services.callable(), &limits).map(|_| ())
    }

    /// What policy says of a step now. What a step before answers is not known yet.
    fn view<'a>(&self, step: &'a DraftStep) -> Result<View<'a>, RunError> {
        let path = format!("{}/{}", block_of(self.round), step.id);
        let missing =
            || RunError::Incomplete { run: self.work.run_id.to_string(), what: "`run.started`" };
        let judge = Judge::of(&self.work, &path).ok_or_else(missing)?;
        let unknown = step.unknown();
        let whole = unknown.is_empty();
        let call = self.call(step, path);
        let decision = Judge { unknown, ..judge }.decide(&call).decision;
        let would = match self.work.services.toolbox().dry_run(&call) {
            Ok(would) if whole => Some(would),
            _ => None,
        };
        let given = whole && self.is_given(&call, &decision)?;
        Ok(View { step, call, decision, would, given })
    }

    /// Whether somebody said yes to the call before anybody asked.
    fn is_given(&self, call: &ToolCall, decision: &Decision) -> Result<bool, RunError> {
        if decision.effect != Effect::Ask {
            return Ok(false);
        }
        let services = &self.work.services;
        let asked = ApprovalId::from_uuid(services.clock.uuid());
        Ok(beforehand::fitting(services, call, decision, asked)?.is_some())
    }

    fn call(&self, step: &DraftStep, path: String) -> ToolCall {
        let services = &self.work.services;
        let tool = services.tool(&step.tool);
        let reads_only = tool.as_ref().is_some_and(|tool| tool.effect == CallEffect::Read);
        let labels = || self.labels.clone();
        ToolCall {
            id: CallId::from_uuid(services.clock.uuid()),
            run_id: self.work.run_id,
            step_id: path,
            name: step.tool.clone(),
            args: step.args.clone(),
            timeout_ms: tool.as_ref().map_or(0, |tool| tool.timeout_ms),
            allow_network: tool.is_some_and(|tool| reaches(&self.work, &tool)),
            allow_fs: if reads_only { FsAccess::Read } else { FsAccess::Write },
            expected_output_schema: None,
            idempotency_key: String::new(),
            origin: Origin::Planner,
            labels: labels(),
            arg_labels: step.args.keys().map(|arg| (arg.clone(), labels())).collect(),
        }
    }

    /// The question before a plan, where a rule asks about a step, a bound is nearly met, or every plan is
    /// asked about. Where nobody is there, the rules refuse what they would ask about.
    pub(super) fn gate(&self, views: &[View<'_>]) -> Option<PlanGate> {
        let config = self.work.services.config();
        let asks = || {
            let asked = |view: &&View<'_>| view.decision.effect == Effect::Ask && !view.given;
            views.iter().filter(asked).map(|view| &view.decision)
        };
        let approvers = asks().map(|decision| decision.approvers.max(1)).max();
        let unattended =
            self.work.record.started.as_ref().is_some_and(|(started, _)| started.unattended);
        let own = config.planner.ask == AskPlan::Always || self.nearly_spent().is_some();
        let asked = approvers.or_else(|| (own && !unattended).then_some(1))?;
        let mut rules: Vec<String> =
            if own { Vec::new() } else { asks().flat_map(asking).collect() };
        rules.sort();
        rules.dedup();
        Some(PlanGate { ttl_ms: config.policy.approval_ttl_ms, approvers: asked, rules })
    }

    /// The bound that is nearly met, in words.
    fn nearly_spent(&self) -> Option<String> {
        let (used, limit) = (&self.work.state.used, &self.work.state.budget);
        #[expect(clippy::cast_precision_loss, reason = "a share")]
        let shares = [
            ("steps", f64::from(used.steps), f64::from(limit.steps)),
            ("tokens", used.tokens as f64, limit.tokens as f64),
            ("cost_usd", used.cost_usd, limit.cost_usd),
        ];
        let from = self.work.services.config().planner.ask_from;
        shares
            .into_iter()
            .find(|(_, used, limit)| *used > 0.0 && *used >= from * limit)
            .map(|(name, used, limit)| format!("{used} of {limit} `{name}` are used"))
    }

    fn question_of(&self, views: &[View<'_>]) -> String {
        let lines: Vec<String> = views.iter().map(View::line).collect();
        let spent = self.nearly_spent().map(|spent| format!("; {spent}")).unwrap_or_default();
        format!("Carry out plan {}{spent}?\n{}", self.round, lines.join("\n"))
    }

    fn proposed(&self, by: &str, round: Round, views: &[View<'_>]) -> Result<Batch, RunError> {
        let clock = &self.work.services.clock;
        let mut batch = Batch::default();
        if self.round > 1 {
            let declined =
                self.declined(self.round - 1).map(|said| format!("a person said no: {said}"));
            let why = declined.unwrap_or_else(|| round.draft.thought.clone());
            let revised = self.revised(&mut batch, None, &why);
            batch.bodies.push(EventBody::PlanRevised(revised));
        }
        let steps = views.iter().map(View::proposed).collect::<Result<Vec<_>, _>>()?;
        let policy_hash = self.work.services.policy.current().hash();
        let Round { number, draft, gate, parallel } = round;
        let allowed = gate.is_none();
        batch.bodies.push(EventBody::PlanProposed(PlanProposed {
            round: number,
            by: by.to_owned(),
            steps,
            parallel,
            gate,
            policy_hash,
            labels: draft.labels.clone(),
            plan: batch_text(&mut batch.texts, &draft, clock.salt())?,
        }));
        if allowed {
            let approved = PlanApproved { round: number, by: Vec::new() };
            batch.bodies.push(EventBody::PlanApproved(approved));
        }
        Ok(batch)
    }
}

/// Why there is no plan, after the last try.
pub(super) fn failed(wrong: Option<Mistake>) -> (ErrorKind, String) {
    let Some(Mistake { kind, mistakes, .. }) = wrong else {
        return (ErrorKind::BadPlan, "no model was asked".to_owned());
    };
    let what = match kind {
        ErrorKind::Denied => "the rules refuse what was planned",
        ErrorKind::NoProgress => "planning goes round in circles",
        _ => "what was planned cannot be carried out",
    };
    (kind, format!("{what}: {}", mistakes.join("; ")))
}

fn batch_text(
    texts: &mut Vec<crate::contracts::Stored>,
    draft: &Draft,
    salt: [u8; 32],
) -> Result<crate::contracts::TextRef, RunError> {
    let stored = crate::contracts::Stored::new(serde_json::to_vec(draft)?, salt);
    let reference = stored.reference.clone();
    texts.push(stored);
    Ok(reference)
}

impl View<'_> {
    fn refusal(&self) -> Option<String> {
        let denied = self.decision.effect == Effect::Deny;
        denied.then(|| {
            format!("`{}` {}: the rules refuse it: {}", self.step.id, self.step.tool, self.reason())
        })
    }

    fn reason(&self) -> String {
        obliged::told(&self.decision.reason, &self.step.args, &self.decision.obligations)
            .into_owned()
    }

    fn proposed(&self) -> Result<ProposedStep, RunError> {
        let DraftStep { id, needs, tool, args, .. } = self.step;
        let known = self.step.unknown().is_empty();
        let args_hash = known.then(|| beforehand_hash(tool, args)).transpose()?;
        Ok(ProposedStep {
            id: id.clone(),
            needs: needs.clone(),
            tool: tool.clone(),
            effect: self.decision.effect,
            reason: self.reason(),
            args_hash,
        })
    }

    /// The step in a question.
    fn line(&self) -> String {
        let args = serde_json::Value::Object(self.step.args.clone()).to_string();
        let args: String = args.chars().take(ARGS_CHARS_MAX).collect();
        let effect = self.decision.effect.as_str();
        let would = self.would.as_ref().map(|would| format!("; {would}")).unwrap_or_default();
        format!("{}. {} {args}: {effect}, {}{would}", self.step.id, self.step.tool, self.reason())
    }
}
