//! `runs show`.

use std::io::Write;

use serde_json::Value;

use super::super::remote::{Place, ask};
use super::super::shown::{one_line, printable};
use super::super::watch::resolve_hint;
use super::super::{CliError, Cx, Exit, output, show_report};
use super::so_far;
use crate::client::{Client, Request};
use crate::contracts::views::{DecisionView, EventView, RunDetail};
use crate::contracts::{Event, RunId};

/// Longest reason of a decision, or arguments of a call, that are shown, in characters.
const REASON_CHARS: usize = 400;
/// Events that are asked for at once.
const PAGE_EVENTS: usize = 500;

/// Shows a run.
///
/// # Errors
/// When there is none, or it cannot be read.
pub(super) fn run(
    place: &Place,
    run: Option<&str>,
    with_events: bool,
    cx: &Cx,
    out: &mut dyn Write,
) -> Result<Exit, CliError> {
    let run_id = super::find(place, run)?;
    let (shown, events) = match place {
        Place::Named(client) => from_afar(client, run_id, with_events)?,
        Place::Daemon(_, app) | Place::Here(app) => {
            let history = app.history()?;
            let events = if with_events { history.events_after(run_id, 0)? } else { Vec::new() };
            let events = events.iter().map(event).collect::<Result<_, _>>()?;
            (history.detail(run_id)?, events)
        }
    };
    if cx.json {
        output::json(out, &RunDetail { events, ..shown })?;
        return Ok(Exit::Done);
    }
    let so_far = match place.app().filter(|_| shown.report.is_none()) {
        Some(app) => so_far::text(&app.history()?.record(run_id)?, run_id),
        None => String::new(),
    };
    output::painted(out, &text(&shown, &so_far, &events, cx.color))?;
    Ok(Exit::Done)
}

/// A run of a daemon, with all its events where they are wanted.
fn from_afar(
    client: &Client,
    run_id: RunId,
    with_events: bool,
) -> Result<(RunDetail, Vec<EventView>), CliError> {
    let id = run_id.to_string();
    let path = ["runs", id.as_str()];
    let mut events: Vec<EventView> = Vec::new();
    loop {
        let mut request = Request::get(&path);
        let after = events.last().map_or(0, |event| event.seq);
        if with_events {
            request = request.with("events", true).with("after", after).with("limit", PAGE_EVENTS);
        }
        let mut shown: RunDetail = ask(client, request)?;
        let page = std::mem::take(&mut shown.events);
        // A daemon that gives the same page for ever is not asked for ever.
        let goes_on = page.len() >= PAGE_EVENTS && page.last().is_some_and(|it| it.seq > after);
        events.extend(page);
        if !goes_on {
            return Ok((shown, events));
        }
    }
}

fn event(event: &Event) -> Result<EventView, CliError> {
    EventView::of(event).map_err(|error| {
        CliError::new(Exit::Integrity, format!("event {} cannot be read: {error}", event.seq))
    })
}

fn text(shown: &RunDetail, so_far: &str, events: &[EventView], color: bool) -> String {
    let mut text = match &shown.report {
        Some(report) => show_report::text(report, color),
        None => format!("{} is {}\n", shown.run_id, shown.status.as_str()),
    };
    text.push_str(so_far);
    for call in &shown.in_doubt {
        let args = Value::Object(call.args.clone()).to_string();
        text.push_str(&printable(&format!(
            "  {} was cut off and may or may not have happened: {} {}\n",
            call.step_id,
            call.name,
            one_line(&args, REASON_CHARS)
        )));
    }
    if !shown.in_doubt.is_empty() {
        text.push_str(&resolve_hint(shown.run_id));
    }
    for DecisionView { call_id, path, tool, decision } in &shown.decisions {
        let (effect, reason) = (decision.effect.as_str(), one_line(&decision.reason, REASON_CHARS));
        text.push_str(&printable(&format!("  {effect} {path} {tool} {call_id}: {reason}\n")));
        for rule in &decision.rules {
            let line = format!("      {} ({}:{})\n", rule.id, rule.file, rule.line);
            text.push_str(&printable(&line));
        }
    }
    for event in events {
        text.push_str(&format!(
            "{:>5} {} {} {}\n",
            event.seq,
            event.at,
            printable(&event.kind),
            printable(&event.payload.to_string())
        ));
    }
    text
}
