//! Which tools a model is told with their arguments, where there are more than it should look at.

use std::sync::Arc;

use super::desk::Desk;
use super::judged::Mistake;
use crate::ports::ToolDescriptor;
use crate::route::shortlist;

/// The tools that a plan may use, as a model is told of them.
pub(super) struct Listed {
    /// With their arguments.
    pub told: Vec<Arc<ToolDescriptor>>,
    /// By their names.
    pub others: Vec<String>,
}

impl Desk {
    /// The tools nearest to the goal, those of plans before, and those that the last reply named in vain.
    pub(super) fn listed(&self, wrong: Option<&Mistake>) -> Listed {
        let services = &self.work.services;
        let vocabulary = services.callable();
        let all: Vec<Arc<ToolDescriptor>> =
            self.tools.iter().filter_map(|name| vocabulary.get(name)).cloned().collect();
        let most = services.config().planner.tools as usize;
        if all.len() <= most {
            return Listed { told: all, others: Vec::new() };
        }
        let tools: Vec<&ToolDescriptor> = all.iter().map(AsRef::as_ref).collect();
        let embedder = (services.compares)();
        let near = shortlist(&self.goal, &tools, most, embedder.as_deref());
        let used = |name: &str| {
            let of_plans = self.rounds.iter().flat_map(|round| &round.draft.steps);
            of_plans.map(|step| &step.tool).any(|tool| tool == name)
        };
        let named = |name: &str| wrong.is_some_and(|wrong| wrong.reply.contains(name));
        let (told, others): (Vec<_>, Vec<_>) =
            all.into_iter().enumerate().partition(|(index, tool)| {
                near.contains(index) || used(&tool.name) || named(&tool.name)
            });
        Listed {
            told: told.into_iter().map(|(_, tool)| tool).collect(),
            others: others.into_iter().map(|(_, tool)| tool.name.clone()).collect(),
        }
    }
}
