//! A run as the driver holds it: who it is, what it works by, and where it stands.

use std::sync::Arc;

use super::error::RunError;
use super::journal::Batch;
use super::planned;
use super::record::RunRecord;
use super::services::Services;
use super::stopping::SHUTDOWN;
use crate::agent::program::Program;
use crate::agent::{self, Command, RunState};
use crate::contracts::{
    EventBody, Hash, PinnedSource, PlaybookRef, RunId, RunResumed, RunStarted, RunStatus, TaskId,
    TextRef,
};
use crate::playbook::{self, Pinned, Playbook, Used};
use crate::store::RunInfo;

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
        let playbook = read_playbook(services, &run, started, source)?;
        let program = Arc::new(playbook::compile(&playbook));
        let state = fold(&run, program, &bodies)?;
        let playbook = match record.planned.plans.is_empty() {
            true => playbook,
            false => planned::grown(services, id, &playbook, &record.planned)?,
        };
        let (state, record) = (Arc::new(state), Arc::new(record));
        Ok(Self { id, task_id, playbook: Arc::new(playbook), state, record })
    }

    /// Takes the steps of the newest plan into what the run works by. Blocks.
    ///
    /// # Errors
    /// When a plan cannot be read.
    pub(super) fn grow(&mut self, services: &Services) -> Result<(), RunError> {
        let grown = planned::grown(services, self.id, &self.playbook, &self.record.planned)?;
        self.playbook = Arc::new(grown);
        Ok(())
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
    started: &RunStarted,
    source: &PlaybookRef,
) -> Result<Playbook, RunError> {
    let broken = |reason: String| RunError::Playbook { run: run.to_owned(), reason };
    let text = text(services, &source.source)?;
    let linted = playbook::lint(
        &source.path,
        &text,
        &services.callable(),
        &playbook::LintLimits::from(services.config().as_ref()).of_taken(),
        &pinned(services, started)?,
    );
    linted.into_playbook().map_err(broken)
}

/// What a run works by beside its playbook, as a library.
pub(super) fn pinned(services: &Services, started: &RunStarted) -> Result<Pinned, RunError> {
    sources(services, started).map(Pinned::from)
}

/// What a run works by beside its playbook.
pub(super) fn sources(services: &Services, started: &RunStarted) -> Result<Vec<Used>, RunError> {
    let used = |pinned: &PinnedSource| {
        let (kind, name, path) = (pinned.kind, pinned.name.clone(), pinned.path.clone());
        Ok(Used { kind, name, path, text: text(services, &pinned.source)? })
    };
    started.pinned.iter().map(used).collect()
}

/// Keeps `sources` with the events of `batch`.
pub(super) fn pin(services: &Services, batch: &mut Batch, sources: Vec<Used>) -> Vec<PinnedSource> {
    let pinned = |Used { kind, name, path, text }: Used| PinnedSource {
        kind,
        name,
        path,
        hash: Hash::of(text.as_bytes()),
        source: batch.text(text, services.clock.salt()),
    };
    sources.into_iter().map(pinned).collect()
}

/// A text that was UTF-8 when it was stored.
fn text(services: &Services, reference: &TextRef) -> Result<String, RunError> {
    let bytes = services.store.reader().blob(reference)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Whether a run that a process left behind has something to do before anybody says anything. Runs that
/// another run called are taken up by that one; one that a person paused stays so; beside a question or
/// a doubt there may be other work. Blocks.
///
/// # Errors
/// When the run's journal cannot be read.
pub fn goes_on(services: &Services, run: &RunInfo) -> Result<bool, RunError> {
    if run.parent_run_id.is_some() {
        return Ok(false);
    }
    match run.status {
        RunStatus::WaitingApproval | RunStatus::InDoubt => is_cut_off(services, run.run_id),
        RunStatus::Paused => Ok(run.paused_by.as_deref() == Some(SHUTDOWN)),
        _ => Ok(true),
    }
}

fn is_cut_off(services: &Services, id: RunId) -> Result<bool, RunError> {
    let run = Run::load(services, id)?;
    let mut state = RunState::clone(&run.state);
    let resumed = RunResumed { by: String::new(), reason: None, interrupted: true };
    agent::fold(&mut state, services.clock.now(), &EventBody::RunResumed(resumed))
        .map_err(|source| RunError::Fold { run: id.to_string(), source })?;
    let answer = |command: &Command| matches!(command, Command::Ask { .. });
    Ok(!agent::wanted(&state).iter().all(answer))
}
