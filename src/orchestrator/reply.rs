//! Answers of people, and what other rules make of the questions that are open.

use super::control::ControlError;
use super::driver::Driver;
use super::error::RunError;
use super::journal::Batch;
use super::judge::Judge;
use super::record::asking;
use super::services::blocking;
use super::{ask, call, decide};
use crate::agent::Phase;
use crate::contracts::approval::is_named;
use crate::contracts::{
    ApprovalId, ApprovalResolution, ApprovalSubject, Decision, Effect, EventBody,
};

/// Another decision about a call that somebody was asked about.
struct Rejudged {
    batch: Batch,
    decision: Decision,
}

impl Driver {
    /// Takes a person's answer to a question that is open.
    pub(super) async fn answer(&mut self, answer: ApprovalResolution) -> Result<(), ControlError> {
        let id = answer.approval_id;
        let asked = |phase: Phase| phase == Phase::Asked(id);
        let path = self.run.state.nodes.iter().find(|(_, node)| asked(node.phase));
        let path = path.map(|(path, _)| path.clone()).ok_or(ControlError::NotOpen(id))?;
        let work = self.work();
        let subject = ask::subject(&work, &path, id).ok_or(ControlError::NotOpen(id))?;
        if self.services.clock.now() > subject.expires_at {
            let overdue = ask::overdue(&work, subject);
            let error = match &overdue {
                EventBody::ApprovalRequested(renewed) => {
                    ControlError::Expired { approval_id: id, renewed: renewed.approval_id }
                }
                _ => ControlError::Lapsed(id),
            };
            self.append(Batch::of(vec![overdue])).await?;
            return Err(error);
        }
        let mut answer = answer;
        if let (true, Some(consult)) = (answer.approved, &subject.consult) {
            let words = consult.accepts(answer.reason.as_deref());
            answer.reason = Some(words.map_err(|why| ControlError::NoAnswer(id, why))?);
        }
        if answer.approved {
            self.check_person(&answer, &subject)?;
            if !self.judge_again(&path, &subject).await? {
                return Ok(());
            }
        }
        Ok(self.append(Batch::of(vec![EventBody::ApprovalResolved(answer)])).await?)
    }

    /// Ends a question that wants words and whose time is over.
    pub(super) async fn lapse(&mut self, id: ApprovalId) -> Result<(), ControlError> {
        let open = self.run.record.open_questions();
        let subject = open.into_iter().map(|(it, _)| it).find(|it| it.approval_id == id).cloned();
        let subject = subject.filter(|it| it.consult.is_some()).ok_or(ControlError::NotOpen(id))?;
        if self.services.clock.now() <= subject.expires_at {
            return Err(ControlError::Stands);
        }
        let overdue = ask::overdue(&self.work(), subject);
        Ok(self.append(Batch::of(vec![overdue])).await?)
    }

    /// Of several people, each is somebody, and somebody else.
    fn check_person(
        &self,
        answer: &ApprovalResolution,
        subject: &ApprovalSubject,
    ) -> Result<(), ControlError> {
        let (approval_id, by) = (answer.approval_id, answer.by.clone());
        let quorum = self.run.state.quorum(approval_id).cloned().unwrap_or_default();
        if quorum.has(&by) {
            return Err(ControlError::SaidYes { approval_id, by, quorum: Box::new(quorum) });
        }
        if subject.approvers > 1 && !is_named(&by) {
            return Err(ControlError::Unnamed { approval_id, by, needed: subject.approvers });
        }
        Ok(())
    }

    /// A yes to what the rules refuse by now, or ask otherwise, is no yes: what they say is journalled,
    /// and ends the step or asks anew. False when the call is allowed by now and no yes is needed.
    async fn judge_again(
        &mut self,
        path: &str,
        subject: &ApprovalSubject,
    ) -> Result<bool, ControlError> {
        let Some(Rejudged { batch, decision }) = self.rejudge(path, subject).await? else {
            return Ok(true);
        };
        let approval_id = subject.approval_id;
        match decision.effect {
            // One yes is enough as it is; where it is not, nobody else has to be waited for.
            Effect::Allow if subject.approvers <= 1 => Ok(true),
            Effect::Allow => Ok(self.append(batch).await.map(|()| false)?),
            Effect::Ask => {
                let renewed = batch.bodies.iter().find_map(|body| match body {
                    EventBody::ApprovalRequested(asked) => Some(asked.approval_id),
                    _ => None,
                });
                self.append(batch).await?;
                let renewed = renewed.unwrap_or(approval_id);
                Err(ControlError::Changed { approval_id, renewed })
            }
            Effect::Deny | Effect::Depends => {
                self.append(batch).await?;
                Err(ControlError::Denied(Box::new(decision)))
            }
        }
    }

    /// Decides anew what is asked about calls. What the rules of now ask still stays as it is.
    pub(super) async fn judge_open(&mut self) -> Result<(), ControlError> {
        let open = self.run.record.open_questions();
        let open: Vec<ApprovalSubject> = open.into_iter().map(|(it, _)| it.clone()).collect();
        let mut changed = false;
        for subject in open {
            if let Some(rejudged) = self.rejudge(&subject.path, &subject).await? {
                self.append(rejudged.batch).await?;
                changed = true;
            }
        }
        if changed { Ok(()) } else { Err(ControlError::Stands) }
    }

    /// What the rules of now say about the call behind a question, unless they ask just the same.
    async fn rejudge(
        &self,
        path: &str,
        subject: &ApprovalSubject,
    ) -> Result<Option<Rejudged>, RunError> {
        let Some(call_id) = subject.call_id else { return Ok(None) };
        let work = self.work();
        let run = work.run_id.to_string();
        let missing = |what| RunError::Incomplete { run: run.clone(), what };
        let record = work.record.calls.get(&call_id).ok_or_else(|| missing("the call"))?.clone();
        let call = call::load(&work, &record.requested).await?;
        let (path, approvers) = (path.to_owned(), subject.approvers);
        let words = subject.consult.is_some();
        let no_start = missing("`run.started`");
        blocking(move || {
            // A person's answer is rare and final: every edit made before it counts.
            work.services.policy.refresh();
            let judged = Judge::of(&work, &path).ok_or(no_start)?.decide(&call);
            let decision = &judged.decision;
            let asks_the_same = decision.effect == Effect::Ask
                && decision.approvers <= approvers.max(1)
                && asking(decision) == record.asked_by;
            let as_before = asks_the_same || words && decision.effect == Effect::Allow;
            if as_before {
                return Ok(None);
            }
            let batch = decide::decided(&work, &record.requested, &call, &judged)?;
            Ok(Some(Rejudged { batch, decision: judged.decision }))
        })
        .await?
    }
}
