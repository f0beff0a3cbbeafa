//! Leading goals to playbooks and tools of this workspace.

use std::sync::Arc;

use super::App;
use crate::cli::{CliError, Exit};
use crate::contracts::Map;
use crate::orchestrator::{Leads, Led, goal_playbook, lead};
use crate::ports::Embedder;
use crate::providers::embed::Static;

impl App {
    /// The playbook or the single tool for a goal. What is in `given` counts before what the goal says.
    ///
    /// # Errors
    /// When nothing fits well enough; the reasons are in the message.
    pub fn lead(&self, goal: &str, given: &Map) -> Result<Led, CliError> {
        let (catalogue, tools, embedder) = (self.playbooks()?, self.tools(), router_embedder());
        let config = &self.workspace.config;
        let plans = !self.planners()?.is_empty();
        let planned = plans.then(|| goal_playbook(config, &tools));
        let leads = Leads {
            catalogue: &catalogue,
            tools: (!plans).then_some(&tools),
            planned: planned.as_deref(),
            enabled: &self.workspace.config.tools.enabled,
            root: &self.workspace.root,
            embedder: embedder.as_deref(),
        };
        lead(goal, given, leads).map_err(|reasons| {
            let message = format!(
                "no playbook fits the goal and no single tool does, and there is no model to plan it: {}",
                reasons.join("; ")
            );
            CliError::new(Exit::Unavailable, message)
                .hint("name a playbook: bailiwick run PLAYBOOK; see bailiwick playbook ls")
                .hint("or a tool: bailiwick tools call NAME; see bailiwick tools ls")
        })
    }
}

/// What compares goals with descriptions: always the built-in table, so that a goal leads to the same on
/// every machine.
#[must_use]
pub fn router_embedder() -> Option<Arc<dyn Embedder>> {
    match Static::shared() {
        Ok(table) => Some(Arc::new(table)),
        Err(error) => {
            tracing::warn!("goals are compared by their words alone: {error}");
            None
        }
    }
}
