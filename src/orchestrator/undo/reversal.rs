//! The run in which something is put back: its decisions, what was undone, and how it ended.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::kept::{Kept, What};
use super::{UndoError, UndoRequest, UndoTarget};
use crate::contracts::views::CallPutBack;
use crate::contracts::{
    Budget, CallId, CallUndone, EventBody, FsAccess, Hash, Map, Origin, Outcome, Priority, Profile,
    ReportReady, RunFinished, RunId, RunReport, RunStarted, SCHEMA_VERSION, Stored, TaskAccepted,
    TaskEnvelope, TaskId, TaskType, Telemetry, ToolCall,
};
use crate::facts::{self, Surroundings};
use crate::orchestrator::error::RunError;
use crate::orchestrator::evidence::Arguments;
use crate::orchestrator::journal::Batch;
use crate::orchestrator::judge::Judged;
use crate::orchestrator::ruling::Ruling;
use crate::orchestrator::services::Services;
use crate::policy::{Authorized, RunFacts};
use crate::ports::ToolDescriptor;
use crate::store::Append;

/// The tool in whose name files are put back.
const TOOL: &str = "write_text";
/// The tool that takes commits back.
pub(super) const COMMIT_TOOL: &str = "git_commit";

/// What policy allowed.
#[derive(Default)]
pub(super) struct Leave {
    /// To write a path each.
    pub(super) files: Vec<Authorized<ToolCall>>,
    /// To take a commit back, by which of the calls made it.
    pub(super) commits: BTreeMap<usize, Authorized<ToolCall>>,
}

/// The run in which files are put back.
pub(super) struct Reversal<'a> {
    pub(super) services: &'a Services,
    pub(super) task_id: TaskId,
    pub(super) run_id: RunId,
    pub(super) seq: u64,
}

impl<'a> Reversal<'a> {
    pub(super) fn begin(services: &'a Services, wanted: &UndoRequest) -> Result<Self, UndoError> {
        let clock = &services.clock;
        let (task_id, run_id) = (TaskId::from_uuid(clock.uuid()), RunId::from_uuid(clock.uuid()));
        let labels = wanted.by.iter().map(|by| ("by".to_owned(), by.clone())).collect();
        let goal = match wanted.target {
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
            labels,
            idempotency_key: None,
        };
        let started = RunStarted {
            playbook: None,
            inputs: Map::new(),
            read_roots: Vec::new(),
            budget: Budget::default(),
            profile: services.config().policy.profile,
            policy_hash: services.policy.current().hash(),
            unattended: services.config().policy.profile == Profile::Ci,
            dry_run: false,
            parent_run_id: None,
            trigger: wanted.trigger,
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

    /// Leave to write each path, as if somebody wrote it now, and to take each commit back.
    pub(super) fn seal(&mut self, kept: &[Kept]) -> Result<Leave, UndoError> {
        let (mut leave, mut decided) = (Leave::default(), Batch::default());
        let mut refusal = None;
        let files = kept.iter().filter_map(Kept::undo).flat_map(|undo| &undo.entries);
        let paths: BTreeSet<_> = files.map(|entry| &entry.path).collect();
        for path in paths {
            let path = path.to_string_lossy().into_owned();
            let args = json!({ "path": path, "text": "" });
            match self.judge(TOOL, args, &path, &mut decided)? {
                Ok(authorized) => leave.files.push(authorized),
                Err(reason) => refusal = refusal.or(Some(UndoError::Denied { path, reason })),
            }
        }
        for (index, one) in kept.iter().enumerate() {
            let What::Commit { path, commit } = &one.what else { continue };
            let args = json!({ "path": path, "revert": commit });
            match self.judge(COMMIT_TOOL, args, path, &mut decided)? {
                Ok(authorized) => drop(leave.commits.insert(index, authorized)),
                Err(reason) => {
                    let path = format!("commit {commit}");
                    refusal = refusal.or(Some(UndoError::Denied { path, reason }));
                }
            }
        }
        self.append_with(decided.bodies, decided.texts)?;
        match refusal {
            None => Ok(leave),
            Some(refusal) => {
                self.finish(Outcome::Denied, Some(refusal.to_string()), Vec::new())?;
                Err(refusal)
            }
        }
    }

    fn judge(
        &self,
        tool: &str,
        args: Value,
        path: &str,
        batch: &mut Batch,
    ) -> Result<Result<Authorized<ToolCall>, String>, UndoError> {
        let services = self.services;
        let missing = || RunError::Incomplete { run: self.run_id.to_string(), what: "the tool" };
        let tool = &services.tool(tool).ok_or_else(missing)?;
        let call = self.call(tool, args, path);
        let around = Surroundings {
            places: &services.places,
            permissions: &[],
            now: services.clock.now(),
            unattended: services.config().policy.profile == Profile::Ci,
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

    fn call(&self, tool: &ToolDescriptor, args: Value, path: &str) -> ToolCall {
        ToolCall {
            id: CallId::from_uuid(self.services.clock.uuid()),
            run_id: self.run_id,
            step_id: "undo".to_owned(),
            name: tool.name.clone(),
            args: args.as_object().cloned().unwrap_or_default(),
            timeout_ms: tool.timeout_ms,
            allow_network: false,
            allow_fs: FsAccess::Write,
            expected_output_schema: None,
            idempotency_key: format!("undo {path}"),
            origin: Origin::Api,
            labels: Vec::new(),
            arg_labels: BTreeMap::new(),
        }
    }

    /// Journals what was put back, and why something was not.
    pub(super) fn end(
        mut self,
        put_back: &[CallPutBack],
        cause: Option<String>,
    ) -> Result<(), UndoError> {
        let outcome = if cause.is_none() { Outcome::Succeeded } else { Outcome::Failed };
        let undone = put_back.iter().map(|one| {
            let (call_id, of_run, paths) = (one.call_id, one.run_id, one.paths.clone());
            EventBody::CallUndone(CallUndone { call_id, of_run, paths })
        });
        let bodies = undone.collect();
        self.finish(outcome, cause, bodies)
    }

    pub(super) fn finish(
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

    pub(super) fn report(
        &mut self,
        outcome: Outcome,
        summary: String,
        head: Hash,
    ) -> Result<(), UndoError> {
        let report = RunReport {
            schema_version: SCHEMA_VERSION,
            task_id: self.task_id,
            run_id: self.run_id,
            playbook: None,
            outcome,
            error_kind: None,
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
