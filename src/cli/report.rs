//! `bailiwick report`: the report of a run that ended.

use std::io::Write;

use super::{CliError, Cx, Exit, output, show_report};
use crate::app::App;

/// Show the report of a run.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The run's id, or its first characters; the newest run when absent
    run: Option<String>,
}

/// Shows it.
///
/// # Errors
/// When there is no such run, or it has not ended.
pub fn run(args: Args, cx: &Cx, out: &mut dyn Write) -> Result<Exit, CliError> {
    let history = App::open(cx)?.history()?;
    let run_id = history.find(args.run.as_deref())?;
    let record = history.record(run_id)?;
    let Some(report) = record.report else {
        return Err(CliError::new(Exit::Waiting, format!("`{run_id}` has not ended"))
            .hint(format!("where it stands: bailiwick runs show {run_id}")));
    };
    if cx.json {
        output::json(out, &report)?;
    } else {
        output::painted(out, &show_report::text(&report, cx.color))?;
    }
    Ok(Exit::Done)
}
