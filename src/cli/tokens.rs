//! `bailiwick tokens`: who may call the daemon over HTTP, by name.

use std::io::Write;

use serde_json::json;

use super::{CliError, Cx, Exit, output};
use crate::app::App;
use crate::contracts::{Timestamp, parse_duration_ms};
use crate::identity::{TokenError, TokenInfo, check_name};

/// Make tokens for callers of the daemon, list and revoke them.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Make a token and print it, this once
    Add {
        /// Whose it is: this name stands in the journal beside what is done with it
        name: String,
        /// How long it is in force, such as 90d; until it is revoked when absent
        #[arg(long, value_name = "DURATION")]
        expires: Option<String>,
    },
    /// List tokens, without what they are
    Ls,
    /// End a token, and the sessions that were begun with it
    Revoke {
        /// Its name
        name: String,
    },
}

/// Does it. A daemon that is running goes by it at once.
///
/// # Errors
/// When there is no such token, or the file of tokens cannot be changed.
pub fn run(args: Args, cx: &Cx, out: &mut dyn Write) -> Result<Exit, CliError> {
    let app = App::open(cx)?;
    match args.command {
        Command::Add { name, expires } => add(&app, &name, expires.as_deref(), cx, out),
        Command::Ls => list(&app, cx, out),
        Command::Revoke { name } => {
            app.tokens().revoke(&name).map_err(failed)?;
            if cx.json {
                output::json(out, &json!({ "name": name, "revoked": true }))?;
            } else {
                output::line(out, format!("`{name}` is revoked"))?;
            }
            Ok(Exit::Done)
        }
    }
}

fn add(
    app: &App,
    name: &str,
    expires: Option<&str>,
    cx: &Cx,
    out: &mut dyn Write,
) -> Result<Exit, CliError> {
    check_name(name).map_err(failed)?;
    let lasts = expires.map(parse_duration_ms).transpose();
    let lasts = lasts.map_err(|error| CliError::usage(format!("--expires: {error}")))?;
    if lasts == Some(0) {
        return Err(CliError::usage("--expires: a token is in force for longer than 0"));
    }
    app.claim_state(cx.clock.as_ref())?;
    let now = cx.clock.now();
    let until = lasts.map(|ms| now.plus_ms(ms));
    let made = app.tokens().add(name, until, cx.clock.salt(), now).map_err(failed)?;
    if cx.json {
        let made = json!({ "name": name, "token": made.secret, "expires_at": made.expires_at });
        output::json(out, &made)?;
        return Ok(Exit::Done);
    }
    output::note("note: this is shown once; callers over TCP need a token from now on");
    output::line(out, made.secret)?;
    Ok(Exit::Done)
}

fn list(app: &App, cx: &Cx, out: &mut dyn Write) -> Result<Exit, CliError> {
    let all = app.tokens().list().map_err(failed)?;
    if cx.json {
        output::json(out, &json!({ "items": all }))?;
        return Ok(Exit::Done);
    }
    if all.is_empty() {
        output::line(out, "there are no tokens; make one: bailiwick tokens add NAME")?;
        return Ok(Exit::Done);
    }
    let mut rows = vec![["NAME", "MADE", "IN FORCE"].map(str::to_owned)];
    rows.extend(all.into_iter().map(|it| {
        let lasts = lasts(&it, cx.clock.now());
        [it.name, it.created_at.to_string(), lasts]
    }));
    output::table(out, &rows)?;
    Ok(Exit::Done)
}

fn lasts(it: &TokenInfo, now: Timestamp) -> String {
    match it.expires_at {
        None => "until it is revoked".to_owned(),
        Some(until) if now < until => format!("until {until}"),
        Some(until) => format!("no longer, since {until}"),
    }
}

fn failed(error: TokenError) -> CliError {
    let message = error.to_string();
    match error {
        TokenError::File { .. } => CliError::new(Exit::Failed, message),
        TokenError::Unknown(_) => CliError::usage(message).hint("list them: bailiwick tokens ls"),
        TokenError::BadName(_) | TokenError::Taken(_) | TokenError::TooMany => {
            CliError::usage(message)
        }
    }
}
