//! `bailiwick memory kv`: settings of `memory/kv/*.yaml`.

use std::io::Write;

use serde_json::{Value, json};

use super::order::order;
use crate::app::App;
use crate::cli::remote::{Place, ask};
use crate::cli::shown::one_line;
use crate::cli::{CliError, Cx, Exit, output};
use crate::client::Request;
use crate::contracts::{KvChanged, KvList, KvSetting};
use crate::memory::{Kv, KvError};
use crate::orchestrator::MemoryOrder;
use crate::yaml;

/// Longest value in a table, in characters.
const VALUE_CHARS: usize = 100;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List every setting
    Ls,
    /// Print a setting
    Get {
        /// `group.key`
        name: String,
    },
    /// Set a setting; `true`, `3` and `[a, b]` are taken as such
    Set {
        /// `group.key`
        name: String,
        /// Its value
        value: String,
        /// Take the value as a text, whatever it looks like
        #[arg(long)]
        text: bool,
    },
    /// Take a setting away
    Unset {
        /// `group.key`
        name: String,
    },
    /// Who changed what, and when
    History {
        /// Only this setting
        name: Option<String>,
    },
}

pub(super) fn run(
    args: Args,
    place: &Place,
    cx: &Cx,
    out: &mut dyn Write,
) -> Result<Exit, CliError> {
    match args.command {
        Command::Ls => list(place, cx, out),
        Command::Get { name } => {
            let value = get(place, &name)?;
            if cx.json {
                output::json(out, &value)?;
            } else {
                output::line(out, shown(&value))?;
            }
            Ok(Exit::Done)
        }
        Command::Set { name, value, text } => {
            let value = if text { Value::String(value) } else { typed(&value)? };
            change(place, name, Some(value), cx, out)
        }
        Command::Unset { name } => change(place, name, None, cx, out),
        Command::History { name } => history(&here(place)?.kv(), name.as_deref(), cx, out),
    }
}

fn here(place: &Place) -> Result<&App, CliError> {
    place.app().ok_or_else(|| {
        CliError::usage("the history of settings is a file of the workspace, which is not at hand")
            .hint("give the command where the workspace is, without --url")
    })
}

fn get(place: &Place, name: &str) -> Result<Value, CliError> {
    match place {
        Place::Here(app) | Place::Daemon(_, app) => app.kv().get(name).map_err(error),
        Place::Named(client) => {
            let setting: KvSetting = ask(client, Request::get(&["memory", "kv", name]))?;
            Ok(setting.value)
        }
    }
}

fn list(place: &Place, cx: &Cx, out: &mut dyn Write) -> Result<Exit, CliError> {
    let all = match place {
        Place::Here(app) | Place::Daemon(_, app) => {
            KvList { items: app.kv().all().map_err(error)? }
        }
        Place::Named(client) => ask(client, Request::get(&["memory", "kv"]))?,
    };
    if cx.json {
        output::json(out, &all)?;
        return Ok(Exit::Done);
    }
    if all.items.is_empty() {
        output::line(
            out,
            "there are no settings; make one: bailiwick memory kv set group.key value",
        )?;
        return Ok(Exit::Done);
    }
    let mut rows = vec![["SETTING", "VALUE"].map(str::to_owned)];
    let items = all.items.into_iter();
    rows.extend(items.map(|it| [it.name, one_line(&shown(&it.value), VALUE_CHARS)]));
    output::table(out, &rows)?;
    Ok(Exit::Done)
}

fn change(
    place: &Place,
    name: String,
    value: Option<Value>,
    cx: &Cx,
    out: &mut dyn Write,
) -> Result<Exit, CliError> {
    let changed: KvChanged = order(place, &MemoryOrder::SetKv { name, value })?;
    if cx.json {
        output::json(out, &changed)?;
        return Ok(Exit::Done);
    }
    let KvChanged { name, old, new } = changed;
    let was =
        old.map_or_else(|| "it was not set".to_owned(), |old| format!("it was {}", shown(&old)));
    let line = match new {
        Some(new) => format!("{name} is {}; {was}", shown(&new)),
        None => format!("{name} is gone; {was}"),
    };
    output::line(out, line)?;
    Ok(Exit::Done)
}

fn history(kv: &Kv, name: Option<&str>, cx: &Cx, out: &mut dyn Write) -> Result<Exit, CliError> {
    let changes = kv.history(name).map_err(error)?;
    if cx.json {
        output::json(out, &json!({ "items": changes }))?;
        return Ok(Exit::Done);
    }
    let mut rows = vec![["WHEN", "WHO", "SETTING", "OLD", "NEW"].map(str::to_owned)];
    let side = |value: &Option<Value>| {
        value.as_ref().map(|value| one_line(&shown(value), VALUE_CHARS)).unwrap_or_default()
    };
    rows.extend(changes.iter().map(|it| {
        [it.at.to_string(), it.by.clone(), it.name.clone(), side(&it.old), side(&it.new)]
    }));
    output::table(out, &rows)?;
    Ok(Exit::Done)
}

/// What a person means: YAML, so that `true` and `[a, b]` are what they look like.
fn typed(text: &str) -> Result<Value, CliError> {
    let node = yaml::parse("the value", text, yaml::Limits::default());
    match node {
        Ok(node) if node.value != yaml::Value::Null => Ok(node.to_json()),
        Ok(_) => Ok(Value::String(text.to_owned())),
        Err(_) => Err(CliError::usage(format!("`{text}` is no value"))
            .hint("give --text to take it as a text")),
    }
}

fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn error(error: KvError) -> CliError {
    match error {
        KvError::Bad(_) | KvError::Missing(_) => CliError::usage(error.to_string()),
        KvError::Io(_) => CliError::new(Exit::Failed, error.to_string()),
    }
}
