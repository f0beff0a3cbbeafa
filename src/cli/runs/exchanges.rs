//! `runs exchanges`: what a run asked of models and what they said, also as a script that says it again.

use std::io::Write;

use serde_json::json;

use super::super::remote::{Place, ask};
use super::super::shown::{escaped_json, printable};
use super::super::{CliError, Cx, Exit, output};
use super::find;
use crate::client::Request;
use crate::contracts::RunId;
use crate::contracts::views::{ExchangeAnswer, ExchangeList, ExchangeView};
use crate::providers::{Script, Turn};

/// Which run, and how it is shown.
#[derive(Debug, clap::Args)]
pub(super) struct Wanted {
    /// The run's id, or its first characters; the newest run when absent
    run: Option<String>,
    /// Print the replies as a script: the model `scripted/FILE` says them again
    #[arg(long, conflicts_with = "json")]
    script: bool,
}

/// Shows them.
///
/// # Errors
/// When there is no such run, or a script is wanted of texts that were forgotten.
pub(super) fn run(
    place: &Place,
    wanted: &Wanted,
    cx: &Cx,
    out: &mut dyn Write,
) -> Result<Exit, CliError> {
    let run = find(place, wanted.run.as_deref())?;
    let items = listed(place, run)?;
    if cx.json {
        output::json(out, &json!({ "items": items }))?;
    } else if wanted.script {
        print(&script(&items, run)?, out)?;
    } else if items.is_empty() {
        output::line(out, "it asked no model")?;
    } else {
        items.iter().try_for_each(|it| show(it, out))?;
    }
    Ok(Exit::Done)
}

fn listed(place: &Place, run: RunId) -> Result<Vec<ExchangeView>, CliError> {
    match (place, place.app()) {
        (Place::Named(client), _) => {
            let id = run.to_string();
            Ok(ask::<ExchangeList>(client, Request::get(&["runs", &id, "exchanges"]))?.items)
        }
        (_, Some(app)) => app.history()?.exchanges(run),
        _ => Err(CliError::usage("there is no workspace")),
    }
}

/// A turn to a line, as JSON, which is YAML: whatever stands in a reply is the same when it is read.
fn print(script: &Script, out: &mut dyn Write) -> Result<(), CliError> {
    if script.0.is_empty() {
        return output::line(out, "[]");
    }
    for turn in &script.0 {
        let turn = serde_json::to_string(turn)
            .map_err(|error| CliError::new(Exit::Failed, error.to_string()))?;
        output::line(out, format_args!("- {}", escaped_json(&turn)))?;
    }
    Ok(())
}

/// Every reply and failure, in order. A question that was cut off was asked again: it is not said. Where a run
/// ended because nobody answered, nobody answers however often it is tried.
fn script(items: &[ExchangeView], run: RunId) -> Result<Script, CliError> {
    let turn = |answer: &ExchangeAnswer| match (&answer.reply, &answer.message) {
        (Some(reply), _) => {
            Ok(Turn { say: Some(reply.as_str().into()), cut: answer.cut, ..Turn::default() })
        }
        (None, Some(message)) => Ok(Turn { fail: Some(message.clone()), ..Turn::default() }),
        (None, None) => {
            let message = format!("what models said to `{run}` was forgotten on purpose");
            Err(CliError::new(Exit::Failed, message))
        }
    };
    let turns = items.iter().filter_map(|it| it.answer.as_ref()).map(turn);
    let mut turns: Vec<Turn> = turns.collect::<Result<_, _>>()?;
    if let Some(last) = turns.last_mut() {
        last.again = last.fail.is_some();
    }
    Ok(Script(turns))
}

fn show(it: &ExchangeView, out: &mut dyn Write) -> Result<(), CliError> {
    let again = if it.attempt > 1 { ", asked again" } else { "" };
    let model = printable(&it.model);
    let step = it.step.as_ref().map(|step| format!("{} ", printable(step))).unwrap_or_default();
    output::line(out, format_args!("{step}plan {}{again}: {model}, {}", it.round, it.at))?;
    match &it.messages {
        None => part("asked", "(forgotten on purpose)", out)?,
        Some(messages) => {
            messages.iter().try_for_each(|message| part(&message.role, &message.text, out))?;
        }
    }
    let Some(answer) = &it.answer else {
        return part("no answer", "there is none yet, or the run was cut off before", out);
    };
    let reply = answer.reply.as_deref().or(answer.message.as_deref());
    let counted = format!(
        "reply: {} tokens to {}, {:.1} s{}",
        answer.output_tokens,
        answer.input_tokens,
        answer.duration_ms as f64 / 1_000.0,
        if answer.cut { ", cut for its length" } else { "" }
    );
    part(&counted, reply.unwrap_or("(forgotten on purpose)"), out)
}

fn part(title: &str, text: &str, out: &mut dyn Write) -> Result<(), CliError> {
    output::line(out, format_args!("--- {}\n{}", printable(title), printable(text.trim_end())))
}
