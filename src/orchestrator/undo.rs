//! Putting back what calls changed: a governed, journalled run of its own.
//!
//! Newest first, commits as new commits that take them back. What somebody else has changed since is
//! left alone and told; a call is put back as a whole or not at all.

mod kept;
mod reversal;

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::driver::RunEnd;
use super::error::RunError;
use super::execute;
use super::record::RunRecord;
use super::services::Services;
use crate::contracts::views::{CallLeftAlone, CallPutBack, UndoView};
use crate::contracts::{CallId, Outcome, RunId, RunStatus, Trigger};
use crate::ports::{Cancel, Undo};
use crate::tools::{self, Believed, Changed};
use kept::{Found, Kept, What, find, run_of};
use reversal::{Leave, Reversal};

/// What to put back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UndoTarget {
    /// Everything a run changed, and every run that it called, newest first.
    Run(RunId),
    /// What one call changed.
    Call(CallId),
}

/// What to put back, and how.
#[derive(Debug, Clone)]
pub struct UndoRequest {
    /// What.
    pub target: UndoTarget,
    /// Only to say what would be put back.
    pub dry_run: bool,
    /// Whether nothing at all is put back where something was changed since.
    pub whole: bool,
    /// Who wants it, as far as that is known.
    pub by: Option<String>,
    /// How they came.
    pub trigger: Trigger,
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
    /// The run goes on changing things.
    #[error("`{0}` is at work: stop it, or wait until it has ended")]
    AtWork(RunId),
    /// Something else changed what would have been put back since.
    #[error("nothing was put back: {}", .0.iter().map(|it| it.why.as_str()).collect::<Vec<_>>().join("; "))]
    Conflict(Vec<CallLeftAlone>),
    /// It cannot be looked at, or failed half-way; repeating it finishes what it began.
    #[error("{0}")]
    Interrupted(String),
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

/// The run that a call belongs to. Blocks.
///
/// # Errors
/// When there is no such call, or the journal cannot be read.
pub fn run_of_call(services: &Services, call_id: CallId) -> Result<RunId, UndoError> {
    run_of(services, call_id)
}

/// Puts it back, or only says what would be put back. Blocks.
///
/// # Errors
/// As [`UndoError`] says; nothing was changed then, but for [`UndoError::Interrupted`].
pub fn undo(services: &Services, wanted: &UndoRequest) -> Result<UndoView, UndoError> {
    let Found { kept, never } = find(services, wanted.target)?;
    if kept.is_empty() {
        let named = match wanted.target {
            UndoTarget::Run(run) => run.to_string(),
            UndoTarget::Call(call) => call.to_string(),
        };
        return Err(UndoError::Nothing(named));
    }
    let mut view = foreseen(services, &kept)?;
    let conflicts = view.left_alone.iter().any(|one| one.conflict);
    if conflicts && (wanted.whole || view.put_back.is_empty()) {
        return Err(UndoError::Conflict(view.left_alone));
    }
    if !wanted.dry_run {
        let mut reversal = Reversal::begin(services, wanted)?;
        let leave = reversal.seal(&kept)?;
        let run_id = reversal.run_id;
        let mut doing = Doing { services, kept: &kept, leave: &leave, view: UndoView::default() };
        let went = doing.all();
        view = doing.view;
        view.undo_run_id = Some(run_id);
        let left = view.left_alone.iter().filter(|one| one.conflict).map(|one| one.why.clone());
        let left: Vec<String> = left.collect();
        let cause = went.as_ref().err().map(ToString::to_string);
        let cause = cause.or_else(|| (!left.is_empty()).then(|| left.join("; ")));
        reversal.end(&view.put_back, cause)?;
        went?;
        let nothing = view.put_back.is_empty();
        if nothing && !left.is_empty() {
            return Err(UndoError::Conflict(view.left_alone));
        }
    }
    view.dry_run = wanted.dry_run;
    view.left_alone.extend(never);
    Ok(view)
}

/// What would be put back, as far as the files tell; nothing is changed.
fn foreseen(services: &Services, kept: &[Kept]) -> Result<UndoView, UndoError> {
    let with_files: Vec<&Kept> = kept.iter().filter(|one| one.undo().is_some()).collect();
    let undos: Vec<&Undo> = with_files.iter().filter_map(|one| one.undo()).collect();
    let protected = services.places.protected();
    let foreseen = tools::foresee(&undos, Changed::LeaveAlone, &services.root, &protected);
    let foreseen = foreseen.map_err(|error| UndoError::Interrupted(error.to_string()))?;
    let mut view = UndoView::default();
    told(services, &with_files, &foreseen, &mut view);
    let commits = kept.iter().filter_map(|one| match &one.what {
        What::Commit { commit, .. } => Some(put_back(one, vec![format!("commit {commit}")])),
        What::Files(_) => None,
    });
    view.put_back.extend(commits);
    Ok(view)
}

fn put_back(one: &Kept, paths: Vec<String>) -> CallPutBack {
    let (call_id, run_id, tool) = (one.call_id, one.run_id, one.tool.clone());
    CallPutBack { call_id, run_id, tool, paths }
}

/// Says what became of `calls`, newest first.
fn told(services: &Services, calls: &[&Kept], done: &tools::PutBack, view: &mut UndoView) {
    let changed: BTreeSet<&PathBuf> = done.changed.iter().collect();
    for (index, one) in calls.iter().enumerate().rev() {
        if let Some(left) = done.left.iter().find(|left| left.call == index) {
            let path = shown(services, &left.path);
            view.left_alone.push(one.left_alone(Some(path), left.told(), true));
            continue;
        }
        let entries = one.undo().map_or(&[][..], |undo| undo.entries.as_slice());
        let paths: BTreeSet<&PathBuf> = entries.iter().map(|entry| &entry.path).collect();
        let back = paths.iter().filter(|path| changed.contains(**path));
        view.put_back.push(put_back(one, back.map(|path| shown(services, path)).collect()));
        for stay in done.stay.iter().filter(|stay| paths.contains(stay)) {
            let path = shown(services, stay);
            let why = format!("`{path}` was made by the call and stays: something else is in it");
            view.left_alone.push(one.left_alone(Some(path), why, false));
        }
    }
}

fn shown(services: &Services, path: &std::path::Path) -> String {
    path.strip_prefix(&services.root).unwrap_or(path).display().to_string()
}

/// An undo that policy allowed.
struct Doing<'a> {
    services: &'a Services,
    kept: &'a [Kept],
    leave: &'a Leave,
    view: UndoView,
}

impl Doing<'_> {
    /// From the newest to the oldest. Taking a commit back changes files as well, so what is older is
    /// compared with how it stood before that.
    fn all(&mut self) -> Result<(), UndoError> {
        let mut believed = Believed::default();
        let mut end = self.kept.len();
        for index in (0..self.kept.len()).rev() {
            if self.kept.get(index).is_some_and(|one| one.undo().is_none()) {
                self.files(index + 1, end, &mut believed)?;
                let older = self.kept.iter().take(index).filter_map(Kept::undo);
                let older: Vec<&Undo> = older.collect();
                tools::note(&self.leave.files, &older, &mut believed, &self.services.root)
                    .map_err(|error| UndoError::Interrupted(error.to_string()))?;
                self.commit(index)?;
                end = index;
            }
        }
        self.files(0, end, &mut believed)
    }

    fn files(&mut self, from: usize, to: usize, believed: &mut Believed) -> Result<(), UndoError> {
        let calls: Vec<&Kept> = self.kept.iter().take(to).skip(from).collect();
        let undos: Vec<&Undo> = calls.iter().filter_map(|one| one.undo()).collect();
        let (leave, root) = (&self.leave.files, &self.services.root);
        let done = tools::undo(leave, &undos, Changed::LeaveAlone, believed, root)
            .map_err(|error| UndoError::Interrupted(error.to_string()))?;
        told(self.services, &calls, &done, &mut self.view);
        Ok(())
    }

    fn commit(&mut self, index: usize) -> Result<(), UndoError> {
        let (Some(one), Some(leave)) = (self.kept.get(index), self.leave.commits.get(&index))
        else {
            return Ok(());
        };
        let call = leave.call();
        let missing = || RunError::Incomplete { run: call.run_id.to_string(), what: "the tool" };
        let tool = self.services.tool(&call.name).ok_or_else(missing)?;
        let (decision, cancel) = (leave.decision(), Cancel::default());
        let context = execute::context_of(self.services, cancel, &tool, decision, call.timeout_ms);
        let output = self.services.toolbox().dispatch(leave, &context);
        match output.error {
            Some(error) => {
                self.view.left_alone.push(one.left_alone(None, error.message, true));
            }
            None => {
                let files = output.data.as_ref().and_then(|data| data.get("files"));
                let files = files.and_then(|files| files.as_array()).into_iter().flatten();
                let files = files.filter_map(|file| file.as_str()).map(str::to_owned).collect();
                self.view.put_back.push(put_back(one, files));
            }
        }
        Ok(())
    }
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
