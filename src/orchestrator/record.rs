//! What a run's journal says about its calls, answers and results: the driver's side of the fold.
//! (The core's side is [`crate::agent::RunState`], which knows no texts.)

use std::collections::BTreeMap;

use super::error::RunError;
use crate::store::Reader;

use crate::contracts::{
    ApprovalId, ApprovalResolution, ApprovalSubject, CallFinished, CallId, CallIntent,
    CallRequested, Decision, Effect, Event, EventBody, Hash, MemoryId, RunFinished, RunId,
    RunReport, RunStarted, StepFinished, TaskEnvelope, TextRef, Timestamp,
};

/// Events read from the store at once.
const PAGE: u32 = 1_000;

/// One call as the journal tells it.
#[derive(Debug, Clone)]
pub struct CallRecord {
    /// What was asked for.
    pub requested: CallRequested,
    /// The newest decision.
    pub decision: Option<Decision>,
    /// The newest question.
    pub question: Option<ApprovalSubject>,
    /// The rules that asked it.
    pub asked_by: Vec<String>,
    /// The answers to it, and when the last one came.
    pub answers: Vec<ApprovalResolution>,
    /// When the last answer came.
    pub answered_at: Option<Timestamp>,
    /// That it was about to happen, with what undo needs.
    pub intent: Option<CallIntent>,
    /// Whether nobody knows if it happened.
    pub doubted: bool,
    /// When the tool last began.
    pub started_at: Option<Timestamp>,
    /// What came back.
    pub finished: Option<CallFinished>,
}

/// A run as its journal tells it.
#[derive(Debug, Clone, Default)]
pub struct RunRecord {
    /// The task.
    pub task: Option<TaskEnvelope>,
    /// How it started.
    pub started: Option<(RunStarted, Timestamp)>,
    /// Calls by id.
    pub calls: BTreeMap<CallId, CallRecord>,
    /// The newest call of each path.
    pub newest_call: BTreeMap<String, CallId>,
    /// Lists that a `foreach` goes over, by path.
    pub items: BTreeMap<String, TextRef>,
    /// Approval gates, by path.
    pub gates: BTreeMap<String, ApprovalSubject>,
    /// Steps that are over, by path, in the order in which they ended.
    pub finished_steps: Vec<StepFinished>,
    /// Every decision, in order: the path, the tool, the decision.
    pub decisions: Vec<(String, String, Decision)>,
    /// Memories it wrote.
    pub memories: Vec<MemoryId>,
    /// Why `verify:` expressions failed.
    pub verify_errors: Vec<String>,
    /// How it ended.
    pub finished: Option<(RunFinished, Hash, Timestamp)>,
    /// Its report.
    pub report: Option<RunReport>,
    /// Events taken.
    pub seq: u64,
}

impl RunRecord {
    /// Reads a run's journal; also gives its events' bodies and times, in order. Blocks.
    ///
    /// # Errors
    /// When the store cannot be read, or an event is not one of this version.
    pub fn load(
        store: &Reader,
        run_id: RunId,
    ) -> Result<(Self, Vec<(Timestamp, EventBody)>), RunError> {
        let run = run_id.to_string();
        let (mut record, mut bodies) = (Self::default(), Vec::new());
        loop {
            let page = store.events(&run, record.seq, PAGE)?;
            for event in &page {
                let unreadable =
                    |source| RunError::Stored { run: run.clone(), what: "an event", source };
                let body = event.body().map_err(unreadable)?;
                record.take(event, &body);
                bodies.push((event.at, body));
            }
            if page.is_empty() {
                return Ok((record, bodies));
            }
        }
    }

    /// Takes the next event.
    pub fn take(&mut self, event: &Event, body: &EventBody) {
        self.seq = event.seq;
        match body {
            EventBody::TaskAccepted(accepted) => self.task = Some(accepted.task.clone()),
            EventBody::RunStarted(started) => self.started = Some((started.clone(), event.at)),
            EventBody::StepStarted(started) => {
                if let Some(items) = &started.items {
                    self.items.insert(started.path.clone(), items.clone());
                }
            }
            EventBody::CallRequested(requested) => self.request(requested),
            EventBody::CallDecided(decided) => {
                let (path, tool) = (decided.path.clone(), decided.name.clone());
                self.decisions.push((path, tool, decided.decision.clone()));
                self.with(decided.call_id, |call| call.decision = Some(decided.decision.clone()));
            }
            EventBody::ApprovalRequested(subject) => self.ask(subject),
            EventBody::ApprovalResolved(answer) => self.answer(answer, event.at),
            EventBody::CallIntent(intent) => {
                self.with(intent.call_id, |call| call.intent = Some(intent.clone()));
            }
            EventBody::CallStarted(named) => {
                self.with(named.call_id, |call| call.started_at = Some(event.at));
            }
            EventBody::CallInDoubt(named) => {
                self.with(named.call_id, |call| call.doubted = true);
            }
            EventBody::CallResolved(resolved) => {
                self.with(resolved.call_id, |call| call.doubted = false);
            }
            EventBody::CallFinished(finished) => {
                self.with(finished.call_id, |call| call.finished = Some(finished.clone()));
            }
            EventBody::StepFinished(finished) => self.finished_steps.push(finished.clone()),
            EventBody::StepVerified(verified) if !verified.ok => {
                let why = verified.error.as_deref().unwrap_or("it is false");
                self.verify_errors.push(format!("`{}`: {why}", verified.expression));
            }
            EventBody::MemoryWritten(written) => self.memories.push(written.memory_id),
            EventBody::RunFinished(finished) => {
                self.finished = Some((finished.clone(), event.hash, event.at));
            }
            EventBody::ReportReady(ready) => self.report = Some(ready.report.clone()),
            _ => {}
        }
    }

    /// Questions that nobody has answered yet, with the rules that ask; a gate is its own rule.
    #[must_use]
    pub fn open_questions(&self) -> Vec<(&ApprovalSubject, Vec<String>)> {
        let unanswered = |path: &str| !self.finished_steps.iter().any(|step| step.path == path);
        let gates = self.gates.values().filter(|gate| unanswered(&gate.path));
        let gates = gates.map(|gate| {
            let id = gate.path.split_once('[').map_or(gate.path.as_str(), |(id, _)| id);
            (gate, vec![id.to_owned()])
        });
        let calls = self.calls.values().filter(|call| call.answers.is_empty());
        let calls = calls.filter(|call| unanswered(&call.requested.path));
        let calls = calls.filter_map(|call| Some((call.question.as_ref()?, call.asked_by.clone())));
        gates.chain(calls).collect()
    }

    /// Calls that were begun and of which nobody knows whether they happened.
    pub fn in_doubt(&self) -> impl Iterator<Item = &CallRecord> {
        self.calls.values().filter(|call| call.doubted && call.finished.is_none())
    }

    /// The newest call of a path.
    #[must_use]
    pub fn call_at(&self, path: &str) -> Option<&CallRecord> {
        self.calls.get(self.newest_call.get(path)?)
    }

    fn request(&mut self, requested: &CallRequested) {
        let call = CallRecord {
            requested: requested.clone(),
            decision: None,
            question: None,
            asked_by: Vec::new(),
            answers: Vec::new(),
            answered_at: None,
            intent: None,
            doubted: false,
            started_at: None,
            finished: None,
        };
        self.newest_call.insert(requested.path.clone(), requested.call_id);
        self.calls.insert(requested.call_id, call);
    }

    fn ask(&mut self, subject: &ApprovalSubject) {
        match subject.call_id {
            None => {
                self.gates.insert(subject.path.clone(), subject.clone());
            }
            Some(call_id) => self.with(call_id, |call| {
                call.question = Some(subject.clone());
                call.asked_by = call.decision.as_ref().map(asking).unwrap_or_default();
                (call.answers, call.answered_at) = (Vec::new(), None);
            }),
        }
    }

    fn answer(&mut self, answer: &ApprovalResolution, at: Timestamp) {
        let asked = |subject: &ApprovalSubject, id: ApprovalId| subject.approval_id == id;
        for call in self.calls.values_mut() {
            if call.question.as_ref().is_some_and(|subject| asked(subject, answer.approval_id)) {
                call.answers.push(answer.clone());
                call.answered_at = Some(at);
            }
        }
    }

    fn with(&mut self, call_id: CallId, change: impl FnOnce(&mut CallRecord)) {
        if let Some(call) = self.calls.get_mut(&call_id) {
            change(call);
        }
    }
}

/// The rules of a decision that ask.
pub(super) fn asking(decision: &Decision) -> Vec<String> {
    let asks = decision.rules.iter().filter(|rule| rule.effect == Effect::Ask);
    asks.map(|rule| rule.id.clone()).collect()
}
