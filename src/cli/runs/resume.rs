//! `runs resume` and `runs resolve`.

use std::io::Write;
use std::sync::Arc;

use serde_json::json;

use super::super::remote::{Place, ask, borrow_host, wait_for};
use super::super::terminal::Terminal;
use super::super::{
    CliError, Cx, Exit, control_error, exit_of, output, progress, run_error, show_report, signals,
    store_error,
};
use super::control::{BY, post, standing, tell_standing};
use crate::app::App;
use crate::client::{Client, Request};
use crate::contracts::views::{RunPage, RunTold};
use crate::contracts::{CallId, Resolution, RunId, RunStatus};
use crate::host::Host;
use crate::orchestrator::{Answerer, Control, NobodyAnswers, RunEnd, tell};

/// Held runs that are let go on at once at a daemon.
const AT_ONCE: u32 = 200;

/// Takes up one run, or every unfinished one.
///
/// # Errors
/// When it cannot be taken up.
pub(super) fn run(
    place: &Place,
    wanted: Option<RunId>,
    yes_approve: Vec<String>,
    cx: &Cx,
    out: &mut dyn Write,
) -> Result<Exit, CliError> {
    match place {
        Place::Here(app) => here(app, wanted, yes_approve, cx, out),
        Place::Named(_) | Place::Daemon(..) if !yes_approve.is_empty() => {
            Err(CliError::usage("a daemon takes answers one by one, not by the names of rules")
                .hint("answer: bailiwick approvals ls, then bailiwick approvals approve ID"))
        }
        Place::Named(client) | Place::Daemon(client, _) => at_daemon(client, wanted, cx, out),
    }
}

/// The daemon takes up by itself what was cut off: what is left to do is to let go on what is held.
fn at_daemon(
    client: &Client,
    wanted: Option<RunId>,
    cx: &Cx,
    out: &mut dyn Write,
) -> Result<Exit, CliError> {
    if let Some(run) = wanted {
        return tell_standing(&post(client, run, "resume", None)?, cx, out);
    }
    let status = RunStatus::Paused.as_str();
    let request = Request::get(&["runs"]).with("status", status).with("limit", AT_ONCE);
    let held: RunPage = ask(client, request)?;
    let mut items = Vec::with_capacity(held.items.len());
    for item in &held.items {
        items.push(post(client, item.run_id, "resume", None)?);
    }
    if cx.json {
        output::json(out, &json!({ "items": items }))?;
    } else if items.is_empty() {
        output::line(out, "no run is held; the daemon goes on with the others by itself")?;
    } else {
        items.iter().try_for_each(|item| output::line(out, standing(item)))?;
    }
    Ok(Exit::Done)
}

/// Says what became of calls in doubt, and goes on.
///
/// # Errors
/// When none is in doubt.
pub(super) fn resolve(
    place: &Place,
    run: &str,
    resolution: Resolution,
    call: Option<CallId>,
    cx: &Cx,
    out: &mut dyn Write,
) -> Result<Exit, CliError> {
    let run = super::find(place, Some(run))?;
    match place {
        Place::Named(client) | Place::Daemon(client, _) => {
            let mut body = json!({ "resolution": resolution });
            if let (Some(call), Some(body)) = (call, body.as_object_mut()) {
                body.insert("call_id".to_owned(), json!(call));
            }
            let path = ["runs", &run.to_string(), "resolve"];
            let told: RunTold = ask(client, Request::post(&path).body(body))?;
            tell_standing(&told, cx, out)
        }
        Place::Here(app) => {
            let host = borrow_host(app)?;
            let settled = Control::Resolve { resolution, call, by: BY.to_owned() };
            wait_for(async { tell(&host.services, run, settled).await.map_err(control_error) })?;
            drop(host);
            here(app, Some(run), Vec::new(), cx, out)
        }
    }
}

fn here(
    app: &App,
    wanted: Option<RunId>,
    yes_approve: Vec<String>,
    cx: &Cx,
    out: &mut dyn Write,
) -> Result<Exit, CliError> {
    let host = borrow_host(app)?;
    let ends = wait_for(resume_each(&host, wanted, yes_approve, cx))?;
    let mut worst = Exit::Done;
    for end in &ends {
        worst = worse(worst, exit_of(end.status, end.report.as_ref()));
    }
    if cx.json {
        let items: Vec<_> = ends
            .iter()
            .map(|end| json!({ "run_id": end.run_id, "status": end.status, "report": end.report }))
            .collect();
        output::json(out, &json!({ "items": items }))?;
        return Ok(worst);
    }
    let mut text = String::new();
    for end in &ends {
        match &end.report {
            Some(report) => text.push_str(&show_report::text(report, cx.color)),
            None => text.push_str(&super::super::run::waiting(app, end)?),
        }
    }
    if ends.is_empty() {
        text.push_str("no run is unfinished\n");
    }
    output::painted(out, &text)?;
    Ok(worst)
}

async fn resume_each(
    host: &Host,
    wanted: Option<RunId>,
    yes_approve: Vec<String>,
    cx: &Cx,
) -> Result<Vec<RunEnd>, CliError> {
    let stop = signals::stop()?;
    let runs = match wanted {
        Some(run) => vec![run],
        None => {
            let unfinished = host.services.store.reader().unfinished().map_err(store_error)?;
            unfinished.into_iter().map(|run| run.run_id).collect()
        }
    };
    let answerer: Arc<dyn Answerer> = if Terminal::is_here() && !cx.json {
        Arc::new(Terminal::default())
    } else {
        Arc::new(NobodyAnswers)
    };
    let mut ends = Vec::with_capacity(runs.len());
    for run in runs {
        let observer = progress::observer(cx.json, cx.color);
        let (answerer, yes) = (Arc::clone(&answerer), yes_approve.clone());
        let end = host
            .resume(run, "runs resume", answerer, yes, observer, stop.clone())
            .await
            .map_err(run_error)?;
        ends.push(end);
    }
    Ok(ends)
}

/// The exit code that a person must see first.
const fn worse(one: Exit, other: Exit) -> Exit {
    if other.code() > one.code() { other } else { one }
}
