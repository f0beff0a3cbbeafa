//! The inbox: what waits for a person, and their answers.

use std::sync::Arc;

use crate::contracts::ApprovalId;
use crate::contracts::views::{Answered, ApprovalPage, NewAnswer, NewApproval};
use crate::orchestrator::{ApprovalViews, GiveError, RunError, Services};
use crate::server::api::called::bad_arguments;
use crate::server::api::execution::known;
use crate::server::api::runs::{next_cursor, reason_of};
use crate::server::query::wrong;
use crate::server::reply::{Answer, Reply};
use crate::server::route::Call;
use crate::store::ApprovalStatus;

/// Most questions of a page.
const PAGE_MAX: u32 = 200;

pub(in crate::server) async fn list(call: Call) -> Answer {
    let (limit, cursor) = (call.query.limit(PAGE_MAX)?, call.query.cursor()?);
    let status = call.query.get("status").map(|text| {
        let words = "open, approved, denied, superseded, void";
        ApprovalStatus::parse(text).ok_or_else(|| wrong("status", "is none", Some(words)))
    });
    let status = status.transpose()?;
    let services = Arc::clone(&call.shared.services);
    let page = call.shared.blocking(move || page(&services, status, cursor, limit)).await??;
    let now = call.shared.now();
    let approvals = page.approvals.into_iter().map(|it| it.at(now)).collect();
    Reply::ok(&ApprovalPage { approvals, ..page })
}

fn page(
    services: &Services,
    status: Option<ApprovalStatus>,
    cursor: Option<u64>,
    limit: u32,
) -> Result<ApprovalPage, RunError> {
    let reader = services.store.reader();
    let found = reader.approvals(status, cursor, limit)?;
    let next_cursor = next_cursor(found.len(), limit, found.last().map(|info| info.cursor));
    let vocabulary = services.vocabulary();
    let mut views = ApprovalViews::new(reader, &vocabulary);
    let approvals = found.into_iter().map(|info| views.view(info)).collect::<Result<_, _>>()?;
    Ok(ApprovalPage { approvals, next_cursor })
}

pub(in crate::server) async fn show(call: Call) -> Answer {
    let id: ApprovalId = call.id("approval_id", "question")?;
    let services = Arc::clone(&call.shared.services);
    let read = move || {
        let reader = services.store.reader();
        ApprovalViews::new(reader, &services.vocabulary()).view(reader.approval(&id)?)
    };
    Reply::ok(&call.shared.blocking(read).await??.at(call.shared.now()))
}

pub(in crate::server) async fn answer(call: Call) -> Answer {
    let approval_id: ApprovalId = call.id("approval_id", "question")?;
    let NewAnswer { approved, reason } = call.json()?;
    let reason = reason_of(reason)?;
    call.shared.read(move |reader| reader.approval(&approval_id)).await?;
    let by = call.caller.by.clone();
    let answered = call.shared.engine.answer(approval_id, approved, by, reason).await?;
    let crate::scheduler::Answered { run_id, status, missing } = answered;
    Reply::ok(&Answered { approval_id, run_id, approved, status, missing })
}

/// A yes to one call, before anybody asks.
pub(in crate::server) async fn approve(call: Call) -> Answer {
    let tool = call.query.get("tool_name").map(str::to_owned);
    let tool = tool.ok_or_else(|| wrong("tool_name", "is missing", None))?;
    let NewApproval { args } = call.json()?;
    let (services, by) = (Arc::clone(&call.shared.services), call.caller.by.clone());
    let tool = call.shared.blocking(move || known(&services, &tool)).await??.name.clone();
    let given = call.shared.engine.approve(tool.clone(), args, by).await;
    Reply::ok(&given.map_err(|error| match error {
        GiveError::BadArgs(message) => bad_arguments(&tool, &message),
        error => error.into(),
    })?)
}
