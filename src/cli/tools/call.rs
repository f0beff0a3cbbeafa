//! `tools call`: a direct call, as a run of one step.

use std::io::Write;
use std::path::Path;

use serde_json::Value;

use super::known;
use crate::app::App;
use crate::cli::acting::Acting;
use crate::cli::terminal::Terminal;
use crate::cli::{CliError, Cx, Exit, run};
use crate::contracts::{ErrorKind, Map, Trigger};
use crate::host::RunRequest;
use crate::orchestrator::{DirectPlaybook, direct_playbook};
use crate::ports::ToolDescriptor;

/// Which tool, and with what.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The tool, by name or alias.
    name: String,
    /// Its arguments, as a JSON object.
    #[arg(long, value_name = "JSON", default_value = "{}")]
    args: String,
    #[command(flatten)]
    acting: Acting,
}

pub(super) fn run(args: Args, app: &App, cx: &Cx, out: &mut dyn Write) -> Result<Exit, CliError> {
    let tool = known(&args.name, app)?;
    let given = object(&args.args)?;
    fitting(&given, tool, app)?;
    let mut request = single_call(tool, given, app, &cx.cwd);
    request.attended = Terminal::is_here() && !cx.json;
    run::start(app, request, args.acting, cx, out)
}

/// The arguments in `text`.
fn object(text: &str) -> Result<Map, CliError> {
    let args: Value = serde_json::from_str(text).map_err(|error| {
        CliError::usage(format!("`--args` is not JSON: {error}"))
            .hint("write an object, such as `--args '{\"path\": \"README.md\"}'`")
    })?;
    let Value::Object(args) = args else {
        return Err(CliError::usage("`--args` is not a JSON object"));
    };
    Ok(args)
}

/// Whether the tool can be called at all, and with these arguments.
fn fitting(args: &Map, tool: &ToolDescriptor, app: &App) -> Result<(), CliError> {
    app.toolbox().check_args(&tool.name, args).map_err(|error| match error.kind {
        ErrorKind::Unavailable => CliError::new(Exit::Unavailable, error.message),
        _ => {
            CliError::usage(error.message).hint(format!("see `bailiwick tools show {}`", tool.name))
        }
    })
}

/// A playbook of one step. The arguments go in as an input, so that nothing in them is an expression.
/// Nobody is asked.
pub(in crate::cli) fn single_call(
    tool: &ToolDescriptor,
    args: Map,
    app: &App,
    cwd: &Path,
) -> RunRequest {
    let DirectPlaybook { name, source } = direct_playbook(tool, args.keys());
    RunRequest {
        path: name,
        source,
        goal: None,
        inputs: Map::from_iter([("args".to_owned(), Value::Object(args))]),
        attachments: Vec::new(),
        cwd: cwd.to_owned(),
        yes_approve: Vec::new(),
        config: app.config_hash(),
        attended: false,
        idempotency_key: None,
        trigger: Trigger::Person,
        dry_run: false,
    }
}
