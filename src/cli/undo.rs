//! `bailiwick undo`: put back what a run or a call changed.

use std::io::Write;

use serde_json::json;

use super::{CliError, Cx, Exit, output};
use crate::app::{App, OpenHost};
use crate::contracts::CallId;
use crate::orchestrator::{UndoTarget, Undone, undo};

/// Put back what a run or a call changed.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A run's or a call's id, or a run's first characters
    target: String,
    /// Only say what would be put back
    #[arg(long)]
    dry_run: bool,
}

/// Puts it back.
///
/// # Errors
/// When there is nothing to put back, when something else changed a file since, or when policy
/// refuses.
pub fn run(args: Args, cx: &Cx, out: &mut dyn Write) -> Result<Exit, CliError> {
    let app = App::open(cx)?;
    let target = match args.target.parse::<CallId>() {
        Ok(call) => UndoTarget::Call(call),
        Err(_) => UndoTarget::Run(app.history()?.find(Some(&args.target))?),
    };
    let OpenHost::Host(host) = app.open_host()? else {
        return Err(CliError::new(
            Exit::Unavailable,
            "another process is at work in this workspace",
        )
        .hint("wait until its runs have ended; see bailiwick runs ls"));
    };
    let undone = undo(&host.services, target, args.dry_run).map_err(super::undo_error)?;
    if cx.json {
        output::json(out, &json!({ "dry_run": args.dry_run, "items": undone }))?;
    } else {
        output::text(out, &text(&undone, args.dry_run))?;
    }
    Ok(Exit::Done)
}

fn text(undone: &[Undone], dry_run: bool) -> String {
    let did = if dry_run { "would put back" } else { "put back" };
    let line = |one: &Undone| {
        if one.paths.is_empty() {
            return format!("{} ({}) was as before already\n", one.call_id, one.tool);
        }
        let paths: Vec<String> = one.paths.iter().map(|path| format!("    {path}\n")).collect();
        format!("{did} {} ({})\n{}", one.call_id, one.tool, paths.concat())
    };
    undone.iter().map(line).collect()
}
