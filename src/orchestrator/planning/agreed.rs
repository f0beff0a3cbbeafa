//! One yes for a whole plan: it answers what the rules ask about its steps, and nothing else.

use crate::agent::round_of;
use crate::contracts::{ApprovalId, ApprovalResolution, Decision, ToolCall};
use crate::orchestrator::driver::Work;
use crate::orchestrator::error::RunError;
use crate::policy::beforehand_hash;

/// The answers to the question `asked` about `call` that people gave when they agreed to the plan it stands
/// in: to exactly this call, under the rules that are in force.
pub(in crate::orchestrator) fn agreements(
    work: &Work,
    path: &str,
    call: &ToolCall,
    decision: &Decision,
    asked: ApprovalId,
) -> Result<Vec<ApprovalResolution>, RunError> {
    let planned = &work.record.planned;
    let Some(round) = round_of(path).filter(|_| work.playbook.goal.is_some()) else {
        return Ok(Vec::new());
    };
    let plan = planned.plans.iter().find(|plan| plan.round == round);
    let (Some(plan), Some(approved)) = (plan, planned.approved.get(&round)) else {
        return Ok(Vec::new());
    };
    let id = path.rsplit('/').next().unwrap_or(path);
    let hash = Some(beforehand_hash(&call.name, &call.args)?);
    let agreed = plan.steps.iter().any(|step| step.id == id && step.args_hash == hash);
    let enough = approved.by.len() >= decision.approvers.max(1) as usize;
    if !agreed || !enough || plan.policy_hash != decision.policy_hash {
        return Ok(Vec::new());
    }
    let reason = Some(format!("as a step of plan {round}"));
    let answer = |by: &String| ApprovalResolution {
        approval_id: asked,
        approved: true,
        by: by.clone(),
        reason: reason.clone(),
    };
    Ok(approved.by.iter().take(decision.approvers.max(1) as usize).map(answer).collect())
}
