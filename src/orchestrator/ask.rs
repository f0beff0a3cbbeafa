//! Getting a person's answer to a question about a call or at a gate.

use std::sync::Arc;

use super::answer::{Answer, Question};
use super::consult;
use super::driver::Work;
use super::error::RunError;
use super::journal::{Batch, Progress};
use super::services::blocking;
use crate::agent::Phase;
use crate::contracts::approval::is_named;
use crate::contracts::{
    ApprovalId, ApprovalResolution, ApprovalSubject, EventBody, Quorum, ToolCall,
};

pub(super) async fn ask(
    work: Work,
    path: String,
    approval_id: ApprovalId,
) -> Result<Progress, RunError> {
    let Some(subject) = subject(&work, &path, approval_id) else {
        return Err(RunError::Incomplete { run: work.run_id.to_string(), what: "the question" });
    };
    if work.services.clock.now() > subject.expires_at {
        return renew(&work, subject).await;
    }
    let consult = subject.consult.clone();
    let question = question(&work, subject.clone()).await?;
    let yes = question.yes.clone();
    let answerer = Arc::clone(&work.answerer);
    let Some(answer) = blocking(move || answerer.answer(&question)).await? else {
        return Ok(Progress::Parked);
    };
    if work.services.clock.now() > subject.expires_at {
        // The person took longer than the answer counts: ask again rather than guess.
        return renew(&work, subject).await;
    }
    let Answer { approved, by, mut reason } = answer;
    if let (true, Some(consult)) = (approved, consult) {
        // What does not fit is no answer: somebody gives another one elsewhere.
        let Ok(words) = consult.accepts(reason.as_deref()) else { return Ok(Progress::Parked) };
        reason = Some(words);
    }
    let said =
        approved && Quorum::of(subject.approvers).with(yes.iter().map(String::as_str)).has(&by);
    if said || approved && subject.approvers > 1 && !is_named(&by) {
        // It takes somebody else: they answer elsewhere.
        return Ok(Progress::Parked);
    }
    let resolution = ApprovalResolution { approval_id, approved, by, reason };
    let events = vec![EventBody::ApprovalResolved(resolution)];
    work.journal.append(Batch::of(events)).await?;
    Ok(Progress::Made)
}

/// The question that is open at `path`.
pub(super) fn subject(work: &Work, path: &str, approval_id: ApprovalId) -> Option<ApprovalSubject> {
    if work.state.phase(path) != Some(Phase::Asked(approval_id)) {
        return None;
    }
    let of_call = work.record.call_at(path).and_then(|call| call.question.clone());
    let of_gate = work.record.gates.get(path).cloned();
    let words = work.record.call_at(path).and_then(|call| call.consult.clone());
    let words = words.map(|(subject, _)| subject);
    of_call
        .into_iter()
        .chain(of_gate)
        .chain(words)
        .find(|subject| subject.approval_id == approval_id)
}

/// The same question with a new id and a new life.
fn renewed(work: &Work, subject: ApprovalSubject) -> ApprovalSubject {
    let now = work.services.clock.now();
    let lifetime = ttl_ms(work, &subject.path);
    ApprovalSubject {
        approval_id: ApprovalId::from_uuid(work.services.clock.uuid()),
        expires_at: now.plus_ms(lifetime),
        ..subject
    }
}

/// What becomes of a question whose time is over: it is put again, but one that wants words ends.
pub(super) fn overdue(work: &Work, subject: ApprovalSubject) -> EventBody {
    match subject.consult {
        Some(_) => EventBody::ApprovalResolved(consult::lapsed(&subject)),
        None => EventBody::ApprovalRequested(renewed(work, subject)),
    }
}

async fn renew(work: &Work, subject: ApprovalSubject) -> Result<Progress, RunError> {
    let events = vec![overdue(work, subject)];
    work.journal.append(Batch::of(events)).await?;
    Ok(Progress::Made)
}

/// How long an answer counts: the gate's own time, or what configuration says for calls.
pub(super) fn ttl_ms(work: &Work, path: &str) -> u64 {
    use crate::agent::program::StepKind;
    match work.state.locate(path).map(|at| &at.step.kind) {
        Some(StepKind::Approval(gate)) => gate.ttl_ms,
        _ => work.services.config().policy.approval_ttl_ms,
    }
}

async fn question(work: &Work, subject: ApprovalSubject) -> Result<Question, RunError> {
    let quorum = work.state.quorum(subject.approval_id);
    let yes = quorum.map_or_else(Vec::new, |quorum| quorum.yes().to_vec());
    let Some(record) = subject.call_id.and_then(|id| work.record.calls.get(&id)).cloned() else {
        let plan_rules = work.record.planned.asking(&subject.path);
        return Ok(Question { subject, call: None, decision: None, plan_rules, yes });
    };
    let call: ToolCall = super::call::load(work, &record.requested).await?;
    let args = serde_json::to_string_pretty(&call.args)?;
    let call = Some((call.name, args));
    Ok(Question { subject, call, decision: record.decision, plan_rules: Vec::new(), yes })
}
