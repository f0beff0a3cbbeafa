//! Opening a step: evaluate its `if`, its list or its arguments, and journal what came of it.

use std::time::Duration;

use serde_json::Value;

use super::ask;
use super::driver::Work;
use super::error::RunError;
use super::journal::{Batch, Progress};
use super::reads::GovernedReads;
use super::scope;
use super::services::blocking;
use crate::contracts::{
    ApprovalId, ApprovalSubject, CallEffect, CallId, CallRequested, ErrorKind, EventBody, FsAccess,
    Map, Origin, StepFinished, StepStarted, ToolCall,
};
use crate::playbook::expression::{ExpressionError, Scope};
use crate::playbook::{Action, Foreach, Step};
use crate::policy::approval_hash;
use crate::tools;

/// Ends in `step.started`, followed by `call.requested` or `approval.requested`, or in
/// `step.finished`.
pub(super) async fn open(
    work: Work,
    path: String,
    attempt: u32,
    delay_ms: u64,
) -> Result<Progress, RunError> {
    if delay_ms > 0 {
        tokio::time::sleep(Duration::from_millis(delay_ms)).await;
    }
    let journal = work.journal.clone();
    let batch = blocking(move || Opening::of(&work, &path, attempt)?.batch()).await??;
    journal.append(batch).await?;
    Ok(Progress::Made)
}

/// A step that is being opened.
struct Opening<'a> {
    work: &'a Work,
    path: &'a str,
    attempt: u32,
    step: &'a Step,
    is_item: bool,
    scope: Scope,
}

impl<'a> Opening<'a> {
    fn of(work: &'a Work, path: &'a str, attempt: u32) -> Result<Self, RunError> {
        let missing = || RunError::Incomplete { run: work.run_id.to_string(), what: "the step" };
        let (_, program_step, item) = work.state.locate(path).ok_or_else(missing)?;
        let step = work.playbook.step(&program_step.id).ok_or_else(missing)?;
        let scope = scope::build(work, Some(path))?;
        Ok(Self { work, path, attempt, step, is_item: item.is_some(), scope })
    }

    fn batch(&self) -> Result<Batch, RunError> {
        match self.try_batch() {
            Ok(batch) => batch,
            Err(error) => Ok(self.failed(ErrorKind::Expression, &error.to_string())),
        }
    }

    /// The outer error is an expression's, and fails the step; the inner one stops the run.
    fn try_batch(&self) -> Result<Result<Batch, RunError>, ExpressionError> {
        if !self.is_item && !self.holds(self.step.condition.as_deref())? {
            return Ok(Ok(self.skipped()));
        }
        match (&self.step.foreach, &self.step.action) {
            (Some(foreach), _) if !self.is_item => self.list(foreach),
            (_, Action::Tool { tool, args }) => self.call(tool, args),
            (_, Action::Approval { when, .. }) if !self.holds(when.as_deref())? => {
                Ok(Ok(self.skipped()))
            }
            (_, Action::Approval { prompt, approvers, .. }) => self.gate(prompt, *approvers),
            (_, Action::Goal { skip_without_model: true, .. }) => Ok(Ok(self.skipped())),
            (_, Action::Goal { .. }) => Ok(Ok(self.failed(
                ErrorKind::NoModel,
                "the step has a goal and no model is configured; set `on_no_model: skip` to go on",
            ))),
        }
    }

    fn holds(&self, condition: Option<&str>) -> Result<bool, ExpressionError> {
        let Some(condition) = condition else { return Ok(true) };
        self.work.services.evaluator.condition(condition, &self.scope, &self.reads())
    }

    fn value(&self, template: &Value) -> Result<Value, ExpressionError> {
        self.work.services.evaluator.value(template, &self.scope, &self.reads())
    }

    const fn reads(&self) -> GovernedReads<'a> {
        GovernedReads { work: self.work, path: self.path }
    }

    fn started(&self) -> StepStarted {
        let (path, attempt) = (self.path.to_owned(), self.attempt);
        StepStarted { path, attempt, items: None, item_count: None }
    }

    fn list(&self, foreach: &Foreach) -> Result<Result<Batch, RunError>, ExpressionError> {
        let Value::Array(items) = self.value(&foreach.items)? else {
            let message = "`foreach` needs a list";
            return Ok(Ok(self.failed(ErrorKind::Expression, message)));
        };
        let limit = foreach.limit as usize;
        if items.len() > limit {
            let message =
                format!("the list has {} items; at most {limit} are gone over", items.len());
            return Ok(Ok(self.failed(ErrorKind::TooLarge, &message)));
        }
        Ok(self.list_batch(&items))
    }

    fn list_batch(&self, items: &[Value]) -> Result<Batch, RunError> {
        let mut batch = Batch::default();
        let reference = batch.text(serde_json::to_vec(items)?, self.work.services.clock.salt());
        batch.bodies.push(EventBody::StepStarted(StepStarted {
            items: Some(reference),
            item_count: Some(u32::try_from(items.len()).unwrap_or(u32::MAX)),
            ..self.started()
        }));
        Ok(batch)
    }

    fn call(&self, tool: &str, args: &Map) -> Result<Result<Batch, RunError>, ExpressionError> {
        let Value::Object(args) = self.value(&Value::Object(args.clone()))? else {
            return Ok(Ok(self.failed(ErrorKind::Expression, "`args` must be a mapping")));
        };
        // Unknown tools go on to be refused by policy; arguments that fit no schema stop here.
        if let Err(error) = tools::check_args(tool, &args)
            && error.kind != ErrorKind::UnknownTool
        {
            return Ok(Ok(self.failed(error.kind, &error.message)));
        }
        Ok(self.call_batch(tool, args))
    }

    fn call_batch(&self, name: &str, args: Map) -> Result<Batch, RunError> {
        let services = &self.work.services;
        let tool = services.vocabulary.get(name);
        let own = tool.map_or(CallEffect::NonIdempotent, |tool| tool.effect);
        let effect = stated(own, self.step.effect);
        let name = tool.map_or_else(|| name.to_owned(), |tool| tool.name.clone());
        let timeout_ms = self.step.timeout_ms.or_else(|| tool.map(|tool| tool.timeout_ms));
        let reads_only = tool.is_some_and(|tool| tool.effect == CallEffect::Read);
        let call = ToolCall {
            id: CallId::from_uuid(services.clock.uuid()),
            run_id: self.work.run_id,
            step_id: self.path.to_owned(),
            name: name.clone(),
            args,
            timeout_ms: timeout_ms.unwrap_or(0),
            allow_network: false,
            allow_fs: if reads_only { FsAccess::Read } else { FsAccess::Write },
            expected_output_schema: None,
            // The same step of the same run names the same effect, however often it is tried.
            idempotency_key: format!("{}/{}", self.work.run_id, self.path),
            origin: Origin::Playbook,
            labels: self.step.labels.clone(),
        };
        let args_hash = approval_hash(&call)?;
        let mut batch = Batch::default();
        let reference = batch.text(serde_json::to_vec(&call)?, services.clock.salt());
        batch.bodies = vec![
            EventBody::StepStarted(self.started()),
            EventBody::CallRequested(CallRequested {
                path: self.path.to_owned(),
                attempt: self.attempt,
                call_id: call.id,
                name,
                effect,
                call: reference,
                args_hash,
                idempotency_key: call.idempotency_key,
                origin: call.origin,
            }),
        ];
        Ok(batch)
    }

    fn gate(
        &self,
        prompt: &str,
        approvers: u32,
    ) -> Result<Result<Batch, RunError>, ExpressionError> {
        let prompt = self.value(&Value::String(prompt.to_owned()))?;
        let services = &self.work.services;
        let subject = ApprovalSubject {
            approval_id: ApprovalId::from_uuid(services.clock.uuid()),
            path: self.path.to_owned(),
            call_id: None,
            args_hash: None,
            prompt: prompt.as_str().map_or_else(|| prompt.to_string(), str::to_owned),
            expires_at: services.clock.now().plus_ms(ask::ttl_ms(self.work, self.path)),
            approvers,
        };
        let bodies =
            vec![EventBody::StepStarted(self.started()), EventBody::ApprovalRequested(subject)];
        Ok(Ok(Batch::of(bodies)))
    }

    fn skipped(&self) -> Batch {
        let finished = StepFinished {
            path: self.path.to_owned(),
            ok: false,
            skipped: true,
            attempt: 0,
            error_kind: None,
            message: None,
        };
        Batch::of(vec![EventBody::StepFinished(finished)])
    }

    fn failed(&self, kind: ErrorKind, message: &str) -> Batch {
        let mut batch = Batch::default();
        let message = batch.text(message.as_bytes(), self.work.services.clock.salt());
        batch.bodies.push(EventBody::StepFinished(StepFinished {
            path: self.path.to_owned(),
            ok: false,
            skipped: false,
            attempt: self.attempt,
            error_kind: Some(kind),
            message: Some(message),
        }));
        batch
    }
}

/// The effect of a call: the tool's own, or what the author states about this use of it. What changes
/// something never counts as reading, so that its intent and its old content are always kept.
fn stated(own: CallEffect, stated: Option<CallEffect>) -> CallEffect {
    match (own, stated) {
        (own, None) => own,
        (CallEffect::Read, Some(stated)) => stated,
        (_, Some(CallEffect::Read)) => CallEffect::Idempotent,
        (_, Some(stated)) => stated,
    }
}

#[cfg(test)]
mod tests {
    use super::{CallEffect, stated};

    #[test]
    fn a_tool_that_changes_something_never_counts_as_reading() {
        use CallEffect::{Idempotent, Irreversible, NonIdempotent, Read};
        for (own, said, effect) in [
            (NonIdempotent, None, NonIdempotent),
            (NonIdempotent, Some(Idempotent), Idempotent),
            (NonIdempotent, Some(Read), Idempotent),
            (Idempotent, Some(Read), Idempotent),
            (Idempotent, Some(Irreversible), Irreversible),
            (Read, Some(NonIdempotent), NonIdempotent),
            (Read, None, Read),
        ] {
            assert_eq!(stated(own, said), effect, "{own:?} {said:?}");
        }
    }
}
