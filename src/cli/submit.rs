//! `bailiwick submit`: hand a task to the daemon, or into the queue that one will find.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;

use clap::ValueEnum;
use serde_json::Value;

use super::acting::Acting;
use super::remote::{Place, Remote, ask, borrow_host, wait_for};
use super::watch::{Screen, Until, conclude, follow};
use super::{CliError, Cx, Exit, output, run_error, signals};
use crate::app::App;
use crate::client::{Client, Request};
use crate::contracts::views::TaskTaken;
use crate::contracts::{Hash, Priority, RunId, TaskSubmission, Trigger};
use crate::live::playbooks::Entry;
use crate::orchestrator::SystemClock;
use crate::ports::Clock;
use crate::scheduler::{Engine, NewKey, Origin, SubmitError};

/// What keys of tasks are compared within at the daemon.
const SCOPE: &str = "POST /tasks";

/// Hand a task to the daemon; without one, into the queue that the next daemon works off.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    remote: Remote,
    #[command(flatten)]
    what: super::run::What,
    /// Order in the queue; tasks of low priority are refused first
    #[arg(long, value_enum, default_value_t = Order::Normal)]
    priority: Order,
    /// A label of the task; may be given several times
    #[arg(long = "label", value_name = "KEY=VALUE")]
    labels: Vec<String>,
    /// A repeated submission with the same key is the same task
    #[arg(long, value_name = "TEXT")]
    key: Option<String>,
    #[command(flatten)]
    acting: Acting,
    /// Follow the run and end as `run` does
    #[arg(long)]
    wait: bool,
}

/// Order in the queue.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Order {
    Low,
    Normal,
    High,
}

impl From<Order> for Priority {
    fn from(order: Order) -> Self {
        match order {
            Order::Low => Self::Low,
            Order::Normal => Self::Normal,
            Order::High => Self::High,
        }
    }
}

/// Hands it in.
///
/// # Errors
/// When the task is not taken.
pub fn run(args: Args, cx: &Cx, out: &mut dyn Write) -> Result<Exit, CliError> {
    let place = args.remote.place(cx)?;
    let submission = submission(&args, &place, cx)?;
    let taken = match &place {
        Place::Named(client) | Place::Daemon(client, _) => hand_over(client, &submission)?,
        Place::Here(app) => keep(app, &submission)?,
    };
    match place.client() {
        Some(client) if args.wait => wait(client, taken.run_id, cx, out),
        None if args.wait => {
            said(&taken, cx, out)?;
            let message = "nobody works off the queue: no daemon is running";
            Err(CliError::new(Exit::Unavailable, message)
                .hint("start one: bailiwick serve; the task is kept for it"))
        }
        _ => said(&taken, cx, out),
    }
}

fn said(taken: &TaskTaken, cx: &Cx, out: &mut dyn Write) -> Result<Exit, CliError> {
    if cx.json {
        output::json(out, taken)?;
    } else {
        let TaskTaken { run_id, status, .. } = taken;
        output::line(out, format!("{run_id} is {}", status.as_str()))?;
        output::line(out, format!("follow it: bailiwick runs watch {run_id}"))?;
    }
    Ok(Exit::Done)
}

/// Hands it to the daemon. A request whose answer got lost is sent again: with the person's key in the
/// task, or one of its own beside it.
fn hand_over(client: &Client, submission: &TaskSubmission) -> Result<TaskTaken, CliError> {
    let body = serde_json::to_value(submission).map_err(unwritten)?;
    let (request, own) = (Request::post(&["tasks"]).body(body), SystemClock.uuid().to_string());
    let keyed = submission.idempotency_key.is_some();
    ask(client, if keyed { request.repeatable() } else { request.key(&own) })
}

/// Puts it into the queue of this workspace.
fn keep(app: &App, submission: &TaskSubmission) -> Result<TaskTaken, CliError> {
    let host = borrow_host(app)?;
    let key = key_of(submission)?;
    let origin = Origin { by: "terminal".to_owned(), trigger: Trigger::Api, key };
    let taken = Engine::accept_only(app.engine_parts(&host)?, submission, origin);
    let taken = taken.map_err(submit_error)?;
    output::note("note: no daemon is running; `bailiwick serve` will run it");
    let status = app.history()?.status(taken.run_id)?;
    Ok(TaskTaken { task_id: taken.task_id, run_id: taken.run_id, status })
}

/// The person's key, as the daemon would remember it: the same task is the same later on.
fn key_of(submission: &TaskSubmission) -> Result<Option<NewKey>, CliError> {
    let Some(key) = submission.idempotency_key.clone() else { return Ok(None) };
    let body = serde_json::to_value(submission).and_then(|body| serde_json::to_vec(&body));
    let request_hash = Hash::of(&body.map_err(unwritten)?);
    Ok(Some(NewKey { scope: SCOPE.to_owned(), key, request_hash }))
}

fn unwritten(error: serde_json::Error) -> CliError {
    CliError::new(Exit::Failed, format!("the task cannot be written as JSON: {error}"))
}

/// Why a task is not taken.
pub(super) fn submit_error(error: SubmitError) -> CliError {
    let message = error.to_string();
    match error {
        SubmitError::Run(error) => run_error(error),
        SubmitError::Playbook { diagnostics, .. } => CliError::usage(message).with(diagnostics),
        SubmitError::UnknownPlaybook { suggestion, .. } => {
            let error = CliError::usage(message).hint("see what there is: bailiwick playbook ls");
            suggestion
                .into_iter()
                .fold(error, |error, it| error.hint(format!("did you mean `{it}`?")))
        }
        SubmitError::Invalid(_) | SubmitError::KeyReused => CliError::usage(message),
        SubmitError::Busy { .. } | SubmitError::Draining => {
            CliError::new(Exit::Unavailable, message).hint("start a daemon: bailiwick serve")
        }
        SubmitError::NoSpace { .. } => {
            CliError::new(Exit::Failed, message).hint("make room, or lower `queue.free_disk`")
        }
    }
}

/// Follows the run. Stopping to look does not stop the run.
fn wait(client: &Client, run: RunId, cx: &Cx, out: &mut dyn Write) -> Result<Exit, CliError> {
    let end = {
        let mut nowhere = std::io::sink();
        // With --json the report is the answer, as of `run`: no lines of events.
        let mut screen = Screen::new(&mut nowhere, cx, cx.json);
        wait_for(async {
            let mut stop = signals::stop()?;
            tokio::select! {
                end = follow(client, run, 0, Until::Stop, &mut screen) => end.map(Some),
                _ = stop.changed() => Ok(None),
            }
        })?
    };
    match end {
        Some(end) => conclude(&end, cx, out),
        None => {
            output::note(&format!("note: {run} goes on: bailiwick runs watch {run}"));
            Ok(Exit::Cancelled)
        }
    }
}

/// The task as it is handed in. Beside a workspace, what depends on where the person stands is
/// resolved here: another process may stand elsewhere.
fn submission(args: &Args, place: &Place, cx: &Cx) -> Result<TaskSubmission, CliError> {
    if args.what.playbook.is_none() && args.what.goal.is_none() {
        return Err(super::run::nothing());
    }
    let mut inputs = args.what.inputs()?;
    let mut playbook = args.what.playbook.clone();
    if let (Some(app), Some(name)) = (place.app(), &args.what.playbook) {
        let there = name_there(app, name, cx)?;
        let found = app.find_playbook(&there, &app.workspace.root)?;
        place_paths(&found, &mut inputs, cx);
        playbook = Some(one_name(app, there, &found));
    }
    let root = place.app().map(|app| app.workspace.root.as_path());
    Ok(TaskSubmission {
        goal: args.what.goal.clone(),
        playbook,
        inputs,
        attachments: args.what.attachments(root, &cx.cwd)?,
        priority: args.priority.into(),
        labels: labels(&args.labels)?,
        idempotency_key: args.key.clone(),
        dry_run: args.acting.dry_run(),
        ..TaskSubmission::default()
    })
}

/// The name of a playbook, where that names the same file: with the same key, its path and its name are
/// the same task.
fn one_name(app: &App, there: String, found: &Entry) -> String {
    let named = app.find_playbook(found.name(), &app.workspace.root);
    match named.is_ok_and(|named| named.path == found.path) {
        true => found.name().to_owned(),
        false => there,
    }
}

/// A file is named from the workspace's root.
fn name_there(app: &App, name: &str, cx: &Cx) -> Result<String, CliError> {
    let path = crate::policy::without_dots(&cx.cwd.join(name));
    if !name.contains('/') && !name.ends_with(".yaml") && !name.ends_with(".yml") {
        return Ok(name.to_owned());
    }
    match path.strip_prefix(&app.workspace.root) {
        Ok(inside) => Ok(inside.to_string_lossy().into_owned()),
        Err(_) => Err(CliError::usage(format!("`{name}` lies outside of the workspace"))
            .hint("a daemon works with the playbooks of its workspace: put it into playbooks/")
            .hint("or run it here: bailiwick run")),
    }
}

/// Inputs of `type: path` become absolute.
fn place_paths(found: &Entry, inputs: &mut crate::contracts::Map, cx: &Cx) {
    let Some(playbook) = &found.playbook else { return };
    let paths = playbook.inputs.iter().filter(|it| it.kind == crate::playbook::InputKind::Path);
    for input in paths {
        if let Some(Value::String(given)) = inputs.get_mut(&input.name) {
            let absolute = crate::policy::without_dots(&cx.cwd.join(PathBuf::from(&*given)));
            *given = absolute.to_string_lossy().into_owned();
        }
    }
}

fn labels(given: &[String]) -> Result<BTreeMap<String, String>, CliError> {
    let mut labels = BTreeMap::new();
    for pair in given {
        let (key, value) = pair.split_once('=').ok_or_else(|| {
            CliError::usage(format!("`--label {pair}` has no `=`")).hint("write --label key=value")
        })?;
        if labels.insert(key.to_owned(), value.to_owned()).is_some() {
            return Err(CliError::usage(format!("`--label {key}=…` is given twice")));
        }
    }
    Ok(labels)
}
