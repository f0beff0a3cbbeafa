//! `bailiwick undo`: put back what a run or a call changed.

use std::io::Write;

use serde_json::json;

use super::remote::{Place, Remote, ask, borrow_host};
use super::shown::one_line;
use super::{CliError, Cx, Exit, output, undo_error};
use crate::app::App;
use crate::client::{Client, Request};
use crate::contracts::views::UndoView;
use crate::contracts::{CallId, RunId, Trigger};
use crate::identity::this_account;
use crate::orchestrator::{UndoRequest, UndoTarget, undo};

/// Longest reason in a line, in characters.
const WHY_CHARS: usize = 400;

/// Put back what a run or a call changed, newest first.
///
/// What somebody else changed since is left alone and told; then the exit code is 1.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A run's or a call's id, or a run's first characters
    target: String,
    /// Only say what would be put back
    #[arg(long)]
    dry_run: bool,
    /// Put back all of it, or nothing where something was changed since
    #[arg(long)]
    whole: bool,
    #[command(flatten)]
    remote: Remote,
}

/// Puts it back.
///
/// # Errors
/// When there is nothing to put back, when something else changed all of it since, or when policy
/// refuses.
pub fn run(args: Args, cx: &Cx, out: &mut dyn Write) -> Result<Exit, CliError> {
    let view = match args.remote.place(cx)? {
        Place::Here(app) => here(&app, &args)?,
        Place::Daemon(client, app) => at_daemon(&client, Some(&app), &args)?,
        Place::Named(client) => at_daemon(&client, None, &args)?,
    };
    if cx.json {
        output::json(out, &view)?;
    } else {
        output::text(out, &text(&view))?;
    }
    let conflict = view.left_alone.iter().any(|one| one.conflict);
    Ok(if conflict { Exit::Failed } else { Exit::Done })
}

fn here(app: &App, args: &Args) -> Result<UndoView, CliError> {
    let target = match args.target.parse::<CallId>() {
        Ok(call) => UndoTarget::Call(call),
        Err(_) => UndoTarget::Run(app.history()?.find(Some(&args.target))?),
    };
    let host = borrow_host(app)?;
    let wanted = UndoRequest {
        target,
        dry_run: args.dry_run,
        whole: args.whole,
        by: Some(this_account()),
        trigger: Trigger::Person,
    };
    undo(&host.services, &wanted).map_err(undo_error)
}

fn at_daemon(client: &Client, app: Option<&App>, args: &Args) -> Result<UndoView, CliError> {
    let call = args.target.parse::<CallId>().ok();
    let run = match (call, app) {
        (None, Some(app)) => app.history()?.find(Some(&args.target))?.to_string(),
        (None, None) => args.target.clone(),
        (Some(call), Some(app)) => run_of(app, call)?.to_string(),
        (Some(_), None) => {
            return Err(CliError::usage(
                "a daemon that is named by its address wants the run's id",
            )
            .hint("undo the run, or undo the call where the workspace is"));
        }
    };
    let mut body = json!({ "dry_run": args.dry_run, "whole": args.whole });
    if let (Some(call), Some(body)) = (call, body.as_object_mut()) {
        body.insert("call_id".to_owned(), json!(call));
    }
    ask(client, Request::post(&["runs", &run, "undo"]).body(body))
}

/// The run a call belongs to, looked for from the newest run back.
fn run_of(app: &App, call: CallId) -> Result<RunId, CliError> {
    let history = app.history()?;
    for run in history.runs(RUNS_MAX)? {
        if history.record(run.run_id)?.calls.contains_key(&call) {
            return Ok(run.run_id);
        }
    }
    Err(CliError::usage(format!("there is no call `{call}`")))
}

/// Most runs among which a call is looked for.
const RUNS_MAX: u32 = 10_000;

fn text(view: &UndoView) -> String {
    let did = if view.dry_run { "would put back" } else { "put back" };
    let mut text = String::new();
    for one in &view.put_back {
        if one.paths.is_empty() {
            text.push_str(&format!("{} ({}) was as before already\n", one.call_id, one.tool));
            continue;
        }
        text.push_str(&format!("{did} {} ({})\n", one.call_id, one.tool));
        for path in &one.paths {
            text.push_str(&format!("    {}\n", one_line(path, WHY_CHARS)));
        }
    }
    for one in &view.left_alone {
        let why = one_line(&one.why, WHY_CHARS);
        text.push_str(&format!("left alone {} ({}): {why}\n", one.call_id, one.tool));
    }
    text
}
