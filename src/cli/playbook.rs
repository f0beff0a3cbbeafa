//! `bailiwick playbook`: lint, plan, schema, ls, test.

use std::io::Write;

use clap::Subcommand;
use serde_json::json;

use super::diagnostics::{Format, render, summary};
use super::{CliError, Cx, Exit, output};
use crate::app::App;
use crate::contracts::Diagnostic;
use crate::live::playbooks::{BUILT_IN, Catalogue, Entry, is_good};
use crate::orchestrator;
use crate::playbook::expression::Evaluator;
use crate::playbook::{LintLimits, Playbook, SCHEMA, check_scenario, plan};

/// Mistakes of one playbook that `ls` shows.
const MISTAKES_SHOWN: usize = 3;

/// Work with playbooks.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Find every mistake in playbooks, with its place
    Lint {
        /// Names or files; all of the workspace when none is given
        playbooks: Vec<String>,
        /// How to print
        #[arg(long, value_enum)]
        format: Option<Format>,
    },
    /// Show what a playbook does, what it may touch, and which approvals it may need
    Plan {
        /// Name or file
        playbook: String,
    },
    /// Print the JSON Schema of the language, for editors
    Schema,
    /// List the playbooks of the workspace, those with mistakes included
    Ls,
    /// Play the playbooks' own scenarios
    Test {
        /// Names or files; all of the workspace when none is given
        playbooks: Vec<String>,
    },
}

/// Does it.
///
/// # Errors
/// When a playbook is not there or cannot be used, or the workspace cannot be opened.
pub fn run(args: Args, cx: &Cx, out: &mut dyn Write) -> Result<Exit, CliError> {
    let app = App::open(cx)?;
    match &args.command {
        Command::Lint { playbooks, format } => {
            let format = format.unwrap_or(if cx.json { Format::Json } else { Format::Text });
            lint(&entries(playbooks, &app, cx)?, format, cx, out)
        }
        Command::Plan { playbook } => {
            let entry = app.find_playbook(playbook, &cx.cwd)?;
            let plan = plan(good(&entry)?, &entry.called, &app.tools());
            let written =
                if cx.json { output::json(out, &plan) } else { output::text(out, &plan.text()) };
            written.map(|()| Exit::Done)
        }
        Command::Schema => output::text(out, SCHEMA).map(|()| Exit::Done),
        Command::Ls => list(&app.playbooks()?, cx, out),
        Command::Test { playbooks } => test(&entries(playbooks, &app, cx)?, &app, cx, out),
    }
}

/// The playbooks that a person named, or all of them.
fn entries(names: &[String], app: &App, cx: &Cx) -> Result<Vec<Entry>, CliError> {
    if names.is_empty() {
        return Ok(app.playbooks()?.entries);
    }
    names.iter().map(|name| app.find_playbook(name, &cx.cwd)).collect()
}

/// The playbook of an entry without errors.
fn good(entry: &Entry) -> Result<&Playbook, CliError> {
    entry.playbook.as_ref().ok_or_else(|| {
        CliError::usage(format!("`{}` has mistakes", entry.path))
            .hint(format!("`bailiwick playbook lint {}` shows each with its line", entry.path))
            .with(entry.diagnostics.clone())
    })
}

fn lint(entries: &[Entry], format: Format, cx: &Cx, out: &mut dyn Write) -> Result<Exit, CliError> {
    let diagnostics: Vec<Diagnostic> =
        entries.iter().flat_map(|entry| entry.diagnostics.iter().cloned()).collect();
    let source = |file: &str| {
        let own = entries.iter().map(|entry| (&entry.path, &entry.source));
        let used = entries.iter().flat_map(|entry| &entry.sources);
        let mut all = own.chain(used.map(|used| (&used.path, &used.text)));
        let (_, text) = all.find(|(path, text)| *path == file && !text.is_empty())?;
        Some(text.clone())
    };
    output::painted(out, &render(&diagnostics, &source, format, cx.color))?;
    if format == Format::Text {
        let files = match entries.len() {
            1 => "1 playbook".to_owned(),
            count => format!("{count} playbooks"),
        };
        let found = summary(&diagnostics);
        let found = if found.is_empty() { "no mistakes" } else { &found };
        output::line(out, format_args!("{found} in {files}"))?;
    }
    Ok(if is_good(&diagnostics) { Exit::Done } else { Exit::Usage })
}

fn list(catalogue: &Catalogue, cx: &Cx, out: &mut dyn Write) -> Result<Exit, CliError> {
    if cx.json {
        let items: Vec<_> = catalogue.entries.iter().map(item).collect();
        return output::json(out, &json!({ "items": items })).map(|()| Exit::Done);
    }
    let mut rows = Vec::new();
    for entry in &catalogue.entries {
        let about = match &entry.playbook {
            Some(playbook) => playbook.description.clone(),
            None => format!("not used: {}", summary(&entry.diagnostics)),
        };
        rows.push([entry.name().to_owned(), about]);
        let shown = entry.diagnostics.iter().take(MISTAKES_SHOWN);
        rows.extend(shown.map(|diagnostic| [String::new(), format!("  {diagnostic}")]));
    }
    output::table(out, &rows)?;
    if catalogue.entries.iter().all(|entry| entry.path.starts_with(BUILT_IN)) {
        output::line(
            out,
            "\nThe workspace has no playbooks of its own; these are inside the program.",
        )?;
    }
    Ok(Exit::Done)
}

fn item(entry: &Entry) -> serde_json::Value {
    json!({
        "name": entry.name(),
        "path": entry.path,
        "description": entry.playbook.as_ref().map(|playbook| &playbook.description),
        "ok": entry.playbook.is_some(),
        "hash": entry.playbook.as_ref().map(|playbook| playbook.hash),
        "inputs": entry.playbook.iter().flat_map(|playbook| &playbook.inputs).map(|input| json!({
            "name": input.name,
            "type": input.kind.as_str(),
            "required": input.required,
            "default": input.default,
            "description": input.description,
        })).collect::<Vec<_>>(),
        "diagnostics": entry.diagnostics,
    })
}

/// One scenario and what came of it.
struct Played<'a> {
    playbook: &'a str,
    scenario: &'a str,
    outcome: Result<(), Vec<String>>,
}

fn test(entries: &[Entry], app: &App, cx: &Cx, out: &mut dyn Write) -> Result<Exit, CliError> {
    let evaluator = Evaluator::new(LintLimits::from(&app.workspace.config).expressions());
    let mut played = Vec::new();
    for entry in entries {
        let playbook = good(entry)?;
        for scenario in &playbook.scenarios {
            let outcome = match orchestrator::play(playbook, scenario, &evaluator) {
                Ok(observed) => check_scenario(&scenario.expect, &observed),
                Err(why) => Err(vec![why]),
            };
            played.push(Played { playbook: &playbook.name, scenario: &scenario.name, outcome });
        }
    }
    let failed = played.iter().filter(|played| played.outcome.is_err()).count();
    if cx.json {
        let items: Vec<_> = played.iter().map(played_json).collect();
        output::json(out, &json!({ "items": items }))?;
    } else {
        output::text(out, &played_text(&played, failed))?;
    }
    Ok(if failed > 0 { Exit::Failed } else { Exit::Done })
}

fn played_json(played: &Played<'_>) -> serde_json::Value {
    let differences = played.outcome.as_ref().err().map_or(&[][..], Vec::as_slice);
    json!({
        "playbook": played.playbook,
        "scenario": played.scenario,
        "ok": played.outcome.is_ok(),
        "differences": differences,
    })
}

fn played_text(played: &[Played<'_>], failed: usize) -> String {
    let mut text = String::new();
    for Played { playbook, scenario, outcome } in played {
        let word = if outcome.is_ok() { "ok  " } else { "FAIL" };
        text.push_str(&format!("{word}  {playbook}: {scenario}\n"));
        for difference in outcome.as_ref().err().into_iter().flatten() {
            text.push_str(&format!("        {difference}\n"));
        }
    }
    text.push_str(&format!("{} scenarios, {failed} failed\n", played.len()));
    text
}

#[cfg(test)]
#[path = "playbook_tests.rs"]
mod tests;
