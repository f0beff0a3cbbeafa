//! What bounds planning.

/// Bounds of plans and of planning.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PlanLimits {
    /// Most steps of one plan.
    pub steps: u32,
    /// Most plans of one run.
    pub rounds: u32,
    /// How many steps that need nothing of one another are at work at once.
    pub parallel: u32,
    /// Most tokens of what a model is told.
    pub context_tokens: usize,
    /// Most tokens of a reply.
    pub reply_tokens: u32,
}
