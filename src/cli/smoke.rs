//! `bailiwick smoke`: whether a daemon does what clients rely on, without any effect.

mod checks;

use std::io::Write;

use serde_json::{Value, json};
use tokio::sync::watch;

use self::checks::{Checked, Smoke, Verdict};
use super::remote::{Place, Remote, borrow_host, wait_for};
use super::{CliError, Cx, Exit, client_error, output};
use crate::app::App;
use crate::client::{Client, Target};
use crate::contracts::Map;
use crate::ports::Clock;

/// What callers over TCP have to know.
const TOKEN: &str = "EXECUTION_TOKEN";
/// A patch that adds a file; it is only shown what it would do.
const PATCH: &str = "--- /dev/null\n+++ b/bailiwick-smoke.txt\n@@ -0,0 +1 @@\n+smoke\n";

/// Try a daemon: its tools, a call dry and done, an approval, a wrong token, the audit log. Nothing is
/// changed.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    remote: Remote,
    /// Start a daemon in this workspace for as long as this takes, with a token of its own
    #[arg(long)]
    start: bool,
    /// The tool whose approval is tried, in a dry run
    #[arg(long, value_name = "TOOL", default_value = "apply_patch")]
    approve: String,
    /// Its arguments, as a JSON object [default: a patch that adds a file]
    #[arg(long, value_name = "JSON")]
    approve_args: Option<String>,
}

/// Does it.
///
/// # Errors
/// When there is no daemon to try, or none can be started.
pub fn run(args: Args, cx: &Cx, out: &mut dyn Write) -> Result<Exit, CliError> {
    let tool = args.approve.clone();
    let approve = (tool, approve_args(args.approve_args.as_deref())?);
    let checked = if args.start {
        wait_for(started(cx, approve))?
    } else {
        let place = args.remote.place(cx)?;
        let client = place.client().cloned().ok_or_else(|| {
            CliError::new(Exit::Unavailable, "no daemon runs in this workspace")
                .hint("start one for the time of the smoke with --start, or name one with --url")
        })?;
        let url = matches!(place, Place::Named(_)).then(|| client.place().to_owned());
        wait_for(async { Ok(Smoke { client, url, approve }.run().await) })?
    };
    told(&checked, cx, out)
}

fn approve_args(text: Option<&str>) -> Result<Map, CliError> {
    let Some(text) = text else {
        return Ok(Map::from_iter([("patch".to_owned(), json!(PATCH))]));
    };
    match serde_json::from_str(text) {
        Ok(Value::Object(args)) => Ok(args),
        Ok(_) => Err(CliError::usage("`--approve-args` is not a JSON object")),
        Err(error) => Err(CliError::usage(format!("`--approve-args` is not JSON: {error}"))),
    }
}

/// Starts a daemon in this process, tries it over TCP, and ends it.
async fn started(cx: &Cx, approve: (String, Map)) -> Result<Vec<Checked>, CliError> {
    let mut app = App::open(cx)?;
    let salt = crate::orchestrator::SystemClock.salt();
    let token = crate::contracts::Hash::from_bytes(salt).to_string();
    let env = crate::workspace::Environment::new([(TOKEN.to_owned(), token.clone())]);
    let rest = app.workspace.env.iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
    app.workspace.env = env.over(rest);
    let opening = tokio::task::spawn_blocking(move || borrow_host(&app).map(|host| (app, host)));
    let (app, host) = opening.await.map_err(|error| failed(&error))??;
    let daemon = app.start_daemon(&host, Some("127.0.0.1:0")).await?;
    let url = daemon.listening().url.clone();
    let (stop, stopped) = watch::channel(0_u32);
    let serving = tokio::spawn(daemon.run(stopped));
    let target = Target::Url { url: url.clone(), token: Some(token) };
    let client = Client::new(&target).map_err(client_error)?;
    let checked = Smoke { client, url: Some(url), approve }.run().await;
    stop.send_replace(1);
    serving.await.map_err(|error| failed(&error))?;
    Ok(checked)
}

fn failed(error: &dyn std::fmt::Display) -> CliError {
    CliError::new(Exit::Failed, format!("the daemon broke: {error}"))
}

fn told(checked: &[Checked], cx: &Cx, out: &mut dyn Write) -> Result<Exit, CliError> {
    let failed = checked.iter().filter(|it| it.verdict == Verdict::Failed).count();
    if cx.json {
        output::json(out, &json!({ "ok": failed == 0, "checks": checked }))?;
    } else {
        for Checked { name, verdict, said } in checked {
            output::line(out, format_args!("{:7} {name}: {said}", verdict.as_str()))?;
        }
        let all = checked.len();
        match failed {
            0 => output::line(out, format_args!("{all} checks, none failed"))?,
            _ => output::line(out, format_args!("{all} checks, {failed} failed"))?,
        }
    }
    Ok(if failed == 0 { Exit::Done } else { Exit::Failed })
}
