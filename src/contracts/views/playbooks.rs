//! Playbooks and what they take.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::contracts::{Diagnostic, Hash};

/// An input of a playbook.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct InputView {
    /// Its name.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// Whether it has to be given.
    pub required: bool,
    /// What it is when it is not given.
    pub default: Option<Value>,
    /// What it is for.
    pub description: String,
}

/// A playbook in a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PlaybookView {
    /// Its name.
    pub name: String,
    /// Its file.
    pub path: String,
    /// What it does.
    pub description: Option<String>,
    /// Whether it can be run.
    pub ok: bool,
    /// BLAKE3 of its file.
    pub hash: Option<Hash>,
    /// What it takes.
    pub inputs: Vec<InputView>,
    /// Whether its file is broken now: what was good last is run, and `diagnostics` are those of the file.
    #[serde(default)]
    pub stale: bool,
    /// Mistakes and warnings.
    pub diagnostics: Vec<Diagnostic>,
}

/// Every playbook.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PlaybookList {
    /// The playbooks.
    pub items: Vec<PlaybookView>,
}
