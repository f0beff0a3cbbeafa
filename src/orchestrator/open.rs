//! Opening a step: evaluate its `if`, its list or its arguments, and journal what came of it.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::ask;
use super::driver::Work;
use super::error::RunError;
use super::journal::{Batch, Progress};
use super::judge;
use super::memories;
use super::opening::{self, Desk, Names, Opened};
use super::origins::{self, RunGround};
use super::place::Place;
use super::reads::GovernedReads;
use super::scope;
use super::services::blocking;
use super::taken::{Labels, secret};
use super::traced::Traced;
use crate::agent;
use crate::contracts::{
    ApprovalId, ApprovalSubject, CallEffect, CallId, CallRequested, ErrorKind, EventBody, FsAccess,
    Map, Origin, RunFlow, RunId, StepFinished, StepStarted, ToolCall, Trigger,
};
use crate::playbook::{Action, Step};
use crate::policy::approval_hash;

/// Ends in `step.started`, followed by `call.requested` or `approval.requested` where the step is one
/// that does something itself, or in `step.finished`.
pub(super) async fn open(
    work: Work,
    path: String,
    attempt: u32,
    delay_ms: u64,
) -> Result<Progress, RunError> {
    if recalls(&work, &path).await? {
        // The core wants the step still; then it is opened with what was recalled.
        return Ok(Progress::Made);
    }
    if delay_ms > 0 {
        tokio::time::sleep(Duration::from_millis(delay_ms)).await;
    }
    let journal = work.journal.clone();
    let batch = blocking(move || {
        let place = Place::of(&work.playbook, &path);
        let missing = || RunError::Incomplete { run: work.run_id.to_string(), what: "the step" };
        let stop = place.as_ref().and_then(Place::step).ok_or_else(missing)?;
        let (step, is_item) = (stop.step, stop.item.is_some());
        Opening { work: &work, path: &path, attempt, step }.batch(is_item)
    })
    .await??;
    journal.append(batch).await?;
    Ok(Progress::Made)
}

/// Recalls for the run where the step at `path` is the first to take from memory.
async fn recalls(work: &Work, path: &str) -> Result<bool, RunError> {
    let place = Place::of(&work.playbook, path);
    let step = place.as_ref().and_then(Place::step).map(|stop| stop.step);
    let takes = step.is_some_and(|step| origins::takes_memory(&work.services.evaluator, step));
    if takes { memories::recall_once(work).await } else { Ok(false) }
}

/// A step that is being opened.
struct Opening<'a> {
    work: &'a Work,
    path: &'a str,
    attempt: u32,
    step: &'a Step,
}

impl Opening<'_> {
    fn batch(&self, is_item: bool) -> Result<Batch, RunError> {
        let evaluator = &self.work.services.evaluator;
        let names = Names::of_step(evaluator, self.step, is_item);
        let scope = scope::build(self.work, Some(self.path), &names)?;
        let ground = RunGround::of(self.work, Some(self.path));
        let from = origins::of_step(evaluator, self.step, is_item, &ground);
        let reads = GovernedReads::new(self.work, self.path, from.clone());
        let desk = Desk { evaluator, scope: &scope, reads: &reads };
        let opened = opening::open(self.step, is_item, desk);
        let from = from.into_iter().chain(reads.noted()).collect();
        let mut batch = match opened {
            Ok(Opened::Tool { tool, args }) => {
                let Action::Tool { args: templates, .. } = &self.step.action else {
                    return Err(self.incomplete("the call of a tool"));
                };
                let traced = Traced::filled(templates, args, desk, &ground);
                self.call(tool, traced.noting(&reads.noted()).noting(&self.step.labels), from)?
            }
            Ok(Opened::List(items)) => {
                let over = self.step.foreach.as_ref().map(|foreach| foreach.over.template());
                let over = over.map(|over| origins::of(evaluator, &over, &ground));
                self.list(items, over.unwrap_or(from).into_iter().chain(reads.noted()).collect())?
            }
            Ok(opened) => self.opened(opened, from)?,
            // What could not be evaluated may be quoted in why.
            Err(error) => self.failed(ErrorKind::Expression, &error.to_string(), from),
        };
        // Behind: by its first event a batch is known to have come too late.
        batch.extend(reads.decided());
        Ok(batch)
    }

    fn incomplete(&self, what: &'static str) -> RunError {
        RunError::Incomplete { run: self.work.run_id.to_string(), what }
    }

    fn opened(&self, opened: Opened<'_>, from: Labels) -> Result<Batch, RunError> {
        match opened {
            Opened::Goal { .. } if self.work.services.model.is_some() => Ok(self.calling()),
            Opened::Skipped | Opened::Goal { skip_without_model: true } => Ok(self.skipped()),
            Opened::Failed(kind, message) => Ok(self.failed(kind, &message, from)),
            Opened::List(_) | Opened::Tool { .. } => Err(self.incomplete("an open step")),
            Opened::Gate { prompt, approvers } => Ok(self.gate(prompt, approvers, from)),
            Opened::Goal { .. } => Ok(self.failed(
                ErrorKind::NoModel,
                "the step has a goal and no model is configured; set `on_no_model: skip` to go on",
                from,
            )),
            Opened::Call => Ok(self.calling()),
            Opened::Block => Ok(Batch::of(vec![EventBody::StepStarted(self.started())])),
        }
    }

    /// Begins a run that does the step's work.
    fn calling(&self) -> Batch {
        Batch::of(vec![EventBody::StepStarted(StepStarted {
            child_run_id: Some(RunId::from_uuid(self.work.services.clock.uuid())),
            share: Some(agent::share(&self.work.state, self.path)),
            ..self.started()
        })])
    }

    fn started(&self) -> StepStarted {
        StepStarted::new(self.path, self.attempt)
    }

    fn list(&self, mut items: Vec<Value>, mut from: Labels) -> Result<Batch, RunError> {
        let mut batch = Batch::default();
        for item in &mut items {
            let names = self.work.services.redactor.conceal(item);
            from.extend(names.iter().map(|name| secret(name)));
        }
        from.extend(self.step.labels.iter().cloned());
        let labels = Some(origins::whole(from).into_iter().collect());
        let reference = batch.text(serde_json::to_vec(&items)?, self.work.services.clock.salt());
        batch.bodies.push(EventBody::StepStarted(StepStarted {
            items: Some(reference),
            item_count: Some(u32::try_from(items.len()).unwrap_or(u32::MAX)),
            labels,
            ..self.started()
        }));
        Ok(batch)
    }

    fn call(&self, tool: &str, traced: Traced, from: Labels) -> Result<Batch, RunError> {
        let (args, labels) = traced.known(self.work);
        // Unknown tools go on to be refused by policy; arguments that fit no schema stop here.
        if let Err(error) = self.work.services.toolbox().check_args(tool, &args)
            && error.kind != ErrorKind::UnknownTool
        {
            return Ok(self.failed(error.kind, &error.message, from));
        }
        self.call_batch(tool, args, labels)
    }

    fn call_batch(
        &self,
        name: &str,
        args: Map,
        arg_labels: BTreeMap<String, Vec<String>>,
    ) -> Result<Batch, RunError> {
        let services = &self.work.services;
        let found = services.tool(name);
        let tool = found.as_deref();
        let own = tool.map_or(CallEffect::NonIdempotent, |tool| tool.effect);
        let effect = stated(own, self.step.effect);
        let name = tool.map_or_else(|| name.to_owned(), |tool| tool.name.clone());
        let timeout_ms = self.step.timeout_ms.or_else(|| tool.map(|tool| tool.timeout_ms));
        let reads_only = tool.is_some_and(|tool| tool.effect == CallEffect::Read);
        let all = arg_labels.values().flatten().chain(&self.step.labels).cloned();
        let labels: Labels = all.collect();
        let call = ToolCall {
            id: CallId::from_uuid(services.clock.uuid()),
            run_id: self.work.run_id,
            step_id: self.path.to_owned(),
            name: name.clone(),
            args,
            timeout_ms: timeout_ms.unwrap_or(0),
            allow_network: tool.as_ref().is_some_and(|tool| judge::reaches(self.work, tool)),
            allow_fs: if reads_only { FsAccess::Read } else { FsAccess::Write },
            expected_output_schema: None,
            idempotency_key: self.effect_key(),
            origin: self.origin(),
            labels: labels.into_iter().collect(),
            arg_labels,
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

    /// Who wants the calls of this run.
    fn origin(&self) -> Origin {
        let started = self.work.record.started.as_ref();
        match started.map(|(started, _)| started.trigger) {
            Some(Trigger::Mcp) => Origin::Mcp,
            _ if agent::round_of(self.path).is_some() && self.work.playbook.goal.is_some() => {
                Origin::Planner
            }
            _ => Origin::Playbook,
        }
    }

    /// The same step of the same run names the same effect, however often it is tried; done again
    /// because a person sent the run back, it is another one.
    fn effect_key(&self) -> String {
        let key = format!("{}/{}", self.work.run_id, self.path);
        match self.work.state.base(self.path) {
            0 => key,
            before => format!("{key}#{before}"),
        }
    }

    fn gate(&self, mut prompt: String, approvers: u32, from: Labels) -> Batch {
        self.work.services.redactor.conceal_text(&mut prompt);
        let started = self.work.record.started.as_ref();
        if started.is_some_and(|(started, _)| started.unattended) {
            let message = format!("nobody is there to answer, and the step asks: {prompt}");
            return self.failed(ErrorKind::Denied, &message, from);
        }
        let services = &self.work.services;
        let subject = ApprovalSubject {
            approval_id: ApprovalId::from_uuid(services.clock.uuid()),
            path: self.path.to_owned(),
            call_id: None,
            args_hash: None,
            prompt,
            expires_at: services.clock.now().plus_ms(ask::ttl_ms(self.work, self.path)),
            approvers,
            beforehand: None,
            consult: None,
        };
        let started = EventBody::StepStarted(self.started());
        Batch::of(vec![started, EventBody::ApprovalRequested(subject)])
    }

    fn skipped(&self) -> Batch {
        Batch::of(vec![EventBody::StepFinished(StepFinished::skipped(self.path))])
    }

    fn failed(&self, kind: ErrorKind, message: &str, from: Labels) -> Batch {
        let mut batch = Batch::default();
        let mut message = message.to_owned();
        let names = self.work.services.redactor.conceal_text(&mut message);
        let labels = from.into_iter().chain(names.iter().map(|name| secret(name))).collect();
        let message = batch.text(message, self.work.services.clock.salt());
        batch.bodies.push(EventBody::StepFinished(StepFinished {
            message: Some(message),
            flow: Some(Box::new(RunFlow { labels, ..RunFlow::default() })),
            ..StepFinished::new(self.path, self.attempt, false, Some(kind))
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
