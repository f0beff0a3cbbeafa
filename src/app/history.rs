//! What ran before. Reading needs no lock: it goes on beside a host at work.

use std::path::{Path, PathBuf};

use super::App;
use crate::cli::{CliError, Exit, run_error, store_error};
use crate::contracts::views::{ExchangeView, RunDetail};
use crate::contracts::{ApprovalId, Event, RunId, RunStatus, ScheduleId, ToolCall};
use crate::orchestrator::{
    ApprovalViews, Artifact, CallRecord, RunEnd, RunRecord, artifacts_of, exchanges_of, run_detail,
};
use crate::ports::Vocabulary;
use crate::store::{
    ApprovalInfo, ApprovalStatus, FireRow, IncidentRow, IncidentsWanted, Reader, RunInfo,
    ScheduleRow, VerifyReport,
};

/// Events that are read at once.
const PAGE_EVENTS: u32 = 1_000;

impl App {
    /// What ran before.
    ///
    /// # Errors
    /// When nothing ran here yet, or the store cannot be read.
    pub fn history(&self) -> Result<History, CliError> {
        let reader = Reader::open(&self.workspace.state_dir).map_err(store_error)?;
        Ok(History { reader, audit_path: self.audit_path() })
    }

    /// How `run` ended, if it did.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn ended(&self, run: RunId) -> Result<Option<RunEnd>, CliError> {
        let history = self.history()?;
        let report = history.record(run)?.report;
        Ok(report.map(|report| RunEnd {
            run_id: run,
            status: report.outcome.status(),
            report: Some(report),
        }))
    }
}

/// What ran before.
#[derive(Debug)]
pub struct History {
    reader: Reader,
    audit_path: PathBuf,
}

impl History {
    /// The files that a run produced.
    ///
    /// # Errors
    /// When there is no such run, or it cannot be read.
    pub fn artifacts(&self, run: RunId) -> Result<Vec<Artifact>, CliError> {
        artifacts_of(&self.reader, run).map_err(run_error)
    }

    /// What a run asked of models.
    ///
    /// # Errors
    /// When there is no such run, or it cannot be read.
    pub fn exchanges(&self, run: RunId) -> Result<Vec<ExchangeView>, CliError> {
        exchanges_of(&self.reader, run).map_err(run_error)
    }

    /// The content of a file that a run produced.
    ///
    /// # Errors
    /// When it was forgotten, or does not fit its hash.
    pub fn content(&self, artifact: &Artifact) -> Result<Vec<u8>, CliError> {
        self.reader.blob(&artifact.content).map_err(store_error)
    }

    /// The run that `id` names: its id, its first characters, or the newest when there is none.
    ///
    /// # Errors
    /// When there is no such run, or several.
    pub fn find(&self, id: Option<&str>) -> Result<RunId, CliError> {
        match id {
            Some(id) => self
                .reader
                .run_id_prefix(id)
                .map_err(|error| store_error(error).hint("list them: bailiwick runs ls")),
            None => {
                let runs = self.runs(1)?;
                let newest = runs.first().map(|run| run.run_id);
                newest.ok_or_else(|| CliError::usage("nothing has run here yet"))
            }
        }
    }

    /// Runs, newest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn runs(&self, limit: u32) -> Result<Vec<RunInfo>, CliError> {
        self.reader.runs(None, limit).map_err(store_error)
    }

    /// Runs of one status, of one playbook, or both, newest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn runs_filtered(
        &self,
        status: Option<RunStatus>,
        playbook: Option<&str>,
        limit: u32,
    ) -> Result<Vec<RunInfo>, CliError> {
        self.reader.runs_filtered(status, playbook, None, limit).map_err(store_error)
    }

    /// Where a run stands.
    ///
    /// # Errors
    /// When there is no such run.
    pub fn status(&self, run: RunId) -> Result<RunStatus, CliError> {
        self.reader.run(&run).map(|info| info.status).map_err(store_error)
    }

    /// What a run's journal says.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn record(&self, run: RunId) -> Result<RunRecord, CliError> {
        let loaded = RunRecord::load(&self.reader, run).map_err(run_error)?;
        Ok(loaded.0)
    }

    /// A run as it is shown, without its events.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn detail(&self, run: RunId) -> Result<RunDetail, CliError> {
        run_detail(&self.reader, run).map_err(run_error)
    }

    /// Shows questions about calls of tools in `vocabulary`.
    #[must_use]
    pub const fn approval_views<'a>(&'a self, vocabulary: &'a Vocabulary) -> ApprovalViews<'a> {
        ApprovalViews::new(&self.reader, vocabulary)
    }

    /// As [`History::record`], of a run that was to be called and may not have begun.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn called(&self, run: RunId) -> Result<Option<RunRecord>, CliError> {
        RunRecord::find(&self.reader, run).map_err(run_error)
    }

    /// The whole call behind a record.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn call(&self, call: &CallRecord) -> Result<ToolCall, CliError> {
        let bytes = self.reader.blob(&call.requested.call).map_err(store_error)?;
        serde_json::from_slice(&bytes).map_err(|error| {
            CliError::new(Exit::Integrity, format!("a call cannot be read: {error}"))
        })
    }

    /// A run's events behind `after`, in order.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn events_after(&self, run: RunId, mut after: u64) -> Result<Vec<Event>, CliError> {
        let (run, mut events) = (run.to_string(), Vec::new());
        loop {
            let page = self.reader.events(&run, after, PAGE_EVENTS).map_err(store_error)?;
            let Some(last) = page.last() else { return Ok(events) };
            after = last.seq;
            events.extend(page);
        }
    }

    /// What came of a schedule's last times, newest first.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn fires(&self, id: &ScheduleId, limit: u32) -> Result<Vec<FireRow>, CliError> {
        self.reader.fires(id, limit).map_err(store_error)
    }

    /// Every schedule, oldest first.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn schedules(&self) -> Result<Vec<ScheduleRow>, CliError> {
        self.reader.schedules().map_err(store_error)
    }

    /// One schedule.
    ///
    /// # Errors
    /// When there is none.
    pub fn schedule(&self, id: ScheduleId) -> Result<ScheduleRow, CliError> {
        self.reader
            .schedule(&id)
            .map_err(|error| store_error(error).hint("list them: bailiwick schedules ls"))
    }

    /// What a person must look at, newest first.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn incidents(
        &self,
        wanted: &IncidentsWanted,
        limit: u32,
    ) -> Result<Vec<IncidentRow>, CliError> {
        self.reader.incidents(wanted, limit).map_err(store_error)
    }

    /// Questions of runs, newest first, those behind the cursor `before`.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn approvals(
        &self,
        status: Option<ApprovalStatus>,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<ApprovalInfo>, CliError> {
        self.reader.approvals(status, before, limit).map_err(store_error)
    }

    /// One question.
    ///
    /// # Errors
    /// When there is none.
    pub fn approval(&self, id: ApprovalId) -> Result<ApprovalInfo, CliError> {
        self.reader
            .approval(&id)
            .map_err(|error| store_error(error).hint("list them: bailiwick approvals ls --all"))
    }

    /// Checks one run, or everything.
    ///
    /// # Errors
    /// When the store cannot be read at all.
    pub fn verify(&self, run: Option<RunId>) -> Result<VerifyReport, CliError> {
        let run = run.map(|run| run.to_string());
        let audit: Option<&Path> = run.is_none().then_some(self.audit_path.as_path());
        self.reader.verify(run.as_deref(), audit).map_err(store_error)
    }
}
