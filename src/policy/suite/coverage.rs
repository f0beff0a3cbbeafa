//! Which rules are met by tests, which only by their own examples, which never.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::policy::{Layer, PolicySet};

/// How far the rules of a set are met.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Coverage {
    /// Every rule in force, scripts' rules last.
    pub items: Vec<RuleMet>,
}

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RuleMet {
    /// Its id.
    pub id: String,
    /// Where it comes from.
    pub layer: Layer,
    /// Its file.
    pub file: String,
    /// Its line, from 1.
    pub line: u32,
    /// By what it is met.
    pub met: Met,
    /// How many cases it spoke in.
    pub cases: usize,
    /// How many of its own `match` examples it met; scripts have none.
    pub examples: usize,
}

/// By what a rule is met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Met {
    /// By nothing.
    Never,
    /// By its own examples only: alone it would speak, and nothing says what comes of it.
    Examples,
    /// By a case.
    Tests,
}

/// A rule by where it stands: the same id may stand in two layers.
pub(super) type Spot = (String, String, u32);

impl Coverage {
    /// The rules of `set`, of which each spoke in as many cases as `spoken` says.
    pub(super) fn of(set: &PolicySet, spoken: &BTreeMap<Spot, usize>) -> Self {
        let examples: BTreeMap<(&str, &str, u32), usize> = set
            .rules
            .iter()
            .map(|rule| ((rule.id.as_str(), rule.file.as_str(), rule.place.line), rule.examples))
            .collect();
        let rule = |rule: crate::policy::RuleLine| {
            let spot = (rule.id, rule.file, rule.line);
            let cases = spoken.get(&spot).copied().unwrap_or(0);
            let (id, file, line) = spot;
            let examples = examples.get(&(id.as_str(), file.as_str(), line)).copied().unwrap_or(0);
            let met = match (cases, examples) {
                (0, 0) => Met::Never,
                (0, _) => Met::Examples,
                _ => Met::Tests,
            };
            RuleMet { id, layer: rule.layer, file, line, met, cases, examples }
        };
        Self { items: set.rules().into_iter().map(rule).collect() }
    }

    /// How many rules are met so.
    #[must_use]
    pub fn count(&self, met: Met) -> usize {
        self.items.iter().filter(|rule| rule.met == met).count()
    }

    /// The share of rules that tests meet, in percent, rounded down; 100 where there is no rule.
    #[must_use]
    pub fn percent(&self) -> usize {
        (self.count(Met::Tests) * 100).checked_div(self.items.len()).unwrap_or(100)
    }

    /// The same of the rules in `files` alone.
    #[must_use]
    pub fn within(mut self, files: &BTreeSet<String>) -> Self {
        self.items.retain(|rule| files.contains(&rule.file));
        self
    }
}
