//! Payloads of events about what is remembered and recalled.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::text::TextRef;
use crate::contracts::{Area, MemoryId};

/// `memory.written`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MemoryWritten {
    /// Which record.
    pub memory_id: MemoryId,
    /// Where it belongs.
    pub area: Area,
    /// The text.
    pub text: TextRef,
    /// Free tags, in events of earlier versions: what is written here cannot be forgotten.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
}

/// `memory.recalled`: durable before anything is made of it. The texts are those of the records themselves: a
/// record that is forgotten is forgotten here as well.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MemoryRecalled {
    /// The step that it is for; empty when it is for the run as a whole.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub path: String,
    /// Records that stand in every context, the most important first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pinned: Vec<RecalledRecord>,
    /// Records that were found, the best first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recalled: Vec<RecalledRecord>,
    /// Where all of it comes from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
    /// What could not be asked, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub degraded: Vec<String>,
    /// Why nothing may be recalled, where policy says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}

/// A record that a run was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecalledRecord {
    /// Which record.
    pub memory_id: MemoryId,
    /// Where it belongs.
    pub area: Area,
    /// Its text.
    pub text: TextRef,
    /// How far it is trusted, 0 to 3.
    pub trust: u8,
    /// Where its words came from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
    /// Why it is here, in words.
    pub why: String,
}

impl MemoryRecalled {
    /// Every record of it, the pinned ones first.
    pub fn records(&self) -> impl Iterator<Item = &RecalledRecord> {
        self.pinned.iter().chain(&self.recalled)
    }
}
