//! What needs the whole playbook: secrets, approvals nobody can give, tries that never happen,
//! scenarios that name what is not there.

use crate::contracts::Diagnostic;
use crate::playbook::inputs::{InputError, resolve_inputs};
use crate::playbook::model::{Action, InputKind, Playbook, Step};
use crate::playbook::read::Reader;
use crate::yaml::did_you_mean;

/// Checks the playbook as a whole.
pub(in crate::playbook) fn whole(reader: &mut Reader<'_>, playbook: &Playbook) {
    secrets(reader, playbook);
    hook(reader, playbook);
    feedback(reader);
    for step in playbook.all_steps() {
        let file = reader.tree.find(&step.id).and_then(|index| reader.tree.step(index));
        reader.look_at(file.map_or(0, |step| step.file));
        unattended(reader, playbook, step);
        tries(reader, step);
    }
    reader.look_at(0);
    scenarios(reader, playbook);
}

fn secrets(reader: &mut Reader<'_>, playbook: &Playbook) {
    for (name, file, place) in std::mem::take(&mut reader.secrets) {
        reader.look_at(file);
        if !playbook.permissions.secrets.contains(&name) {
            let message = format!("the secret `{name}` is not declared");
            let suggestion = Some(format!("add `{name}` to `permissions.secrets`"));
            reader.hinted(place, "undeclared-secret", message, suggestion);
        }
    }
}

/// Notes a person that a run without one would wait for.
fn unattended(reader: &mut Reader<'_>, playbook: &Playbook, step: &Step) {
    let (started, remove) = match (&playbook.schedule, &playbook.webhook) {
        (Some(_), _) => ("a scheduled run", "the schedule"),
        (None, Some(_)) => ("a run started by a webhook", "the webhook"),
        (None, None) => return,
    };
    let who = match &step.action {
        Action::Approval { .. } => format!("`{}` waits for a person", step.id),
        Action::Call { playbook, .. } => match reader.asking.get(playbook) {
            Some(gate) => format!("`{}` calls {gate} waits for a person", step.id),
            None => return,
        },
        _ => return,
    };
    let message = format!("{who}, and {started} has nobody near");
    let suggestion = Some(format!("remove the approval or {remove}"));
    reader.hinted(step.place, "approval-unattended", message, suggestion);
}

/// Notes an input that cannot take a request's body.
fn hook(reader: &mut Reader<'_>, playbook: &Playbook) {
    let Some((name, place)) = reader.hook.take() else { return };
    let Some(input) = playbook.inputs.iter().find(|input| input.name == name) else {
        let suggestion = did_you_mean(&name, playbook.inputs.iter().map(|it| it.name.as_str()));
        let message = format!("there is no input `{name}`");
        return reader.hinted(place, "unknown-input", message, suggestion);
    };
    if !matches!(input.kind, InputKind::Map | InputKind::List | InputKind::String) {
        let message = format!(
            "`{name}` is of type {}: a body is a map, a list or a string",
            input.kind.as_str()
        );
        reader.error(place, "wrong-type", message);
    }
    let others = playbook.inputs.iter().filter(|other| other.name != name && other.required);
    for other in others {
        let message = format!("the webhook gives `{name}` only, and `{}` is required", other.name);
        let suggestion = Some(format!("give `{}` a default", other.name));
        reader.hinted(place, "missing-input", message, suggestion);
    }
}

/// Notes an input that a gate with `rewind_to` fills in.
fn feedback(reader: &mut Reader<'_>) {
    let declared = reader.inputs.iter().any(|input| input == "feedback");
    let gate = reader.tree.steps.iter().find_map(|step| Some((step.file, step.rewind.clone()?.1)));
    if let (true, Some((file, place))) = (declared, gate) {
        reader.look_at(file);
        let message = "`inputs.feedback` is what a person writes here, and an input has the name";
        let suggestion = Some("give the input another name".to_owned());
        reader.hinted(place, "taken-name", message, suggestion);
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
        if reader.tree.find(&id).is_none() {
            let suggestion =
                did_you_mean(&id, reader.tree.steps.iter().map(|step| step.id.as_str()));
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
