//! What is remembered.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{BatchId, CallId, Hash, MemoryId, RunId, TextRef, Timestamp};

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

impl Area {
    /// All of them, in the order in which people are shown them.
    pub const ALL: [Self; 4] = [Self::Main, Self::Fragments, Self::Solutions, Self::Instruments];

    /// Its name, as it stands in files and requests.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Main => "main",
            Self::Fragments => "fragments",
            Self::Solutions => "solutions",
            Self::Instruments => "instruments",
        }
    }

    /// The area with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|area| area.name() == name)
    }
}

/// Who or what said it first.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum MemoryOrigin {
    /// A person.
    User,
    /// A file that people keep.
    File,
    /// What a tool answered.
    Tool,
    /// A page or document of strangers.
    Web,
    /// A model, or a run that worked it out. Records that do not say count as this.
    #[default]
    Model,
    /// Derived from other memories.
    Consolidation,
}

/// What was made of a program's own note is labelled so: it is no solution, however often it is said again.
pub const REMEMBERED: &str = "memory";
/// What was made of a note that may repeat a stranger is labelled so.
pub const HEARSAY: &str = "untrusted:memory";

impl MemoryOrigin {
    /// Its name, as it stands in files and requests.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::File => "file",
            Self::Tool => "tool",
            Self::Web => "web",
            Self::Model => "model",
            Self::Consolidation => "consolidation",
        }
    }

    /// How far it is trusted by itself: 3 a person said so, 2 people keep it, 1 a tool or a model,
    /// 0 a stranger. What was derived has the least of its sources, and nothing of its own.
    #[must_use]
    pub const fn trust(self) -> u8 {
        match self {
            Self::User => 3,
            Self::File => 2,
            Self::Tool | Self::Model => 1,
            Self::Web | Self::Consolidation => 0,
        }
    }

    /// What an answer with such a memory is labelled beside the memory's own labels: nothing for what a person or
    /// a file said; `untrusted:memory` for a note of a program that may repeat a stranger, or of which nobody knows
    /// what went into it; `memory` for any other note.
    #[must_use]
    pub fn label(self, labels: &[String]) -> Option<&'static str> {
        let is_known =
            || !labels.is_empty() && !labels.iter().any(|label| label.starts_with("untrusted"));
        match self {
            Self::User | Self::File => None,
            Self::Tool | Self::Model | Self::Consolidation if is_known() => Some(REMEMBERED),
            Self::Web | Self::Tool | Self::Model | Self::Consolidation => Some(HEARSAY),
        }
    }
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
    /// The call whose answer it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<CallId>,
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
    /// Who or what said it first.
    #[serde(default)]
    pub origin: MemoryOrigin,
    /// 0 (a stranger's words) to 3 (a person said so).
    #[serde(default)]
    pub trust: u8,
    /// 0 to 1.
    #[serde(default)]
    pub importance: f32,
    /// Who or what it is about, or who said it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// What belongs together, such as one conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub episode_id: Option<String>,
    /// Its place inside the episode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    /// When what it tells happened or was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_time: Option<Timestamp>,
    /// From when it holds; always, when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_from: Option<Timestamp>,
    /// Until when it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_to: Option<Timestamp>,
    /// Put into every context, and not searched for.
    #[serde(default, skip_serializing_if = "is_false")]
    pub pinned: bool,
    /// Where its content came from, such as `untrusted:web`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
    /// Names that other programs have for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub external_ids: Vec<String>,
    /// When it stops counting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// Kept, but in no index.
    #[serde(default, skip_serializing_if = "is_false")]
    pub archived: bool,
    /// The batch of changes that wrote this state, when it was written by one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<BatchId>,
    /// What it replaces.
    #[serde(default)]
    pub supersedes: Vec<MemoryId>,
    /// What replaced it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub superseded_by: Option<MemoryId>,
    /// When it was replaced, or its source went away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub superseded_at: Option<Timestamp>,
}

const fn is_false(value: &bool) -> bool {
    !*value
}

impl MemoryMetadata {
    /// Whether a record with this metadata, written at `created_at`, counts at `at`: recorded by then,
    /// not replaced, not over, and holding. `at` is now, or the time as of which somebody asks.
    ///
    /// What a batch made that was taken back was replaced the moment it was made: it never counted.
    #[must_use]
    pub fn counts_at(&self, created_at: Timestamp, at: Timestamp) -> bool {
        let before = |end: Option<Timestamp>| end.is_none_or(|end| at < end);
        created_at <= at
            && before(self.superseded_at)
            && before(self.expires_at)
            && before(self.valid_to)
            && self.valid_from.is_none_or(|from| from <= at)
    }

    /// Whether the record, written at `created_at`, was taken back: it counts at no time, and what is
    /// exported does not have it.
    #[must_use]
    pub fn is_taken_back(&self, created_at: Timestamp) -> bool {
        self.superseded_at.is_some_and(|at| at <= created_at)
    }
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

/// One row of the log.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordRow {
    /// Its place in the log, from 1.
    pub record_seq: u64,
    /// Which record; the newest row of an id counts.
    pub id: MemoryId,
    /// Where it belongs.
    pub area: Area,
    /// The text.
    pub text: TextRef,
    /// Everything else about it.
    pub metadata: MemoryMetadata,
    /// When the record was first written.
    pub created_at: Timestamp,
    /// When this row was written.
    pub updated_at: Timestamp,
    /// BLAKE3 of the text; gone when the text was forgotten.
    pub content_hash: Option<Hash>,
}

/// A memory record, or a later state of one, as it is written to the log.
#[derive(Debug, Clone, PartialEq)]
pub struct NewRecord {
    /// Which record. A second row with the same id replaces the first.
    pub id: MemoryId,
    /// Where it belongs.
    pub area: Area,
    /// The text: among the append's texts, or stored already.
    pub text: TextRef,
    /// Everything else about it.
    pub metadata: MemoryMetadata,
    /// When it was first written.
    pub created_at: Timestamp,
    /// When this state was written.
    pub updated_at: Timestamp,
    /// BLAKE3 of the text, to find exact duplicates.
    pub content_hash: Hash,
}
