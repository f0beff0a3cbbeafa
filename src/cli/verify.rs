//! `bailiwick verify`: nothing in the journal was lost or altered, or what was.

use std::io::Write;

use serde_json::json;

use super::{CliError, Cx, Exit, output};
use crate::app::{App, OpenHost};

/// Check that nothing in the journal was lost or altered.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Check one run only: its id, or its first characters
    run: Option<String>,
    /// Note that a person has seen what earlier processes found and recorded
    #[arg(long, conflicts_with = "run")]
    acknowledge: bool,
}

/// Checks it.
///
/// # Errors
/// When the journal cannot be read at all.
pub fn run(args: Args, cx: &Cx, out: &mut dyn Write) -> Result<Exit, CliError> {
    let app = App::open(cx)?;
    if args.acknowledge {
        acknowledge(&app, cx)?;
    }
    let history = app.history()?;
    let run = match &args.run {
        Some(run) => Some(history.find(Some(run))?),
        None => None,
    };
    let report = history.verify(run)?;
    let sound = report.findings.is_empty();
    if cx.json {
        output::json(
            out,
            &json!({
                "ok": sound,
                "events": report.events,
                "runs": report.runs,
                "blobs": report.blobs,
                "items": report.findings.iter().map(ToString::to_string).collect::<Vec<_>>(),
            }),
        )?;
    } else {
        let counted =
            format!("{} events of {} runs, {} texts", report.events, report.runs, report.blobs);
        let lines: Vec<String> =
            report.findings.iter().map(|finding| format!("  {finding}\n")).collect();
        let verdict = if sound { "sound" } else { "NOT SOUND" };
        output::text(out, &format!("{counted}: {verdict}\n{}", lines.concat()))?;
    }
    Ok(if sound { Exit::Done } else { Exit::Integrity })
}

/// What was found stays on record; it is no news from now on. Damage that is still there is.
fn acknowledge(app: &App, cx: &Cx) -> Result<(), CliError> {
    match app.open_host()? {
        OpenHost::Host(host) => host
            .services
            .store
            .acknowledge_findings("terminal", cx.clock.now())
            .map_err(super::store_error),
        OpenHost::Busy { pid } => Err(CliError::new(
            Exit::Unavailable,
            format!("{} is at work in this workspace", super::process(pid)),
        )
        .hint("try again when its runs have ended")),
    }
}
