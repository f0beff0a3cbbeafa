//! One question to a model and its reply. Both are durable before anything relies on them, so that after a
//! crash the same reply counts, and a replay needs no model.

use std::sync::Arc;

use serde_json::json;

use super::desk::Desk;
use super::judged::{Mistake, Said};
use super::listed::Listed;
use crate::contracts::{ContextBuilt, ErrorKind, EventBody, ModelAnswered, ModelAsked};
use crate::orchestrator::error::RunError;
use crate::orchestrator::journal::Batch;
use crate::orchestrator::services::blocking;
use crate::planning::{mistake, schema, tools};
use crate::ports::{Message, ModelError, Prompt, Reply, Role, Stopped, Usage};
use crate::prompt::{Context, assemble, tokens};

/// The prompt with the instructions.
const INSTRUCTIONS: &str = "plan.md";

/// What a model says to the question, or why there is no reply.
pub(super) async fn reply(
    desk: &Arc<Desk>,
    attempt: u32,
    wrong: Option<&Mistake>,
) -> Result<Result<Said, (ErrorKind, String)>, RunError> {
    let (at, wrong) = (Arc::clone(desk), wrong.cloned());
    let journal = desk.work.journal.clone();
    if let Some(said) = blocking(move || at.recorded(attempt)).await?? {
        return Ok(Ok(said));
    }
    let at = Arc::clone(desk);
    let (batch, prompt) = match blocking(move || at.question(attempt, wrong.as_ref())).await?? {
        Ok(question) => question,
        Err(why) => return Ok(Err((ErrorKind::BadPlan, why))),
    };
    journal.append(batch).await?;
    let at = Arc::clone(desk);
    let (batch, said) = blocking(move || at.ask(attempt, &prompt)).await?;
    journal.append(batch).await?;
    Ok(said)
}

impl Desk {
    /// The reply that the journal has already.
    fn recorded(&self, attempt: u32) -> Result<Option<Said>, RunError> {
        let known = self.work.record.planned.replies.get(&(self.round, attempt));
        let Some((answered, reply)) = known.and_then(|it| Some((it, it.reply.as_ref()?))) else {
            return Ok(None);
        };
        let bytes = self.work.services.store.reader().blob(reply)?;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Ok(Some(Said { by: answered.model.clone(), text, cut: answered.cut }))
    }

    /// The question, and the events that tell of it. The inner error is that there are no instructions.
    pub(super) fn question(
        &self,
        attempt: u32,
        wrong: Option<&Mistake>,
    ) -> Result<Result<(Batch, Prompt), String>, RunError> {
        let services = &self.work.services;
        let template = services.prompts.get(INSTRUCTIONS);
        let rendered = template.and_then(|template| template.render(&self.variables()));
        let instructions = match rendered {
            Ok(text) => text,
            Err(error) => return Ok(Err(error.to_string())),
        };
        let room = self.limits.context_tokens.saturating_sub(tokens(&instructions));
        let Listed { told, others } = self.listed(wrong);
        let mut fragments = vec![tools(told.iter().map(AsRef::as_ref), &others)];
        fragments.extend(self.fragments.iter().cloned());
        fragments.extend(wrong.map(|wrong| mistake(&wrong.reply, &wrong.mistakes)));
        let mut context = assemble(fragments, room);
        services.redactor.conceal_text(&mut context.text);
        let prompt = Prompt {
            messages: vec![
                Message { role: Role::System, text: instructions },
                Message { role: Role::User, text: context.text.clone() },
            ],
            schema: Some(schema(&told, &others, &self.limits)),
            tokens_max: self.reply_tokens(),
            wall: std::time::Duration::from_millis(self.wall_ms()),
        };
        let mut batch = self.asked(attempt, &context, &prompt)?;
        if attempt == 1 {
            batch.extend(self.decided.clone());
        }
        Ok(Ok((batch, prompt)))
    }

    fn asked(&self, attempt: u32, context: &Context, prompt: &Prompt) -> Result<Batch, RunError> {
        let (round, clock) = (self.round, &self.work.services.clock);
        let mut batch = Batch::default();
        let parts = batch.text(serde_json::to_vec(&context.parts)?, clock.salt());
        let told = json!({ "messages": prompt.messages, "schema": prompt.schema });
        let hash = crate::contracts::Hash::of(told.to_string().as_bytes());
        let all: usize = prompt.messages.iter().map(|message| tokens(&message.text)).sum();
        let told = batch.text(serde_json::to_vec(&told)?, clock.salt());
        let model = self.model().map(|model| model.name().to_owned()).unwrap_or_default();
        let tokens = all as u64;
        batch.bodies = vec![
            EventBody::ContextBuilt(ContextBuilt { round, attempt, hash, tokens, parts }),
            EventBody::ModelAsked(ModelAsked {
                round,
                attempt,
                model,
                prompt: told,
                tokens_max: prompt.tokens_max,
            }),
        ];
        Ok(batch)
    }

    /// Asks, and gives the event that tells of it.
    pub(super) fn ask(
        &self,
        attempt: u32,
        prompt: &Prompt,
    ) -> (Batch, Result<Said, (ErrorKind, String)>) {
        let services = &self.work.services;
        let Some(model) = self.model() else {
            let why = "no model is configured".to_owned();
            return (Batch::default(), Err((ErrorKind::NoModel, why)));
        };
        let began = services.clock.now();
        let asked = model.ask(prompt, &mut |_piece: &str| {}, &self.work.cancel);
        let duration_ms = services.clock.now().since_ms(began);
        let answered = ModelAnswered {
            round: self.round,
            attempt,
            model: model.name().to_owned(),
            reply: None,
            cut: false,
            error_kind: None,
            message: None,
            input_tokens: 0,
            output_tokens: 0,
            cost_usd: 0.0,
            duration_ms,
        };
        match asked {
            Ok(reply) => self.answered(answered, reply),
            Err(error) => self.refused(answered, &error),
        }
    }

    fn answered(
        &self,
        answered: ModelAnswered,
        reply: Reply,
    ) -> (Batch, Result<Said, (ErrorKind, String)>) {
        let services = &self.work.services;
        let Reply { mut text, stopped, usage, model } = reply;
        services.redactor.conceal_text(&mut text);
        let cut = stopped == Stopped::Length;
        let mut batch = Batch::default();
        let answered = ModelAnswered {
            reply: Some(batch.text(text.as_bytes(), services.clock.salt())),
            cut,
            input_tokens: usage.input_tokens,
            output_tokens: usage.output_tokens,
            cost_usd: self.cost_usd(&model, usage),
            model: model.clone(),
            ..answered
        };
        batch.bodies.push(EventBody::ModelAnswered(answered));
        (batch, Ok(Said { by: model, text, cut }))
    }

    /// What a reply cost; nothing where nobody said what the model costs, which is said once a reply.
    fn cost_usd(&self, model: &str, usage: Usage) -> f64 {
        let config = self.work.services.config();
        let cost = config.models.chat.cost_usd(model, usage.input_tokens, usage.output_tokens);
        cost.unwrap_or_else(|| {
            tracing::warn!("`models.prices` has no `{model}`: its tokens count, its cost does not");
            0.0
        })
    }

    /// What is left for a reply.
    fn reply_tokens(&self) -> u32 {
        let state = &self.work.state;
        let left = state.budget.tokens.saturating_sub(state.used.tokens);
        self.limits.reply_tokens.min(u32::try_from(left).unwrap_or(u32::MAX)).max(1)
    }

    /// How long a question may take: what is left of the run's time.
    fn wall_ms(&self) -> u64 {
        let state = &self.work.state;
        let left = state.budget.wall_ms.saturating_sub(state.active_ms).max(1);
        left.min(self.work.services.config().models.chat.timeout_ms)
    }

    /// What a provider says of itself may repeat what it was sent.
    fn refused(
        &self,
        answered: ModelAnswered,
        error: &ModelError,
    ) -> (Batch, Result<Said, (ErrorKind, String)>) {
        let kind = match error {
            ModelError::Cancelled => ErrorKind::Cancelled,
            _ => ErrorKind::Unavailable,
        };
        let mut message = error.to_string();
        self.work.services.redactor.conceal_text(&mut message);
        let answered =
            ModelAnswered { error_kind: Some(kind), message: Some(message.clone()), ..answered };
        (Batch::of(vec![EventBody::ModelAnswered(answered)]), Err((kind, message)))
    }
}
