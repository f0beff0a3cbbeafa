//! One question and its answer.

use std::time::Duration;

use reqwest::header::{ACCEPT, CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Method, Response, StatusCode, Url};
use serde_json::Value;

use super::error::words;
use super::{Client, ClientError, Problem};

/// Longest wait for a whole answer.
const ANSWER: Duration = Duration::from_secs(60);
/// Largest answer that is taken, in bytes.
const ANSWER_BYTES_MAX: usize = 64 << 20;
/// Tries of a request that may be repeated, and the pause between them.
const TRIES: u32 = 3;
const BETWEEN_TRIES: Duration = Duration::from_millis(500);
/// The header that makes a repeated request the same request.
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// A question to the daemon.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    method: Method,
    path: &'a [&'a str],
    query: Vec<(&'a str, String)>,
    body: Option<Value>,
    key: Option<&'a str>,
    repeatable: bool,
}

impl<'a> Request<'a> {
    /// Asks for what is at `path`, given segment by segment.
    #[must_use]
    pub const fn get(path: &'a [&'a str]) -> Self {
        Self {
            method: Method::GET,
            path,
            query: Vec::new(),
            body: None,
            key: None,
            repeatable: false,
        }
    }

    /// Hands something in.
    #[must_use]
    pub fn post(path: &'a [&'a str]) -> Self {
        Self { method: Method::POST, ..Self::get(path) }
    }

    /// Changes something.
    #[must_use]
    pub fn patch(path: &'a [&'a str]) -> Self {
        Self { method: Method::PATCH, ..Self::get(path) }
    }

    /// Says what something shall be.
    #[must_use]
    pub fn put(path: &'a [&'a str]) -> Self {
        Self { method: Method::PUT, ..Self::get(path) }
    }

    /// Takes something away.
    #[must_use]
    pub fn delete(path: &'a [&'a str]) -> Self {
        Self { method: Method::DELETE, ..Self::get(path) }
    }

    /// The same with a parameter.
    #[must_use]
    pub fn with(mut self, name: &'a str, value: impl ToString) -> Self {
        self.query.push((name, value.to_string()));
        self
    }

    /// The same with a body.
    #[must_use]
    pub fn body(mut self, body: Value) -> Self {
        self.body = Some(body);
        self
    }

    /// The same with a key by which the daemon knows a repeated request.
    #[must_use]
    pub const fn key(mut self, key: &'a str) -> Self {
        self.key = Some(key);
        self.repeatable()
    }

    /// The same, known to do no harm when it is sent again: its body carries a key.
    #[must_use]
    pub const fn repeatable(mut self) -> Self {
        self.repeatable = true;
        self
    }
}

impl Client {
    /// Asks and gives the answer; `null` where it has no content.
    ///
    /// # Errors
    /// When nobody answers, or the answer is a refusal or cannot be read.
    pub async fn ask(&self, request: &Request<'_>) -> Result<Value, ClientError> {
        let mut tries = if request.repeatable { TRIES } else { 1 };
        loop {
            tries -= 1;
            match self.ask_once(request).await {
                Err(ClientError::Unreachable { .. }) if tries > 0 => {
                    tokio::time::sleep(BETWEEN_TRIES).await;
                }
                answered => return answered,
            }
        }
    }

    /// Asks for something that is no JSON, and gives its bytes.
    ///
    /// # Errors
    /// As [`Client::ask`].
    pub async fn bytes(&self, request: &Request<'_>) -> Result<Vec<u8>, ClientError> {
        let url = self.url(request.path, &request.query)?;
        let sending = self.http.request(request.method.clone(), url).timeout(ANSWER);
        let answer = sending.send().await.map_err(|error| self.unreachable(error))?;
        let answer = self.accepted(answer).await?;
        self.whole(answer).await
    }

    async fn ask_once(&self, request: &Request<'_>) -> Result<Value, ClientError> {
        let url = self.url(request.path, &request.query)?;
        let mut sending = self.http.request(request.method.clone(), url).timeout(ANSWER);
        sending = sending.header(ACCEPT, "application/json");
        if let Some(key) = request.key {
            sending = sending.header(IDEMPOTENCY_KEY, key);
        }
        if let Some(body) = &request.body {
            sending = sending.json(body);
        }
        let answer = sending.send().await.map_err(|error| self.unreachable(error))?;
        let answer = self.accepted(answer).await?;
        if answer.status() == StatusCode::NO_CONTENT {
            return Ok(Value::Null);
        }
        let body = self.whole(answer).await?;
        serde_json::from_slice(&body).map_err(|error| self.unreadable(error))
    }

    /// The answer, unless it is a refusal.
    pub(super) async fn accepted(&self, answer: Response) -> Result<Response, ClientError> {
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        if status.is_redirection() {
            return Err(self.unreadable(format!("it sends elsewhere (status {})", status.as_u16())));
        }
        let wait = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let wait = wait.and_then(|seconds| seconds.parse().ok());
        let body = self.whole(answer).await?;
        Err(ClientError::Refused(Box::new(Problem::of(status.as_u16(), &body, wait))))
    }

    async fn whole(&self, mut answer: Response) -> Result<Vec<u8>, ClientError> {
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| self.unreachable(error))? {
            if body.len().saturating_add(chunk.len()) > ANSWER_BYTES_MAX {
                return Err(self.unreadable(format!("it is larger than {ANSWER_BYTES_MAX} bytes")));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    /// The address of `path`, each of whose segments is escaped.
    pub(super) fn url(&self, path: &[&str], query: &[(&str, String)]) -> Result<Url, ClientError> {
        let mut url = self.base.clone();
        match url.path_segments_mut() {
            Ok(mut segments) => segments.pop_if_empty().extend(path),
            Err(()) => return Err(self.unreadable("its address has no path")),
        };
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Ok(url)
    }

    pub(super) fn unreachable(&self, error: reqwest::Error) -> ClientError {
        ClientError::Unreachable { place: self.place.clone(), why: words(error) }
    }

    pub(super) fn unreadable(&self, why: impl ToString) -> ClientError {
        ClientError::Unreadable { place: self.place.clone(), why: why.to_string() }
    }
}

/// Whether an answer is a stream of events.
pub(super) fn is_stream(answer: &Response) -> bool {
    let kind = answer.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    kind.is_some_and(|kind| kind.starts_with("text/event-stream"))
}
