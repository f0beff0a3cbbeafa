//! Putting back what calls changed: a governed, journalled run of its own.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::json;

use super::call;
use super::driver::RunEnd;
use super::error::RunError;
use super::evidence::Arguments;
use super::journal::Batch;
use super::judge::Judged;
use super::record::{CallRecord, RunRecord};
use super::ruling::Ruling;
use super::services::Services;
use crate::contracts::{
    Budget, CallId, CallUndone, EventBody, FsAccess, Hash, Map, Origin, Outcome, Priority, Profile,
    ReportReady, RunFinished, RunId, RunReport, RunStarted, RunStatus, SCHEMA_VERSION, Stored,
    TaskAccepted, TaskEnvelope, TaskId, TaskType, Telemetry, ToolCall, Trigger,
};
use crate::facts::{self, Surroundings};
use crate::policy::{Authorized, RunFacts};
use crate::ports::Undo;
use crate::store::Append;
use crate::tools;

/// Runs read from the store at once.
const RUNS_PAGE: u32 = 100;

/// The tool in whose name files are put back.
const TOOL: &str = "write_text";

/// What to put back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UndoTarget {
    /// Everything a run changed, and every run that it called, newest first.
    Run(RunId),
    /// What one call changed.
    Call(CallId),
}

/// One call that was put back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Undone {
    /// The call.
    pub call_id: CallId,
    /// The run that made it.
    pub run_id: RunId,
    /// Its tool.
    pub tool: String,
    /// What was put back.
    pub paths: Vec<String>,
}

/// Why nothing was put back.
#[derive(Debug, thiserror::Error)]
pub enum UndoError {
    /// Nothing it did can be put back.
    #[error("nothing in `{0}` can be put back: it changed no file")]
    Nothing(String),
    /// There is no such call.
    #[error("there is no call `{0}`")]
    NoCall(CallId),
    /// Something else changed a file since.
    #[error("nothing was put back: {0}")]
    Conflict(String),
    /// Policy refused.
    #[error("policy refuses to put `{path}` back: {reason}")]
    Denied {
        /// The file.
        path: String,
        /// Why.
        reason: String,
    },
    /// The store failed.
    #[error(transparent)]
    Run(#[from] RunError),
}

/// Puts it back, all or nothing, or only says what would be put back. Blocks.
///
/// # Errors
/// As [`UndoError`] says; nothing was changed then.
pub fn undo(
    services: &Services,
    target: UndoTarget,
    dry_run: bool,
) -> Result<Vec<Undone>, UndoError> {
    let calls = calls_of(services, target)?;
    let kept = kept(services, calls)?;
    if kept.is_empty() {
        let named = match target {
            UndoTarget::Run(run) => run.to_string(),
            UndoTarget::Call(call) => call.to_string(),
        };
        return Err(UndoError::Nothing(named));
    }
    let mut undone: Vec<Undone> = kept.iter().rev().map(|one| one.undone(services)).collect();
    if dry_run {
        return Ok(undone);
    }
    let mut reversal = Reversal::begin(services, target)?;
    let sealed = reversal.seal(&kept)?;
    let whole = Undo {
        schema_version: SCHEMA_VERSION,
        entries: kept.into_iter().flat_map(|one| one.undo.entries).collect(),
    };
    let put_back = tools::undo(&sealed, &whole, &services.root);
    reversal.end(&undone, put_back.as_ref().map(|_| ()).map_err(ToString::to_string))?;
    let changed = put_back.map_err(|error| UndoError::Conflict(error.to_string()))?;
    let changed: Vec<String> = changed.iter().map(|path| shown(services, path)).collect();
    for one in &mut undone {
        one.paths.retain(|path| changed.contains(path));
    }
    Ok(undone)
}

/// Ends an undo that was cut off: it failed, and repeating it finishes what it began. `None` for a run
/// that is no undo. Blocks.
///
/// # Errors
/// When the run cannot be read, or the store fails.
pub fn end_cut_off_undo(services: &Services, run_id: RunId) -> Result<Option<RunEnd>, RunError> {
    let (record, _) = RunRecord::load(services.store.reader(), run_id)?;
    let is_undo = record.started.as_ref().is_some_and(|(started, _)| started.playbook.is_none());
    let Some(task) = record.task.as_ref().filter(|_| is_undo && record.report.is_none()) else {
        return Ok(None);
    };
    let mut reversal = Reversal { services, task_id: task.id, run_id, seq: record.seq };
    let cause = "it was cut off; repeat it to finish what it began".to_owned();
    let ended = match record.finished {
        Some((finished, head, _)) => reversal.report(finished.outcome, cause, head),
        None => reversal.finish(Outcome::Failed, Some(cause), Vec::new()),
    };
    ended.map_err(|error| match error {
        UndoError::Run(error) => error,
        other => RunError::Worker(other.to_string()),
    })?;
    let (record, _) = RunRecord::load(services.store.reader(), run_id)?;
    let status = record.report.as_ref().map_or(RunStatus::Failed, |it| it.outcome.status());
    Ok(Some(RunEnd { run_id, status, report: record.report }))
}

fn shown(services: &Services, path: &std::path::Path) -> String {
    path.strip_prefix(&services.root).unwrap_or(path).display().to_string()
}

/// A call that changed files, with what it kept of them.
struct Kept {
    of_run: RunId,
    call: ToolCall,
    undo: Undo,
}

impl Kept {
    fn undone(&self, services: &Services) -> Undone {
        Undone {
            call_id: self.call.id,
            run_id: self.of_run,
            tool: self.call.name.clone(),
            paths: self.undo.entries.iter().map(|entry| shown(services, &entry.path)).collect(),
        }
    }
}

/// Calls that were begun, each with its run, in the order in which they began.
fn calls_of(
    services: &Services,
    target: UndoTarget,
) -> Result<Vec<(RunId, CallRecord)>, UndoError> {
    let (run_id, only) = match target {
        UndoTarget::Run(run_id) => (run_id, None),
        UndoTarget::Call(call_id) => (run_of(services, call_id)?, Some(call_id)),
    };
    let mut calls = Vec::new();
    let mut runs = vec![run_id];
    while let Some(run_id) = runs.pop() {
        // A run that was to be called may not have begun.
        let Some(record) = RunRecord::find(services.store.reader(), run_id)? else { continue };
        if only.is_none() {
            runs.extend(record.children.iter().map(|(_, child)| *child));
        }
        let begun =
            record.calls.into_iter().map(|(_, call)| call).filter(|call| call.intent.is_some());
        let wanted = begun.filter(|call| only.is_none_or(|only| call.requested.call_id == only));
        calls.extend(wanted.map(|call| (run_id, call)));
    }
    calls.sort_by_key(|(_, call)| call.started_at);
    Ok(calls)
}

/// The run a call belongs to, looked for from the newest run back.
fn run_of(services: &Services, call_id: CallId) -> Result<RunId, UndoError> {
    let reader = services.store.reader();
    let mut before = None;
    loop {
        let page = reader.runs(before, RUNS_PAGE).map_err(RunError::from)?;
        let Some(last) = page.last() else { return Err(UndoError::NoCall(call_id)) };
        before = Some(last.cursor);
        for run in &page {
            let (record, _) = RunRecord::load(reader, run.run_id)?;
            if record.calls.contains_key(&call_id) {
                return Ok(run.run_id);
            }
        }
    }
}

fn kept(services: &Services, calls: Vec<(RunId, CallRecord)>) -> Result<Vec<Kept>, UndoError> {
    let mut kept = Vec::new();
    for (of_run, record) in calls {
        let run = of_run.to_string();
        let Some(snapshot) = record.intent.as_ref().and_then(|intent| intent.snapshot.as_ref())
        else {
            continue;
        };
        let undo = call::document(services.store.reader(), &run, "an undo record", snapshot)?;
        let call = call::document(services.store.reader(), &run, "a call", &record.requested.call)?;
        kept.push(Kept { of_run, call, undo });
    }
    Ok(kept)
}

/// The run in which files are put back.
struct Reversal<'a> {
    services: &'a Services,
    task_id: TaskId,
    run_id: RunId,
    seq: u64,
}

impl<'a> Reversal<'a> {
    fn begin(services: &'a Services, target: UndoTarget) -> Result<Self, UndoError> {
        let clock = &services.clock;
        let (task_id, run_id) = (TaskId::from_uuid(clock.uuid()), RunId::from_uuid(clock.uuid()));
        let goal = match target {
            UndoTarget::Run(run) => format!("undo {run}"),
            UndoTarget::Call(call) => format!("undo {call}"),
        };
        let task = TaskEnvelope {
            schema_version: SCHEMA_VERSION,
            id: task_id,
            created_at: clock.now(),
            task_type: TaskType::Tool,
            goal,
            inputs: Map::new(),
            attachments: Vec::new(),
            context_hints: Vec::new(),
            priority: Priority::Normal,
            playbook: None,
            budget: None,
            labels: BTreeMap::new(),
            idempotency_key: None,
        };
        let started = RunStarted {
            playbook: None,
            inputs: Map::new(),
            read_roots: Vec::new(),
            budget: Budget::default(),
            profile: services.config.policy.profile,
            policy_hash: services.policy.current().hash(),
            unattended: services.config.policy.profile == Profile::Ci,
            dry_run: false,
            parent_run_id: None,
            trigger: Trigger::Person,
            pinned: Vec::new(),
            bounds: Vec::new(),
            lineage: None,
        };
        let mut reversal = Self { services, task_id, run_id, seq: 0 };
        reversal.append(vec![
            EventBody::TaskAccepted(TaskAccepted { task, start: None }),
            EventBody::RunStarted(started),
        ])?;
        Ok(reversal)
    }

    fn append(
        &mut self,
        bodies: Vec<EventBody>,
    ) -> Result<Vec<crate::contracts::Event>, UndoError> {
        self.append_with(bodies, Vec::new())
    }

    fn append_with(
        &mut self,
        bodies: Vec<EventBody>,
        texts: Vec<Stored>,
    ) -> Result<Vec<crate::contracts::Event>, UndoError> {
        let (run, at) = (self.run_id.to_string(), self.services.clock.now());
        let events = self
            .services
            .store
            .append(Append::new(run, self.seq, at, bodies).texts(texts))
            .map_err(RunError::from)?;
        self.seq += events.len() as u64;
        Ok(events)
    }

    /// Leave to write each file, as if somebody wrote it now.
    fn seal(&mut self, kept: &[Kept]) -> Result<Vec<Authorized<ToolCall>>, UndoError> {
        let mut sealed = Vec::new();
        let mut decided = Batch::default();
        let mut refusal = None;
        for entry in kept.iter().flat_map(|one| &one.undo.entries) {
            let path = entry.path.to_string_lossy().into_owned();
            match self.judge(&path, &mut decided)? {
                Ok(authorized) => sealed.push(authorized),
                Err(reason) => refusal = refusal.or(Some(UndoError::Denied { path, reason })),
            }
        }
        self.append_with(decided.bodies, decided.texts)?;
        match refusal {
            None => Ok(sealed),
            Some(refusal) => {
                self.finish(Outcome::Denied, Some(refusal.to_string()), Vec::new())?;
                Err(refusal)
            }
        }
    }

    fn judge(
        &self,
        path: &str,
        batch: &mut Batch,
    ) -> Result<Result<Authorized<ToolCall>, String>, UndoError> {
        let services = self.services;
        let call = self.call(path);
        let missing = || RunError::Incomplete { run: self.run_id.to_string(), what: "the tool" };
        let tool = services.vocabulary.get(TOOL).ok_or_else(missing)?;
        let around = Surroundings {
            places: &services.places,
            permissions: &[],
            now: services.clock.now(),
            unattended: services.config.policy.profile == Profile::Ci,
            unknown: &[],
        };
        let run = RunFacts {
            id: self.run_id.to_string(),
            step: "undo".to_owned(),
            steps_left: u32::MAX,
            ..RunFacts::default()
        };
        let request = facts::collect(&call, tool, &around, run);
        let judged = Judged::of(services, services.policy.current(), request.clone());
        let ruling =
            Ruling { services, call: &call, path, as_of_seq: self.seq, arguments: Arguments::Here };
        let decided = ruling.decided(batch, &judged);
        batch.bodies.push(EventBody::CallDecided(decided));
        let sealed = judged.set.authorize(call, &request, None);
        Ok(sealed.map_err(|refused| refused.to_string()))
    }

    fn call(&self, path: &str) -> ToolCall {
        let args = json!({ "path": path, "text": "" });
        ToolCall {
            id: CallId::from_uuid(self.services.clock.uuid()),
            run_id: self.run_id,
            step_id: "undo".to_owned(),
            name: TOOL.to_owned(),
            args: args.as_object().cloned().unwrap_or_default(),
            timeout_ms: 0,
            allow_network: false,
            allow_fs: FsAccess::Write,
            expected_output_schema: None,
            idempotency_key: format!("undo {path}"),
            origin: Origin::Api,
            labels: Vec::new(),
            arg_labels: BTreeMap::new(),
        }
    }

    /// Journals how it went.
    fn end(mut self, undone: &[Undone], went: Result<(), String>) -> Result<(), UndoError> {
        let outcome = if went.is_ok() { Outcome::Succeeded } else { Outcome::Failed };
        let bodies = undone.iter().filter(|_| went.is_ok()).map(|one| {
            let (call_id, of_run, paths) = (one.call_id, one.run_id, one.paths.clone());
            EventBody::CallUndone(CallUndone { call_id, of_run, paths })
        });
        let bodies = bodies.collect();
        self.finish(outcome, went.err(), bodies)
    }

    fn finish(
        &mut self,
        outcome: Outcome,
        cause: Option<String>,
        mut bodies: Vec<EventBody>,
    ) -> Result<(), UndoError> {
        let summary = cause.clone().unwrap_or_else(|| "put back what was changed".to_owned());
        bodies.push(EventBody::RunFinished(RunFinished {
            outcome,
            cause,
            error_kind: None,
            outputs: None,
            labels: None,
        }));
        let events = self.append(bodies)?;
        let head = events.last().map_or(Hash::ZERO, |event| event.hash);
        self.report(outcome, summary, head)
    }

    fn report(&mut self, outcome: Outcome, summary: String, head: Hash) -> Result<(), UndoError> {
        let report = RunReport {
            schema_version: SCHEMA_VERSION,
            task_id: self.task_id,
            run_id: self.run_id,
            playbook: None,
            outcome,
            summary,
            steps: Vec::new(),
            outputs: BTreeMap::new(),
            artifacts: Vec::new(),
            decisions: Vec::new(),
            next_steps: Vec::new(),
            telemetry: Telemetry::default(),
            policy_hash: self.services.policy.current().hash(),
            journal_head: head,
        };
        self.append(vec![EventBody::ReportReady(ReportReady { report })])?;
        Ok(())
    }
}
