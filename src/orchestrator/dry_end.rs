//! A run that only shows what it would do: it ends as soon as it has begun, with what was found.
//!
//! A task, a schedule or a webhook that `run.dry_run_default` or its sender asks to act dry is a run like
//! any other, with an id, a journal and a report; no call is made in it.

use serde_json::json;

use super::driver::Work;
use super::dry_run::{DryStep, dry_run_as};
use super::error::RunError;
use super::intake::Checked;
use super::journal::Batch;
use super::planning::Came;
use super::run;
use crate::contracts::{Effect, ErrorKind, EventBody, Outcome, RunFinished};

/// What ends the run, where it is a dry one; `None` for one that acts. Blocks.
///
/// # Errors
/// When its journal misses something, or the audit log cannot be written.
pub(super) fn end(work: &Work) -> Result<Option<Batch>, RunError> {
    let Some((started, _)) = work.record.started.as_ref().filter(|(it, _)| it.dry_run) else {
        return Ok(None);
    };
    let checked = Checked {
        playbook: work.playbook.as_ref().clone(),
        inputs: started.inputs.clone(),
        read_roots: started.read_roots.clone(),
        sources: run::sources(&work.services, started)?,
    };
    let steps = dry_run_as(&work.services, &checked, work.run_id, Came::to(&work.record))?;
    let (outcome, cause, error_kind) = verdict(&steps);
    let mut batch = Batch::default();
    let outputs = serde_json::to_vec(&json!({ "dry_run": true, "items": steps }))?;
    let outputs = Some(batch.text(outputs, work.services.clock.salt()));
    let finished = RunFinished { outcome, cause, error_kind, outputs, labels: None };
    batch.bodies.push(EventBody::RunFinished(finished));
    Ok(Some(batch))
}

/// As `run --dry-run` ends: refused where a step would be, failed where one cannot be worked out.
fn verdict(steps: &[DryStep]) -> (Outcome, Option<String>, Option<ErrorKind>) {
    let refused = |step: &&DryStep| {
        step.decision.as_ref().is_some_and(|decision| decision.effect == Effect::Deny)
    };
    let path = |step: &DryStep| Some(step.path.clone());
    if let Some(step) = steps.iter().find(refused) {
        return (Outcome::Denied, path(step), Some(ErrorKind::Denied));
    }
    match steps.iter().find(|step| step.error.is_some()) {
        Some(step) => {
            let kind = step.error_kind.unwrap_or(ErrorKind::Expression);
            (Outcome::Failed, path(step), Some(kind))
        }
        None => (Outcome::Succeeded, None, None),
    }
}
