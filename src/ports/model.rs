//! Asking a language model.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Cancel;

/// Whose words they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// What the program wants.
    System,
    /// What is given.
    User,
    /// What the model said before.
    Assistant,
}

/// A part of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Whose.
    pub role: Role,
    /// The words.
    pub text: String,
}

/// What a model is asked.
#[derive(Debug, Clone, PartialEq)]
pub struct Prompt {
    /// The conversation so far.
    pub messages: Vec<Message>,
    /// JSON Schema that the reply is to fit, where it is to be JSON. A provider that can has the model held
    /// to it; whoever asks checks all the same.
    pub schema: Option<Value>,
    /// Most tokens of the reply.
    pub tokens_max: u32,
    /// How long it may take, tries and waits included.
    pub wall: Duration,
}

/// What an answer took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Tokens of the question, as the provider counts.
    pub input_tokens: u64,
    /// Tokens of the reply.
    pub output_tokens: u64,
}

/// Why a reply ends where it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stopped {
    /// The model was done.
    Finished,
    /// It may have no more tokens: the reply is cut.
    Length,
}

/// What a model answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Its words.
    pub text: String,
    /// Why they end.
    pub stopped: Stopped,
    /// What it took.
    pub usage: Usage,
    /// Who answered: provider and model, such as `ollama/qwen3:4b`.
    pub model: String,
}

/// Why there is no reply.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ModelError {
    /// The provider cannot be reached or cannot answer now.
    #[error("`{model}` is not available: {reason}")]
    Unavailable {
        /// Who.
        model: String,
        /// Why.
        reason: String,
        /// When it says that it can be asked again.
        retry_after: Option<Duration>,
    },
    /// The provider will not answer this, however often it is asked.
    #[error("`{model}` refuses: {reason}")]
    Refused {
        /// Who.
        model: String,
        /// Why, and what to do.
        reason: String,
    },
    /// What came is no reply: cut off, no text, or not in the provider's own form.
    #[error("`{model}` gave no usable reply: {reason}")]
    Garbled {
        /// Who.
        model: String,
        /// What was wrong.
        reason: String,
    },
    /// It took too long.
    #[error("`{model}` did not answer within {seconds} s")]
    TimedOut {
        /// Who.
        model: String,
        /// How long it had.
        seconds: u64,
    },
    /// Somebody asked to stop.
    #[error("the question was given up")]
    Cancelled,
}

impl ModelError {
    /// Whether asking the same again may help.
    #[must_use]
    pub const fn may_pass(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::Garbled { .. })
    }
}

/// A language model at a provider. Blocks; called on threads of its user.
pub trait Model: Send + Sync {
    /// Who answers: provider and model, such as `ollama/qwen3:4b`.
    fn name(&self) -> &str;

    /// Asks. `hear` is told each piece of the reply as it comes, for people who watch.
    ///
    /// # Errors
    /// When there is no reply within the prompt's time.
    fn ask(
        &self,
        prompt: &Prompt,
        hear: &mut dyn FnMut(&str),
        cancel: &Cancel,
    ) -> Result<Reply, ModelError>;
}
