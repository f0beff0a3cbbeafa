//! What can be wrong with the fields of a submission, each by its name.

use super::submit::{FieldError, SubmitError};
use crate::contracts::{ATTACHMENTS_MAX, Attachment, Budget, TaskSubmission, TaskType};
use crate::orchestrator::{Attached, AttachmentError, RunError, Services, attach};

/// Longest idempotency key, in bytes.
const KEY_BYTES_MAX: usize = 255;

/// Everything that is wrong without looking at a playbook, or the kind of work and the files that come with it.
/// Blocks.
pub(super) fn check(
    services: &Services,
    submission: &TaskSubmission,
) -> Result<(TaskType, Vec<Attached>), SubmitError> {
    let mut errors = Vec::new();
    let kind = submission.check();
    for error in kind.as_ref().err().into_iter().flatten() {
        let message = error.to_string();
        errors.push(FieldError::new(field_of(&message), message));
    }
    if let Some(budget) = &submission.budget {
        errors.extend(budget_errors(budget, &services.settings.refreshed().budget.max));
    }
    let attached = attached(services, &submission.attachments, &mut errors)?;
    let key = submission.idempotency_key.as_deref();
    if key.is_some_and(|key| key.is_empty() || key.len() > KEY_BYTES_MAX) {
        let message = format!("a key has 1 to {KEY_BYTES_MAX} bytes");
        errors.push(FieldError::new("idempotency_key", message));
    }
    match kind {
        Ok(kind) if errors.is_empty() => Ok((kind, attached)),
        _ => Err(SubmitError::Invalid(errors)),
    }
}

/// The field that a message of [`TaskSubmission::check`] is about: the first it names.
fn field_of(message: &str) -> &'static str {
    const FIELDS: [&str; 5] = ["type", "goal", "attachments", "context_hints", "labels"];
    if message.starts_with("attachment ") {
        return "attachments";
    }
    let named = message.split('`').nth(1);
    FIELDS.into_iter().find(|field| named == Some(field)).unwrap_or_default()
}

/// A budget only narrows.
fn budget_errors(budget: &Budget, max: &Budget) -> Vec<FieldError> {
    let counts = [
        ("budget.steps", u64::from(budget.steps), u64::from(max.steps), 1),
        ("budget.retries", u64::from(budget.retries), u64::from(max.retries), 0),
        ("budget.wall_ms", budget.wall_ms, max.wall_ms, 1),
        ("budget.tokens", budget.tokens, max.tokens, 0),
    ];
    let wrong = counts.into_iter().filter(|(_, given, max, min)| given > max || given < min);
    let mut errors: Vec<FieldError> = wrong
        .map(|(field, given, max, min)| {
            FieldError::new(field, format!("{given} is not from {min} to {max}"))
        })
        .collect();
    if !(0.0..=max.cost_usd).contains(&budget.cost_usd) {
        let message = format!("{} is not from 0 to {}", budget.cost_usd, max.cost_usd);
        errors.push(FieldError::new("budget.cost_usd", message));
    }
    errors
}

/// Files that come with a task, or what is wrong with them beside what is said of every submission.
fn attached(
    services: &Services,
    given: &[Attachment],
    errors: &mut Vec<FieldError>,
) -> Result<Vec<Attached>, RunError> {
    if given.len() > ATTACHMENTS_MAX {
        return Ok(Vec::new()); // said already
    }
    let wrong = match attach(services, given)? {
        Ok(attached) => return Ok(attached),
        Err(wrong) => wrong,
    };
    let unsaid = |it: &AttachmentError| given.get(it.index).is_some_and(|one| one.check().is_ok());
    errors.extend(wrong.into_iter().filter(unsaid).map(attachment_error));
    Ok(Vec::new())
}

/// The same as a mistake in a field.
pub(super) fn attachment_error(error: AttachmentError) -> FieldError {
    let field = error.field();
    let AttachmentError { message, suggestion, .. } = error;
    FieldError { field, message, suggestion }
}
