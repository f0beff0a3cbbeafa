//! Why a step failed, in words: its own message, its call's error, or policy's reason.

use super::call;
use super::driver::Work;
use super::error::RunError;
use crate::agent;
use crate::contracts::{ErrorKind, StepFinished, ToolError, ToolResult};

/// Why a finished step failed.
pub(super) fn of_step(work: &Work, step: &StepFinished) -> Result<ToolErrorText, RunError> {
    let kind = step.error_kind;
    let words = |message: String| ToolErrorText { kind, message };
    if let Some(reference) = &step.message {
        let bytes = work.services.store.reader().blob(reference)?;
        return Ok(words(String::from_utf8_lossy(&bytes).into_owned()));
    }
    let Some(record) = work.record.call_at(&step.path) else { return Ok(words(String::new())) };
    if let Some(finished) = &record.finished {
        let run = work.run_id.to_string();
        let result: ToolResult =
            call::document(work.services.store.reader(), &run, "a result", &finished.result)?;
        if let Some(error) = result.error {
            return Ok(ToolErrorText { kind: Some(error.kind), message: error.message });
        }
    }
    let refused = record.decision.as_ref().filter(|_| kind.is_some());
    Ok(words(refused.map(|decision| decision.reason.clone()).unwrap_or_default()))
}

/// Why the run is about to end badly, for `error` in expressions; `None` while it goes well.
pub(super) fn of_run(work: &Work) -> Result<Option<(String, String)>, RunError> {
    let verdict = agent::verdict(&work.state);
    let Some(cause) = verdict.cause else { return Ok(None) };
    let kind = verdict.kind.map_or("verification", ErrorKind::as_str).to_owned();
    let step = work.record.finished_steps.iter().rev().find(|step| step.path == cause);
    let message = match step {
        Some(step) => of_step(work, step)?.message,
        None => work.record.verify_errors.join("; "),
    };
    Ok(Some((kind, if message.is_empty() { cause } else { message })))
}

/// A kind of failure and what happened.
#[derive(Debug, Clone)]
pub(super) struct ToolErrorText {
    kind: Option<ErrorKind>,
    message: String,
}

impl ToolErrorText {
    /// As the error of a step in expressions.
    pub(super) fn into_error(self) -> ToolError {
        ToolError::new(self.kind.unwrap_or(ErrorKind::Io), self.message)
    }
}

impl std::fmt::Display for ToolErrorText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = self.kind.map_or("failed", ErrorKind::as_str);
        match self.message.as_str() {
            "" => f.write_str(kind),
            message => write!(f, "{kind}: {message}"),
        }
    }
}
