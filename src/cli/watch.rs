//! Showing a run while it goes on, wherever its events come from.

use std::io::Write;
use std::time::Duration;

use serde::Serialize;
use serde_json::value::RawValue;

use super::shown::one_line;
use super::{CliError, Cx, Exit, client_error, output, progress, show_report};
use crate::app::{App, History};
use crate::client::{Client, Follower, Patience, Seen};
use crate::contracts::{Event, EventBody, Hash, RunId, RunStatus, Timestamp};
use crate::orchestrator::{Observer, RunEnd, SHUTDOWN};

/// Longest prompt that is shown, in characters.
const PROMPT_CHARS: usize = 400;
/// How often the journal is looked at while another process writes it.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// How far a run is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Until {
    /// To its end, however long it waits for a person.
    End,
    /// To its end, or to where it can go on only when a person does something.
    Stop,
}

/// Shows events: lines of JSON on standard output, or progress for people.
pub(super) struct Screen<'a> {
    out: &'a mut dyn Write,
    json: bool,
    observer: Observer,
    end: Option<RunEnd>,
}

impl<'a> Screen<'a> {
    /// A screen for `cx`; with `quiet`, nothing is shown while the run goes on.
    pub(super) fn new(out: &'a mut dyn Write, cx: &Cx, quiet: bool) -> Self {
        let observer = progress::observer(cx.json || quiet, cx.color);
        Self { out, json: cx.json && !quiet, observer, end: None }
    }

    /// Shows an event. Gives whether anybody still looks.
    fn show(&mut self, event: Option<&Event>, line: impl Serialize) -> Result<bool, CliError> {
        let body = event.and_then(|event| Some((event, event.body().ok()?)));
        if let Some((event, body)) = &body {
            (self.observer)(event, body);
            if let EventBody::ReportReady(ready) = body {
                let report = &ready.report;
                let (run_id, status) = (report.run_id, report.outcome.status());
                self.end = Some(RunEnd { run_id, status, report: Some(report.clone()) });
            } else if let EventBody::ApprovalRequested(subject) = body
                && !self.json
            {
                let (path, id) = (one_line(&subject.path, PROMPT_CHARS), subject.approval_id);
                let prompt = one_line(&subject.prompt, PROMPT_CHARS);
                output::note(&format!("  ? {path} asks: {prompt} ({id})"));
            }
        }
        if self.json { output::json_line(self.out, &line) } else { Ok(true) }
    }

    fn ended(&mut self, run_id: RunId, status: RunStatus) -> RunEnd {
        self.end.take().unwrap_or(RunEnd { run_id, status, report: None })
    }
}

/// Follows a run at a daemon.
///
/// # Errors
/// When the daemon stays away, refuses, or sends what is no journal.
pub(super) async fn follow(
    client: &Client,
    run: RunId,
    after: u64,
    until: Until,
    screen: &mut Screen<'_>,
) -> Result<RunEnd, CliError> {
    let mut follower = Follower::new(client, run, after, Patience::default());
    let mut said = None;
    if after > 0 {
        // What it stands still for may lie before the first event that is looked at.
        let status = follower.standing().await.map_err(client_error)?;
        if stands(run, status, until, &mut said) {
            return Ok(screen.ended(run, status));
        }
    }
    loop {
        match follower.next().await.map_err(client_error)? {
            Seen::Event { event, line, .. } => {
                let raw: Box<RawValue> = serde_json::from_str(&line).map_err(unreadable)?;
                let event = event.as_deref();
                if !screen.show(event, raw)? {
                    return Ok(screen.ended(run, RunStatus::Running));
                }
                if event.is_some_and(may_stop) {
                    let status = follower.standing().await.map_err(client_error)?;
                    if stands(run, status, until, &mut said) {
                        return Ok(screen.ended(run, status));
                    }
                }
            }
            Seen::Lost(why) => output::note(&format!("note: {why}; trying again")),
            Seen::End(status) => return Ok(screen.ended(run, status)),
        }
    }
}

/// After which events a run may be unable to go on by itself. One that is held because its daemon
/// leaves goes on with the next one.
fn may_stop(event: &Event) -> bool {
    match event.body() {
        Ok(EventBody::RunPaused(signal)) => signal.by != SHUTDOWN,
        Ok(body) => matches!(body, EventBody::ApprovalRequested(_) | EventBody::CallInDoubt(_)),
        Err(_) => false,
    }
}

/// Whether to stop looking at a run that can only go on when a person does something. Who looks on is
/// told once what it waits for.
fn stands(run: RunId, status: RunStatus, until: Until, said: &mut Option<RunStatus>) -> bool {
    let waits =
        matches!(status, RunStatus::WaitingApproval | RunStatus::InDoubt | RunStatus::Paused);
    if !waits || until == Until::Stop {
        return waits;
    }
    if said.replace(status) != Some(status) {
        output::note(standing(&RunEnd { run_id: run, status, report: None }).trim_end());
    }
    false
}

/// Follows a run in the journal: to its end, or as far as it goes when nobody is at work on it.
///
/// # Errors
/// When the journal cannot be read.
pub(super) fn follow_here(
    app: &App,
    history: &History,
    run: RunId,
    mut after: u64,
    screen: &mut Screen<'_>,
) -> Result<RunEnd, CliError> {
    loop {
        // Asked first: what a process that is gone by then had written is read below.
        let held = app.has_host()?;
        for event in history.events_after(run, after)? {
            after = event.seq;
            if !screen.show(Some(&event), EventLine::of(&event)?)? {
                return Ok(screen.ended(run, RunStatus::Running));
            }
        }
        let status = history.status(run)?;
        if status.is_end() || !held {
            return Ok(screen.ended(run, status));
        }
        std::thread::sleep(LOOK_AGAIN);
    }
}

/// An event as it goes over the wire: the payload byte for byte as it was journalled.
#[derive(Debug, Serialize)]
struct EventLine<'a> {
    run_id: &'a str,
    seq: u64,
    global_seq: u64,
    at: Timestamp,
    kind: &'static str,
    payload: &'a RawValue,
    prev_hash: Hash,
    hash: Hash,
}

impl<'a> EventLine<'a> {
    /// The line of an event.
    ///
    /// # Errors
    /// When its payload is no JSON.
    fn of(event: &'a Event) -> Result<Self, CliError> {
        let payload = serde_json::from_str(&event.payload).map_err(|error| {
            CliError::new(Exit::Integrity, format!("event {} cannot be read: {error}", event.seq))
        })?;
        Ok(Self {
            run_id: &event.run_id,
            seq: event.seq,
            global_seq: event.global_seq,
            at: event.at,
            kind: event.kind.as_str(),
            payload,
            prev_hash: event.prev_hash,
            hash: event.hash,
        })
    }
}

fn unreadable(error: serde_json::Error) -> CliError {
    CliError::new(Exit::Failed, format!("an event cannot be read: {error}"))
}

/// Where a run stands, and the report if it has one; what to do where it waits.
///
/// # Errors
/// When the answer cannot be written.
pub(super) fn conclude(end: &RunEnd, cx: &Cx, out: &mut dyn Write) -> Result<Exit, CliError> {
    match (&end.report, cx.json) {
        (Some(report), true) => output::json(out, report)?,
        (Some(report), false) => output::painted(out, &show_report::text(report, cx.color))?,
        (None, true) => {
            let (run_id, status) = (end.run_id, end.status);
            output::json(out, &serde_json::json!({ "run_id": run_id, "status": status }))?;
        }
        (None, false) => output::text(out, &standing(end))?,
    }
    Ok(super::exit_of(end.status, end.report.as_ref()))
}

/// What to type where calls are in doubt.
pub(super) fn resolve_hint(run: RunId) -> String {
    format!(
        "say what became of it: bailiwick runs resolve {run} --happened | --did-not-happen | --abandon\n"
    )
}

/// Where a run stands that has not ended, and what to type.
pub(super) fn standing(end: &RunEnd) -> String {
    let RunEnd { run_id, status, .. } = end;
    let mut text = format!("{run_id} is {}\n", status.as_str());
    match status {
        RunStatus::WaitingApproval => {
            text.push_str("answer it: bailiwick approvals ls, then approve or deny\n");
        }
        RunStatus::InDoubt => text.push_str(&resolve_hint(*run_id)),
        RunStatus::Paused => text.push_str(&format!("go on: bailiwick runs resume {run_id}\n")),
        _ => {}
    }
    text
}
