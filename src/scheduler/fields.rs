//! What can be wrong with the fields of a submission, each by its name.

use std::path::Path;

use super::FieldError;
use crate::contracts::{Attachment, Budget, TaskSubmission, TaskType};
use crate::policy::without_dots;

/// Longest idempotency key, in bytes.
const KEY_BYTES_MAX: usize = 255;

/// Everything that is wrong without looking at a playbook, or the kind of work.
pub(super) fn check(
    submission: &TaskSubmission,
    budget_max: &Budget,
    root: &Path,
) -> Result<TaskType, Vec<FieldError>> {
    let mut errors = Vec::new();
    let kind = submission.check();
    for error in kind.as_ref().err().into_iter().flatten() {
        let message = error.to_string();
        errors.push(FieldError::new(field_of(&message), message));
    }
    if let Some(budget) = &submission.budget {
        errors.extend(budget_errors(budget, budget_max));
    }
    let attachments = submission.attachments.iter().enumerate();
    errors.extend(attachments.filter_map(|(index, one)| attachment_error(index, one, root)));
    let key = submission.idempotency_key.as_deref();
    if key.is_some_and(|key| key.is_empty() || key.len() > KEY_BYTES_MAX) {
        let message = format!("a key has 1 to {KEY_BYTES_MAX} bytes");
        errors.push(FieldError::new("idempotency_key", message));
    }
    match kind {
        Ok(kind) if errors.is_empty() => Ok(kind),
        _ => Err(errors),
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

/// A file of the workspace is named and stays where it is. What would have to be kept is refused rather
/// than lost: nothing of this version reads it.
fn attachment_error(index: usize, attachment: &Attachment, root: &Path) -> Option<FieldError> {
    let field = |name: &str| format!("attachments[{index}].{name}");
    let advice = || Some("put the file into the workspace and give its `path`".to_owned());
    if attachment.check().is_err() {
        return None; // said already
    }
    if attachment.data.is_some() {
        let message = "content inside of a task is not kept by this version".to_owned();
        return Some(FieldError { field: field("data"), message, suggestion: advice() });
    }
    if attachment.artifact.is_some() {
        let message = "artifacts cannot be attached in this version".to_owned();
        return Some(FieldError { field: field("artifact"), message, suggestion: advice() });
    }
    let path = attachment.path.as_deref()?;
    let absolute = without_dots(&root.join(path));
    if !absolute.starts_with(root) {
        let message = format!("`{}` is outside of the workspace", path.escape_debug());
        return Some(FieldError::new(field("path"), message));
    }
    match std::fs::metadata(&absolute) {
        Ok(about) if about.is_file() => None,
        Ok(_) => {
            let message = format!("`{}` is no regular file", path.escape_debug());
            Some(FieldError::new(field("path"), message))
        }
        Err(error) => {
            let message = format!("`{}` cannot be read: {error}", path.escape_debug());
            Some(FieldError::new(field("path"), message))
        }
    }
}
