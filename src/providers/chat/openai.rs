//! Models behind any endpoint that speaks OpenAI's protocol: `POST …/chat/completions`, streamed.

use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use serde_json::{Value, json};

use super::exchange::{Exchange, Flow};
use super::one_object::one_object;
use crate::ports::{Cancel, Model, ModelError, Prompt, Reply, Stopped, Usage};

/// What ends the stream.
const DONE: &str = "[DONE]";

/// An endpoint and one of its models.
#[derive(Clone)]
pub struct OpenAiOptions {
    /// Where it is, with the version, such as `https://api.example.org/v1`, without a slash at the end.
    pub url: String,
    /// The model.
    pub model: String,
    /// Sent as a bearer token; never shown.
    pub key: Option<String>,
    /// The same answer to the same question, as far as the endpoint can.
    pub seed: i64,
    /// How freely words are chosen; 0 takes the likeliest.
    pub temperature: f64,
}

/// Without the key.
impl std::fmt::Debug for OpenAiOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { url, model, .. } = self;
        f.debug_struct("OpenAiOptions")
            .field("url", url)
            .field("model", model)
            .finish_non_exhaustive()
    }
}

/// A model behind such an endpoint.
#[derive(Clone)]
pub struct OpenAi {
    options: OpenAiOptions,
    headers: HeaderMap,
    name: String,
}

impl std::fmt::Debug for OpenAi {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("OpenAi").field(&self.options).finish()
    }
}

impl OpenAi {
    /// The model that `options` name.
    ///
    /// # Errors
    /// When the key cannot stand in a header.
    pub fn new(options: OpenAiOptions) -> Result<Self, ModelError> {
        let name = format!("openai/{}", options.model);
        let mut headers = HeaderMap::new();
        if let Some(key) = &options.key {
            let value = HeaderValue::from_str(&format!("Bearer {key}"));
            let mut value = value.map_err(|_| ModelError::Refused {
                model: name.clone(),
                reason: "the key has characters that cannot be sent; look for a line break".into(),
            })?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        Ok(Self { options, headers, name })
    }

    /// The names of the models that the endpoint has.
    ///
    /// # Errors
    /// When it cannot be reached, or does not say.
    pub fn models(&self, wall: Duration, cancel: &Cancel) -> Result<Vec<String>, ModelError> {
        let (url, headers) = (format!("{}/models", self.options.url), self.headers.clone());
        let asked = Exchange { model: &self.name, url, headers, body: None, wall, cancel };
        let answer = asked.document()?;
        let models = answer.get("data").and_then(Value::as_array);
        let models = models.ok_or_else(|| asked.garbled("it lists no models"))?;
        let name = |model: &Value| Some(model.get("id")?.as_str()?.to_owned());
        Ok(models.iter().filter_map(name).collect())
    }

    fn body(&self, prompt: &Prompt) -> Value {
        let messages: Vec<Value> = prompt
            .messages
            .iter()
            .map(|message| json!({ "role": message.role, "content": message.text }))
            .collect();
        let mut body = json!({
            "model": self.options.model,
            "messages": messages,
            "temperature": self.options.temperature,
            "seed": self.options.seed,
            "max_tokens": prompt.tokens_max,
            "stream": true,
            "stream_options": { "include_usage": true },
        });
        if let (Some(schema), Some(body)) = (&prompt.schema, body.as_object_mut()) {
            let named = json!({ "name": "reply", "schema": one_object(schema) });
            let format = json!({ "type": "json_schema", "json_schema": named });
            body.insert("response_format".to_owned(), format);
        }
        body
    }
}

impl Model for OpenAi {
    fn name(&self) -> &str {
        &self.name
    }

    fn ask(
        &self,
        prompt: &Prompt,
        hear: &mut dyn FnMut(&str),
        cancel: &Cancel,
    ) -> Result<Reply, ModelError> {
        let body = self.body(prompt);
        let (url, headers) =
            (format!("{}/chat/completions", self.options.url), self.headers.clone());
        let wall: Duration = prompt.wall;
        let exchange =
            Exchange { model: &self.name, url, headers, body: Some(&body), wall, cancel };
        let mut heard = Heard::default();
        exchange.lines(&mut |line| {
            // Lines of other fields, and comments, say nothing here.
            let Some(data) = line.strip_prefix("data:") else {
                return if line.starts_with('{') {
                    heard.take(line, &exchange, hear)
                } else {
                    Ok(Flow::On)
                };
            };
            let data = data.trim();
            if data == DONE { Ok(Flow::Done) } else { heard.take(data, &exchange, hear) }
        })?;
        let Some(stopped) = heard.stopped else {
            return Err(exchange.garbled("the answer was cut off"));
        };
        Ok(Reply { text: heard.text, stopped, usage: heard.usage, model: self.name.clone() })
    }
}

/// What came so far.
#[derive(Default)]
struct Heard {
    text: String,
    stopped: Option<Stopped>,
    usage: Usage,
}

impl Heard {
    fn take(
        &mut self,
        data: &str,
        exchange: &Exchange<'_>,
        hear: &mut dyn FnMut(&str),
    ) -> Result<Flow, ModelError> {
        let piece: Value = serde_json::from_str(data)
            .map_err(|_| exchange.garbled("a line of the answer is not JSON"))?;
        if let Some(error) = piece.get("error").filter(|error| !error.is_null()) {
            let message = error.get("message").and_then(Value::as_str);
            let message = message.or_else(|| error.as_str()).unwrap_or("no reason given");
            return Err(exchange.garbled(&format!("it broke off: {message}")));
        }
        if let Some(usage) = piece.get("usage") {
            let count = |key: &str| usage.get(key).and_then(Value::as_u64);
            self.usage.input_tokens = count("prompt_tokens").unwrap_or(self.usage.input_tokens);
            self.usage.output_tokens =
                count("completion_tokens").unwrap_or(self.usage.output_tokens);
        }
        let Some(choice) = piece.pointer("/choices/0") else { return Ok(Flow::On) };
        if let Some(text) = choice.pointer("/delta/content").and_then(Value::as_str) {
            hear(text);
            self.text.push_str(text);
        }
        self.stopped = match choice.get("finish_reason").and_then(Value::as_str) {
            Some("length") => Some(Stopped::Length),
            Some(_) => Some(Stopped::Finished),
            None => self.stopped,
        };
        Ok(Flow::On)
    }
}
