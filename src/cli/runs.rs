//! `bailiwick runs`: look at runs, take them up again, settle what is in doubt.

use std::io::Write;
use std::sync::Arc;

use serde_json::json;

use super::shown::{one_line, printable};
use super::terminal::Terminal;
use super::{CliError, Cx, Exit, output, progress, show_report, signals};
use crate::app::{App, History, OpenHost};
use crate::contracts::{Event, Resolution, RunId};
use crate::host::Host;
use crate::orchestrator::{Answerer, NobodyAnswers, RunEnd, resolve};
use crate::store::RunInfo;

/// Longest reason of a decision that is shown, in characters.
const REASON_CHARS: usize = 400;

/// Look at runs, resume or settle them.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List runs, newest first
    Ls {
        /// At most this many
        #[arg(long, default_value_t = 20)]
        limit: u32,
    },
    /// Show a run: its steps, decisions and events
    Show {
        /// The run's id, or its first characters; the newest run when absent
        run: Option<String>,
        /// Print every event
        #[arg(long)]
        events: bool,
    },
    /// Take up a run that was cut off or waits for an answer
    Resume {
        /// The run's id, or its first characters
        #[arg(required_unless_present = "all", conflicts_with = "all")]
        run: Option<String>,
        /// Every unfinished run
        #[arg(long)]
        all: bool,
        /// Say yes where this rule (or this gate) asks; may be given several times
        #[arg(long, value_name = "RULE")]
        yes_approve: Vec<String>,
    },
    /// Say what became of a call that is in doubt
    #[command(group(clap::ArgGroup::new("what").required(true)))]
    Resolve {
        /// The run's id, or its first characters
        run: String,
        /// It happened: go on after it
        #[arg(long, group = "what")]
        happened: bool,
        /// It did not happen: do it now
        #[arg(long, group = "what")]
        did_not_happen: bool,
        /// Nobody knows: the step failed
        #[arg(long, group = "what")]
        abandon: bool,
    },
}

/// Does it.
///
/// # Errors
/// When there is no such run, or the store cannot be read or written.
pub fn run(args: Args, cx: &Cx, out: &mut dyn Write) -> Result<Exit, CliError> {
    let app = App::open(cx)?;
    match args.command {
        Command::Ls { limit } => list(&app.history()?, limit, cx, out),
        Command::Show { run, events } => show(&app.history()?, run.as_deref(), events, cx, out),
        Command::Resume { run, all, yes_approve } => {
            let wanted = if all { None } else { Some(app.history()?.find(run.as_deref())?) };
            resume(&app, wanted, yes_approve, cx, out)
        }
        Command::Resolve { run, happened, did_not_happen, .. } => {
            let resolution = match (happened, did_not_happen) {
                (true, _) => Resolution::Happened,
                (_, true) => Resolution::DidNotHappen,
                _ => Resolution::Abandoned,
            };
            let run_id = app.history()?.find(Some(&run))?;
            let host = host(&app)?;
            let settled = resolve(&host.services, run_id, resolution, "terminal")
                .map_err(super::run_error)?;
            if settled == 0 {
                return Err(CliError::usage(format!("nothing in `{run_id}` is in doubt")));
            }
            drop(host);
            resume(&app, Some(run_id), Vec::new(), cx, out)
        }
    }
}

fn list(history: &History, limit: u32, cx: &Cx, out: &mut dyn Write) -> Result<Exit, CliError> {
    let runs = history.runs(limit)?;
    if cx.json {
        output::json(out, &json!({ "items": runs.iter().map(run_json).collect::<Vec<_>>() }))?;
        return Ok(Exit::Done);
    }
    let mut rows = vec![["RUN", "STATUS", "PLAYBOOK", "CREATED"].map(str::to_owned)];
    rows.extend(runs.iter().map(|run| {
        [
            run.run_id.to_string(),
            run.status.as_str().to_owned(),
            run.playbook.clone().unwrap_or_default(),
            run.created_at.to_string(),
        ]
    }));
    output::table(out, &rows)?;
    Ok(Exit::Done)
}

fn run_json(run: &RunInfo) -> serde_json::Value {
    json!({
        "run_id": run.run_id,
        "task_id": run.task_id,
        "status": run.status,
        "playbook": run.playbook,
        "goal": run.goal,
        "created_at": run.created_at,
        "updated_at": run.updated_at,
        "events": run.last_seq,
    })
}

fn show(
    history: &History,
    run: Option<&str>,
    with_events: bool,
    cx: &Cx,
    out: &mut dyn Write,
) -> Result<Exit, CliError> {
    let run_id = history.find(run)?;
    let record = history.record(run_id)?;
    let events = if with_events { history.events(run_id)? } else { Vec::new() };
    if cx.json {
        let events: Vec<_> = events.iter().map(event_json).collect::<Result<_, _>>()?;
        output::json(
            out,
            &json!({
                "run_id": run_id,
                "status": history.status(run_id)?,
                "task": record.task,
                "report": record.report,
                "in_doubt": record.in_doubt().map(|call| history.call(call)).collect::<Result<Vec<_>, _>>()?,
                "decisions": record.decisions.iter().map(|(path, tool, decision)| {
                    json!({ "path": path, "tool": tool, "decision": decision })
                }).collect::<Vec<_>>(),
                "events": events,
            }),
        )?;
        return Ok(Exit::Done);
    }
    let mut text = match &record.report {
        Some(report) => show_report::text(report, cx.color),
        None => format!("{run_id} is {}\n", history.status(run_id)?.as_str()),
    };
    text.push_str(&super::run::doubts(history, &record)?);
    for (path, tool, decision) in &record.decisions {
        let (effect, reason) = (decision.effect.as_str(), one_line(&decision.reason, REASON_CHARS));
        text.push_str(&printable(&format!("  {effect} {path} {tool}: {reason}\n")));
        for rule in &decision.rules {
            let line = format!("      {} ({}:{})\n", rule.id, rule.file, rule.line);
            text.push_str(&printable(&line));
        }
    }
    for event in &events {
        text.push_str(&format!(
            "{:>5} {} {} {}\n",
            event.seq,
            event.at,
            event.kind.as_str(),
            printable(&event.payload)
        ));
    }
    output::painted(out, &text)?;
    Ok(Exit::Done)
}

fn event_json(event: &Event) -> Result<serde_json::Value, CliError> {
    let payload: serde_json::Value = serde_json::from_str(&event.payload).map_err(|error| {
        CliError::new(Exit::Integrity, format!("event {} cannot be read: {error}", event.seq))
    })?;
    Ok(json!({
        "run_id": event.run_id,
        "seq": event.seq,
        "at": event.at,
        "kind": event.kind.as_str(),
        "payload": payload,
        "prev_hash": event.prev_hash,
        "hash": event.hash,
    }))
}

fn host(app: &App) -> Result<Host, CliError> {
    match app.open_host()? {
        OpenHost::Host(host) => Ok(host),
        OpenHost::Busy { pid } => Err(CliError::new(
            Exit::Unavailable,
            format!("{} is at work in this workspace", super::process(pid)),
        )
        .hint("it takes up unfinished runs itself; see bailiwick runs ls")),
    }
}

fn resume(
    app: &App,
    wanted: Option<RunId>,
    yes_approve: Vec<String>,
    cx: &Cx,
    out: &mut dyn Write,
) -> Result<Exit, CliError> {
    let host = host(app)?;
    let runtime = tokio::runtime::Runtime::new().map_err(|error| {
        CliError::new(Exit::Failed, format!("the async runtime cannot start: {error}"))
    })?;
    let ends = runtime.block_on(resume_each(&host, wanted, yes_approve, cx));
    runtime.shutdown_background();
    let ends = ends?;
    let mut worst = Exit::Done;
    for end in &ends {
        worst = worse(worst, super::exit_of(end.status, end.report.as_ref()));
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
            None => text.push_str(&super::run::waiting(app, end)?),
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
            let unfinished = host.services.store.reader().unfinished();
            let unfinished = unfinished.map_err(super::store_error)?;
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
            .map_err(super::run_error)?;
        ends.push(end);
    }
    Ok(ends)
}

/// The exit code that a person must see first.
const fn worse(one: Exit, other: Exit) -> Exit {
    if other.code() > one.code() { other } else { one }
}
