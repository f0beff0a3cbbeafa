//! What comes back from a browser.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::bring::Brought;

#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::tools) struct Data {
    /// Where the browser is at the end.
    pub(super) url: String,
    /// The title of that page.
    pub(super) title: String,
    /// What became of the first page and of each step.
    pub(super) steps: Vec<Done>,
    /// What was read, by the name of its step.
    pub(super) extracted: BTreeMap<String, Vec<String>>,
    /// Pictures, in the order in which they were taken; they are artifacts.
    pub(super) screenshots: Vec<Brought>,
    /// What dialogs said; each was dismissed.
    pub(super) dialogs: Vec<String>,
    /// Addresses of windows that pages opened; each was closed.
    pub(super) popups: Vec<String>,
    /// What the proxy let through to nobody, such as hosts that are not listed.
    pub(super) refused: Vec<String>,
}

/// What became of a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::tools) struct Done {
    /// Its word, such as `click`.
    pub(super) step: String,
    /// Whether it was done.
    pub(super) ok: bool,
    /// How long it took, in milliseconds.
    pub(super) ms: u64,
    /// Where the browser was after it.
    pub(super) url: String,
    /// Why it was not done; empty where it was.
    pub(super) error: String,
}
