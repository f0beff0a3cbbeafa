//! A run as the driver holds it: who it is, what it works by, and where it stands.

use std::sync::Arc;

use super::error::RunError;
use super::record::RunRecord;
use super::services::Services;
use crate::agent::program::Program;
use crate::agent::{self, RunState};
use crate::contracts::{EventBody, PlaybookRef, RunId, TaskId};
use crate::playbook::{self, Playbook};

/// A run loaded from its journal.
#[derive(Debug, Clone)]
pub struct Run {
    /// Which run.
    pub id: RunId,
    /// Which task.
    pub task_id: TaskId,
    /// What it works by; a direct call is a playbook of one step.
    pub playbook: Arc<Playbook>,
    /// Where it stands, for the core.
    pub state: Arc<RunState>,
    /// What its journal says, for the driver.
    pub record: Arc<RunRecord>,
}

impl Run {
    /// Folds a run's journal. Blocks.
    ///
    /// # Errors
    /// When the journal is missing something, does not fold, or names a playbook that this version
    /// cannot read.
    pub fn load(services: &Services, id: RunId) -> Result<Self, RunError> {
        let run = id.to_string();
        let incomplete = |what| RunError::Incomplete { run: run.clone(), what };
        let (record, bodies) = RunRecord::load(services.store.reader(), id)?;
        let task_id = record.task.as_ref().ok_or_else(|| incomplete("`task.accepted`"))?.id;
        let (started, _) = record.started.as_ref().ok_or_else(|| incomplete("`run.started`"))?;
        let source = started.playbook.as_ref().ok_or_else(|| incomplete("playbook"))?;
        let playbook = Arc::new(read_playbook(services, &run, source)?);
        let program = Arc::new(playbook::compile(&playbook));
        let state = fold(&run, program, &bodies)?;
        Ok(Self { id, task_id, playbook, state: Arc::new(state), record: Arc::new(record) })
    }
}

fn fold(
    run: &str,
    program: Arc<Program>,
    bodies: &[(crate::contracts::Timestamp, EventBody)],
) -> Result<RunState, RunError> {
    let mut state = RunState::new(program);
    for (at, body) in bodies {
        agent::fold(&mut state, *at, body)
            .map_err(|source| RunError::Fold { run: run.to_owned(), source })?;
    }
    Ok(state)
}

/// The version of the playbook that the run started with, from the store.
fn read_playbook(
    services: &Services,
    run: &str,
    source: &PlaybookRef,
) -> Result<Playbook, RunError> {
    let broken = |reason: String| RunError::Playbook { run: run.to_owned(), reason };
    let bytes = services.store.reader().blob(&source.source)?;
    let text = String::from_utf8(bytes).map_err(|error| broken(error.to_string()))?;
    let linted = playbook::lint(
        &source.path,
        &text,
        &services.tools,
        &playbook::LintLimits::from(services.config.as_ref()),
    );
    let first = linted.diagnostics.first().map(ToString::to_string);
    linted.playbook.ok_or_else(|| broken(first.unwrap_or_else(|| "it is empty".to_owned())))
}
