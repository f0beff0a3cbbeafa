//! Runs: lists, one of them, its report, and orders to it.

use std::sync::Arc;

use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::contracts::views::{EventView, ExchangeList, RunDetail, RunPage, RunTold};
use crate::contracts::{CallId, EventKind, Resolution, RunId, RunSignal, RunStatus, Timestamp};
use crate::orchestrator::{RunError, RunRecord, exchanges_of, run_detail, run_view};
use crate::scheduler::Control;
use crate::server::problem::Problem;
use crate::server::query::wrong;
use crate::server::reply::{Answer, Reply};
use crate::server::route::Call;
use crate::store::{ROWS_MAX, Reader};

/// Most runs of a page.
const PAGE_MAX: u32 = 500;
/// Most events of a run that are shown at once.
const EVENTS_MAX: u32 = 500;

/// Why somebody wants it.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::server) struct Signal {
    /// In words, for the journal.
    #[serde(default)]
    reason: Option<String>,
}

/// What became of a call in doubt.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::server) struct Settling {
    /// What became of it.
    resolution: Resolution,
    /// Which call; every one in doubt when absent.
    #[serde(default)]
    call_id: Option<CallId>,
}

/// Longest reason, in bytes.
const REASON_BYTES_MAX: usize = 4 * 1024;

/// The cursor of the next page, if this one is full.
pub(in crate::server) fn next_cursor(
    count: usize,
    limit: u32,
    last: Option<u64>,
) -> Option<String> {
    (count >= limit as usize).then_some(last).flatten().map(|cursor| cursor.to_string())
}

pub(in crate::server) async fn list(call: Call) -> Answer {
    let (limit, cursor) = (call.query.limit(PAGE_MAX)?, call.query.cursor()?);
    let status = call.query.get("status").map(status).transpose()?;
    let playbook = call.query.get("playbook").map(str::to_owned);
    let read =
        move |reader: &Reader| reader.runs_filtered(status, playbook.as_deref(), cursor, limit);
    let runs = call.shared.read(read).await?;
    let next_cursor = next_cursor(runs.len(), limit, runs.last().map(|run| run.cursor));
    Reply::ok(&RunPage { items: runs.into_iter().map(run_view).collect(), next_cursor })
}

fn status(text: &str) -> Result<RunStatus, Problem> {
    serde_json::from_value(serde_json::Value::String(text.to_owned()))
        .map_err(|_unknown| wrong("status", "is no status of a run", None))
}

pub(in crate::server) async fn show(call: Call) -> Answer {
    let run_id: RunId = call.id("run_id", "run")?;
    let with_events: Option<bool> = call.query.parse("events", "is neither `true` nor `false`")?;
    let after: Option<u64> = call.query.parse("after", "is no number of an event")?;
    let limit = call.query.limit(EVENTS_MAX)?;
    let wanted = with_events.unwrap_or(false).then_some((after.unwrap_or(0), limit));
    let detail = call.shared.blocking({
        let reader = call.shared.services.store.reader().clone();
        move || detail(&reader, run_id, wanted)
    });
    Reply::ok(&detail.await??)
}

/// A run, with up to so many events behind one where they are wanted.
fn detail(
    reader: &Reader,
    run_id: RunId,
    wanted: Option<(u64, u32)>,
) -> Result<RunDetail, RunError> {
    let mut detail = run_detail(reader, run_id)?;
    if let Some((after, limit)) = wanted {
        let events = reader.events(&run_id.to_string(), after, limit)?;
        let unreadable =
            |source| RunError::Stored { run: run_id.to_string(), what: "an event", source };
        detail.events =
            events.iter().map(EventView::of).collect::<Result<_, _>>().map_err(unreadable)?;
    }
    Ok(detail)
}

pub(in crate::server) async fn exchanges(call: Call) -> Answer {
    let run_id: RunId = call.id("run_id", "run")?;
    let services = Arc::clone(&call.shared.services);
    let read = move || exchanges_of(services.store.reader(), run_id);
    Reply::ok(&ExchangeList { items: call.shared.blocking(read).await?? })
}

pub(in crate::server) async fn report(call: Call) -> Answer {
    let run_id: RunId = call.id("run_id", "run")?;
    let reader = call.shared.services.store.reader().clone();
    let loaded = call.shared.blocking(move || RunRecord::load(&reader, run_id)).await?;
    match loaded?.0.report {
        Some(report) => Reply::ok(&report),
        None => {
            let detail = format!("`{run_id}` has not ended");
            let (slug, title) = ("no_report", "there is no report yet");
            Err(Problem::new(StatusCode::NOT_FOUND, slug, title, detail))
        }
    }
}

pub(in crate::server) async fn cancel(call: Call) -> Answer {
    if let Some(told) = cancelled_before(&call).await? {
        return Reply::json(StatusCode::ACCEPTED, &told);
    }
    signal(call, |by, reason| Control::Cancel { by, reason }).await
}

/// A second cancel does more than the first: it skips `always`. So that a request that comes again
/// counts once, its key is durable before it is carried out; where it was, and the answer was not
/// given, the journal tells whether it was carried out.
async fn cancelled_before(call: &Call) -> Result<Option<RunTold>, Problem> {
    let Some(key) = call.key.clone() else { return Ok(None) };
    let run_id: RunId = call.id("run_id", "run")?;
    let Signal { reason } = call.json()?;
    reason_of(reason)?;
    let (by, now) = (call.caller.by.clone(), call.shared.now());
    let store = Arc::clone(&call.shared.services.store);
    let looking = move || {
        let (reader, info) = (store.reader(), store.reader().run(&run_id)?);
        let Some(known) = reader.remembered(&key.scope, &key.key)? else {
            store.note_key(key, now)?;
            return Ok(None);
        };
        let told = RunTold { run_id, status: info.status };
        Ok::<_, RunError>(has_cancelled(reader, run_id, &by, known.at)?.then_some(told))
    };
    Ok(call.shared.blocking(looking).await??)
}

/// Whether somebody has asked a run to stop since then.
fn has_cancelled(
    reader: &Reader,
    run_id: RunId,
    by: &str,
    since: Timestamp,
) -> Result<bool, RunError> {
    let (run, mut after) = (run_id.to_string(), 0);
    loop {
        let page = reader.events(&run, after, ROWS_MAX)?;
        for event in page.iter().filter(|event| event.at >= since) {
            if event.kind != EventKind::RunCancelRequested {
                continue;
            }
            let unreadable =
                |source| RunError::Stored { run: run.clone(), what: "an event", source };
            let asked: RunSignal = serde_json::from_str(&event.payload).map_err(unreadable)?;
            if asked.by == by {
                return Ok(true);
            }
        }
        match page.last() {
            Some(last) => after = last.seq,
            None => return Ok(false),
        }
    }
}

pub(in crate::server) async fn pause(call: Call) -> Answer {
    signal(call, |by, reason| Control::Pause { by, reason }).await
}

pub(in crate::server) async fn resume(call: Call) -> Answer {
    signal(call, |by, reason| Control::Resume { by, reason }).await
}

async fn signal(call: Call, control: fn(String, Option<String>) -> Control) -> Answer {
    let Signal { reason } = call.json()?;
    let reason = reason_of(reason)?;
    let by = call.caller.by.clone();
    tell(&call, StatusCode::ACCEPTED, control(by, reason)).await
}

/// A reason as it goes into the journal.
pub(in crate::server) fn reason_of(reason: Option<String>) -> Result<Option<String>, Problem> {
    if reason.as_ref().is_some_and(|reason| reason.len() > REASON_BYTES_MAX) {
        let message = format!("has more than {REASON_BYTES_MAX} bytes");
        let problem = Problem::invalid(format!("`reason` {message}"));
        return Err(problem.error(Some("reason"), &message, None));
    }
    Ok(reason)
}

pub(in crate::server) async fn resolve(call: Call) -> Answer {
    let Settling { resolution, call_id } = call.json()?;
    let by = call.caller.by.clone();
    tell(&call, StatusCode::OK, Control::Resolve { resolution, call: call_id, by }).await
}

async fn tell(call: &Call, status: StatusCode, control: Control) -> Answer {
    let run_id: RunId = call.id("run_id", "run")?;
    // Unknown runs are told apart before anything is told to them.
    call.shared.read(move |reader| reader.run(&run_id)).await?;
    let told = call.shared.engine.control(run_id, control).await?;
    Reply::json(status, &RunTold { run_id, status: told.status })
}
