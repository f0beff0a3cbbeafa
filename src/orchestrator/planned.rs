//! What a run's journal says of planning.

use std::collections::BTreeMap;

use super::call;
use super::error::RunError;
use super::services::Services;
use crate::agent::gate_of;
use crate::contracts::{EventBody, ModelAnswered, PlanApproved, PlanProposed, PlanRevised, RunId};
use crate::planning::{Draft, Round, playbook_of};
use crate::playbook::{LintLimits, Playbook};

/// Plans, agreements and replies of models.
#[derive(Debug, Clone, Default)]
pub struct Planned {
    /// The plans, in order.
    pub plans: Vec<PlanProposed>,
    /// Who agreed to which.
    pub approved: BTreeMap<u32, PlanApproved>,
    /// How planning ended.
    pub end: Option<PlanRevised>,
    /// What models answered, by plan and try.
    pub replies: BTreeMap<(u32, u32), ModelAnswered>,
}

impl Planned {
    pub(super) fn take(&mut self, body: &EventBody) {
        match body {
            EventBody::PlanProposed(proposed) => self.plans.push(proposed.clone()),
            EventBody::PlanApproved(approved) => {
                self.approved.insert(approved.round, approved.clone());
            }
            EventBody::PlanRevised(revised) if !revised.goes_on => self.end = Some(revised.clone()),
            EventBody::ModelAnswered(answered) if answered.reply.is_some() => {
                self.replies.insert((answered.round, answered.attempt), answered.clone());
            }
            _ => {}
        }
    }

    /// The rules that ask about the steps of the plan whose question is at `path`; none where another
    /// reason asks as well.
    pub(super) fn asking(&self, path: &str) -> Vec<String> {
        let plan = self.plans.iter().find(|plan| gate_of(plan.round) == path);
        let gate = plan.and_then(|plan| plan.gate.as_ref());
        gate.map(|gate| gate.rules.clone()).unwrap_or_default()
    }

    /// Words that the model found for what the goal came to.
    pub(super) fn tags(&self) -> Vec<String> {
        self.end.as_ref().map(|end| end.tags.clone()).unwrap_or_default()
    }

    /// The plans with their texts. Blocks.
    pub(super) fn rounds(&self, services: &Services, run: RunId) -> Result<Vec<Round>, RunError> {
        self.plans.iter().map(|proposed| round(services, run, proposed)).collect()
    }
}

fn round(services: &Services, run: RunId, proposed: &PlanProposed) -> Result<Round, RunError> {
    let (store, run) = (services.store.reader(), run.to_string());
    let draft: Draft = call::document(store, &run, "a plan", &proposed.plan)?;
    Ok(Round {
        number: proposed.round,
        draft,
        gate: proposed.gate.clone(),
        parallel: proposed.parallel,
    })
}

/// `playbook` with the steps that were planned so far. Blocks.
pub(super) fn grown(
    services: &Services,
    run: RunId,
    playbook: &Playbook,
    planned: &Planned,
) -> Result<Playbook, RunError> {
    let rounds = planned.rounds(services, run)?;
    let limits = LintLimits::from(services.config().as_ref());
    playbook_of(playbook, &rounds, &services.callable(), &limits).map_err(|mistakes| {
        RunError::Playbook { run: run.to_string(), reason: mistakes.join("; ") }
    })
}
