//! Forgetting what a person or a program names.

use serde_json::json;

use super::govern::{Asker, MemoryRefusal, allowed, call, noted};
use crate::contracts::{Effect, ForgetPlan, ForgetReceipt, Map, MemorySelection, RunId};
use crate::memory::MemoryError;
use crate::orchestrator::error::RunError;
use crate::orchestrator::services::Services;
use crate::ports::Erased;
use crate::store::StoreError;

/// The name under which policy decides about forgetting.
const MEMORY_FORGET: &str = "memory_forget";

/// What would be forgotten. Blocks.
///
/// # Errors
/// When nothing is meant, a named record is not there, or memory cannot be read.
pub fn would_forget(
    services: &Services,
    meant: &MemorySelection,
) -> Result<ForgetPlan, MemoryError> {
    services.memory.would_forget(meant)
}

/// Forgets for good, if policy lets it: the records that are meant, what was derived from them, and, of a run
/// that is named and has ended, every text of its journal. Blocks.
///
/// # Errors
/// [`MemoryRefusal`].
pub fn forget(
    services: &Services,
    asker: &Asker,
    meant: &MemorySelection,
) -> Result<ForgetReceipt, MemoryRefusal> {
    let plan = services.memory.would_forget(meant)?;
    let mut args = Map::new();
    args.insert("ids".to_owned(), json!(plan.items.iter().map(|it| it.id).collect::<Vec<_>>()));
    let call = call(services, MEMORY_FORGET, args);
    allowed(services, asker, &call)?;
    let receipt = done(services, &plan, meant.run, &asker.by)?;
    noted(services, asker, &call, Effect::Allow, None)?;
    Ok(receipt)
}

/// Does what was decided.
pub(super) fn done(
    services: &Services,
    plan: &ForgetPlan,
    run: Option<RunId>,
    by: &str,
) -> Result<ForgetReceipt, MemoryRefusal> {
    let Erased { texts, rows_kept, files, pending, .. } = services.memory.forget(plan)?;
    let run_texts = run.map_or(Ok(0), |run| run_texts(services, run))?;
    let still = |found: &&RunId| run_texts == 0 || run != Some(**found);
    Ok(ForgetReceipt {
        ids: plan.items.iter().map(|it| it.id).collect(),
        derived: plan.items.iter().filter(|it| it.derived_from.is_some()).count() as u64,
        texts,
        run_texts,
        rows_kept,
        revived: plan.revived.clone(),
        runs: plan.runs.iter().filter(still).copied().collect(),
        files,
        pending,
        at: services.clock.now(),
        by: by.to_owned(),
    })
}

/// Forgets the texts of a run that has ended. One that is at work still needs them; of one that is not here
/// there is nothing to forget.
fn run_texts(services: &Services, run: RunId) -> Result<u64, RunError> {
    match services.store.forget_run_texts(run, services.clock.now()) {
        Ok(forgotten) => Ok(forgotten.forgotten),
        Err(StoreError::BadRequest(_) | StoreError::NotFound(_)) => Ok(0),
        Err(error) => Err(error.into()),
    }
}
