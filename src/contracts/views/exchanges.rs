//! What a run asked of models, and what they said.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::contracts::{ErrorKind, RunId, Timestamp};

/// Everything that a run asked of models, in order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ExchangeList {
    /// The questions.
    pub items: Vec<ExchangeView>,
}

/// One question to a model and what it said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ExchangeView {
    /// When it was asked.
    pub at: Timestamp,
    /// The run that asked: this one, or one that it called.
    pub run_id: RunId,
    /// The step that called it, through all the runs between; null where it is this one.
    pub step: Option<String>,
    /// The plan it is about, from 1.
    pub round: u32,
    /// 1 for the first question about this plan, 2 for the repair.
    pub attempt: u32,
    /// Who answered; where nobody did, who was asked.
    pub model: String,
    /// The conversation; null where the texts of the run were forgotten.
    pub messages: Option<Vec<ExchangeMessage>>,
    /// Most tokens of the reply.
    pub tokens_max: u32,
    /// What came of it; null where the run was cut off before.
    pub answer: Option<ExchangeAnswer>,
}

/// A part of the conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ExchangeMessage {
    /// Whose: `system`, `user` or `assistant`.
    pub role: String,
    /// The words.
    pub text: String,
}

/// What came of a question.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ExchangeAnswer {
    /// The reply as it came; null where there is none, or where it was forgotten.
    pub reply: Option<String>,
    /// Whether the reply was cut because it was too long.
    pub cut: bool,
    /// Why there is no reply.
    pub error_kind: Option<ErrorKind>,
    /// The same in words.
    pub message: Option<String>,
    /// Tokens of the question, as the provider counts.
    pub input_tokens: u64,
    /// Tokens of the reply.
    pub output_tokens: u64,
    /// What it cost in US dollars, where a price is configured.
    pub cost_usd: f64,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
}
