//! A plan that was found good: as it is kept, and as the run goes by it.

use serde::{Deserialize, Serialize};

use crate::contracts::Map;

/// A plan whose steps have the names they have in the run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Draft {
    /// Why these steps.
    pub thought: String,
    /// The steps.
    pub steps: Vec<DraftStep>,
    /// When to stop, in words.
    pub stop_when: Vec<String>,
    /// What may go wrong, in words.
    pub risks: Vec<String>,
    /// Where that came from which the model had been told.
    pub labels: Vec<String>,
    /// What people are asked before, where somebody has to agree.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub question: Option<String>,
}

/// One step of it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DraftStep {
    /// Its id in the run.
    pub id: String,
    /// The tool.
    pub tool: String,
    /// Its arguments; some may take from steps before.
    pub args: Map,
    /// Why.
    pub why: String,
    /// Steps of the plan that must be over before.
    pub needs: Vec<String>,
    /// A text that the answer has to contain; empty where nothing is expected.
    pub expect: String,
}

impl DraftStep {
    /// Names of arguments that take from steps.
    #[must_use]
    pub fn unknown(&self) -> Vec<String> {
        let open = |(name, value): (&String, &serde_json::Value)| {
            (!super::references::is_known(value)).then(|| name.clone())
        };
        self.args.iter().filter_map(open).collect()
    }
}
