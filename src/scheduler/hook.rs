//! Starting a playbook by its webhook. Whoever calls has checked the secret.

use std::sync::Arc;

use serde_json::Value;

use super::intake;
use super::shared::Shared;
use super::submit::{Accepted, FieldError, Origin, SubmitError};
use crate::contracts::{Map, TaskSubmission};
use crate::playbook::{InputKind, Playbook, Webhook};

/// Whoever knows the secret of a hook does not choose files.
const NO_PATHS: &str = "a webhook gives no paths";

/// How a playbook may be started over HTTP.
pub(super) fn webhook(shared: &Shared, playbook: &str) -> Option<Webhook> {
    let catalogue = shared.parts.playbooks.current();
    catalogue.find(playbook).ok()?.playbook.as_ref()?.webhook.clone()
}

/// Starts a playbook with what was sent. Blocks.
pub(super) fn submit(
    shared: &Arc<Shared>,
    playbook: &str,
    body: &[u8],
    origin: Origin,
) -> Result<Accepted, SubmitError> {
    let catalogue = shared.parts.playbooks.current();
    let entry = intake::find(&catalogue, playbook)?;
    let unknown = || SubmitError::UnknownPlaybook { name: playbook.to_owned(), suggestion: None };
    let read = entry.playbook.as_ref().ok_or_else(unknown)?;
    let hook = read.webhook.as_ref().ok_or_else(unknown)?;
    let inputs = match &hook.input {
        Some(name) => whole(read, name, body)?,
        None => fields(read, body)?,
    };
    let submission =
        TaskSubmission { playbook: Some(entry.path.clone()), inputs, ..TaskSubmission::default() };
    intake::submit(shared, &submission, origin)
}

/// The body as the one input that takes it.
fn whole(playbook: &Playbook, name: &str, body: &[u8]) -> Result<Map, SubmitError> {
    let value = value(kind_of(playbook, name), body).map_err(|why| wrong(name, why))?;
    Ok([(name.to_owned(), value)].into_iter().collect())
}

/// The fields of the body as inputs; nothing of an empty one.
fn fields(playbook: &Playbook, body: &[u8]) -> Result<Map, SubmitError> {
    if body.is_empty() {
        return Ok(Map::new());
    }
    let inputs: Map = serde_json::from_slice(body).map_err(|error| {
        let why = format!("the body is no JSON object: {error}");
        SubmitError::Invalid(vec![FieldError::new("inputs", why)])
    })?;
    let path = |name: &&String| kind_of(playbook, name) == Some(InputKind::Path);
    match inputs.keys().find(path) {
        Some(name) => Err(wrong(name, NO_PATHS.to_owned())),
        None => Ok(inputs),
    }
}

fn kind_of(playbook: &Playbook, name: &str) -> Option<InputKind> {
    playbook.inputs.iter().find(|input| input.name == name).map(|input| input.kind)
}

fn wrong(name: &str, why: String) -> SubmitError {
    SubmitError::Invalid(vec![FieldError::new(format!("inputs.{name}"), why)])
}

/// The body as the kind of value that the input takes: a text as it is, anything else as JSON.
fn value(kind: Option<InputKind>, body: &[u8]) -> Result<Value, String> {
    match kind {
        Some(InputKind::Path) => Err(NO_PATHS.to_owned()),
        Some(InputKind::String) | None => std::str::from_utf8(body)
            .map(|text| Value::String(text.to_owned()))
            .map_err(|error| format!("the body is no UTF-8 text: {error}")),
        Some(_) => {
            serde_json::from_slice(body).map_err(|error| format!("the body is no JSON: {error}"))
        }
    }
}
