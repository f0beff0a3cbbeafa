//! What an Ollama server has, and having it fetch more.

use std::time::Duration;

use reqwest::header::HeaderMap;
use serde_json::{Value, json};

use super::Ollama;
use super::exchange::{Exchange, Flow};
use crate::ports::{Cancel, ModelError};

/// A model that a server has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Its name.
    pub name: String,
    /// Its size in bytes.
    pub bytes: u64,
}

/// How far fetching is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pulled {
    /// What the server does now, in its own words.
    pub status: String,
    /// Bytes that are there, and how many there are in all, of the part that it fetches now.
    pub bytes: Option<(u64, u64)>,
}

impl Ollama {
    fn ask<'a>(
        &self,
        who: &'a str,
        path: &str,
        body: Option<&'a Value>,
        wall: Duration,
        cancel: &'a Cancel,
    ) -> Exchange<'a> {
        let url = format!("{}{path}", self.url);
        Exchange { model: who, url, headers: HeaderMap::new(), body, wall, cancel }
    }

    /// The models that the server has, by name.
    ///
    /// # Errors
    /// When it cannot be reached, or does not say.
    pub fn models(&self, wall: Duration, cancel: &Cancel) -> Result<Vec<Held>, ModelError> {
        let asked = self.ask("ollama", "/api/tags", None, wall, cancel);
        let answer = asked.document()?;
        let models = answer.get("models").and_then(Value::as_array);
        let models = models.ok_or_else(|| asked.garbled("it lists no models"))?;
        let held = |model: &Value| {
            let bytes = model.get("size").and_then(Value::as_u64).unwrap_or(0);
            Some(Held { name: model.get("name")?.as_str()?.to_owned(), bytes })
        };
        let mut held: Vec<Held> = models.iter().filter_map(held).collect();
        held.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(held)
    }

    /// How many tokens the model can look at, where the server says so.
    ///
    /// # Errors
    /// When the server cannot be reached, or has no such model.
    pub fn context_of(
        &self,
        model: &str,
        wall: Duration,
        cancel: &Cancel,
    ) -> Result<Option<u64>, ModelError> {
        let (who, body) = (format!("ollama/{model}"), json!({ "model": model }));
        let answer = self.ask(&who, "/api/show", Some(&body), wall, cancel).document()?;
        let about = answer.get("model_info").and_then(Value::as_object);
        let length = about.and_then(|about| {
            about.iter().find(|(key, _)| key.ends_with(".context_length")).map(|(_, value)| value)
        });
        Ok(length.and_then(Value::as_u64))
    }

    /// Has the server fetch the model; `told` hears how far it is.
    ///
    /// # Errors
    /// When it cannot be reached, has no such model to fetch, or breaks off.
    pub fn pull(
        &self,
        model: &str,
        wall: Duration,
        told: &mut dyn FnMut(&Pulled),
        cancel: &Cancel,
    ) -> Result<(), ModelError> {
        let who = format!("ollama/{model}");
        let body = json!({ "model": model, "stream": true });
        let asked = self.ask(&who, "/api/pull", Some(&body), wall, cancel);
        let mut done = false;
        asked.lines(&mut |line| {
            let value: Value = serde_json::from_str(line)
                .map_err(|_| asked.garbled("a line of the answer is not JSON"))?;
            if let Some(error) = value.get("error").and_then(Value::as_str) {
                let reason = format!("it does not fetch it: {error}");
                return Err(ModelError::Refused { model: who.clone(), reason });
            }
            let pulled = pulled(&value);
            done = pulled.status == "success";
            told(&pulled);
            Ok(if done { Flow::Done } else { Flow::On })
        })?;
        if done { Ok(()) } else { Err(asked.garbled("it broke off before the model was whole")) }
    }
}

fn pulled(value: &Value) -> Pulled {
    let number = |key: &str| value.get(key).and_then(Value::as_u64);
    let bytes = number("total").map(|total| (number("completed").unwrap_or(0).min(total), total));
    let status = value.get("status").and_then(Value::as_str).unwrap_or_default();
    Pulled { status: status.to_owned(), bytes: bytes.filter(|(_, total)| *total > 0) }
}
