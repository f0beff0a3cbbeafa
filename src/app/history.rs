//! What ran before. Reading needs no lock: it goes on beside a host at work.

use std::path::{Path, PathBuf};

use super::App;
use crate::cli::{CliError, Exit, run_error, store_error};
use crate::contracts::{Event, RunId, RunStatus, ToolCall};
use crate::orchestrator::{CallRecord, RunEnd, RunRecord};
use crate::store::{Reader, RunInfo, VerifyReport};

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

    /// A run's events, in order.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn events(&self, run: RunId) -> Result<Vec<Event>, CliError> {
        let (run, mut events) = (run.to_string(), Vec::new());
        loop {
            let after = events.len() as u64;
            let page = self.reader.events(&run, after, PAGE_EVENTS).map_err(store_error)?;
            if page.is_empty() {
                return Ok(events);
            }
            events.extend(page);
        }
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
