//! `bailiwick config show | schema | check`.

use std::io::Write;

use clap::Subcommand;
use serde::Serialize;
use serde_json::json;

use super::open::{open_options, open_workspace};
use super::{CliError, Cx, Exit, output};
use crate::config::{self, KEYS, Kind, Origin, json_schema};
use crate::contracts::Diagnostic;
use crate::workspace::{Workspace, WorkspaceError, open};
use crate::yaml::did_you_mean;

/// Shows and checks the configuration.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Every value and where it came from.
    Show {
        /// A key, or the beginning of several, such as `sandbox.profiles.git`.
        key: Option<String>,
    },
    /// The JSON Schema of `config/bailiwick.yaml`.
    Schema,
    /// Every mistake in the configuration, with its place.
    Check,
}

/// Runs the command.
///
/// # Errors
/// Exit code 2 for mistakes in the configuration, and for a key that does not exist.
pub fn run(args: Args, cx: &Cx, out: &mut dyn Write) -> Result<Exit, CliError> {
    match &args.action {
        Action::Show { key } => show(key.as_deref(), cx, &open_workspace(cx)?, out),
        Action::Schema => output::json(out, &json_schema()).map(|()| Exit::Done),
        Action::Check => check(cx, out),
    }
}

#[derive(Serialize)]
struct Item<'a> {
    key: &'a str,
    value: serde_json::Value,
    #[serde(skip)]
    written: String,
    origin: &'a Origin,
}

fn show(
    key: Option<&str>,
    cx: &Cx,
    workspace: &Workspace,
    out: &mut dyn Write,
) -> Result<Exit, CliError> {
    let items = items(workspace, key)?;
    if cx.json {
        let Workspace { notices, warnings, .. } = workspace;
        let answer = json!({ "items": items, "warnings": warnings, "notices": notices });
        return output::json(out, &answer).map(|()| Exit::Done);
    }
    let rows: Vec<[String; 3]> = items
        .iter()
        .map(|item| [item.key.to_owned(), item.written.clone(), item.origin.to_string()])
        .collect();
    output::table(out, &rows)?;
    for warning in &workspace.warnings {
        output::line(out, format_args!("warning: {warning}"))?;
    }
    for notice in &workspace.notices {
        output::line(out, format_args!("note: {notice}"))?;
    }
    Ok(Exit::Done)
}

/// The values whose keys are `key` or stand below it, in the order of the reference.
fn items<'a>(workspace: &'a Workspace, key: Option<&str>) -> Result<Vec<Item<'a>>, CliError> {
    let wanted = |path: &str| {
        key.is_none_or(|key| {
            path == key || path.strip_prefix(key).is_some_and(|rest| rest.starts_with('.'))
        })
    };
    let mut items: Vec<(usize, Item<'a>)> = Vec::new();
    for (path, setting) in workspace.values.iter().filter(|(path, _)| wanted(path)) {
        let parts: Vec<&str> = path.split('.').collect();
        let position = config::position_of(&parts).unwrap_or(KEYS.len());
        let kind = KEYS.get(position).map_or(Kind::Bool, |key| key.kind);
        let origin = workspace.provenance.get(path).unwrap_or(&Origin::BuiltIn);
        let (value, written) = (setting.to_json(kind), setting.written(kind));
        items.push((position, Item { key: path, value, written, origin }));
    }
    match key {
        Some(key) if items.is_empty() && !is_section(key) => Err(unknown(key)),
        _ => {
            items.sort_by_key(|(position, item)| (section(item.key), *position));
            Ok(items.into_iter().map(|(_, item)| item).collect())
        }
    }
}

/// Profiles stay together: their keys are sorted by profile first.
fn section(path: &str) -> Option<&str> {
    path.strip_prefix("sandbox.profiles.")?.split('.').next()
}

/// Whether keys can stand below `key`, even if none does now.
fn is_section(key: &str) -> bool {
    let parts: Vec<&str> = key.split('.').collect();
    config::is_section(&parts)
}

fn unknown(key: &str) -> CliError {
    let error = CliError::usage(format!("there is no key `{}`", key.escape_debug()));
    match did_you_mean(key, KEYS.iter().map(|key| key.path)) {
        Some(suggestion) => error.hint(suggestion),
        None => error.hint("`bailiwick config show` lists all keys"),
    }
}

fn check(cx: &Cx, out: &mut dyn Write) -> Result<Exit, CliError> {
    let (exit, found): (Exit, Vec<Diagnostic>) = match open(open_options(cx)) {
        Ok(workspace) => (Exit::Done, workspace.warnings),
        Err(WorkspaceError::Invalid(mistakes)) if cx.json => (Exit::Usage, mistakes),
        Err(error) => return Err(error.into()),
    };
    if cx.json {
        return output::json(out, &json!({ "items": found })).map(|()| exit);
    }
    for warning in &found {
        output::line(out, format_args!("warning: {warning}"))?;
    }
    output::line(out, "the configuration has no mistakes")?;
    Ok(exit)
}
