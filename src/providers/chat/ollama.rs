//! Models behind Ollama. Requests and answers have the shapes of `ollama-rs`; its own reader of streams
//! is not used, since it loses a character that comes in two pieces and takes an error in the middle of a
//! stream for its end.

use std::time::Duration;

use ollama_rs::generation::chat::request::ChatMessageRequest;
use ollama_rs::generation::chat::{ChatMessage, ChatMessageResponse, MessageRole};
use ollama_rs::generation::parameters::{FormatType, JsonStructure};
use ollama_rs::models::ModelOptions;
use reqwest::header::HeaderMap;
use serde_json::Value;

use super::exchange::{Exchange, Flow};
use crate::ports::{Cancel, Message, Model, ModelError, Prompt, Reply, Role, Stopped, Usage};

/// An Ollama server.
#[derive(Debug, Clone)]
pub struct Ollama {
    /// Where it is, such as `http://127.0.0.1:11434`, without a slash at the end.
    pub url: String,
    /// The same answer to the same question, as far as the server can.
    pub seed: i32,
    /// How freely words are chosen; 0 takes the likeliest.
    pub temperature: f64,
    /// Tokens that a model looks at, question and reply together; the server's default when absent.
    pub context_tokens: Option<u64>,
}

/// A model of an Ollama server.
#[derive(Debug, Clone)]
pub struct OllamaModel {
    pub(super) server: Ollama,
    model: String,
    name: String,
}

impl Ollama {
    /// One of its models.
    #[must_use]
    pub fn model(&self, model: &str) -> OllamaModel {
        OllamaModel {
            server: self.clone(),
            model: model.to_owned(),
            name: format!("ollama/{model}"),
        }
    }
}

impl OllamaModel {
    fn body(&self, prompt: &Prompt) -> Result<Value, ModelError> {
        let tokens = i32::try_from(prompt.tokens_max).unwrap_or(i32::MAX);
        #[allow(clippy::cast_possible_truncation, reason = "between 0 and 2")]
        let temperature = self.server.temperature as f32;
        let options = ModelOptions::default().temperature(temperature);
        let mut options = options.seed(self.server.seed).num_predict(tokens);
        if let Some(tokens) = self.server.context_tokens {
            options = options.num_ctx(tokens);
        }
        let messages = prompt.messages.iter().map(message).collect();
        let mut request = ChatMessageRequest::new(self.model.clone(), messages).options(options);
        if let Some(schema) = &prompt.schema {
            let schema = schemars::Schema::try_from(schema.clone());
            let schema = schema.map_err(|error| self.wrong(&error.to_string()))?;
            let form = JsonStructure::new_for_schema(schema);
            request = request.format(FormatType::StructuredJson(Box::new(form)));
        }
        let mut body =
            serde_json::to_value(&request).map_err(|error| self.wrong(&error.to_string()))?;
        if let Some(body) = body.as_object_mut() {
            body.insert("stream".to_owned(), Value::Bool(true));
        }
        Ok(body)
    }

    fn wrong(&self, reason: &str) -> ModelError {
        ModelError::Refused { model: self.name.clone(), reason: reason.to_owned() }
    }
}

fn message(message: &Message) -> ChatMessage {
    let role = match message.role {
        Role::System => MessageRole::System,
        Role::User => MessageRole::User,
        Role::Assistant => MessageRole::Assistant,
    };
    ChatMessage::new(role, message.text.clone())
}

impl Model for OllamaModel {
    fn name(&self) -> &str {
        &self.name
    }

    fn ask(
        &self,
        prompt: &Prompt,
        hear: &mut dyn FnMut(&str),
        cancel: &Cancel,
    ) -> Result<Reply, ModelError> {
        let body = self.body(prompt)?;
        let wall: Duration = prompt.wall;
        let url = format!("{}/api/chat", self.server.url);
        let headers = HeaderMap::new();
        let exchange =
            Exchange { model: &self.name, url, headers, body: Some(&body), wall, cancel };
        let (mut text, mut last) = (String::new(), None);
        exchange.lines(&mut |line| {
            let value: Value = serde_json::from_str(line)
                .map_err(|_| exchange.garbled("a line of the answer is not JSON"))?;
            if let Some(error) = value.get("error").and_then(Value::as_str) {
                return Err(exchange.garbled(&format!("it broke off: {error}")));
            }
            let end = End::of(&value);
            let piece: ChatMessageResponse = serde_json::from_value(value)
                .map_err(|error| exchange.garbled(&format!("not Ollama's form: {error}")))?;
            hear(&piece.message.content);
            text.push_str(&piece.message.content);
            if piece.done {
                last = Some(end);
                return Ok(Flow::Done);
            }
            Ok(Flow::On)
        })?;
        let Some(End { stopped, usage }) = last else {
            return Err(exchange.garbled("the answer was cut off"));
        };
        Ok(Reply { text, stopped, usage, model: self.name.clone() })
    }
}

/// What the last line says. Read apart from the rest: servers leave out counts of what they had cached.
struct End {
    stopped: Stopped,
    usage: Usage,
}

impl End {
    fn of(value: &Value) -> Self {
        let count = |key: &str| value.get(key).and_then(Value::as_u64).unwrap_or(0);
        let is_cut = value.get("done_reason").and_then(Value::as_str) == Some("length");
        Self {
            stopped: if is_cut { Stopped::Length } else { Stopped::Finished },
            usage: Usage {
                input_tokens: count("prompt_eval_count"),
                output_tokens: count("eval_count"),
            },
        }
    }
}
