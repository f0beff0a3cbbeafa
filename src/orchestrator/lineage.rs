//! What a run begins with, and where that came from: inputs of a person, of whoever knows a webhook, of a
//! run that calls it. Secrets that stand in it are struck out before anything is durable.

use std::collections::BTreeMap;

use serde_json::Value;

use super::driver::Work;
use super::error::RunError;
use super::journal::Batch;
use super::record::RunRecord;
use super::services::Services;
use super::taken::{Labels, secret};
use crate::contracts::{Lineage, Map, RunFlow, TextRef, Trigger};
use crate::store::Reader;

/// What somebody sent who knows the secret of a hook.
pub(super) const WEBHOOK: &str = "untrusted:webhook";

/// The lineage of a run that nobody called. `given` are the inputs as they came in.
pub(super) fn of_top(
    services: &Services,
    trigger: Trigger,
    given: &Map,
    goal: Option<&str>,
) -> Lineage {
    let strange = trigger == Trigger::Webhook;
    let mut inputs = BTreeMap::new();
    for (name, value) in given {
        let mut labels: Labels = strange.then(|| WEBHOOK.to_owned()).into_iter().collect();
        let names = services.redactor.conceal(&mut value.clone());
        labels.extend(names.iter().map(|name| secret(name)));
        if !labels.is_empty() {
            inputs.insert(name.clone(), labels.into_iter().collect());
        }
    }
    // What a hook sends is nobody's wish.
    let goal = concealed_text(services, goal.filter(|_| !strange).unwrap_or_default());
    Lineage { inputs, goal, before: RunFlow::default() }
}

/// The same text without the secrets in it.
pub(super) fn concealed_text(services: &Services, text: &str) -> String {
    let mut text = text.to_owned();
    services.redactor.conceal_text(&mut text);
    text
}

/// The same values without the secrets in them.
pub(super) fn concealed(services: &Services, values: &Map) -> Map {
    let mut values = values.clone();
    values.values_mut().for_each(|value: &mut Value| drop(services.redactor.conceal(value)));
    values
}

/// The lineage of a run that `work` calls, whose inputs have these labels.
pub(super) fn of_child(
    work: &Work,
    inputs: BTreeMap<String, Vec<String>>,
    batch: &mut Batch,
) -> Result<Lineage, RunError> {
    let before = flow(&work.services, &work.record, Vec::new(), batch)?;
    Ok(Lineage { inputs, goal: goal(&work.record).to_owned(), before })
}

/// What a person asked for, in their own words.
pub(super) fn goal(record: &RunRecord) -> &str {
    let Some((started, _)) = &record.started else { return "" };
    match (&started.lineage, started.trigger) {
        (Some(lineage), _) => &lineage.goal,
        (None, Trigger::Webhook | Trigger::Call) => "",
        (None, _) => record.task.as_ref().map_or("", |task| task.goal.as_str()),
    }
}

/// What a run has taken in, to be handed to another: fingerprints become texts of that one's own, so
/// that what one run forgets, the other still has.
pub(super) fn flow(
    services: &Services,
    record: &RunRecord,
    labels: Vec<String>,
    batch: &mut Batch,
) -> Result<RunFlow, RunError> {
    let store: &Reader = services.store.reader();
    let copy = |text: &TextRef| Ok(batch.text(store.blob(text)?, services.clock.salt()));
    Ok(RunFlow {
        labels,
        untrusted: record.taken.untrusted,
        read_secret: record.taken.read_secret,
        fingerprints: record
            .taken
            .fingerprints
            .iter()
            .map(copy)
            .collect::<Result<_, RunError>>()?,
    })
}
