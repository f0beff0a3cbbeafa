//! `bailiwick runs`: look at runs, stop, hold and take them up again, settle what is in doubt.

mod artifacts;
mod control;
mod exchanges;
mod keep;
mod list;
mod resume;
mod show;
mod so_far;
mod watch;

use std::io::Write;

use super::remote::{Place, Remote};
use super::{CliError, Cx, Exit, client_error};
use crate::client::{Client, Request};
use crate::contracts::views::RunPage;
use crate::contracts::{CallId, Resolution, RunId};

/// Runs that are looked through for one whose id was cut short, per question.
const PAGE: u32 = 200;

/// Look at runs, stop, resume or settle them.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    remote: Remote,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List runs, newest first
    Ls(list::Wanted),
    /// Show a run: its steps, decisions and events
    Show {
        /// The run's id, or its first characters; the newest run when absent
        run: Option<String>,
        /// Print every event
        #[arg(long)]
        events: bool,
    },
    /// Follow a run to its end; with --json one event to a line
    Watch {
        /// The run's id, or its first characters; the newest run when absent
        run: Option<String>,
        /// Begin behind this event
        #[arg(long, value_name = "N", default_value_t = 0)]
        after: u64,
    },
    /// List the files that a run produced, or fetch one of them
    Artifacts(artifacts::Wanted),
    /// Show what a run asked of models and what they said
    Exchanges(exchanges::Wanted),
    /// Stop a run: calls at work end, `always` is run, the report is written
    Cancel(control::Told),
    /// Hold a run: what is at work ends, nothing new begins
    Pause(control::Told),
    /// Take up a run that was held, was cut off or waits for an answer
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
        /// Only this call [default: every call that is in doubt]
        #[arg(long, value_name = "CALL")]
        call: Option<CallId>,
    },
}

/// Does it.
///
/// # Errors
/// When there is no such run, or neither the daemon nor the store can be asked.
pub fn run(args: Args, cx: &Cx, out: &mut dyn Write) -> Result<Exit, CliError> {
    let place = args.remote.place(cx)?;
    match args.command {
        Command::Ls(wanted) => list::run(&place, wanted, cx, out),
        Command::Show { run, events } => show::run(&place, run.as_deref(), events, cx, out),
        Command::Watch { run, after } => watch::run(&place, run.as_deref(), after, cx, out),
        Command::Artifacts(wanted) => artifacts::run(&place, wanted, cx, out),
        Command::Exchanges(wanted) => exchanges::run(&place, &wanted, cx, out),
        Command::Cancel(told) => control::cancel(&place, told, cx, out),
        Command::Pause(told) => control::pause(&place, told, cx, out),
        Command::Resume { run, all, yes_approve } => {
            let wanted = if all { None } else { Some(find(&place, run.as_deref())?) };
            resume::run(&place, wanted, yes_approve, cx, out)
        }
        Command::Resolve { run, happened, did_not_happen, call, .. } => {
            let resolution = match (happened, did_not_happen) {
                (true, _) => Resolution::Happened,
                (_, true) => Resolution::DidNotHappen,
                _ => Resolution::Abandoned,
            };
            resume::resolve(&place, &run, resolution, call, cx, out)
        }
    }
}

/// The run that a person means: its id, its first characters, or the newest.
///
/// # Errors
/// When there is none, or several.
pub(super) fn find(place: &Place, id: Option<&str>) -> Result<RunId, CliError> {
    match (place, place.app()) {
        (_, Some(app)) => app.history()?.find(id),
        (Place::Named(client), None) => find_there(client, id),
        (Place::Daemon(..) | Place::Here(_), None) => Err(CliError::usage("there is no workspace")),
    }
}

fn find_there(client: &Client, id: Option<&str>) -> Result<RunId, CliError> {
    let hint = |message: String| CliError::usage(message).hint("list them: bailiwick runs ls");
    let Some(id) = id else {
        let page: RunPage = super::remote::ask(client, Request::get(&["runs"]).with("limit", 1))?;
        let newest = page.items.first().map(|run| run.run_id);
        return newest.ok_or_else(|| CliError::usage("nothing has run there yet"));
    };
    if let Ok(run) = id.parse() {
        return Ok(run);
    }
    let bare = id.strip_prefix(RunId::PREFIX).unwrap_or(id);
    if bare.is_empty() || !bare.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
        return Err(hint(format!("there is no run `{id}`")));
    }
    let prefix = format!("{}{bare}", RunId::PREFIX);
    let found = super::remote::wait_for(begins_with(client, &prefix))?;
    match found.as_slice() {
        [] => Err(hint(format!("there is no run `{id}`"))),
        [one] => Ok(*one),
        _ => Err(hint(format!("`{id}` is the beginning of several runs"))),
    }
}

/// Up to two runs whose ids begin with `prefix`.
async fn begins_with(client: &Client, prefix: &str) -> Result<Vec<RunId>, CliError> {
    let (mut found, mut cursor) = (Vec::new(), None);
    loop {
        let mut request = Request::get(&["runs"]).with("limit", PAGE);
        if let Some(cursor) = &cursor {
            request = request.with("cursor", cursor);
        }
        let answer = client.ask(&request).await.map_err(client_error)?;
        let page: RunPage = super::remote::read(client, answer)?;
        let fitting = |run: &RunId| run.to_string().starts_with(prefix);
        found.extend(page.items.iter().map(|item| item.run_id).filter(fitting));
        // A cursor that does not move would be asked for again and again.
        if found.len() > 1 || page.next_cursor.is_none() || page.next_cursor == cursor {
            return Ok(found);
        }
        cursor = page.next_cursor;
    }
}
