//! What shall be forgotten, and what came of it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Area, MemoryId, RunId, Timestamp};

/// Which memories are meant: those named, and all that fit each of the other keys.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MemorySelection {
    /// These.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ids: Vec<MemoryId>,
    /// Those that this run wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
    /// Those about this subject.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Those whose text fits this query of words, phrases, `AND`, `OR`, `NOT`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
}

impl MemorySelection {
    /// Whether it says nothing, and so means nothing.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.ids.is_empty() && self.run.is_none() && self.subject.is_none() && self.query.is_none()
    }
}

/// A memory that would go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Doomed {
    /// Which.
    pub id: MemoryId,
    /// Where it belongs.
    pub area: Area,
    /// The beginning of its text.
    pub text: String,
    /// The memory that it was made of, when it goes because that one goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub derived_from: Option<MemoryId>,
}

/// What would be forgotten.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ForgetPlan {
    /// Each memory that would go.
    pub items: Vec<Doomed>,
    /// Memories that would count again, because what replaced them goes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub revived: Vec<MemoryId>,
    /// Runs that wrote some of them. Their journals may tell the same: `forget --run` empties them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub runs: Vec<RunId>,
}

/// What was forgotten.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ForgetReceipt {
    /// The memories, by their ids alone.
    pub ids: Vec<MemoryId>,
    /// How many of them were derived from others.
    pub derived: u64,
    /// Texts that are gone.
    pub texts: u64,
    /// Texts of the run itself that are gone, where a run was named.
    pub run_texts: u64,
    /// Rows of an earlier version of the store: their tags and the like stay, for the chain covers them
    /// word for word.
    pub rows_kept: u64,
    /// Memories that count again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub revived: Vec<MemoryId>,
    /// Runs whose journals may still tell the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub runs: Vec<RunId>,
    /// Files that were written anew or removed so that nothing of it is in them.
    pub files: Vec<String>,
    /// Why something of it may still be in a file, and until when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending: Option<String>,
    /// When.
    pub at: Timestamp,
    /// Who wanted it.
    pub by: String,
}
