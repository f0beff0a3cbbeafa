//! What is stored about runs, questions and schedules, as the views that people and programs are shown:
//! the same whether a daemon answers or the journal is read beside it.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::answer;
use super::error::RunError;
use super::record::RunRecord;
use crate::contracts::views::{
    ApprovalView, FireView, IncidentView, RunDetail, RunView, ScheduleView,
};
use crate::contracts::{CallEffect, IncidentRaised, RunId, TextRef, ToolCall};
use crate::ports::{ToolDescriptor, Vocabulary};
use crate::store::{
    ApprovalInfo, FireRow, FireState, IncidentRow, Reader, RunInfo, ScheduleRow, ScheduleSource,
    ScheduleTarget, StoreError,
};

/// A run as lists show it.
#[must_use]
pub fn run_view(run: RunInfo) -> RunView {
    RunView {
        run_id: run.run_id,
        task_id: run.task_id,
        status: run.status,
        playbook: run.playbook,
        goal: run.goal,
        created_at: run.created_at,
        updated_at: run.updated_at,
        events: run.last_seq,
    }
}

/// An incident as lists show it.
#[must_use]
pub fn incident_view(row: IncidentRow) -> IncidentView {
    let IncidentRaised { incident_id, kind, run_id, message } = row.raised;
    IncidentView { incident_id, at: row.at, kind, run_id, message }
}

/// A run with its report, its decisions and what is in doubt; without its events. Blocks.
///
/// # Errors
/// When there is no such run, or it cannot be read.
pub fn run_detail(reader: &Reader, run_id: RunId) -> Result<RunDetail, RunError> {
    let info = reader.run(&run_id)?;
    let (record, _) = RunRecord::load(reader, run_id)?;
    let mut in_doubt = Vec::new();
    for doubted in record.in_doubt() {
        // Of one that was forgotten, its name and step are in the events still.
        in_doubt.extend(call(reader, run_id, &doubted.requested.call)?);
    }
    Ok(RunDetail {
        run_id,
        status: info.status,
        task: record.task,
        report: record.report,
        in_doubt,
        decisions: record.decisions.into_iter().collect(),
        events: Vec::new(),
    })
}

/// Shows questions. Journals that were read are kept for the next question of the same run.
#[derive(Debug)]
pub struct ApprovalViews<'a> {
    reader: &'a Reader,
    vocabulary: &'a Vocabulary,
    records: BTreeMap<RunId, RunRecord>,
}

impl<'a> ApprovalViews<'a> {
    /// Shows questions about calls of tools in `vocabulary`.
    #[must_use]
    pub const fn new(reader: &'a Reader, vocabulary: &'a Vocabulary) -> Self {
        Self { reader, vocabulary, records: BTreeMap::new() }
    }

    /// A question with the call it is about. Blocks.
    ///
    /// # Errors
    /// When the run's journal cannot be read.
    pub fn view(&mut self, info: ApprovalInfo) -> Result<ApprovalView, RunError> {
        let (run_id, call_id) = (info.run_id, info.subject.call_id);
        let mut shown = without_call(info);
        let (Some(call_id), Some(run_id)) = (call_id, run_id) else {
            if run_id.is_none() {
                let tool = shown.tool.as_ref().and_then(|tool| self.vocabulary.get(tool));
                shown.risk = tool.map(|tool| tool.risk);
                shown.undoable = tool.and_then(|tool| undoable(tool, tool.effect));
                return Ok(shown);
            }
            // A gate asks by itself.
            shown.rules.push(answer::gate(&shown.step).to_owned());
            return Ok(shown);
        };
        let record = match self.records.entry(run_id) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(free) => free.insert(RunRecord::load(self.reader, run_id)?.0),
        };
        let Some(asked) = record.calls.get(&call_id) else { return Ok(shown) };
        let requested = &asked.requested;
        shown.tool = Some(requested.name.clone());
        let tool = self.vocabulary.get(&requested.name);
        shown.risk = tool.map(|tool| tool.risk);
        shown.undoable = tool.and_then(|tool| undoable(tool, requested.effect));
        shown.rules.clone_from(&asked.asked_by);
        shown.args = call(self.reader, run_id, &requested.call)?.map(|call| call.args);
        Ok(shown)
    }
}

/// Whether what a call does can be put back; `None` where it does nothing.
fn undoable(tool: &ToolDescriptor, effect: CallEffect) -> Option<bool> {
    (effect != CallEffect::Read).then_some(tool.undoable)
}

fn without_call(info: ApprovalInfo) -> ApprovalView {
    let ApprovalInfo { approval_id, run_id, subject, status, by, reason, quorum, .. } = info;
    let (tool, given_by) = subject.beforehand.map(|given| (given.tool, given.by)).unzip();
    let step = if run_id.is_some() { subject.path } else { String::new() };
    ApprovalView {
        approval_id,
        run_id,
        step,
        prompt: subject.prompt,
        call_id: subject.call_id,
        tool,
        args: None,
        risk: None,
        undoable: None,
        rules: Vec::new(),
        requested_at: info.requested_at,
        expires_at: subject.expires_at,
        approvers: quorum.needed(),
        approved_by: quorum.yes().to_vec(),
        given_by,
        status: status.as_str().to_owned(),
        by,
        reason,
        consult: subject.consult,
    }
}

/// The whole call behind a reference; `None` when it was forgotten on purpose.
fn call(reader: &Reader, run_id: RunId, text: &TextRef) -> Result<Option<ToolCall>, RunError> {
    let bytes = match reader.blob(text) {
        Err(StoreError::Forgotten(_)) => return Ok(None),
        read => read?,
    };
    let unreadable = |source| RunError::Stored { run: run_id.to_string(), what: "a call", source };
    serde_json::from_slice(&bytes).map(Some).map_err(unreadable)
}

/// A schedule.
#[must_use]
pub fn schedule_view(row: ScheduleRow) -> ScheduleView {
    let playbook = match row.target {
        ScheduleTarget::Playbook(name) => Some(name),
        ScheduleTarget::Internal(_) => None,
    };
    let source = match row.source {
        ScheduleSource::Playbook => "playbook",
        ScheduleSource::Api => "api",
        ScheduleSource::Internal => "internal",
    };
    ScheduleView {
        schedule_id: row.id,
        name: row.name,
        playbook,
        source: source.to_owned(),
        cron: row.cron,
        timezone: row.timezone,
        overlap: row.overlap,
        catch_up: row.catch_up,
        window_ms: row.window_ms,
        inputs: row.inputs,
        paused: row.paused,
        refused: row.refused,
        next_at: row.next_at,
        last_due: row.last_due,
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

/// What came of a time that was due.
#[must_use]
pub fn fire_view(row: FireRow) -> FireView {
    let state = match row.state {
        FireState::Fired => "fired",
        FireState::Missed => "missed",
    };
    let FireRow { due_at, at, run_id, reason, .. } = row;
    FireView { due_at, at, state: state.to_owned(), run_id, reason }
}
