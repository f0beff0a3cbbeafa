//! What is asked of memory, what it answers, and what is handed in to be remembered.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Area, MemoryId, MemoryOrigin, RunId, Timestamp};

/// How candidates are found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SearchMode {
    /// By words alone.
    Lexical,
    /// By meaning alone.
    Vector,
    /// By both.
    #[default]
    Hybrid,
}

/// A question to memory.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MemoryQuery {
    /// What is asked.
    pub text: String,
    /// Only these areas; all, when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub areas: Vec<Area>,
    /// Only records that have all of these tags.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Only records about this subject.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Only records with at least this trust.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trust_min: Option<u8>,
    /// Only records that this run wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
    /// Only what happened at or after this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    /// Only what happened before this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Timestamp>,
    /// Answer as things stood then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_of: Option<Timestamp>,
    /// How many records at most.
    #[serde(default = "ten")]
    pub k: usize,
    /// How candidates are found.
    #[serde(default)]
    pub mode: SearchMode,
    /// Which embedder's vectors; the active one when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub embedder: Option<String>,
    /// Most tokens that all texts may have together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_budget: Option<usize>,
    /// Whether to tell what was cut as well, and why.
    #[serde(default)]
    pub explain: bool,
}

const fn ten() -> usize {
    10
}

/// Why a record is where it is among the hits.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Why {
    /// Its place among the hits by words, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lexical_rank: Option<usize>,
    /// Its score by words, as the index gave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lexical_score: Option<f32>,
    /// Its place among the hits by meaning, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vector_rank: Option<usize>,
    /// The cosine of its vector and the question's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cosine: Option<f32>,
    /// What was added or taken, by name, in the order in which it was.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub boosts: Vec<(String, f32)>,
    /// How old it is, in days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub age_days: Option<f32>,
    /// Why it is not among the hits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cut: Option<String>,
}

/// A record that was found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MemoryHit {
    /// The record.
    pub id: MemoryId,
    /// Names that other programs have for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub external_ids: Vec<String>,
    /// Where it belongs.
    pub area: Area,
    /// Its text.
    pub text: String,
    /// Who or what it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// When what it tells happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_time: Option<Timestamp>,
    /// Who or what said it first.
    pub origin: MemoryOrigin,
    /// How far it is trusted, 0 to 3.
    pub trust: u8,
    /// Where its content came from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
    /// Its score; only scores of one answer compare.
    pub score: f32,
    /// Why it is here.
    pub why: Why,
}

/// The answer to a question.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MemoryAnswer {
    /// The best first.
    pub items: Vec<MemoryHit>,
    /// With `explain`: what was nearly there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cut: Vec<MemoryHit>,
    /// What could not be asked, and why: the answer is of what is sound.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub degraded: Vec<String>,
    /// The embedder whose vectors were used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub embedder: Option<String>,
}

/// Something to remember, as a person or a program hands it in: a line of `memory import`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MemoryDraft {
    /// The name that the other program has for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// Where it belongs.
    pub area: Area,
    /// The text.
    pub text: String,
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
    /// From when it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_from: Option<Timestamp>,
    /// Until when it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_to: Option<Timestamp>,
    /// When it stops counting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// Who or what said it first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<MemoryOrigin>,
    /// Free tags.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub importance: Option<f32>,
    /// Put into every context; only in `main`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pinned: bool,
    /// Where its content came from, such as `untrusted:web`. Labels only ever lower the trust.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
}

impl MemoryDraft {
    /// A text for an area, and nothing else about it.
    #[must_use]
    pub const fn new(area: Area, text: String) -> Self {
        Self {
            external_id: None,
            area,
            text,
            subject: None,
            episode_id: None,
            seq: None,
            event_time: None,
            valid_from: None,
            valid_to: None,
            expires_at: None,
            origin: None,
            tags: Vec::new(),
            importance: None,
            pinned: false,
            labels: Vec::new(),
        }
    }
}

/// What became of a draft.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WrittenAs {
    /// A record of its own.
    New,
    /// It was there already; the record kept the names and tags of both.
    Known,
}

/// A draft that is durable.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Written {
    /// The record.
    pub id: MemoryId,
    /// What became of the draft.
    #[serde(rename = "as")]
    pub became: WrittenAs,
    /// Where it belongs.
    pub area: Area,
    /// Why it is in another area than was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved: Option<String>,
    /// Whether something that looks like a secret was struck out of the text.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub struck: bool,
}
