//! Values of templates with where each comes from: as they are looked at, kept and decided on.

use std::collections::BTreeMap;

use super::call;
use super::driver::Work;
use super::error::RunError;
use super::opening::Desk;
use super::origins::{self, Ground};
use super::taken::{Labels, SECRET_FILE, secret};
use crate::contracts::Map;
use crate::playbook::expression::ExpressionError;
use crate::telemetry::Fingerprints;

/// Arguments, or inputs.
#[derive(Debug, Clone, Default)]
pub(super) struct Traced {
    values: Map,
    labels: BTreeMap<String, Labels>,
}

impl Traced {
    /// Fills `templates`.
    ///
    /// # Errors
    /// The expression that has no value.
    pub(super) fn of(
        templates: &Map,
        desk: Desk<'_>,
        ground: &impl Ground,
    ) -> Result<Self, ExpressionError> {
        Ok(Self::filled(templates, desk.map(templates)?, desk, ground))
    }

    /// As [`Traced::of`], of templates that are filled already.
    pub(super) fn filled(
        templates: &Map,
        values: Map,
        desk: Desk<'_>,
        ground: &impl Ground,
    ) -> Self {
        let labels = origins::each(desk.evaluator, templates, ground).into_iter().collect();
        Self { values, labels }
    }

    /// Adds `labels` to every value.
    pub(super) fn noting<'a>(mut self, labels: impl IntoIterator<Item = &'a String>) -> Self {
        let more: Labels = labels.into_iter().cloned().collect();
        self.labels.values_mut().for_each(|labels| labels.extend(more.iter().cloned()));
        self
    }

    /// The values without declared secrets, and their labels: those of secrets that were found in them
    /// as well.
    pub(super) fn known(mut self, work: &Work) -> (Map, BTreeMap<String, Vec<String>>) {
        let prints = fingerprints(work);
        let mut labels = BTreeMap::new();
        for (name, value) in &mut self.values {
            let mut found = self.labels.remove(name).unwrap_or_default();
            match &prints {
                Ok(prints) if !prints.iter().any(|prints| prints.meet(value)) => {}
                Ok(_) => {
                    found.insert(SECRET_FILE.to_owned());
                }
                Err(error) => {
                    tracing::warn!("`{name}` counts as holding a secret: {error}");
                    found.insert(SECRET_FILE.to_owned());
                }
            }
            let names = work.services.redactor.conceal(value);
            found.extend(names.iter().map(|name| secret(name)));
            labels.insert(name.clone(), origins::whole(found).into_iter().collect());
        }
        (self.values, labels)
    }
}

/// What the secrets are known again by that the run has read.
fn fingerprints(work: &Work) -> Result<Vec<Fingerprints>, RunError> {
    let run = work.run_id.to_string();
    let store = work.services.store.reader();
    let read = |text| call::document(store, &run, "fingerprints", text);
    work.record.taken.fingerprints.iter().map(read).collect()
}
