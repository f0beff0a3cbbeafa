//! How goals are planned: the keys, and what they come to.

use serde::Serialize;

use super::assemble::Values;
use super::key::{Key, Kind};
use super::keys::key;
use super::tighten::Tighter;
use crate::contracts::Diagnostic;

/// When people are asked about a whole plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AskPlan {
    /// When a rule asks about one of its steps.
    Rules,
    /// Before every plan.
    Always,
}

/// How goals are planned.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PlannerConfig {
    /// When people are asked about a whole plan.
    pub ask: AskPlan,
    /// From which share of a bound on somebody is asked before the next plan.
    pub ask_from: f64,
    /// Most steps of one plan.
    pub steps: u32,
    /// Most plans of one run.
    pub rounds: u32,
    /// How many steps that need nothing of one another are at work at once.
    pub parallel: u32,
    /// Up to how many tools are told with their arguments.
    pub tools: u32,
    /// Most tokens of what a model is told.
    pub context_tokens: u32,
    /// Whether a short memory is written when a goal is reached.
    pub remember: bool,
}

/// Each, in the order of the reference file.
pub(super) const KEYS: &[Key] = &[
    key(
        "planner.ask",
        Kind::Word(&["rules", "always"]),
        Tighter::Only("always"),
        "when people are asked about a whole plan",
    ),
    key(
        "planner.ask_from",
        Kind::Amount(0.1, 1.0),
        Tighter::Lower,
        "from which share of a bound on somebody is asked before the next plan",
    ),
    key("planner.steps", Kind::Count(1, 100), Tighter::Lower, "most steps of one plan"),
    key("planner.rounds", Kind::Count(1, 100), Tighter::Lower, "most plans of one run"),
    key(
        "planner.parallel",
        Kind::Count(1, 32),
        Tighter::Lower,
        "how many steps of a plan that need nothing of one another are at work at once",
    ),
    key(
        "planner.tools",
        Kind::Count(1, 1_000),
        Tighter::Never,
        "up to how many tools a model is told with their arguments",
    ),
    key(
        "planner.context_tokens",
        Kind::Count(500, 1_000_000),
        Tighter::Lower,
        "most tokens of what a model is told",
    ),
    key(
        "planner.remember",
        Kind::Bool,
        Tighter::Never,
        "whether a short memory is written when a goal is reached",
    ),
];

pub(super) fn planner(values: &Values<'_>) -> Result<PlannerConfig, Diagnostic> {
    Ok(PlannerConfig {
        ask: match values.text("planner.ask")? {
            "always" => AskPlan::Always,
            _ => AskPlan::Rules,
        },
        ask_from: values.number("planner.ask_from")?,
        steps: values.count("planner.steps")?,
        rounds: values.count("planner.rounds")?,
        parallel: values.count("planner.parallel")?,
        tools: values.count("planner.tools")?,
        context_tokens: values.count("planner.context_tokens")?,
        remember: values.boolean("planner.remember")?,
    })
}
