//! What is remembered.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Hash, MemoryId, RunId, Timestamp};

/// Where a memory belongs.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Area {
    /// Short canonical facts.
    Main,
    /// Scratch notes.
    Fragments,
    /// Plans, decisions, summaries.
    Solutions,
    /// Tool runs, benchmarks, how-to.
    Instruments,
}

/// What a memory came from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Provenance {
    /// The run that wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
    /// The step's path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// The file it was imported from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
}

/// Everything about a memory but its text.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MemoryMetadata {
    /// Free tags.
    #[serde(default)]
    pub tags: Vec<String>,
    /// What it came from.
    #[serde(default)]
    pub source: Provenance,
    /// 0 (a stranger's words) to 3 (a person said so).
    #[serde(default)]
    pub trust: u8,
    /// 0 to 1.
    #[serde(default)]
    pub importance: f32,
    /// When it stops counting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// What it replaces.
    #[serde(default)]
    pub supersedes: Vec<MemoryId>,
    /// What replaced it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub superseded_by: Option<MemoryId>,
}

/// A vector that was made of a text; the vector itself is kept by the index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Embedded {
    /// The model that made it.
    pub model: String,
    /// Its dimension.
    pub dim: u32,
}

/// One memory.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MemoryRecord {
    /// Version of this document.
    pub schema_version: u32,
    /// Which record.
    pub id: MemoryId,
    /// Where it belongs.
    pub area: Area,
    /// The text.
    pub text: String,
    /// Everything else about it.
    pub metadata: MemoryMetadata,
    /// When it was written.
    pub created_at: Timestamp,
    /// When its metadata last changed.
    pub updated_at: Timestamp,
    /// Vectors that were made of the text.
    #[serde(default)]
    pub embeddings: Vec<Embedded>,
    /// BLAKE3 of the text.
    pub content_hash: Hash,
}
