//! The inbox read from the journal, and answers written into it, where no daemon runs.

use super::super::remote::{borrow_host, wait_for};
use super::super::{CliError, control_error, output, run_error};
use super::{LISTED_MAX, PAGE};
use crate::app::App;
use crate::contracts::ApprovalId;
use crate::contracts::views::{Answered, ApprovalView};
use crate::host::Host;
use crate::identity::this_account;
use crate::orchestrator::{Control, ControlError, revoke, tell};
use crate::store::ApprovalStatus;

/// Open questions, or every one, newest first.
///
/// # Errors
/// When the journal cannot be read.
pub(super) fn all(app: &App, closed_too: bool) -> Result<Vec<ApprovalView>, CliError> {
    let (history, vocabulary) = (app.history()?, app.vocabulary());
    let mut views = history.approval_views(&vocabulary);
    let status = (!closed_too).then_some(ApprovalStatus::Open);
    let (mut all, mut before) = (Vec::new(), None);
    loop {
        let page = history.approvals(status, before, PAGE)?;
        let Some(last) = page.last() else { return Ok(all) };
        before = Some(last.cursor);
        for info in page {
            all.push(views.view(info).map_err(run_error)?);
        }
        if all.len() >= LISTED_MAX {
            return Ok(all);
        }
    }
}

/// One question.
///
/// # Errors
/// When there is none.
pub(super) fn one(app: &App, id: ApprovalId) -> Result<ApprovalView, CliError> {
    let (history, vocabulary) = (app.history()?, app.vocabulary());
    let info = history.approval(id)?;
    history.approval_views(&vocabulary).view(info).map_err(run_error)
}

/// Journals an answer. The run goes on when somebody takes it up.
///
/// # Errors
/// When nobody waits for it, or policy refuses the call by now.
pub(super) fn answer(
    app: &App,
    id: ApprovalId,
    approved: bool,
    reason: Option<String>,
) -> Result<Answered, CliError> {
    let host = borrow_host(app)?;
    let by = this_account();
    let Some(run_id) = app.history()?.approval(id)?.run_id else {
        return take_back(&host, id, approved, by, reason);
    };
    let control = Control::Answer { approval_id: id, approved, by, reason };
    let told =
        wait_for(async { tell(&host.services, run_id, control).await.map_err(control_error) })?;
    output::note(&format!(
        "note: no daemon is running; go on with it: bailiwick serve, or bailiwick runs resume {run_id}"
    ));
    let asked = app.history()?.approval(id)?;
    let missing = if asked.status == ApprovalStatus::Open { asked.quorum.missing() } else { 0 };
    let (run_id, status) = (Some(run_id), Some(told.status));
    Ok(Answered { approval_id: id, run_id, approved, status, missing })
}

/// A no to an approval that was given beforehand.
fn take_back(
    host: &Host,
    approval_id: ApprovalId,
    approved: bool,
    by: String,
    reason: Option<String>,
) -> Result<Answered, CliError> {
    if approved || !revoke(&host.services, approval_id, by, reason).map_err(run_error)? {
        return Err(control_error(ControlError::NotOpen(approval_id)));
    }
    Ok(Answered { approval_id, run_id: None, approved, status: None, missing: 0 })
}
