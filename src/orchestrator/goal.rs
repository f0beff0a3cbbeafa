//! The playbook of a bare goal: it has no steps of its own, a planner finds them.

use serde_json::{Value, json};

use crate::config::Config;
use crate::contracts::{Budget, Map, format_duration_ms};
use crate::ports::Vocabulary;

/// The input that is the goal.
pub(super) const GOAL: &str = "goal";

/// Longest name of a playbook, in bytes.
const NAME_BYTES_MAX: usize = 64;

/// What makes one.
pub(super) struct GoalPlaybook<'a> {
    pub name: &'a str,
    pub tools: &'a [String],
    pub secrets: &'a [String],
    pub budget: Budget,
    /// Whether a short memory is written when the goal is reached.
    pub remember: bool,
}

impl GoalPlaybook<'_> {
    /// Its text. The goal goes in as an input, so that nothing in it is an expression; which files and hosts
    /// are touched is for the rules, and for the runs that call it, to bound.
    pub(super) fn text(&self) -> String {
        let Budget { steps, retries, wall_ms, tokens, cost_usd } = &self.budget;
        let mut playbook = json!({
            "schema": 1,
            "name": name(self.name),
            "description": "Reaches a goal with steps that a planner finds.",
            "inputs": { GOAL: { "type": "string", "required": true, "description": "What is wanted." } },
            "permissions": {
                "tools": self.tools, "read": ["/"], "write": ["/"], "network": ["*"], "secrets": self.secrets,
            },
            "budget": {
                "steps": steps, "retries": retries, "wall": format_duration_ms(*wall_ms),
                "tokens": tokens, "cost_usd": cost_usd,
            },
            "goal": "${{ inputs.goal }}",
            "outputs": { "answer": "${{ run.answer }}" },
        });
        if self.remember
            && let Some(playbook) = playbook.as_object_mut()
        {
            let text = "${{ \"Goal: \" + inputs.goal + \"\\nOutcome: \" + run.answer }}";
            let memory =
                json!({ "area": "fragments", "text": text, "tags": ["goal"], "optional": true });
            playbook.insert("remember".to_owned(), json!([memory]));
        }
        format!("{playbook:#}")
    }
}

/// A bare goal as a playbook, with every tool there is.
#[must_use]
pub fn goal_playbook(config: &Config, tools: &Vocabulary) -> String {
    let tools: Vec<String> = tools.tools().map(|tool| tool.name.clone()).collect();
    let playbook = GoalPlaybook {
        name: GOAL,
        tools: &tools,
        secrets: &[],
        budget: config.budget.default.clone(),
        remember: config.planner.remember,
    };
    playbook.text()
}

/// What it is given.
#[must_use]
pub fn goal_input(goal: Value) -> Map {
    Map::from_iter([(GOAL.to_owned(), goal)])
}

/// A name that a playbook can have.
fn name(text: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let name: String = text.chars().map(plain).take(NAME_BYTES_MAX).collect();
    if name.starts_with(|c: char| c.is_ascii_lowercase()) { name } else { GOAL.to_owned() }
}
