//! What a run's journal says about its calls, answers and results: the driver's side of the fold.
//! (The core's side is [`crate::agent::RunState`], which knows no texts.)

use std::sync::Arc;

use imbl::{OrdMap, Vector};

use super::answer;
use super::attached::Held;
use super::error::RunError;
use super::lists::{List, Lists};
use super::planned::Planned;
use super::taken::Taken;
use crate::store::{Reader, StoreError};

use crate::contracts::views::DecisionView;
use crate::contracts::{
    ApprovalId, ApprovalResolution, ApprovalSubject, CallFinished, CallId, CallIntent,
    CallRequested, Decision, Effect, Event, EventBody, Hash, MemoryId, MemoryRecalled, Quorum,
    RunFinished, RunId, RunReport, RunStarted, StepFinished, StepStarted, TaskEnvelope, Timestamp,
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
    /// Whether it reads a secret, as far as was known when it was decided.
    pub reads_secret: bool,
    /// The newest question.
    pub question: Option<ApprovalSubject>,
    /// The rules that asked it.
    pub asked_by: Vec<String>,
    /// The answers to it, and when the last one came.
    pub answers: Vec<ApprovalResolution>,
    /// When the last answer came.
    pub answered_at: Option<Timestamp>,
    /// What it asks a person, where asking is what it does, and what was said.
    pub consult: Option<(ApprovalSubject, Option<ApprovalResolution>)>,
    /// That it was about to happen, with what undo needs.
    pub intent: Option<CallIntent>,
    /// Whether nobody knows if it happened.
    pub doubted: bool,
    /// When the tool last began.
    pub started_at: Option<Timestamp>,
    /// What came back.
    pub finished: Option<CallFinished>,
}

/// A run as its journal tells it. It is handed to every piece of work as it stands, so what grows with
/// the run shares with the copies what did not change.
#[derive(Debug, Clone, Default)]
pub struct RunRecord {
    /// The task.
    pub task: Option<TaskEnvelope>,
    /// How it started.
    pub started: Option<(RunStarted, Timestamp)>,
    /// Calls by id.
    pub calls: OrdMap<CallId, CallRecord>,
    /// The newest call of each path.
    pub newest_call: OrdMap<String, CallId>,
    /// Lists that a `foreach` goes over, by path.
    pub items: OrdMap<String, List>,
    /// What was read of these lists.
    pub lists: Lists,
    /// Runs that steps called, by the step's path, in the order in which they began.
    pub children: Vec<(String, RunId)>,
    /// Approval gates, by path.
    pub gates: OrdMap<String, ApprovalSubject>,
    /// Questions that are open, by path, in no order, with who said yes so far.
    open: OrdMap<String, (ApprovalId, Quorum)>,
    /// Steps that are over, in the order in which they ended; one that was done again after a person
    /// sent the run back is there for each time.
    pub finished_steps: Vector<StepFinished>,
    /// Where the newest end of each path stands among them.
    ends: OrdMap<String, usize>,
    /// When each tool was begun, by tool, oldest first.
    pub begun: OrdMap<String, Vector<Timestamp>>,
    /// How often each tool answered.
    pub answered: OrdMap<String, u32>,
    /// Who holds it, while somebody does.
    pub paused_by: Option<String>,
    /// Every decision about a step, in order.
    pub decisions: Vector<DecisionView>,
    /// Calls that produced files, one entry for each file.
    pub produced: Vec<CallId>,
    /// Files that came with the task, by where they stood in it.
    pub(super) attached: OrdMap<String, Held>,
    /// What it has taken in.
    pub taken: Taken,
    /// What it was given of memory, by the step that it was for; empty for the run as a whole.
    pub recalled: OrdMap<String, Arc<MemoryRecalled>>,
    /// What was planned, where a planner finds the steps.
    pub planned: Planned,
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

    /// As [`RunRecord::load`], of a run that may not have begun.
    ///
    /// # Errors
    /// As [`RunRecord::load`], an unknown run aside.
    pub fn find(store: &Reader, run_id: RunId) -> Result<Option<Self>, RunError> {
        match Self::load(store, run_id) {
            Ok((record, _)) => Ok(Some(record)),
            Err(RunError::Store(StoreError::NotFound(_))) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Takes the next event.
    pub fn take(&mut self, event: &Event, body: &EventBody) {
        self.seq = event.seq;
        match body {
            EventBody::CallRequested(_)
            | EventBody::CallDecided(_)
            | EventBody::CallIntent(_)
            | EventBody::CallStarted(_)
            | EventBody::CallInDoubt(_)
            | EventBody::CallResolved(_)
            | EventBody::CallFinished(_) => self.take_of_call(event, body),
            EventBody::TaskAccepted(accepted) => self.task = Some(accepted.task.clone()),
            EventBody::RunStarted(started) => {
                self.taken.begin(started);
                self.started = Some((started.clone(), event.at));
            }
            EventBody::StepStarted(started) => self.start(started),
            EventBody::ApprovalRequested(subject) => self.ask(subject),
            EventBody::ApprovalResolved(answer) => self.answer(answer, event.at),
            EventBody::StepFinished(finished) => self.finish(finished),
            EventBody::RunPaused(signal) => self.paused_by = Some(signal.by.clone()),
            EventBody::RunResumed(_) | EventBody::RunCancelRequested(_) => self.paused_by = None,
            EventBody::StepVerified(verified) if !verified.ok => {
                let why = verified.error.as_deref().unwrap_or("it is false");
                self.verify_errors.push(format!("`{}`: {why}", verified.expression));
            }
            EventBody::PlanProposed(_)
            | EventBody::PlanApproved(_)
            | EventBody::PlanRevised(_)
            | EventBody::ModelAnswered(_) => self.planned.take(body),
            EventBody::ArtifactStored(stored) => match stored.call_id {
                Some(call) => self.produced.push(call),
                None => self.attached.extend(Held::of(stored)),
            },
            EventBody::MemoryRecalled(recalled) => {
                self.taken.mark(&recalled.labels);
                self.recalled.insert(recalled.path.clone(), Arc::new(recalled.clone()));
            }
            EventBody::MemoryWritten(written) => self.memories.push(written.memory_id),
            EventBody::RunFinished(finished) => {
                self.open.clear();
                self.finished = Some((finished.clone(), event.hash, event.at));
            }
            EventBody::ReportReady(ready) => self.report = Some(ready.report.clone()),
            _ => {}
        }
    }

    /// The same of what happens to a call.
    fn take_of_call(&mut self, event: &Event, body: &EventBody) {
        match body {
            EventBody::CallRequested(requested) => self.request(requested),
            EventBody::CallDecided(decided) if decided.is_aside() => {}
            EventBody::CallDecided(decided) => {
                self.open.remove(&decided.path);
                self.decisions.push_back(DecisionView {
                    call_id: decided.call_id,
                    path: decided.path.clone(),
                    tool: decided.name.clone(),
                    decision: decided.decision.clone(),
                });
                self.with(decided.call_id, |call| {
                    call.decision = Some(decided.decision.clone());
                    call.reads_secret = decided.reads_secret;
                });
            }
            EventBody::CallIntent(intent) => {
                self.with(intent.call_id, |call| call.intent = Some(intent.clone()));
            }
            EventBody::CallStarted(named) => {
                self.with(named.call_id, |call| call.started_at = Some(event.at));
                if let Some(call) = self.calls.get(&named.call_id) {
                    if call.reads_secret {
                        self.taken.read();
                    }
                    let tool = call.requested.name.clone();
                    self.begun.entry(tool).or_default().push_back(event.at);
                }
            }
            EventBody::CallInDoubt(named) => {
                self.with(named.call_id, |call| call.doubted = true);
            }
            EventBody::CallResolved(resolved) => {
                self.with(resolved.call_id, |call| call.doubted = false);
            }
            EventBody::CallFinished(finished) => {
                self.taken.call_finished(finished);
                self.with(finished.call_id, |call| call.finished = Some(finished.clone()));
                if let Some(call) = self.calls.get(&finished.call_id) {
                    *self.answered.entry(call.requested.name.clone()).or_default() += 1;
                }
            }
            _ => {}
        }
    }

    /// Whether `body` recalls what was recalled before: pieces of work at the same time may want the same, and
    /// all are given what came first.
    pub(super) fn has_recalled(&self, body: &EventBody) -> bool {
        matches!(body, EventBody::MemoryRecalled(it) if self.recalled.contains_key(&it.path))
    }

    /// Questions that nobody has answered yet, with the rules that ask; a gate is its own rule.
    #[must_use]
    pub fn open_questions(&self) -> Vec<(&ApprovalSubject, Vec<String>)> {
        let is_open =
            |subject: &&ApprovalSubject| self.open_at(&subject.path) == Some(subject.approval_id);
        let gates = self.gates.values().filter(is_open);
        let gates = gates.map(|gate| (gate, vec![answer::gate(&gate.path).to_owned()]));
        let calls = self.calls.values().filter_map(|call| {
            let question = call.question.as_ref().filter(is_open)?;
            Some((question, call.asked_by.clone()))
        });
        // Words are nobody's leave, and no rule asks for them.
        let words = self.calls.values().filter_map(|call| {
            let (subject, _) = call.consult.as_ref()?;
            is_open(&subject).then(|| (subject, Vec::new()))
        });
        gates.chain(calls).chain(words).collect()
    }

    /// The question that is open at `path`.
    fn open_at(&self, path: &str) -> Option<ApprovalId> {
        self.open.get(path).map(|(id, _)| *id)
    }

    /// How the step at `path` ended, the last time it did.
    #[must_use]
    pub fn finished_at(&self, path: &str) -> Option<&StepFinished> {
        self.finished_steps.get(*self.ends.get(path)?)
    }

    /// The newest end of each step, in the order in which they came.
    pub fn ends(&self) -> impl Iterator<Item = &StepFinished> {
        let newest = |(at, step): &(usize, &StepFinished)| self.ends.get(&step.path) == Some(at);
        self.finished_steps.iter().enumerate().filter(newest).map(|(_, step)| step)
    }

    /// Runs that steps called and that are not known to have ended, in the order in which they began.
    pub fn open_children(&self) -> impl Iterator<Item = RunId> {
        let over = |path: &str| self.finished_at(path).is_some();
        let open = self
            .children
            .iter()
            .filter(move |(path, run)| !over(path) && self.child_at(path) == Some(*run));
        open.map(|(_, run)| *run)
    }

    /// The newest run that the step at `path` called.
    #[must_use]
    pub fn child_at(&self, path: &str) -> Option<RunId> {
        self.children.iter().rev().find(|(at, _)| at == path).map(|(_, run)| *run)
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
            reads_secret: false,
            question: None,
            asked_by: Vec::new(),
            answers: Vec::new(),
            answered_at: None,
            consult: None,
            intent: None,
            doubted: false,
            started_at: None,
            finished: None,
        };
        self.newest_call.insert(requested.path.clone(), requested.call_id);
        self.calls.insert(requested.call_id, call);
    }

    fn start(&mut self, started: &StepStarted) {
        self.open.remove(&started.path);
        self.ends.remove(&started.path);
        if let (Some(text), Some(count)) = (started.items.clone(), started.item_count) {
            self.items
                .insert(started.path.clone(), List { text, count, labels: started.labels.clone() });
        }
        let child = started.child_run_id.map(|run| (started.path.clone(), run));
        self.children.extend(child);
    }

    fn finish(&mut self, finished: &StepFinished) {
        self.taken.step_finished(finished);
        self.open.remove(&finished.path);
        self.ends.insert(finished.path.clone(), self.finished_steps.len());
        self.finished_steps.push_back(finished.clone());
    }

    fn ask(&mut self, subject: &ApprovalSubject) {
        let quorum = Quorum::of(subject.approvers);
        self.open.insert(subject.path.clone(), (subject.approval_id, quorum));
        match subject.call_id {
            None => {
                self.gates.insert(subject.path.clone(), subject.clone());
            }
            Some(call_id) if subject.consult.is_some() => self.with(call_id, |call| {
                call.consult = Some((subject.clone(), None));
            }),
            Some(call_id) => self.with(call_id, |call| {
                call.question = Some(subject.clone());
                call.asked_by = call.decision.as_ref().map(asking).unwrap_or_default();
                (call.answers, call.answered_at) = (Vec::new(), None);
            }),
        }
    }

    fn answer(&mut self, answer: &ApprovalResolution, at: Timestamp) {
        let id = answer.approval_id;
        let path = self.open.iter().find(|(_, open)| open.0 == id).map(|(path, _)| path.clone());
        let Some(path) = path else { return };
        if let Some((_, quorum)) = self.open.get_mut(&path).filter(|_| answer.approved) {
            quorum.add(&answer.by);
        }
        if !answer.approved || self.open.get(&path).is_some_and(|(_, quorum)| quorum.is_met()) {
            self.open.remove(&path);
        }
        let Some(call_id) = self.newest_call.get(&path).copied() else { return };
        self.with(call_id, |call| {
            if let Some((subject, said)) = &mut call.consult
                && subject.approval_id == id
            {
                *said = Some(answer.clone());
            }
            // At a gate nobody asks about a call.
            if call.question.as_ref().is_some_and(|subject| subject.approval_id == id) {
                call.answers.push(answer.clone());
                call.answered_at = Some(at);
            }
        });
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
