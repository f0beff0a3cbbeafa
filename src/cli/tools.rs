//! `bailiwick tools`: what tools there are, switching them on and off, calling one.

mod call;
mod refresh;

pub(super) use call::single_call;

use std::io::Write;

use clap::Subcommand;
use serde_json::{Value, json};

use super::{CliError, Cx, Exit, output};
use crate::app::{App, change_overrides};
use crate::orchestrator::{Change, ChangeError};
use crate::ports::ToolDescriptor;
use crate::workspace::Workspace;
use crate::yaml::did_you_mean;

/// List, show, switch and call tools.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List every tool.
    Ls,
    /// Everything about one tool.
    Show {
        /// The tool, by name or alias.
        name: String,
    },
    /// Switch a tool on in this workspace.
    Enable {
        /// The tool, by name or alias.
        name: String,
    },
    /// Switch a tool off in this workspace: every call of it is refused.
    Disable {
        /// The tool, by name or alias.
        name: String,
    },
    /// Ask MCP servers again what they offer, and keep that.
    Refresh {
        /// The server [default: all]
        server: Option<String>,
    },
    /// Call one tool, as a run of one step under policy.
    Call(call::Args),
}

/// Does it.
///
/// # Errors
/// For an unknown tool, arguments that do not fit, a configuration file that cannot be changed, or a
/// call that could not be made.
pub fn run(args: Args, cx: &Cx, out: &mut dyn Write) -> Result<Exit, CliError> {
    let app = App::open(cx)?;
    if let Command::Refresh { server } = &args.command {
        return refresh::run(server.as_deref(), &app, cx, out);
    }
    for failed in app.list_new_servers(cx.clock.as_ref())? {
        output::note(&format!("warning: {failed}"));
    }
    match args.command {
        Command::Ls => list(&app, cx, out),
        Command::Show { name } => show(known(&name, &app)?, &app.workspace, cx, out),
        Command::Refresh { server } => refresh::run(server.as_deref(), &app, cx, out),
        Command::Enable { name } => set(&name, true, &app, cx, out),
        Command::Disable { name } => set(&name, false, &app, cx, out),
        Command::Call(args) => call::run(args, &app, cx, out),
    }
}

fn known<'a>(name: &str, app: &'a App) -> Result<&'a ToolDescriptor, CliError> {
    let toolbox = app.toolbox();
    toolbox.find(name).ok_or_else(|| {
        if let Some(why) = toolbox.absent(name) {
            return CliError::new(Exit::Unavailable, why);
        }
        let error = CliError::usage(format!("there is no tool `{}`", name.escape_debug()));
        match did_you_mean(name, toolbox.vocabulary().names()) {
            Some(hint) => error.hint(hint),
            None => error.hint("`bailiwick tools ls` lists them"),
        }
    })
}

pub(super) fn is_enabled(tool: &ToolDescriptor, workspace: &Workspace) -> bool {
    workspace.config.tools.enabled.get(&tool.name).copied().unwrap_or(tool.enabled)
}

fn set(
    name: &str,
    enabled: bool,
    app: &App,
    cx: &Cx,
    out: &mut dyn Write,
) -> Result<Exit, CliError> {
    let tool = known(name, app)?;
    let change = Change::Tool(tool.name.clone(), enabled);
    let done = change_overrides(&app.workspace, &app.tools(), &change, cx.clock.now());
    let changed = done.map_err(changing)?.changed;
    if cx.json {
        let answer = json!({
            "name": tool.name,
            "enabled": enabled,
            "changed": changed,
        });
        return output::json(out, &answer).map(|()| Exit::Done);
    }
    let word = if enabled { "on" } else { "off" };
    let already = if changed { "" } else { " already" };
    output::line(out, format_args!("`{}` is{already} {word}", tool.name))?;
    Ok(Exit::Done)
}

fn list(app: &App, cx: &Cx, out: &mut dyn Write) -> Result<Exit, CliError> {
    let (vocabulary, workspace) = (app.tools(), &app.workspace);
    let mistakes = app.declared_mistakes().iter().map(ToString::to_string);
    for said in mistakes.chain(app.declared_notices().iter().cloned()) {
        output::note(&format!("warning: {said}"));
    }
    if cx.json {
        let items: Vec<Value> =
            vocabulary.tools().map(|tool| item(tool, is_enabled(tool, workspace))).collect();
        return output::json(out, &json!({ "items": items })).map(|()| Exit::Done);
    }
    let mut rows = vec![["NAME", "ON", "RISK", "EFFECT", "DOES"].map(str::to_owned)];
    for tool in vocabulary.tools() {
        let on = if is_enabled(tool, workspace) { "yes" } else { "no" };
        let effect = word(&tool.effect).replace('_', "-");
        let does = tool.description.split_inclusive(['.', ';']).next().unwrap_or_default();
        let does = does.trim_end_matches(['.', ';']).to_owned();
        rows.push([tool.name.clone(), on.to_owned(), word(&tool.risk), effect, does]);
    }
    output::table(out, &rows).map(|()| Exit::Done)
}

fn item(tool: &ToolDescriptor, enabled: bool) -> Value {
    json!({
        "name": tool.name,
        "aliases": tool.aliases,
        "enabled": enabled,
        "risk": tool.risk,
        "effect": tool.effect,
        "description": tool.description,
        "schema": tool.schema,
    })
}

/// Everything about a tool; whether it is enabled as configured, not as the tool itself would have it.
fn show(
    tool: &ToolDescriptor,
    workspace: &Workspace,
    cx: &Cx,
    out: &mut dyn Write,
) -> Result<Exit, CliError> {
    let enabled = is_enabled(tool, workspace);
    if cx.json {
        let all = ToolDescriptor { enabled, ..tool.clone() };
        return output::json(out, &all).map(|()| Exit::Done);
    }
    let on = if enabled { "on" } else { "off" };
    let about = crate::tools::describe(tool);
    output::line(out, format_args!("{}\nIn this workspace it is {on}.", about.trim()))?;
    Ok(Exit::Done)
}

/// The word that JSON has for a value of a closed enum.
fn word(value: &impl serde::Serialize) -> String {
    json!(value).as_str().unwrap_or_default().to_owned()
}

fn changing(error: ChangeError) -> CliError {
    let trust = matches!(error, ChangeError::NotTrusted(_));
    let hint = "mend it or remove it; `bailiwick config check` names every mistake";
    let error = CliError::usage(error.to_string());
    if trust { error } else { error.hint(hint) }
}

#[cfg(test)]
mod tests;
