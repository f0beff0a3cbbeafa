//! When memories that say the same become one, and how much an area may hold.

use std::collections::BTreeMap;

use serde::Serialize;

use super::assemble::Values;
use crate::contracts::Diagnostic;

/// When memories that say the same become one.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ConsolidationConfig {
    /// So many new records are enough to begin; 0 for never.
    pub records: u64,
    /// So many bytes of new texts are enough; 0 for never.
    pub bytes: u64,
    /// So many new records about one subject are enough; 0 for never.
    pub cluster: u64,
    /// How near two records must be to be looked at, 0.5 to 1.
    pub similarity: f64,
    /// Most records of an area that are looked at at a time.
    pub look_records: u64,
    /// Most bytes of an area's texts that are looked at at a time.
    pub look_bytes: u64,
    /// Whether a language model writes what stands for several records, where there is one.
    pub model: bool,
    /// What areas may hold, by area.
    pub budgets: BTreeMap<String, BudgetOfArea>,
}

/// What an area may hold in the indexes; 0 for any amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct BudgetOfArea {
    /// Most records.
    pub records: u64,
    /// Most bytes of texts.
    pub bytes: u64,
    /// How long what was replaced stays in the indexes, in milliseconds.
    pub superseded_ms: u64,
}

/// Areas that have a budget; `main` is for people to keep short.
const AREAS: [&str; 3] = ["fragments", "solutions", "instruments"];

pub(super) fn consolidation(values: &Values<'_>) -> Result<ConsolidationConfig, Diagnostic> {
    let of = |name: &str| format!("memory.consolidation.{name}");
    let mut budgets = BTreeMap::new();
    for area in AREAS {
        let of = |name: &str| values.whole(&format!("memory.budgets.{area}.{name}"));
        let (records, bytes) = (of("records")?, of("bytes")?);
        let budget = BudgetOfArea { records, bytes, superseded_ms: of("superseded")? };
        budgets.insert(area.to_owned(), budget);
    }
    Ok(ConsolidationConfig {
        records: values.whole(&of("records"))?,
        bytes: values.whole(&of("bytes"))?,
        cluster: values.whole(&of("cluster"))?,
        similarity: values.number(&of("similarity"))?,
        look_records: values.whole(&of("look_records"))?,
        look_bytes: values.whole(&of("look_bytes"))?,
        model: values.boolean(&of("model"))?,
        budgets,
    })
}
