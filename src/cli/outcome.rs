//! From where a run stands, or why it could not go on, to an exit code.

use super::{CliError, Exit};
use crate::contracts::{ErrorKind, RunReport, RunStatus};
use crate::orchestrator::{ControlError, RunError, UndoError};
use crate::scheduler::ScheduleError;
use crate::store::StoreError;

/// The exit code of a run.
pub(super) fn exit_of(status: RunStatus, report: Option<&RunReport>) -> Exit {
    match status {
        RunStatus::Succeeded => Exit::Done,
        RunStatus::Failed if lacks_provider(report) => Exit::Unavailable,
        RunStatus::Failed => Exit::Failed,
        RunStatus::Denied => Exit::Denied,
        RunStatus::Cancelled => Exit::Cancelled,
        RunStatus::InDoubt => Exit::InDoubt,
        RunStatus::Queued
        | RunStatus::Running
        | RunStatus::Paused
        | RunStatus::WaitingApproval
        | RunStatus::WaitingRetry => Exit::Waiting,
    }
}

/// A process that holds the workspace, for messages.
pub(super) fn process(pid: Option<u32>) -> String {
    pid.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"))
}

/// Whether the run failed because a provider was not there.
fn lacks_provider(report: Option<&RunReport>) -> bool {
    let own = [Some(ErrorKind::NoModel), Some(ErrorKind::Unavailable)];
    let kinds = [ErrorKind::NoModel.as_str(), ErrorKind::Unavailable.as_str()];
    report.is_some_and(|report| {
        own.contains(&report.error_kind)
            || report.steps.iter().any(|step| {
                !step.ok
                    && step
                        .error
                        .as_deref()
                        .is_some_and(|error| kinds.iter().any(|kind| error.starts_with(kind)))
            })
    })
}

/// Why a run could not go on.
pub(crate) fn run_error(error: RunError) -> CliError {
    match error {
        RunError::Store(error) => store_error(error),
        RunError::Fold { .. } | RunError::Stored { .. } | RunError::Incomplete { .. } => {
            CliError::new(Exit::Integrity, error.to_string()).hint("look closer: bailiwick verify")
        }
        RunError::AlreadyDriven(_) | RunError::Draining => {
            CliError::new(Exit::Unavailable, error.to_string()).hint("try again in a moment")
        }
        RunError::Playbook { .. }
        | RunError::Json(_)
        | RunError::Worker(_)
        | RunError::Superseded
        | RunError::Stopped => CliError::new(Exit::Failed, error.to_string()),
    }
}

/// Why the store could not do what it was asked.
pub(crate) fn store_error(error: StoreError) -> CliError {
    let exit = match &error {
        damaged if damaged.is_integrity() => Exit::Integrity,
        StoreError::NoState(_) | StoreError::NotFound(_) | StoreError::Ambiguous { .. } => {
            Exit::Usage
        }
        StoreError::Locked { .. } => Exit::Unavailable,
        _ => Exit::Failed,
    };
    let error_text = CliError::new(exit, error.to_string());
    match error.hint() {
        Some(hint) => error_text.hint(hint),
        None => error_text,
    }
}

/// Why a run was not told what it should be.
pub(crate) fn control_error(error: ControlError) -> CliError {
    let exit = match &error {
        ControlError::Run(_) => Exit::Failed,
        ControlError::Denied(_) => Exit::Denied,
        ControlError::Unanswered => Exit::Unavailable,
        _ => Exit::Usage,
    };
    match error {
        ControlError::Run(error) => run_error(error),
        ControlError::Expired { .. } => CliError::new(exit, error.to_string())
            .hint("look at it again before you answer: bailiwick approvals ls"),
        error => CliError::new(exit, error.to_string()),
    }
}

/// Why a schedule is not made, changed or started.
pub(super) fn schedule_error(error: ScheduleError) -> CliError {
    match error {
        ScheduleError::Submit(error) => super::submit::submit_error(error),
        ScheduleError::Run(error) => run_error(error),
        ScheduleError::Unknown(_) => {
            CliError::usage(error.to_string()).hint("list them: bailiwick schedules ls")
        }
        ScheduleError::TooMany(_) => CliError::new(Exit::Failed, error.to_string()),
        ScheduleError::Invalid(_) | ScheduleError::Follows { .. } => {
            CliError::usage(error.to_string())
        }
    }
}

/// Why nothing was put back.
pub(super) fn undo_error(error: UndoError) -> CliError {
    match error {
        UndoError::Run(error) => run_error(error),
        UndoError::Denied { .. } => CliError::new(Exit::Denied, error.to_string()),
        UndoError::Conflict(_) => CliError::new(Exit::Failed, error.to_string())
            .hint("put the file into the state the run left it in, or edit it by hand"),
        UndoError::Interrupted(_) | UndoError::AtWork(_) => {
            CliError::new(Exit::Failed, error.to_string())
        }
        UndoError::Nothing(_) | UndoError::NoCall(_) => CliError::usage(error.to_string()),
    }
}
