//! Why a step failed, in words: its own message, its call's error, or policy's reason; of a loop or a
//! block, those of the step inside that made it fail.

use super::call;
use super::driver::Work;
use super::error::RunError;
use super::place::{Part, Place, inside, join};
use crate::agent::{self, Failure, Phase, RunState};
use crate::contracts::{ErrorKind, StepFinished, ToolError, ToolResult};
use crate::playbook::expression::RunError as ScopeError;
use crate::playbook::{Playbook, Step};

/// Why the step at `path` failed.
pub(super) fn of_path(work: &Work, path: &str) -> Result<FailureText, RunError> {
    let leaf = leaf(&work.playbook, &work.state, path);
    let Some(step) = work.record.finished_at(&leaf) else {
        let kind = kind_at(&work.state, path);
        return Ok(FailureText { kind, message: String::new(), at: None });
    };
    let text = of_step(work, step)?;
    Ok(FailureText { at: (leaf != path).then_some(leaf), ..text })
}

/// Why a finished step that holds no others failed.
fn of_step(work: &Work, step: &StepFinished) -> Result<FailureText, RunError> {
    let kind = step.error_kind;
    let words = |message: String| FailureText { kind, message, at: None };
    if let Some(reference) = &step.message {
        let bytes = work.services.store.reader().blob(reference)?;
        return Ok(words(String::from_utf8_lossy(&bytes).into_owned()));
    }
    if kind == Some(ErrorKind::Rejected)
        && let Some(said) = said_no(work, &step.path)?
    {
        return Ok(words(said));
    }
    let Some(record) = work.record.call_at(&step.path) else { return Ok(words(String::new())) };
    if let Some(finished) = &record.finished {
        let run = work.run_id.to_string();
        let result: ToolResult =
            call::document(work.services.store.reader(), &run, "a result", &finished.result)?;
        if let Some(error) = result.error {
            return Ok(FailureText { kind: Some(error.kind), message: error.message, at: None });
        }
    }
    let refused = record.decision.as_ref().filter(|_| kind.is_some());
    Ok(words(refused.map(|decision| decision.reason.clone()).unwrap_or_default()))
}

/// Who said no to the step at `path`, and why.
fn said_no(work: &Work, path: &str) -> Result<Option<String>, RunError> {
    let of_call = work.record.call_at(path).and_then(|call| call.question.as_ref());
    let Some(subject) = of_call.or_else(|| work.record.gates.get(path)) else { return Ok(None) };
    let asked = work.services.store.reader().approval(&subject.approval_id)?;
    let Some(by) = asked.by else { return Ok(None) };
    let why = asked.reason.map(|reason| format!(": {reason}")).unwrap_or_default();
    Ok(Some(format!("{by} said no{why}")))
}

/// What `error` is in the expressions of the step at `path`: only steps for when something failed, and
/// steps at the end, see it. Inside of a block it is what went wrong there.
pub(super) fn seen_from(work: &Work, path: Option<&str>) -> Result<Option<ScopeError>, RunError> {
    let message = |path: &str| match path.starts_with("verify[") {
        true => Ok(work.record.verify_errors.join("; ")),
        false => Ok(of_path(work, path)?.message),
    };
    seen(&work.state, path, &message)
}

/// As [`seen_from`], for any story; `message` says why the step at a path failed.
pub(super) fn seen(
    state: &RunState,
    path: Option<&str>,
    message: &dyn Fn(&str) -> Result<String, RunError>,
) -> Result<Option<ScopeError>, RunError> {
    let failure = path.and_then(|path| agent::failure_around(state, path));
    let Some(Failure { cause, kind }) = failure else { return Ok(None) };
    let unnamed = if cause.starts_with("verify[") { "verification" } else { UNNAMED };
    let kind = kind.map_or(unnamed, ErrorKind::as_str).to_owned();
    let said = message(&cause)?;
    Ok(Some(ScopeError { kind, message: if said.is_empty() { cause } else { said } }))
}

/// The kind of a failure that has none, such as that of a called run whose `verify:` does not hold.
const UNNAMED: &str = "failed";

/// The step that made the block at `path` fail. What was rescued did not; then it is what went wrong at
/// the end.
fn failed_inside(state: &RunState, block: &Step, path: &str) -> Option<String> {
    let lists = inside(block)?;
    let steps = |wanted: Part| {
        lists.into_iter().filter(move |(part, _)| *part == wanted).flat_map(|(_, steps)| steps)
    };
    let paths = |part: Part| steps(part).map(|step| (step, join(path, &step.id)));
    let first = |part: Part| {
        paths(part).find_map(|(step, path)| failed(state, step, &path).then_some(path))
    };
    let rescued = || paths(Part::Rescue).any(|(_, path)| state.nodes.contains_key(&path));
    let in_steps = || first(Part::Steps).filter(|_| !rescued() || first(Part::Rescue).is_some());
    in_steps().or_else(|| first(Part::Always))
}

/// The path of what made the step at `path` fail: the step inside of blocks and loops.
pub(super) fn leaf(playbook: &Playbook, state: &RunState, path: &str) -> String {
    let mut path = path.to_owned();
    while let Some(inner) = inner(playbook, state, &path) {
        path = inner;
    }
    path
}

fn inner(playbook: &Playbook, state: &RunState, path: &str) -> Option<String> {
    let place = Place::of(playbook, path)?;
    let stop = place.step()?;
    if stop.step.foreach.is_some() && stop.item.is_none() {
        return first_failed_item(state, path);
    }
    failed_inside(state, stop.step, path)
}

fn first_failed_item(state: &RunState, path: &str) -> Option<String> {
    let prefix = format!("{path}[");
    let items = state.nodes.range(prefix.clone()..).take_while(|(key, _)| key.starts_with(&prefix));
    let failed = items
        .filter(|(_, node)| matches!(node.phase, Phase::Done { ok: false, skipped: false, .. }));
    let index = |key: &str| key.strip_prefix(&prefix)?.strip_suffix(']')?.parse::<u32>().ok();
    let first = failed.filter_map(|(key, _)| index(key)).min()?;
    Some(format!("{path}[{first}]"))
}

/// Whether a step failed for good. Refusals and stops are not errors to be continued.
fn failed(state: &RunState, step: &Step, path: &str) -> bool {
    match state.phase(path) {
        Some(Phase::Done { ok: false, skipped: false, kind }) => {
            !step.continue_on_error || kind.is_some_and(is_final)
        }
        _ => false,
    }
}

const fn is_final(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::Denied | ErrorKind::Rejected | ErrorKind::Cancelled | ErrorKind::Budget
    )
}

fn kind_at(state: &RunState, path: &str) -> Option<ErrorKind> {
    match state.phase(path) {
        Some(Phase::Done { kind, .. }) => kind,
        _ => None,
    }
}

/// A kind of failure and what happened.
#[derive(Debug, Clone)]
pub(super) struct FailureText {
    kind: Option<ErrorKind>,
    message: String,
    /// The step inside that failed, of a loop or a block.
    at: Option<String>,
}

impl FailureText {
    /// As the error of a step in expressions.
    pub(super) fn into_error(self) -> ToolError {
        ToolError::new(self.kind.unwrap_or(ErrorKind::Io), self.message)
    }
}

impl std::fmt::Display for FailureText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = self.kind.map_or(UNNAMED, ErrorKind::as_str);
        match self.message.as_str() {
            "" => f.write_str(kind)?,
            message => write!(f, "{kind}: {message}")?,
        }
        self.at.as_ref().map_or(Ok(()), |at| write!(f, " (at `{at}`)"))
    }
}
