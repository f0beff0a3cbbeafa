//! What a run may spend, and what it has spent.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Upper bounds of one run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// Tool calls, retries included.
    pub steps: u32,
    /// Retries in the whole run.
    pub retries: u32,
    /// Wall-clock time in milliseconds.
    pub wall_ms: u64,
    /// Tokens sent to and received from models.
    pub tokens: u64,
    /// Cost in US dollars.
    pub cost_usd: f64,
}

/// What a run has used of its budget so far.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BudgetUse {
    /// Tool calls, retries included.
    pub steps: u32,
    /// Retries.
    pub retries: u32,
    /// Wall-clock time in milliseconds.
    pub wall_ms: u64,
    /// Tokens.
    pub tokens: u64,
    /// Cost in US dollars.
    pub cost_usd: f64,
}

impl BudgetUse {
    /// Adds what a run inside of this one used or may use. Its time is in the time of this one.
    pub fn charge(&mut self, inner: &Self) {
        self.steps = self.steps.saturating_add(inner.steps);
        self.retries = self.retries.saturating_add(inner.retries);
        self.tokens = self.tokens.saturating_add(inner.tokens);
        self.cost_usd += inner.cost_usd;
    }
}

impl From<&Budget> for BudgetUse {
    /// A budget that is used up.
    fn from(budget: &Budget) -> Self {
        let Budget { steps, retries, wall_ms, tokens, cost_usd } = *budget;
        Self { steps, retries, wall_ms, tokens, cost_usd }
    }
}

/// Which bound was met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BudgetKind {
    /// Tool calls.
    Steps,
    /// Retries.
    Retries,
    /// Wall-clock time.
    Wall,
    /// Model tokens.
    Tokens,
    /// Money.
    Cost,
}

impl Default for Budget {
    /// The budget of a run that states none: the same numbers as in the default configuration.
    fn default() -> Self {
        Self { steps: 100, retries: 20, wall_ms: 3_600_000, tokens: 100_000, cost_usd: 1.0 }
    }
}

impl Budget {
    /// The smaller of each bound: a playbook may narrow what configuration allows, never widen it.
    #[must_use]
    pub fn narrowed(&self, other: &Self) -> Self {
        Self {
            steps: self.steps.min(other.steps),
            retries: self.retries.min(other.retries),
            wall_ms: self.wall_ms.min(other.wall_ms),
            tokens: self.tokens.min(other.tokens),
            cost_usd: self.cost_usd.min(other.cost_usd),
        }
    }
}
