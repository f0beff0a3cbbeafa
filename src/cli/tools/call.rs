//! `tools call`: a direct call, as a run of one step.

use std::io::Write;

use serde_json::{Value, json};

use super::known;
use crate::app::App;
use crate::cli::terminal::Terminal;
use crate::cli::{CliError, Cx, Exit, run};
use crate::contracts::Map;
use crate::host::RunRequest;
use crate::ports::ToolDescriptor;
use crate::tools::check_args;

/// Which tool, and with what.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The tool, by name or alias.
    name: String,
    /// Its arguments, as a JSON object.
    #[arg(long, value_name = "JSON", default_value = "{}")]
    args: String,
    /// Only say what would happen and how policy decides.
    #[arg(long)]
    dry_run: bool,
}

pub(super) fn run(args: Args, app: &App, cx: &Cx, out: &mut dyn Write) -> Result<Exit, CliError> {
    let tool = known(&args.name)?;
    let request = request(tool, fitting(&args.args, tool)?, app, cx);
    run::start(app, request, args.dry_run, cx, out)
}

/// The arguments in `text`, if they fit the tool.
fn fitting(text: &str, tool: &ToolDescriptor) -> Result<Map, CliError> {
    let args: Value = serde_json::from_str(text).map_err(|error| {
        CliError::usage(format!("`--args` is not JSON: {error}"))
            .hint("write an object, such as `--args '{\"path\": \"README.md\"}'`")
    })?;
    let Value::Object(args) = args else {
        return Err(CliError::usage("`--args` is not a JSON object"));
    };
    check_args(&tool.name, &args).map_err(|error| {
        CliError::usage(error.message).hint(format!("see `bailiwick tools show {}`", tool.name))
    })?;
    Ok(args)
}

/// A playbook of one step. The arguments go in as an input, so that nothing in them is an expression.
fn request(tool: &ToolDescriptor, args: Map, app: &App, cx: &Cx) -> RunRequest {
    let name = format!("call-{}", tool.name.replace('_', "-"));
    let given: Map = args
        .keys()
        .map(|arg| (arg.clone(), json!(format!("${{{{ inputs.args.{arg} }}}}"))))
        .collect();
    let playbook = json!({
        "schema": 1,
        "name": name,
        "description": format!("One call of {}.", tool.name),
        "inputs": { "args": { "type": "map", "required": true, "description": "Its arguments." } },
        "permissions": { "tools": [tool.name], "read": ["/"], "write": ["/"] },
        "steps": [{ "id": "answer", "tool": tool.name, "args": given }],
        "outputs": { "data": "${{ steps.answer.data }}" },
    });
    RunRequest {
        path: name,
        source: format!("{playbook:#}"),
        goal: None,
        inputs: Map::from_iter([("args".to_owned(), Value::Object(args))]),
        cwd: cx.cwd.clone(),
        yes_approve: Vec::new(),
        config: app.config_hash(),
        attended: Terminal::is_here() && !cx.json,
        idempotency_key: None,
    }
}
