//! `runs cancel` and `runs pause`.

use std::io::Write;
use std::sync::Arc;

use serde_json::json;

use super::super::remote::{Place, ask, borrow_host, wait_for};
use super::super::{CliError, Cx, Exit, control_error, output, progress, run_error, signals};
use crate::client::{Client, Request};
use crate::contracts::views::RunTold;
use crate::contracts::{RunId, RunStatus};
use crate::host::Host;
use crate::orchestrator::{Control, NobodyAnswers, tell};

/// Who did it, where it is done without a daemon.
pub(super) const BY: &str = "terminal";

/// A run that is told something, and why.
#[derive(Debug, clap::Args)]
pub(super) struct Told {
    /// The run's id, or its first characters
    run: String,
    /// Why, for the journal
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

/// Stops a run. One that nobody is at work on is ended here, so that it has its report.
///
/// # Errors
/// When there is none, or it has ended.
pub(super) fn cancel(
    place: &Place,
    wanted: Told,
    cx: &Cx,
    out: &mut dyn Write,
) -> Result<Exit, CliError> {
    let told = signal(place, wanted, "cancel", |host, run, reason| {
        wait_for(cancel_here(host, run, reason))
    })?;
    if cx.json || told.status.is_end() {
        return tell_standing(&told, cx, out);
    }
    let (run, status) = (told.run_id, told.status.as_str());
    output::line(
        out,
        format!("{run} will be cancelled; it is {status} until its calls have ended"),
    )?;
    output::line(out, format!("see how it ends: bailiwick runs watch {run}"))?;
    Ok(Exit::Done)
}

async fn cancel_here(
    host: &Host,
    run: RunId,
    reason: Option<String>,
) -> Result<RunStatus, CliError> {
    let control = Control::Cancel { by: BY.to_owned(), reason };
    tell(&host.services, run, control).await.map_err(control_error)?;
    let (observer, answerer) = (progress::observer(true, false), Arc::new(NobodyAnswers));
    let (stop, none) = (signals::stop()?, Vec::new());
    let end = host.resume(run, "runs cancel", answerer, none, observer, stop).await;
    Ok(end.map_err(run_error)?.status)
}

/// Holds a run.
///
/// # Errors
/// As [`cancel`], or when it is held already.
pub(super) fn pause(
    place: &Place,
    wanted: Told,
    cx: &Cx,
    out: &mut dyn Write,
) -> Result<Exit, CliError> {
    let told = signal(place, wanted, "pause", |host, run, reason| {
        let control = Control::Pause { by: BY.to_owned(), reason };
        let told =
            wait_for(async { tell(&host.services, run, control).await.map_err(control_error) });
        told.map(|told| told.status)
    })?;
    tell_standing(&told, cx, out)
}

/// Sends the daemon a word about a run, or does `here` what it says.
fn signal(
    place: &Place,
    Told { run, reason }: Told,
    word: &str,
    here: impl FnOnce(&Host, RunId, Option<String>) -> Result<RunStatus, CliError>,
) -> Result<RunTold, CliError> {
    let run_id = super::find(place, Some(&run))?;
    match place {
        Place::Named(client) | Place::Daemon(client, _) => post(client, run_id, word, reason),
        Place::Here(app) => {
            let status = here(&borrow_host(app)?, run_id, reason)?;
            Ok(RunTold { run_id, status })
        }
    }
}

/// Says something about a run to the daemon.
///
/// # Errors
/// When it refuses or cannot be reached.
pub(super) fn post(
    client: &Client,
    run: RunId,
    word: &str,
    reason: Option<String>,
) -> Result<RunTold, CliError> {
    let body = reason.map_or_else(|| json!({}), |reason| json!({ "reason": reason }));
    ask(client, Request::post(&["runs", &run.to_string(), word]).body(body))
}

/// Says where a run stands by now.
///
/// # Errors
/// When the answer cannot be written.
pub(super) fn tell_standing(
    told: &RunTold,
    cx: &Cx,
    out: &mut dyn Write,
) -> Result<Exit, CliError> {
    if cx.json {
        output::json(out, told)?;
    } else {
        output::line(out, standing(told))?;
    }
    Ok(Exit::Done)
}

/// Where a run stands, for people.
pub(super) fn standing(told: &RunTold) -> String {
    format!("{} is {}", told.run_id, told.status.as_str())
}
