//! What the API takes and gives of memory.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    ForgetPlan, ForgetReceipt, MemoryDraft, MemoryId, MemoryRecord, MemorySelection, Written,
};

/// Something to remember, as a request has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewMemory {
    /// What.
    pub draft: MemoryDraft,
    /// Records that it corrects.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub supersedes: Vec<MemoryId>,
}

impl From<MemoryDraft> for NewMemory {
    fn from(draft: MemoryDraft) -> Self {
        Self { draft, supersedes: Vec::new() }
    }
}

/// Things to remember.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewMemories {
    /// At most 256 of them, all of which are good, or none is taken.
    pub items: Vec<NewMemory>,
}

/// What became of each.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MemoryWrittenList {
    /// In their order.
    pub items: Vec<Written>,
}

/// A page of records, newest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MemoryPage {
    /// The records.
    pub items: Vec<MemoryRecord>,
    /// What to ask for the next page with; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// That memories shall be forgotten.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Forgetting {
    /// Which.
    pub meant: MemorySelection,
    /// Only say which would go.
    #[serde(default)]
    pub dry_run: bool,
}

/// What was, or would be, forgotten.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Forgotten {
    /// What goes; empty once it is gone.
    pub plan: ForgetPlan,
    /// What came of it; absent in a dry run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt: Option<ForgetReceipt>,
}
