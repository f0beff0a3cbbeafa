//! Whether a schedule's run would need a person: a dry run says so before anything is started.

use std::sync::Arc;

use super::intake;
use super::shared::{Shared, locked};
use super::submit::{FieldError, SubmitError};
use crate::contracts::{Effect, Hash, Map};
use crate::live::playbooks::{Catalogue, Entry};
use crate::orchestrator::{DryStep, RunError, check_in, dry_run};
use crate::store::ScheduleRow;

/// Most reasons that are given.
const REASONS_MAX: usize = 10;

/// What a dry run calls a step that waits for a person.
const GATE: &str = "approval";

/// What was found out about a schedule, and what that holds for.
#[derive(Debug)]
pub(super) struct Vetted {
    rules: Hash,
    catalogue: Arc<Catalogue>,
    inputs: Map,
    refusal: Option<String>,
}

impl Vetted {
    /// Whether it holds for these rules, this playbook and what it includes and calls, these inputs.
    fn holds(&self, rules: Hash, catalogue: &Arc<Catalogue>, entry: &Entry, inputs: &Map) -> bool {
        let same = Arc::ptr_eq(&self.catalogue, catalogue) || {
            let before = self.catalogue.entries.iter().find(|it| it.path == entry.path);
            before.is_some_and(|it| it.source == entry.source && it.sources == entry.sources)
        };
        same && self.rules == rules && self.inputs == *inputs
    }
}

/// Everything that would ask or be denied, by the rules of now.
///
/// # Errors
/// When the playbook or the inputs have mistakes, or the audit log cannot be written.
pub(super) fn vet(
    shared: &Shared,
    entry: &Entry,
    inputs: &Map,
) -> Result<Vec<FieldError>, SubmitError> {
    let services = shared.services();
    let wanted = intake::wanted(shared, entry, None, inputs);
    let checked = check_in(services, &wanted, &entry.library())
        .map_err(|error| intake::refused(entry, error))?;
    // Steps of playbooks that it calls are among them.
    let steps = dry_run(services, &checked)?;
    let asks = steps.iter().filter(|step| step.runs != Some(false)).filter_map(judged);
    Ok(asks.take(REASONS_MAX).collect())
}

/// Why a step cannot be done with nobody near.
fn judged(step: &DryStep) -> Option<FieldError> {
    if step.action == GATE {
        return Some(reason(&step.path, "asks a person at its gate"));
    }
    let decision = step.decision.as_ref()?;
    let verb = match decision.effect {
        Effect::Ask => "asks a person",
        Effect::Deny => "is denied",
        _ => return None,
    };
    let rules: Vec<&str> = decision.rules.iter().map(|rule| rule.id.as_str()).collect();
    let by = if rules.is_empty() { String::new() } else { format!(" (by {})", rules.join(", ")) };
    Some(reason(&step.path, &format!("{verb}: {}{by}", decision.reason)))
}

fn reason(step: &str, what: &str) -> FieldError {
    FieldError::new("playbook", format!("its step `{step}` {what}; nobody is near when it is due"))
}

/// Why a schedule of a playbook does not fire, as it is now. Looks again only when the playbook or the
/// rules have changed.
///
/// # Errors
/// When the audit log cannot be written.
pub(super) fn refusal(
    shared: &Shared,
    row: &ScheduleRow,
    name: &str,
) -> Result<Option<String>, RunError> {
    let catalogue = shared.parts.playbooks.current();
    let entry = match intake::find(&catalogue, name) {
        Ok(entry) => entry,
        Err(error) => return Ok(Some(error.to_string())),
    };
    let rules = shared.services().policy.current().hash();
    if let Some(known) = locked(&shared.vetted).get_mut(&row.id)
        && known.holds(rules, &catalogue, entry, &row.inputs)
    {
        // The files of now: those of before need not be kept, nor compared again.
        known.catalogue = Arc::clone(&catalogue);
        return Ok(known.refusal.clone());
    }
    let refusal = match vet(shared, entry, &row.inputs) {
        Ok(reasons) if reasons.is_empty() => None,
        Ok(reasons) => Some(joined(&reasons)),
        Err(SubmitError::Run(error)) => return Err(error),
        Err(error) => Some(error.to_string()),
    };
    let inputs = row.inputs.clone();
    let (known, catalogue) = (refusal.clone(), Arc::clone(&catalogue));
    locked(&shared.vetted).insert(row.id, Vetted { rules, catalogue, inputs, refusal: known });
    Ok(refusal)
}

fn joined(reasons: &[FieldError]) -> String {
    reasons.iter().map(|reason| reason.message.as_str()).collect::<Vec<_>>().join("; ")
}
