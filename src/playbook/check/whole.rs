//! What needs the whole playbook: secrets, approvals nobody can give, tries that never happen,
//! scenarios that name what is not there.

use crate::contracts::Diagnostic;
use crate::playbook::inputs::{InputError, resolve_inputs};
use crate::playbook::model::{Action, Playbook, Step};
use crate::playbook::read::Reader;
use crate::yaml::did_you_mean;

/// Checks the playbook as a whole.
pub(in crate::playbook) fn whole(reader: &mut Reader<'_>, playbook: &Playbook) {
    secrets(reader, playbook);
    for step in playbook.all_steps() {
        unattended(reader, playbook, step);
        tries(reader, step);
    }
    scenarios(reader, playbook);
}

fn secrets(reader: &mut Reader<'_>, playbook: &Playbook) {
    for (name, place) in std::mem::take(&mut reader.secrets) {
        if !playbook.permissions.secrets.contains(&name) {
            let message = format!("the secret `{name}` is not declared");
            let suggestion = Some(format!("add `{name}` to `permissions.secrets`"));
            reader.hinted(place, "undeclared-secret", message, suggestion);
        }
    }
}

fn unattended(reader: &mut Reader<'_>, playbook: &Playbook, step: &Step) {
    if playbook.schedule.is_some() && matches!(step.action, Action::Approval { .. }) {
        let message =
            format!("`{}` waits for a person, and a scheduled run has nobody near", step.id);
        let suggestion = Some("remove the approval or the schedule".to_owned());
        reader.hinted(step.place, "approval-unattended", message, suggestion);
    }
}

/// Notes a retry that never happens: what may not be repeated is not tried again.
fn tries(reader: &mut Reader<'_>, step: &Step) {
    let Action::Tool { tool, .. } = &step.action else { return };
    let Some(effect) = step.effect.or_else(|| reader.vocabulary.get(tool).map(|tool| tool.effect))
    else {
        return;
    };
    if step.retry.attempts > 1 && !effect.is_repeatable() {
        let message =
            format!("`{}` is never tried again: doing it twice is not the same as once", step.id);
        let suggestion = "add `effect: idempotent` if it is, or remove `retry`";
        reader.warning(step.place, "retry-never", message, suggestion);
    }
}

fn scenarios(reader: &mut Reader<'_>, playbook: &Playbook) {
    for (id, place) in std::mem::take(&mut reader.named) {
        if reader.is_full() {
            return;
        }
        if !reader.ids.iter().any(|(_, known)| *known == id) {
            let suggestion = did_you_mean(&id, reader.ids.iter().map(|(_, known)| known.as_str()));
            reader.hinted(place, "unknown-step", format!("there is no step `{id}`"), suggestion);
        }
    }
    for (given, place) in std::mem::take(&mut reader.given) {
        for error in resolve_inputs(playbook, &given).err().unwrap_or_default() {
            let code = if matches!(error, InputError::Unknown { .. }) {
                "unknown-input"
            } else {
                "bad-input"
            };
            let diagnostic: Diagnostic = place.error(reader.file, code, error.to_string());
            reader.mistakes.push(diagnostic);
        }
    }
}
