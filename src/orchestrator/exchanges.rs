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

/// The questions to models of a run and of those that it called, in the order in which they were asked. Blocks.
///
/// # Errors
/// When there is no such run, or it cannot be read.
pub fn exchanges_of(reader: &Reader, run_id: RunId) -> Result<Vec<ExchangeView>, RunError> {
    let mut found = Vec::new();
    let mut left = vec![(run_id, None::<String>)];
    while let Some((run_id, step)) = left.pop() {
        let (record, bodies) = match RunRecord::load(reader, run_id) {
            // One that was to be called, and never was.
            Err(RunError::Store(StoreError::NotFound(_))) if step.is_some() => continue,
            read => read?,
        };
        let below = |path: &str| {
            step.iter().map(String::as_str).chain([path]).collect::<Vec<_>>().join("/")
        };
        left.extend(record.children.iter().map(|(path, child)| (*child, Some(below(path)))));
        for (at, body) in bodies {
            take(reader, Asker { run_id, step: &step, at }, body, &mut found)?;
        }
    }
    // Of the same moment they stay as they stood.
    found.sort_by_key(|it: &ExchangeView| it.at);
    Ok(found)
}

/// Who asked, and when.
struct Asker<'a> {
    run_id: RunId,
    step: &'a Option<String>,
    at: Timestamp,
}

fn take(
    reader: &Reader,
    asker: Asker<'_>,
    body: EventBody,
    found: &mut Vec<ExchangeView>,
) -> Result<(), RunError> {
    match body {
        EventBody::ModelAsked(asked) => found.push(question(reader, asker, asked)?),
        EventBody::ModelAnswered(answered) => {
            let own = found.last_mut().filter(|it| it.run_id == asker.run_id);
            if let Some(asked) = own.filter(|it| it.answer.is_none()) {
                asked.model.clone_from(&answered.model);
                asked.answer = Some(answer(reader, answered)?);
            }
        }
        _ => {}
    }
    Ok(())
}

fn question(
    reader: &Reader,
    asker: Asker<'_>,
    asked: ModelAsked,
) -> Result<ExchangeView, RunError> {
    let Asker { run_id, step, at } = asker;
    let ModelAsked { round, attempt, model, prompt, tokens_max } = asked;
    let asked: Option<Asked> = match text(reader, &prompt)? {
        Some(bytes) => Some(serde_json::from_slice(&bytes)?),
        None => None,
    };
    Ok(ExchangeView {
        at,
        run_id,
        step: step.clone(),
        round,
        attempt,
        model,
        messages: asked.map(|asked| asked.messages),
        tokens_max,
        answer: None,
    })
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
