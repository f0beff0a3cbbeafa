//! `runs ls`.

use std::io::Write;

use serde_json::json;

use super::super::remote::{Place, ask};
use super::super::{CliError, Cx, Exit, output};
use crate::client::Request;
use crate::contracts::RunStatus;
use crate::contracts::views::{RunPage, RunView};
use crate::orchestrator::run_view;

/// Which runs are listed.
#[derive(Debug, clap::Args)]
pub(super) struct Wanted {
    /// At most this many
    #[arg(long, default_value_t = 20)]
    limit: u32,
    /// Only runs that stand there, such as `running` or `waiting_approval`
    #[arg(long, value_name = "STATUS", value_parser = status)]
    status: Option<RunStatus>,
    /// Only runs of this playbook
    #[arg(long, value_name = "NAME")]
    playbook: Option<String>,
}

fn status(text: &str) -> Result<RunStatus, String> {
    // It names the words there are.
    serde_json::from_value(json!(text)).map_err(|error| error.to_string())
}

/// Lists runs. The journal beside it is read directly: that is the same whether a daemon runs or not.
///
/// # Errors
/// When neither the journal nor the daemon can be read.
pub(super) fn run(
    place: &Place,
    wanted: Wanted,
    cx: &Cx,
    out: &mut dyn Write,
) -> Result<Exit, CliError> {
    let Wanted { limit, status, playbook } = wanted;
    let items: Vec<RunView> = match place {
        Place::Named(client) => {
            let mut request = Request::get(&["runs"]).with("limit", limit);
            if let Some(status) = status {
                request = request.with("status", status.as_str());
            }
            if let Some(playbook) = &playbook {
                request = request.with("playbook", playbook);
            }
            ask::<RunPage>(client, request)?.items
        }
        Place::Daemon(_, app) | Place::Here(app) => {
            let runs = app.history()?.runs_filtered(status, playbook.as_deref(), limit)?;
            runs.into_iter().map(run_view).collect()
        }
    };
    if cx.json {
        output::json(out, &json!({ "items": items }))?;
        return Ok(Exit::Done);
    }
    let mut rows = vec![["RUN", "STATUS", "PLAYBOOK", "CREATED"].map(str::to_owned)];
    rows.extend(items.iter().map(|run| {
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
