//! What configuration allows a playbook, as lint needs it.

use crate::config::Config;
use crate::contracts::Budget;
use crate::yaml;

use super::expression::ExpressionLimits;

/// Bounds that lint holds a playbook to.
#[derive(Debug, Clone, PartialEq)]
pub struct LintLimits {
    /// Largest file, in bytes.
    pub file_bytes: u64,
    /// Most steps, all sections together.
    pub steps: u32,
    /// Deepest nesting of the file.
    pub nesting: u32,
    /// Most items of a `foreach`.
    pub foreach_items: u32,
    /// Most operations of one expression.
    pub expression_operations: u64,
    /// What a run gets that states no budget.
    pub budget_default: Budget,
    /// The most a playbook may state.
    pub budget_max: Budget,
    /// Most retries of one call, whatever a playbook states.
    pub retries_per_call: u32,
    /// How long an approval counts that states nothing, in milliseconds.
    pub approval_ttl_ms: u64,
}

impl Default for LintLimits {
    /// The numbers of the default configuration.
    fn default() -> Self {
        Self {
            file_bytes: 1 << 20,
            steps: 1_000,
            nesting: 16,
            foreach_items: 10_000,
            expression_operations: 50_000,
            budget_default: Budget::default(),
            budget_max: Budget {
                steps: 1_000,
                retries: 200,
                wall_ms: 86_400_000,
                tokens: 2_000_000,
                cost_usd: 20.0,
            },
            retries_per_call: 5,
            approval_ttl_ms: 300_000,
        }
    }
}

impl From<&Config> for LintLimits {
    fn from(config: &Config) -> Self {
        Self {
            file_bytes: config.limits.file_bytes,
            steps: config.limits.steps,
            nesting: config.limits.nesting,
            foreach_items: config.limits.foreach_items,
            expression_operations: config.limits.expression_operations,
            budget_default: config.budget.default.clone(),
            budget_max: config.budget.max.clone(),
            retries_per_call: config.run.max_retries_per_tool,
            approval_ttl_ms: config.policy.approval_ttl_ms,
        }
    }
}

impl LintLimits {
    /// The same for a playbook that was taken already: its budget is that of its run, whatever may be
    /// stated by now.
    #[must_use]
    pub fn of_taken(mut self) -> Self {
        self.budget_max = Budget {
            steps: u32::MAX,
            retries: u32::MAX,
            wall_ms: u64::MAX,
            tokens: u64::MAX,
            cost_usd: f64::MAX,
        };
        self
    }

    /// Bounds of the YAML document.
    #[must_use]
    pub fn yaml(&self) -> yaml::Limits {
        let wide = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        yaml::Limits {
            bytes: wide(self.file_bytes),
            depth: wide(u64::from(self.nesting)),
            ..yaml::Limits::default()
        }
    }

    /// Bounds of an expression.
    #[must_use]
    pub const fn expressions(&self) -> ExpressionLimits {
        ExpressionLimits { operations: self.expression_operations }
    }
}
