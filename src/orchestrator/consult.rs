//! Asking a person for words: what the call of a tool that asks a person does.
//!
//! The question is put by the run itself, beside the questions of policy: it is in the journal before
//! anybody is asked, the run waits with it, and the answer is journalled before the call begins, which
//! then has it at hand. What is said is data: it is leave for nothing.

use super::driver::Work;
use super::record::CallRecord;
use super::taken::is_strange;
use crate::contracts::{
    ApprovalId, ApprovalResolution, ApprovalSubject, Consult, Obligation, ToolCall,
};
use crate::policy::Authorized;
use crate::ports::PersonsAnswer;
use crate::tools::{Consultation, consultation};

/// Who ends a question that nobody answered.
const TIME: &str = "time";

/// How far asking has come.
pub(super) enum Asking {
    /// It has to be asked.
    Unanswered(Box<ApprovalSubject>),
    /// The call can begin, with what was said if it asks anything.
    Answered(Option<PersonsAnswer>),
}

/// How far a call has come with asking.
pub(super) fn standing(
    work: &Work,
    path: &str,
    record: &CallRecord,
    authorized: &Authorized<ToolCall>,
) -> Asking {
    let call = authorized.call();
    // A dry run asks nobody. Arguments that say nothing are refused when the call begins.
    let dry = authorized.decision().obligations.contains(&Obligation::DryRun);
    let Some(wanted) = consultation(call).filter(|_| !dry) else {
        return Asking::Answered(None);
    };
    if let Some((_, Some(said))) = &record.consult {
        return Asking::Answered(answer(said));
    }
    let unattended = work.record.started.as_ref().is_some_and(|(started, _)| started.unattended);
    if let (true, Some(text)) = (unattended, &wanted.default) {
        return Asking::Answered(Some(PersonsAnswer { text: text.clone(), by: None }));
    }
    Asking::Unanswered(Box::new(subject(work, path, call, wanted)))
}

fn answer(said: &ApprovalResolution) -> Option<PersonsAnswer> {
    let by = (said.by != TIME).then(|| said.by.clone());
    said.reason.clone().map(|text| PersonsAnswer { text, by })
}

fn subject(work: &Work, path: &str, call: &ToolCall, wanted: Consultation) -> ApprovalSubject {
    let Consultation { question, options, default, timeout_ms } = wanted;
    let services = &work.services;
    let strangers = call.labels.iter().any(|label| is_strange(label));
    let warning = if strangers { " (words of strangers are in this question)" } else { "" };
    let mut prompt = format!("`{path}` asks you: {question}{warning}");
    services.redactor.conceal_text(&mut prompt);
    ApprovalSubject {
        approval_id: ApprovalId::from_uuid(services.clock.uuid()),
        path: path.to_owned(),
        call_id: Some(call.id),
        args_hash: None,
        prompt,
        expires_at: services.clock.now().plus_ms(timeout_ms),
        approvers: 1,
        beforehand: None,
        consult: Some(Consult { options, default }),
    }
}

/// The end of a question that nobody answered: its default, or nothing.
pub(super) fn lapsed(subject: &ApprovalSubject) -> ApprovalResolution {
    let default = subject.consult.as_ref().and_then(|consult| consult.default.clone());
    ApprovalResolution {
        approval_id: subject.approval_id,
        approved: default.is_some(),
        by: TIME.to_owned(),
        reason: Some(default.unwrap_or_else(|| "nobody answered in time".to_owned())),
    }
}
