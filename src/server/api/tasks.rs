//! Tasks: handing one in, and how far it has come.

use axum::http::StatusCode;

use crate::contracts::views::{NewTask, TaskPage, TaskTaken, TaskView};
use crate::contracts::{ApprovalId, RunStatus, TaskId, TaskSubmission, Trigger};
use crate::orchestrator::{RunError, RunRecord};
use crate::scheduler::Origin;
use crate::server::api::runs::next_cursor;
use crate::server::idempotency::REPLAYED;
use crate::server::problem::Problem;
use crate::server::reply::{Answer, Reply};
use crate::server::route::Call;
use crate::store::{Reader, RunInfo, StoreError};

/// Most tasks of a page: the journal of each is read.
const PAGE_MAX: u32 = 100;

pub(in crate::server) async fn submit(call: Call) -> Answer {
    take(&call, call.json()?).await
}

pub(in crate::server) async fn create(call: Call) -> Answer {
    let task: NewTask = call.json()?;
    let budget = task.budget(&call.shared.services.config().budget.default);
    let NewTask { goal, dry_run, .. } = task;
    let submission =
        TaskSubmission { goal: Some(goal), budget, dry_run, ..TaskSubmission::default() };
    take(&call, submission).await
}

async fn take(call: &Call, mut submission: TaskSubmission) -> Answer {
    let key = call.key.clone();
    match (&key, &submission.idempotency_key) {
        (Some(header), Some(body)) if header.key != *body => {
            let message = "says otherwise than the header `Idempotency-Key`";
            let problem = Problem::invalid(format!("`idempotency_key` {message}"));
            return Err(problem.error(Some("idempotency_key"), message, None));
        }
        (Some(header), None) => submission.idempotency_key = Some(header.key.clone()),
        _ => {}
    }
    let key = key.or_else(|| Some(call.key_in_body(submission.idempotency_key.as_deref()?)));
    let origin = Origin { by: call.caller.by.clone(), trigger: Trigger::Api, key };
    let taken = call.shared.engine.submit(submission, origin).await?;
    answer(taken)
}

/// The answer to a task that was taken, now or before.
pub(in crate::server) fn answer(taken: crate::scheduler::Accepted) -> Answer {
    let (task_id, run_id) = (taken.task_id, taken.run_id);
    let view = TaskTaken { task_id, run_id, status: RunStatus::Queued };
    let reply = Reply::json(StatusCode::ACCEPTED, &view)?.location(&format!("/runs/{run_id}"))?;
    if taken.repeated { reply.header(REPLAYED, "true") } else { Ok(reply) }
}

pub(in crate::server) async fn list(call: Call) -> Answer {
    let (limit, cursor) = (call.query.limit(PAGE_MAX)?, call.query.cursor()?);
    let reader = call.shared.services.store.reader().clone();
    let page = call.shared.blocking(move || page(&reader, cursor, limit)).await??;
    Reply::ok(&page)
}

fn page(reader: &Reader, cursor: Option<u64>, limit: u32) -> Result<TaskPage, RunError> {
    let runs = reader.runs(cursor, limit)?;
    let next_cursor = next_cursor(runs.len(), limit, runs.last().map(|run| run.cursor));
    let mut tasks = Vec::with_capacity(runs.len());
    for run in runs {
        tasks.extend(view(reader, run)?);
    }
    Ok(TaskPage { tasks, next_cursor })
}

pub(in crate::server) async fn show(call: Call) -> Answer {
    let task_id: TaskId = call.id("task_id", "task")?;
    let reader = call.shared.services.store.reader().clone();
    let found = call.shared.blocking(move || find(&reader, task_id)).await??;
    let unknown = || Problem::not_found(format!("there is no task `{task_id}`"));
    Reply::ok(&found.ok_or_else(unknown)?)
}

/// The newest run of a task.
fn find(reader: &Reader, task_id: TaskId) -> Result<Option<TaskView>, RunError> {
    match reader.run_of_task(&task_id)? {
        Some(run) => view(reader, run),
        None => Ok(None),
    }
}

/// A task as the task API shows it; `None` of a run that has none.
fn view(reader: &Reader, run: RunInfo) -> Result<Option<TaskView>, RunError> {
    let Some(task_id) = run.task_id else { return Ok(None) };
    let record = match RunRecord::load(reader, run.run_id) {
        Err(RunError::Store(StoreError::NotFound(_))) => return Ok(None),
        loaded => loaded?.0,
    };
    let budget = record.started.as_ref().map(|(started, _)| started.budget.clone());
    let budget = budget.unwrap_or_default();
    let waits = run.status == RunStatus::WaitingApproval;
    let questions = record.open_questions().into_iter().filter(|_| waits);
    let required_approvals: Vec<ApprovalId> =
        questions.map(|(subject, _)| subject.approval_id).collect();
    let artifacts = record.report.iter().flat_map(|report| &report.artifacts);
    Ok(Some(TaskView {
        task_id,
        goal: run.goal,
        status: run.status,
        step_count: u32::try_from(record.calls.len()).unwrap_or(u32::MAX),
        max_steps: budget.steps,
        max_retries: budget.retries,
        required_approvals,
        artifacts: artifacts.map(|artifact| artifact.hash.to_string()).collect(),
        created_at: run.created_at,
        updated_at: run.updated_at,
        run_id: run.run_id,
    }))
}
