//! `bailiwick schedules`: what the daemon starts by the clock.

mod here;
mod show;

use std::io::Write;
use std::path::PathBuf;

use serde::Serialize;
use serde_json::{Value, json};

use super::remote::{Place, Remote, ask};
use super::shown::one_line;
use super::{CliError, Cx, Exit, output};
use crate::client::Request;
use crate::contracts::views::{ScheduleDetail, ScheduleList, ScheduleStarted, ScheduleView};
use crate::contracts::{Map, ScheduleId, Timestamp};

/// Longest reason in a table, in characters: one that is cut short does not say what to do.
const CELL_CHARS: usize = 2_000;

/// See what runs when; hold, start, make and remove schedules.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    remote: Remote,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List schedules and when they fire next
    Ls,
    /// Show the next times of one schedule, or of each
    Next {
        /// Its name or id
        schedule: Option<String>,
        /// How many times
        #[arg(short = 'n', value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
        count: u32,
    },
    /// Show a schedule: what it starts, when it fires next, and what came of its last times
    Show {
        /// Its name or id
        schedule: String,
    },
    /// Hold a schedule: its times pass without a run
    Pause(One),
    /// Let a schedule go on
    Resume(One),
    /// Start now what a schedule starts
    RunNow(One),
    /// Make a schedule for a playbook
    Add(Add),
    /// Remove a schedule that was made with `add`
    Rm(One),
}

#[derive(Debug, clap::Args)]
struct One {
    /// Its name or id
    schedule: String,
}

#[derive(Debug, clap::Args)]
struct Add {
    /// The playbook's name
    playbook: String,
    /// When: minute, hour, day of month, month, day of week; or @daily and the like
    cron: String,
    /// An IANA time zone [default: UTC]
    #[arg(long, value_name = "ZONE")]
    timezone: Option<String>,
    /// What to do when the run before is still at work: skip, queue or cancel_previous
    #[arg(long, value_name = "WORD")]
    overlap: Option<String>,
    /// Which missed times to make up for: none, latest or all
    #[arg(long, value_name = "WORD")]
    catch_up: Option<String>,
    /// How long a missed time is worth making up for, such as 2h
    #[arg(long, value_name = "DURATION")]
    window: Option<String>,
    /// An input of the playbook; may be given several times
    #[arg(long = "input", value_name = "KEY=VALUE")]
    inputs: Vec<String>,
    /// Inputs from a JSON file with one object
    #[arg(long, value_name = "FILE")]
    inputs_file: Option<PathBuf>,
}

/// Does it.
///
/// # Errors
/// When neither the daemon nor the store can be asked, or what is wanted is refused.
pub fn run(args: Args, cx: &Cx, out: &mut dyn Write) -> Result<Exit, CliError> {
    let place = args.remote.place(cx)?;
    match args.command {
        Command::Ls => list(&place, cx, out),
        Command::Next { schedule, count } => next(&place, schedule.as_deref(), count, cx, out),
        Command::Show { schedule } => {
            let id = find(&place, &schedule)?;
            let detail = match &place {
                Place::Named(client) | Place::Daemon(client, _) => {
                    ask(client, Request::get(&["schedules", &id.to_string()]))?
                }
                Place::Here(app) => here::detail(app, id)?,
            };
            show::run(&detail, cx, out)
        }
        Command::Pause(One { schedule }) => hold(&place, &schedule, true, cx, out),
        Command::Resume(One { schedule }) => hold(&place, &schedule, false, cx, out),
        Command::RunNow(One { schedule }) => run_now(&place, &schedule, cx, out),
        Command::Add(add) => make(&place, add, cx, out),
        Command::Rm(One { schedule }) => remove(&place, &schedule, cx, out),
    }
}

fn list(place: &Place, cx: &Cx, out: &mut dyn Write) -> Result<Exit, CliError> {
    let all = all(place)?;
    if matches!(place, Place::Here(_)) {
        output::note("note: no daemon is running: nothing fires until `bailiwick serve`");
    }
    if cx.json {
        output::json(out, &json!({ "items": all }))?;
        return Ok(Exit::Done);
    }
    if all.is_empty() {
        output::line(out, "nothing is scheduled; a playbook's `schedule:` says when it runs")?;
        return Ok(Exit::Done);
    }
    let mut rows = vec![["SCHEDULE", "CRON", "ZONE", "NEXT", "STATE"].map(str::to_owned)];
    rows.extend(all.iter().map(|it| {
        let next = it.next_at.map_or_else(|| "never".to_owned(), |at| at.to_string());
        let state = match (&it.refused, it.paused) {
            (Some(why), _) => format!("refused: {}", one_line(why, CELL_CHARS)),
            (None, true) => "paused".to_owned(),
            (None, false) => "on".to_owned(),
        };
        [it.name.clone(), it.cron.clone(), it.timezone.clone(), next, state]
    }));
    output::table(out, &rows)?;
    Ok(Exit::Done)
}

fn all(place: &Place) -> Result<Vec<ScheduleView>, CliError> {
    match place {
        Place::Named(client) | Place::Daemon(client, _) => {
            Ok(ask::<ScheduleList>(client, Request::get(&["schedules"]))?.items)
        }
        Place::Here(app) => here::all(app),
    }
}

/// The schedule that a person means: its id, or its name.
fn find(place: &Place, wanted: &str) -> Result<ScheduleId, CliError> {
    if let Ok(id) = wanted.parse() {
        return Ok(id);
    }
    let all = all(place)?;
    let named: Vec<_> =
        all.iter().filter(|it| it.name == wanted).map(|it| it.schedule_id).collect();
    match named.as_slice() {
        [one] => Ok(*one),
        [] => Err(CliError::usage(format!("there is no schedule `{wanted}`"))
            .hint("list them: bailiwick schedules ls")),
        several => {
            let ids: Vec<String> = several.iter().map(ToString::to_string).collect();
            Err(CliError::usage(format!("several schedules are called `{wanted}`"))
                .hint(format!("name one by its id: {}", ids.join(", "))))
        }
    }
}

fn next(
    place: &Place,
    wanted: Option<&str>,
    count: u32,
    cx: &Cx,
    out: &mut dyn Write,
) -> Result<Exit, CliError> {
    let ids = match wanted {
        Some(wanted) => vec![find(place, wanted)?],
        None => all(place)?.iter().map(|it| it.schedule_id).collect(),
    };
    let mut shown = Vec::with_capacity(ids.len());
    for id in ids {
        shown.push(times(place, id, count)?);
    }
    if cx.json {
        let item = |(it, next): &(ScheduleView, Vec<Timestamp>)| json!({ "schedule_id": it.schedule_id, "name": it.name, "next": next });
        output::json(out, &json!({ "items": shown.iter().map(item).collect::<Vec<_>>() }))?;
        return Ok(Exit::Done);
    }
    let mut rows = vec![["SCHEDULE", "NEXT", "THERE"].map(str::to_owned)];
    for (it, next) in &shown {
        let row =
            |at: &Timestamp| [it.name.clone(), at.to_string(), show::there(*at, &it.timezone)];
        rows.extend(next.iter().map(row));
    }
    output::table(out, &rows)?;
    Ok(Exit::Done)
}

fn times(
    place: &Place,
    id: ScheduleId,
    count: u32,
) -> Result<(ScheduleView, Vec<Timestamp>), CliError> {
    match place {
        Place::Named(client) | Place::Daemon(client, _) => {
            let path = ["schedules", &id.to_string()];
            let request = Request::get(&path).with("next", count);
            let ScheduleDetail { schedule, next, .. } = ask(client, request)?;
            Ok((schedule, next))
        }
        Place::Here(app) => here::next(app, id, count),
    }
}

fn hold(
    place: &Place,
    wanted: &str,
    paused: bool,
    cx: &Cx,
    out: &mut dyn Write,
) -> Result<Exit, CliError> {
    let id = find(place, wanted)?;
    let changed: ScheduleView = match place {
        Place::Named(client) | Place::Daemon(client, _) => {
            let path = ["schedules", &id.to_string()];
            ask(client, Request::patch(&path).body(json!({ "paused": paused })))?
        }
        Place::Here(app) => here::hold(app, id, paused)?,
    };
    let word = if changed.paused { "paused" } else { "on" };
    said(&changed, &format!("{} is {word}", changed.name), cx, out)
}

fn run_now(place: &Place, wanted: &str, cx: &Cx, out: &mut dyn Write) -> Result<Exit, CliError> {
    let id = find(place, wanted)?;
    let begun: ScheduleStarted = match place {
        Place::Named(client) | Place::Daemon(client, _) => {
            ask(client, Request::post(&["schedules", &id.to_string(), "run"]))?
        }
        Place::Here(app) => ScheduleStarted { run_id: here::run_now(app, id)? },
    };
    let text = match begun.run_id {
        Some(run) => format!("{run} is queued\nfollow it: bailiwick runs watch {run}"),
        None => format!("{wanted} has begun"),
    };
    said(&begun, &text, cx, out)
}

fn make(place: &Place, add: Add, cx: &Cx, out: &mut dyn Write) -> Result<Exit, CliError> {
    let inputs = super::run::inputs(add.inputs_file.as_deref(), &add.inputs)?;
    let mut body = Map::new();
    body.insert("playbook".to_owned(), json!(add.playbook));
    body.insert("cron".to_owned(), json!(add.cron));
    let optional = [
        ("timezone", add.timezone),
        ("overlap", add.overlap),
        ("catch_up", add.catch_up),
        ("window", add.window),
    ];
    for (name, value) in optional {
        if let Some(value) = value {
            body.insert(name.to_owned(), json!(value));
        }
    }
    if !inputs.is_empty() {
        body.insert("inputs".to_owned(), Value::Object(inputs));
    }
    let body = Value::Object(body);
    let made: ScheduleView = match place {
        Place::Named(client) | Place::Daemon(client, _) => {
            ask(client, Request::post(&["schedules"]).body(body))?
        }
        Place::Here(app) => {
            let wanted = serde_json::from_value(body)
                .map_err(|error| CliError::usage(format!("the schedule is wrong: {error}")))?;
            here::make(app, &wanted)?
        }
    };
    let next = made.next_at.map_or_else(|| "never".to_owned(), |at| at.to_string());
    said(&made, &format!("{} fires next at {next} ({})", made.name, made.schedule_id), cx, out)
}

fn remove(place: &Place, wanted: &str, cx: &Cx, out: &mut dyn Write) -> Result<Exit, CliError> {
    let id = find(place, wanted)?;
    match place {
        Place::Named(client) | Place::Daemon(client, _) => {
            let _: Value = ask(client, Request::delete(&["schedules", &id.to_string()]))?;
        }
        Place::Here(app) => here::remove(app, id)?,
    }
    said(&json!({ "schedule_id": id, "removed": true }), &format!("{wanted} is removed"), cx, out)
}

fn said(
    value: &impl Serialize,
    text: &str,
    cx: &Cx,
    out: &mut dyn Write,
) -> Result<Exit, CliError> {
    if cx.json {
        output::json(out, value)?;
    } else {
        output::line(out, text)?;
    }
    Ok(Exit::Done)
}
