//! What calls kept, read back from the journal: which can be undone, and which cannot.

use serde_json::Value;

use super::reversal::COMMIT_TOOL;
use super::{UndoError, UndoTarget};
use crate::contracts::views::CallLeftAlone;
use crate::contracts::{CallEffect, CallId, Obligation, RunId, ToolCall, ToolResult};
use crate::orchestrator::call;
use crate::orchestrator::error::RunError;
use crate::orchestrator::record::{CallRecord, RunRecord};
use crate::orchestrator::services::Services;
use crate::ports::Undo;
use crate::store::StoreError;

/// Runs read from the store at once.
const RUNS_PAGE: u32 = 100;

/// A call that changed something, with what is known about it.
pub(super) struct Kept {
    pub(super) run_id: RunId,
    pub(super) call_id: CallId,
    pub(super) tool: String,
    pub(super) what: What,
}

pub(super) enum What {
    /// Files, links and directories.
    Files(Undo),
    /// A commit in the repository that holds the directory `path`.
    Commit { path: String, commit: String },
}

impl Kept {
    pub(super) const fn undo(&self) -> Option<&Undo> {
        match &self.what {
            What::Files(undo) => Some(undo),
            What::Commit { .. } => None,
        }
    }

    pub(super) fn left_alone(
        &self,
        path: Option<String>,
        why: String,
        conflict: bool,
    ) -> CallLeftAlone {
        let (call_id, run_id, tool) = (self.call_id, self.run_id, self.tool.clone());
        CallLeftAlone { call_id, run_id, tool, path, why, conflict }
    }
}

/// What was found of a run or a call.
#[derive(Default)]
pub(super) struct Found {
    /// In the order in which the calls began.
    pub(super) kept: Vec<Kept>,
    /// Calls of which nothing can be put back.
    pub(super) never: Vec<CallLeftAlone>,
}

/// Reads what the calls of `target` kept.
pub(super) fn find(services: &Services, target: UndoTarget) -> Result<Found, UndoError> {
    let mut found = Found::default();
    for (run_id, record) in calls_of(services, target)? {
        let dry = |obligation: &Obligation| *obligation == Obligation::DryRun;
        let was_dry = record.decision.as_ref().is_some_and(|it| it.obligations.iter().any(dry));
        if was_dry {
            continue;
        }
        let (call_id, tool) = (record.requested.call_id, record.requested.name.clone());
        let never = |why: &str| CallLeftAlone {
            call_id,
            run_id,
            tool: tool.clone(),
            path: None,
            why: why.to_owned(),
            conflict: false,
        };
        match what(services, run_id, &record) {
            Ok(Some(what)) => {
                let tool = tool.clone();
                found.kept.push(Kept { run_id, call_id, tool, what });
            }
            Ok(None) if happened(&record) => {
                found.never.push(never("what it did cannot be undone"))
            }
            Ok(None) => {}
            Err(RunError::Store(StoreError::Forgotten(_))) => {
                found.never.push(never("what it kept was forgotten on purpose"));
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(found)
}

/// Whether a call may have changed something that it did not keep.
fn happened(record: &CallRecord) -> bool {
    let began = record.started_at.is_some();
    let kept = record.intent.as_ref().is_some_and(|intent| intent.snapshot.is_some());
    let failed = record.finished.as_ref().is_some_and(|finished| !finished.ok);
    began && !kept && !failed && record.requested.effect != CallEffect::Read
}

fn what(services: &Services, run_id: RunId, record: &CallRecord) -> Result<Option<What>, RunError> {
    let (reader, run) = (services.store.reader(), run_id.to_string());
    if let Some(snapshot) = record.intent.as_ref().and_then(|intent| intent.snapshot.as_ref()) {
        let undo: Undo = call::document(reader, &run, "an undo record", snapshot)?;
        return Ok((!undo.entries.is_empty()).then_some(What::Files(undo)));
    }
    let Some(finished) = record.finished.as_ref().filter(|finished| finished.ok) else {
        return Ok(None);
    };
    if record.requested.name != COMMIT_TOOL {
        return Ok(None);
    }
    let result: ToolResult = call::document(reader, &run, "a result", &finished.result)?;
    let asked: ToolCall = call::document(reader, &run, "a call", &record.requested.call)?;
    let field = |name: &str| result.data.as_ref().and_then(|data| data.get(name));
    let made = field("committed").and_then(Value::as_bool).unwrap_or(false);
    let commit = field("commit").and_then(Value::as_str);
    let path = asked.args.get("path").and_then(Value::as_str);
    Ok(commit
        .zip(path)
        .filter(|_| made)
        .map(|(commit, path)| What::Commit { path: path.to_owned(), commit: commit.to_owned() }))
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
        if services.live.sender(run_id).is_some() {
            return Err(UndoError::AtWork(run_id));
        }
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
pub(super) fn run_of(services: &Services, call_id: CallId) -> Result<RunId, UndoError> {
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
