//! `bailiwick incidents`: what a person must look at although nobody was there when it happened.

use std::io::Write;

use serde_json::json;

use super::remote::{Place, Remote, ask};
use super::runs;
use super::shown::one_line;
use super::{CliError, Cx, Exit, output};
use crate::client::Request;
use crate::contracts::views::{IncidentPage, IncidentView};
use crate::contracts::{Timestamp, parse_duration_ms};
use crate::orchestrator::incident_view;
use crate::store::IncidentsWanted;

/// Longest description in a table, in characters.
const MESSAGE_CHARS: usize = 400;

/// List what a person must look at: runs that were refused something with nobody near, plans that were
/// given up, rules that did not end, damage.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Args {
    #[command(flatten)]
    remote: Remote,
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    wanted: Wanted,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List incidents, newest first; the same as without `ls`
    Ls(Wanted),
}

/// Which incidents are listed.
#[derive(Debug, clap::Args)]
struct Wanted {
    /// At most this many
    #[arg(long, default_value_t = 20)]
    limit: u32,
    /// Only those since then: a time such as 2026-05-04T06:30:00Z, or how long ago, such as `2d`
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Only those of this run: its id, or its first characters
    #[arg(long, value_name = "RUN")]
    run: Option<String>,
}

/// Lists them. The journal beside it is read directly: that is the same whether a daemon runs or not.
///
/// # Errors
/// When a time or run is none, or neither the journal nor the daemon can be read.
pub fn run(args: Args, cx: &Cx, out: &mut dyn Write) -> Result<Exit, CliError> {
    let place = args.remote.place(cx)?;
    let wanted = match args.command {
        Some(Command::Ls(wanted)) => wanted,
        None => args.wanted,
    };
    let items = items(&place, &wanted, cx)?;
    if cx.json {
        output::json(out, &json!({ "items": items }))?;
        return Ok(Exit::Done);
    }
    let mut rows = vec![["TIME", "KIND", "RUN", "WHAT"].map(str::to_owned)];
    rows.extend(items.into_iter().map(|it| {
        let run = it.run_id.map(|run| run.to_string()).unwrap_or_default();
        [it.at.to_string(), it.kind, run, one_line(&it.message, MESSAGE_CHARS)]
    }));
    output::table(out, &rows).map(|()| Exit::Done)
}

fn items(place: &Place, wanted: &Wanted, cx: &Cx) -> Result<Vec<IncidentView>, CliError> {
    let since = wanted.since.as_deref().map(|text| since(text, cx)).transpose()?;
    let run = wanted.run.as_deref().map(|run| runs::find(place, Some(run))).transpose()?;
    match place {
        Place::Named(client) => {
            let mut request = Request::get(&["incidents"]).with("limit", wanted.limit);
            if let Some(since) = since {
                request = request.with("since", since);
            }
            if let Some(run) = run {
                request = request.with("run", run);
            }
            Ok(ask::<IncidentPage>(client, request)?.items)
        }
        Place::Daemon(_, app) | Place::Here(app) => {
            let asked = IncidentsWanted { since, run, before: None };
            let found = app.history()?.incidents(&asked, wanted.limit)?;
            Ok(found.into_iter().map(incident_view).collect())
        }
    }
}

fn since(text: &str, cx: &Cx) -> Result<Timestamp, CliError> {
    if let Ok(at) = text.parse() {
        return Ok(at);
    }
    let ms = parse_duration_ms(text).map_err(|_neither| {
        CliError::usage(format!("`--since {}` is no time", text.escape_debug()))
            .hint("write a time such as 2026-05-04T06:30:00Z, or how long ago, such as 2d")
    })?;
    let ms = i64::try_from(ms).unwrap_or(i64::MAX);
    Ok(Timestamp::from_ms(cx.clock.now().ms().saturating_sub(ms)))
}
