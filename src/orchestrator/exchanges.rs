//! What a run asked of models and what they said, as it was kept.

use serde::Deserialize;

use super::error::RunError;
use super::record::RunRecord;
use crate::contracts::views::{ExchangeAnswer, ExchangeMessage, ExchangeView};
use crate::contracts::{EventBody, ModelAnswered, ModelAsked, RunId, TextRef, Timestamp};
use crate::store::{Reader, StoreError};

/// The question as it was kept; its schema follows from the tools and is not shown.
#[derive(Deserialize)]
struct Asked {
    messages: Vec<ExchangeMessage>,
}

/// The questions of a run to models, in order. Blocks.
///
/// # Errors
/// When there is no such run, or it cannot be read.
pub fn exchanges_of(reader: &Reader, run_id: RunId) -> Result<Vec<ExchangeView>, RunError> {
    let (_, bodies) = RunRecord::load(reader, run_id)?;
    let mut found: Vec<ExchangeView> = Vec::new();
    for (at, body) in bodies {
        match body {
            EventBody::ModelAsked(asked) => found.push(question(reader, at, asked)?),
            EventBody::ModelAnswered(answered) => {
                if let Some(asked) = found.last_mut().filter(|it| it.answer.is_none()) {
                    asked.model.clone_from(&answered.model);
                    asked.answer = Some(answer(reader, answered)?);
                }
            }
            _ => {}
        }
    }
    Ok(found)
}

fn question(reader: &Reader, at: Timestamp, asked: ModelAsked) -> Result<ExchangeView, RunError> {
    let ModelAsked { round, attempt, model, prompt, tokens_max } = asked;
    let asked: Option<Asked> = match text(reader, &prompt)? {
        Some(bytes) => Some(serde_json::from_slice(&bytes)?),
        None => None,
    };
    let messages = asked.map(|asked| asked.messages);
    Ok(ExchangeView { at, round, attempt, model, messages, tokens_max, answer: None })
}

fn answer(reader: &Reader, answered: ModelAnswered) -> Result<ExchangeAnswer, RunError> {
    let reply = answered.reply.as_ref().map(|reply| text(reader, reply)).transpose()?.flatten();
    Ok(ExchangeAnswer {
        reply: reply.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
        cut: answered.cut,
        error_kind: answered.error_kind,
        message: answered.message,
        input_tokens: answered.input_tokens,
        output_tokens: answered.output_tokens,
        cost_usd: answered.cost_usd,
        duration_ms: answered.duration_ms,
    })
}

/// A text, unless it was forgotten.
fn text(reader: &Reader, text: &TextRef) -> Result<Option<Vec<u8>>, RunError> {
    match reader.blob(text) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(StoreError::Forgotten(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
