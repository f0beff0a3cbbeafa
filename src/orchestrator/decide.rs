//! Letting policy decide about a call, and journalling what it said.

use super::ask;
use super::audit;
use super::beforehand;
use super::call;
use super::driver::Work;
use super::error::RunError;
use super::evidence::Arguments;
use super::journal::{Batch, Progress};
use super::judge::{Judge, Judged};
use super::obliged;
use super::planning;
use super::ruling::Ruling;
use super::services::{Services, blocking};
use crate::contracts::{
    ApprovalId, ApprovalSubject, CallEffect, CallId, CallRequested, Decision, Effect, EventBody,
    PolicyReloaded, ToolCall,
};

/// Ends in `call.decided`, followed by `approval.requested` when a person must answer.
pub(super) async fn decide(
    work: Work,
    path: String,
    call_id: CallId,
) -> Result<Progress, RunError> {
    let missing = || RunError::Incomplete { run: work.run_id.to_string(), what: "the call" };
    let requested = work.record.calls.get(&call_id).ok_or_else(missing)?.requested.clone();
    let call = call::load(&work, &requested).await?;
    let journal = work.journal.clone();
    let batch = blocking(move || {
        let judge = Judge::of(&work, &path).ok_or_else(|| RunError::Incomplete {
            run: work.run_id.to_string(),
            what: "`run.started`",
        })?;
        let judged = judge.decide(&call);
        decided(&work, &requested, &call, &judged)
    })
    .await??;
    journal.append(batch).await?;
    Ok(Progress::Made)
}

/// What a decision leads to: the decision; the question when a person must answer; an audit entry
/// when it ends here.
pub(super) fn decided(
    work: &Work,
    requested: &CallRequested,
    call: &ToolCall,
    judged: &Judged,
) -> Result<Batch, RunError> {
    let (services, decision) = (&work.services, &judged.decision);
    let mut batch = Batch::default();
    let question = (decision.effect == Effect::Ask).then(|| ApprovalSubject {
        approval_id: ApprovalId::from_uuid(services.clock.uuid()),
        path: requested.path.clone(),
        call_id: Some(call.id),
        args_hash: Some(requested.args_hash),
        prompt: prompt(services, requested, call, decision),
        expires_at: services.clock.now().plus_ms(ask::ttl_ms(work, &requested.path)),
        approvers: decision.approvers.max(1),
        beforehand: None,
        consult: None,
    });
    if let Some(question) = &question {
        let asked = question.approval_id;
        batch.beforehand = beforehand::fitting(services, call, decision, asked)?;
    }
    if decision.effect == Effect::Deny {
        batch.audit.push(audit::refused(services, call, decision));
    }
    batch.bodies.extend(reloaded(work, decision));
    let agreed = match &question {
        Some(question) => {
            planning::agreements(work, &requested.path, call, decision, question.approval_id)?
        }
        None => Vec::new(),
    };
    if !agreed.is_empty() {
        batch.beforehand = None;
    }
    let ruling = of_step(work, call, &requested.path);
    let decided = ruling.decided(&mut batch, judged);
    batch.bodies.push(EventBody::CallDecided(decided));
    batch.bodies.extend(question.map(EventBody::ApprovalRequested));
    batch.bodies.extend(agreed.into_iter().map(EventBody::ApprovalResolved));
    Ok(batch)
}

/// A decision about a call that the step at `path` asked for.
pub(super) fn of_step<'a>(work: &'a Work, call: &'a ToolCall, path: &'a str) -> Ruling<'a> {
    Ruling {
        services: &work.services,
        call,
        path,
        as_of_seq: work.record.seq,
        arguments: Arguments::Elsewhere,
    }
}

/// That other rules are in force than when the run last decided something.
pub(super) fn reloaded(work: &Work, decision: &Decision) -> Option<EventBody> {
    let started = work.record.started.as_ref().map(|(started, _)| started.policy_hash);
    let last = work.record.decisions.last().map(|last| last.decision.policy_hash);
    let previous = last.or(started).filter(|previous| *previous != decision.policy_hash)?;
    let errors = work.services.policy.errors().iter().map(ToString::to_string).collect();
    let policy_hash = decision.policy_hash;
    Some(EventBody::PolicyReloaded(PolicyReloaded { policy_hash, previous, errors }))
}

/// What the person reads first. Calls that cannot be undone say so.
fn prompt(
    services: &Services,
    requested: &CallRequested,
    call: &ToolCall,
    decision: &Decision,
) -> String {
    let tool = services.tool(&requested.name);
    let undo = match requested.effect {
        CallEffect::Read => "",
        _ if tool.is_some_and(|tool| tool.undoable) => "",
        _ => " This cannot be undone.",
    };
    let why = obliged::told(&decision.reason, &call.args, &decision.obligations);
    format!("`{}` wants to call `{}`: {why}.{undo}", requested.path, requested.name)
}
