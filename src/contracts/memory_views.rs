//! What the API takes and gives of memory.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

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

/// That a record shall stand in every context, or no longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pinning {
    /// Whether it shall.
    pub pinned: bool,
}

/// What a look at the files of knowledge changed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Synced {
    /// Records that are new.
    pub added: usize,
    /// Records that no file says any more.
    pub replaced: usize,
    /// Files that could not be taken over; their records are as they were.
    pub problems: Vec<String>,
}

/// A setting of `memory/kv`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct KvSetting {
    /// `group.key`.
    pub name: String,
    /// A text, a number, true or false, or a list of these.
    pub value: Value,
}

/// Every setting of `memory/kv`, by name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct KvList {
    /// The settings.
    pub items: Vec<KvSetting>,
}

/// What a setting shall be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KvValue {
    /// A text, a number, true or false, or a list of these.
    pub value: Value,
}

/// A setting that is another than before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct KvChanged {
    /// `group.key`.
    pub name: String,
    /// What it was, where it was set.
    pub old: Option<Value>,
    /// What it is, where it was not taken away.
    pub new: Option<Value>,
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
