//! The end of a run: verification, outputs, memories.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::audit::{self, Fate};
use super::driver::Work;
use super::error::RunError;
use super::evidence::Arguments;
use super::journal::{Batch, Progress};
use super::judge::Judge;
use super::memories::{labels_of, recall_once, run_draft};
use super::opening::Names;
use super::origins::{self, RunGround};
use super::reads::GovernedReads;
use super::ruling::Ruling;
use super::scope;
use super::services::blocking;
use super::taken::{Labels, USER, secret};
use crate::agent::Verdict;
use crate::contracts::{
    ASIDE, CallId, Effect, ErrorKind, EventBody, FsAccess, Map, MemoryDraft, Obligation, Origin,
    Outcome, Provenance, RunFinished, StepVerified, ToolCall,
};
use crate::playbook::Remember;
use crate::playbook::expression::{ExpressionError, Scope};

/// Evaluates one expression of `verify:`. Ends in `step.verified`.
pub(super) async fn verify(work: Work, index: u32) -> Result<Progress, RunError> {
    if to_verify(&work, index).1.memory && recall_once(&work).await? {
        return Ok(Progress::Made);
    }
    let journal = work.journal.clone();
    let batch = blocking(move || verified(&work, index)).await??;
    journal.append(batch).await?;
    Ok(Progress::Made)
}

/// An expression of `verify:` and what it names.
fn to_verify(work: &Work, index: u32) -> (String, Names) {
    let expression = work.playbook.verify.get(index as usize).cloned();
    let expression = expression.unwrap_or_else(|| "false".to_owned());
    let mut names = Names::default();
    names.expression(&work.services.evaluator, Some(&expression));
    (expression, names)
}

fn verified(work: &Work, index: u32) -> Result<Batch, RunError> {
    let (expression, names) = to_verify(work, index);
    let scope = scope::build(work, None, &names)?;
    let path = format!("verify[{index}]");
    let ground = RunGround::of(work, None);
    let from = origins::of(&work.services.evaluator, &origins::expression(&expression), &ground);
    let reads = GovernedReads::new(work, &path, from);
    let (ok, error) = match work.services.evaluator.condition(&expression, &scope, &reads) {
        Ok(ok) => (ok, None),
        Err(error) => (false, Some(error.to_string())),
    };
    let decided = reads.decided();
    let verified = StepVerified { path, attempt: 1, index, expression, ok, error };
    let mut batch = Batch::of(vec![EventBody::StepVerified(verified)]);
    batch.extend(decided);
    Ok(batch)
}

/// The name under which policy decides about memories.
const MEMORY_WRITE: &str = "memory_write";

/// Evaluates outputs and writes memories. Ends in `run.finished`.
pub(super) async fn conclude(work: Work, verdict: Verdict) -> Result<Progress, RunError> {
    if to_conclude(&work).memory && recall_once(&work).await? {
        return Ok(Progress::Made);
    }
    let journal = work.journal.clone();
    let batch = blocking(move || Conclusion::of(&work, verdict)?.batch()).await??;
    journal.append(batch).await?;
    Ok(Progress::Made)
}

/// What the outputs and the memories of a playbook name.
fn to_conclude(work: &Work) -> Names {
    let (evaluator, mut names) = (&work.services.evaluator, Names::default());
    names.map(evaluator, &work.playbook.outputs);
    for memory in &work.playbook.remember {
        names.template(evaluator, &Value::String(memory.text.clone()));
    }
    names
}

struct Conclusion<'a> {
    work: &'a Work,
    scope: Scope,
    verdict: Verdict,
    batch: Batch,
    /// Where the outputs come from.
    labels: Labels,
}

impl<'a> Conclusion<'a> {
    fn of(work: &'a Work, verdict: Verdict) -> Result<Self, RunError> {
        let scope = scope::build(work, None, &to_conclude(work))?;
        Ok(Self { work, scope, verdict, batch: Batch::default(), labels: Labels::new() })
    }

    fn batch(mut self) -> Result<Batch, RunError> {
        let outputs = self.outputs()?;
        if self.verdict.outcome == Outcome::Succeeded {
            let memories = self.work.playbook.remember.clone();
            for (index, memory) in memories.iter().enumerate() {
                self.remember(index, memory)?;
                if self.verdict.outcome != Outcome::Succeeded {
                    break;
                }
            }
        }
        let Verdict { outcome, cause, kind } = self.verdict;
        let labels = Some(self.labels.into_iter().collect());
        let finished = RunFinished { outcome, cause, error_kind: kind, outputs, labels };
        self.batch.bodies.push(EventBody::RunFinished(finished));
        Ok(self.batch)
    }

    /// Outputs that can be evaluated. One that cannot fails a run that did well; a run that failed
    /// before keeps its own cause.
    fn outputs(&mut self) -> Result<Option<crate::contracts::TextRef>, RunError> {
        let (work, mut outputs) = (self.work, BTreeMap::new());
        for (name, template) in &work.playbook.outputs {
            match self.value(template, "outputs") {
                Ok((value, labels)) => {
                    self.labels.extend(labels);
                    outputs.insert(name.clone(), value);
                }
                Err(error) => {
                    self.worsen(&format!("outputs.{name}: {error}"), ErrorKind::Expression)
                }
            }
        }
        if outputs.is_empty() {
            return Ok(None);
        }
        let content = serde_json::to_vec(&outputs)?;
        Ok(Some(self.batch.text(content, self.work.services.clock.salt())))
    }

    /// A memory is written like any other effect: policy decides.
    fn remember(&mut self, index: usize, memory: &Remember) -> Result<(), RunError> {
        let (text, labels) = match self.value(&Value::String(memory.text.clone()), "remember") {
            Ok((Value::String(text), labels)) => (text, labels),
            Ok((other, labels)) => (other.to_string(), labels),
            Err(error) => {
                self.worsen(&format!("remember[{index}]: {error}"), ErrorKind::Expression);
                return Ok(());
            }
        };
        let memory = &self.tagged(memory);
        let call = self.memory_call(memory, &text, labels);
        let missing =
            || RunError::Incomplete { run: self.work.run_id.to_string(), what: "`run.started`" };
        let judge = Judge::of(self.work, "remember").ok_or_else(missing)?;
        // `remember:` is the playbook's own word that it writes memories.
        let judge = Judge { also: Some(MEMORY_WRITE), ..judge };
        let judged = judge.decide(&call);
        let path = format!("remember[{index}]{ASIDE}write");
        let ruling = Ruling {
            services: &self.work.services,
            call: &call,
            path: &path,
            as_of_seq: self.work.record.seq,
            arguments: Arguments::Here,
        };
        let decided = ruling.decided(&mut self.batch, &judged);
        self.batch.bodies.push(EventBody::CallDecided(decided));
        let decision = judged.decision;
        if decision.effect != Effect::Allow {
            self.batch.audit.push(audit::refused(&self.work.services, &call, &decision));
            if !memory.optional {
                self.refuse(index, &decision.reason);
            }
            return Ok(());
        }
        self.write(index, memory, &call, decision.obligations, text);
        Ok(())
    }

    /// A memory of a planned run has the model's tags as well.
    fn tagged(&self, memory: &Remember) -> Remember {
        let mut memory = memory.clone();
        for tag in self.work.record.planned.tags() {
            if !memory.tags.contains(&tag) {
                memory.tags.push(tag);
            }
        }
        memory
    }

    fn write(
        &mut self,
        index: usize,
        memory: &Remember,
        call: &ToolCall,
        obligations: Vec<Obligation>,
        text: String,
    ) {
        let services = &self.work.services;
        let dry_run = obligations.contains(&Obligation::DryRun);
        let fate = Fate { ok: true, dry_run, obligations, ..Fate::default() };
        let run_id = Some(self.work.run_id);
        self.batch.audit.push(audit::entry(services, run_id, call, Effect::Allow, fate));
        if dry_run {
            return;
        }
        let source = Provenance {
            run: run_id,
            step: Some(call.step_id.clone()),
            call: Some(call.id),
            file: None,
        };
        let draft = draft(memory, text);
        let wanted = run_draft(draft, labels_of(services, call, "text"), call.origin, source);
        let prepared = match services.memory.prepare(vec![wanted]) {
            Ok(prepared) => prepared,
            Err(error) => {
                return self.worsen(&format!("remember[{index}]: {error}"), ErrorKind::BadContent);
            }
        };
        self.batch.records.extend(prepared.records);
        self.batch.texts.extend(prepared.texts);
        self.batch.bodies.extend(prepared.events);
    }

    fn memory_call(&self, memory: &Remember, text: &str, labels: Labels) -> ToolCall {
        let mut args = Map::new();
        args.insert("area".to_owned(), json!(memory.area));
        args.insert("text".to_owned(), json!(text));
        args.insert("tags".to_owned(), json!(memory.tags));
        let labels: Vec<String> = labels.into_iter().collect();
        let own = || vec![USER.to_owned()];
        let end = self.work.record.planned.end.as_ref().filter(|end| !end.tags.is_empty());
        let tags = end.map_or_else(own, |end| end.labels.clone());
        let arg_labels = [("area", own()), ("text", labels.clone()), ("tags", tags)];
        ToolCall {
            id: CallId::from_uuid(self.work.services.clock.uuid()),
            run_id: self.work.run_id,
            step_id: "remember".to_owned(),
            name: MEMORY_WRITE.to_owned(),
            args,
            timeout_ms: 0,
            allow_network: false,
            allow_fs: FsAccess::None,
            expected_output_schema: None,
            idempotency_key: String::new(),
            origin: Origin::Playbook,
            labels,
            arg_labels: arg_labels.map(|(arg, labels)| (arg.to_owned(), labels)).into(),
        }
    }

    /// A value without the secrets in it, and where it comes from.
    fn value(&mut self, template: &Value, path: &str) -> Result<(Value, Labels), ExpressionError> {
        let evaluator = &self.work.services.evaluator;
        let mut labels = origins::of(evaluator, template, &RunGround::of(self.work, None));
        let reads = GovernedReads::new(self.work, path, labels.clone());
        let value = evaluator.value(template, &self.scope, &reads);
        self.batch.extend(reads.decided());
        let mut value = value?;
        let names = self.work.services.redactor.conceal(&mut value);
        labels.extend(names.iter().map(|name| secret(name)));
        labels.extend(reads.noted());
        Ok((value, origins::whole(labels)))
    }

    fn worsen(&mut self, cause: &str, kind: ErrorKind) {
        if self.verdict.outcome == Outcome::Succeeded {
            let cause = Some(cause.to_owned());
            self.verdict = Verdict { outcome: Outcome::Failed, cause, kind: Some(kind) };
        }
    }

    fn refuse(&mut self, index: usize, reason: &str) {
        let cause = Some(format!("remember[{index}]: {reason}"));
        self.verdict = Verdict { outcome: Outcome::Denied, cause, kind: Some(ErrorKind::Denied) };
    }
}

fn draft(memory: &Remember, text: String) -> MemoryDraft {
    MemoryDraft { tags: memory.tags.clone(), ..MemoryDraft::new(memory.area, text) }
}
