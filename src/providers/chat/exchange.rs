//! One request whose answer comes in lines, held to bounds: in time, in bytes, and in the length of a
//! line. Lines are taken apart as bytes, so that a character that comes in two pieces stays whole.

use std::time::{Duration, Instant};

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use serde_json::Value;

use crate::ports::{Cancel, ModelError};

/// Largest answer, all lines together.
const ANSWER_BYTES_MAX: usize = 16 << 20;

/// Longest line, and longest answer of a refusal.
const LINE_BYTES_MAX: usize = 1 << 20;

/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(10);

/// How often a request to stop is looked for.
const TICK: Duration = Duration::from_millis(50);

/// Longest wait that a provider can ask for.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(3600);

/// Whether more lines are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    /// The next, please.
    On,
    /// The answer is whole.
    Done,
}

/// What is asked of whom, and until when.
pub(super) struct Exchange<'a> {
    /// Who is asked, for errors.
    pub model: &'a str,
    /// Where.
    pub url: String,
    /// Beside the content type.
    pub headers: HeaderMap,
    /// The request; without one it only asks for what is there.
    pub body: Option<&'a Value>,
    /// How long it may take.
    pub wall: Duration,
    /// A request to stop.
    pub cancel: &'a Cancel,
}

/// A client that follows no redirects: a key would go wherever one leads.
fn client() -> reqwest::Result<Client> {
    Client::builder().connect_timeout(CONNECT).redirect(reqwest::redirect::Policy::none()).build()
}

impl Exchange<'_> {
    /// Sends the request and gives each line of the answer to `take` until that has enough.
    pub(super) fn lines(
        &self,
        take: &mut dyn FnMut(&str) -> Result<Flow, ModelError>,
    ) -> Result<(), ModelError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| self.unavailable(error.to_string(), None))?;
        let ended = runtime.block_on(async {
            tokio::select! {
                biased;
                () = stopped(self.cancel) => Err(ModelError::Cancelled),
                ended = tokio::time::timeout(self.wall, self.ask(take)) => {
                    ended.unwrap_or_else(|_| Err(self.timed_out()))
                }
            }
        });
        runtime.shutdown_background();
        ended
    }

    /// Sends the request and reads the answer as one document.
    pub(super) fn document(&self) -> Result<Value, ModelError> {
        let mut text = String::new();
        self.lines(&mut |line| {
            text.push_str(line);
            text.push('\n');
            Ok(Flow::On)
        })?;
        serde_json::from_str(&text).map_err(|_| self.garbled("the answer is not JSON"))
    }

    async fn ask(
        &self,
        take: &mut dyn FnMut(&str) -> Result<Flow, ModelError>,
    ) -> Result<(), ModelError> {
        let client = client().map_err(|error| self.unavailable(deepest(&error), None))?;
        let request: RequestBuilder = match self.body {
            Some(body) => client.post(&self.url).json(body),
            None => client.get(&self.url),
        };
        let request = request.headers(self.headers.clone());
        let sent = request.send().await;
        let response = sent.map_err(|error| self.unavailable(deepest(&error), None))?;
        let status = response.status();
        if !status.is_success() {
            return Err(self.refused(status, response).await);
        }
        self.read(response, take).await
    }

    async fn read(
        &self,
        mut response: Response,
        take: &mut dyn FnMut(&str) -> Result<Flow, ModelError>,
    ) -> Result<(), ModelError> {
        let (mut line, mut total) = (Vec::new(), 0_usize);
        loop {
            let chunk = response.chunk().await;
            let chunk = chunk.map_err(|error| {
                self.garbled(&format!("the answer was cut off: {}", deepest(&error)))
            })?;
            let Some(chunk) = chunk else { break };
            total = total.saturating_add(chunk.len());
            if total > ANSWER_BYTES_MAX {
                return Err(self.garbled("the answer does not end"));
            }
            let mut rest: &[u8] = &chunk;
            while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
                let (head, tail) = rest.split_at(end);
                line.extend_from_slice(head);
                rest = tail.get(1..).unwrap_or_default();
                if self.give(&std::mem::take(&mut line), take)? == Flow::Done {
                    return Ok(());
                }
            }
            line.extend_from_slice(rest);
            if line.len() > LINE_BYTES_MAX {
                return Err(self.garbled("a line of the answer does not end"));
            }
        }
        self.give(&line, take).map(drop)
    }

    fn give(
        &self,
        line: &[u8],
        take: &mut dyn FnMut(&str) -> Result<Flow, ModelError>,
    ) -> Result<Flow, ModelError> {
        let line = std::str::from_utf8(line);
        let line = line.map_err(|_| self.garbled("the answer is not UTF-8"))?.trim();
        if line.is_empty() { Ok(Flow::On) } else { take(line) }
    }

    /// What a status other than success means.
    async fn refused(&self, status: StatusCode, mut response: Response) -> ModelError {
        let retry_after = response.headers().get(RETRY_AFTER).and_then(retry_after);
        let mut body = Vec::new();
        while body.len() < LINE_BYTES_MAX {
            match response.chunk().await {
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                // What it said until then has to do.
                Ok(None) | Err(_) => break,
            }
        }
        let reason = format!("{status}: {}", said(&body));
        match status {
            StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => {
                self.unavailable(reason, retry_after)
            }
            status if status.is_server_error() => self.unavailable(reason, retry_after),
            _ => self.turned_down(reason),
        }
    }

    fn unavailable(&self, reason: String, retry_after: Option<Duration>) -> ModelError {
        let reason = self.without_key(reason);
        ModelError::Unavailable { model: self.model.to_owned(), reason, retry_after }
    }

    pub(super) fn garbled(&self, reason: &str) -> ModelError {
        let reason = self.without_key(reason.to_owned());
        ModelError::Garbled { model: self.model.to_owned(), reason }
    }

    fn turned_down(&self, reason: String) -> ModelError {
        let reason = self.without_key(reason);
        ModelError::Refused { model: self.model.to_owned(), reason }
    }

    /// What a provider says without the key that it was sent: some repeat it.
    fn without_key(&self, reason: String) -> String {
        let sent = self.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let key = sent.map(|sent| sent.strip_prefix("Bearer ").unwrap_or(sent));
        match key.filter(|key| !key.is_empty()) {
            Some(key) => reason.replace(key, "(the key)"),
            None => reason,
        }
    }

    fn timed_out(&self) -> ModelError {
        ModelError::TimedOut { model: self.model.to_owned(), seconds: self.wall.as_secs() }
    }
}

/// What an error page says: its message where it is one of the known forms, else its beginning.
fn said(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let known = serde_json::from_str::<Value>(&text).ok().and_then(|value| {
        let error = value.get("error")?;
        let message = error.as_str().or_else(|| error.get("message")?.as_str())?;
        Some(message.to_owned())
    });
    let text = known.unwrap_or_else(|| text.trim().to_owned());
    let cut: String = text.chars().take(300).collect();
    if cut.is_empty() { "no reason given".to_owned() } else { cut }
}

/// Seconds, or a date.
fn retry_after(value: &HeaderValue) -> Option<Duration> {
    let text = value.to_str().ok()?.trim();
    let wait = match text.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let at = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
            let left = at.as_millisecond().saturating_sub(jiff::Timestamp::now().as_millisecond());
            Duration::from_millis(u64::try_from(left).unwrap_or(0))
        }
    };
    Some(wait.min(RETRY_AFTER_MAX))
}

async fn stopped(cancel: &Cancel) {
    while !cancel.is_requested() {
        tokio::time::sleep(TICK).await;
    }
}

/// The cause, which says more than what it caused.
fn deepest(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}

/// Waits, unless somebody asks to stop. True when the wait is over.
pub(super) fn pause(wait: Duration, cancel: &Cancel) -> bool {
    let end = Instant::now() + wait;
    while !cancel.is_requested() {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return true;
        }
        std::thread::sleep(left.min(TICK));
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_can_say_when_to_ask_again_in_seconds_or_as_a_date() {
        let later = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(90);
        let date = jiff::fmt::rfc2822::to_string(&later.to_zoned(jiff::tz::TimeZone::UTC)).unwrap();
        for (text, seconds) in [
            ("7", Some(7..=7)),
            ("0", Some(0..=0)),
            ("999999999", Some(3600..=3600)),
            (date.as_str(), Some(80..=90)),
            ("Wed, 21 Oct 2015 07:28:00 GMT", Some(0..=0)),
            ("soon", None),
            ("-1", None),
        ] {
            let found = retry_after(&HeaderValue::from_str(text).unwrap());
            match (found, seconds) {
                (None, None) => {}
                (Some(found), Some(range)) => assert!(range.contains(&found.as_secs()), "{text}"),
                other => panic!("{text}: {other:?}"),
            }
        }
    }

    #[test]
    fn an_error_is_told_by_its_message() {
        for (body, expected) in [
            (r#"{"error":"model 'x' not found"}"#, "model 'x' not found"),
            (r#"{"error":{"message":"no such key","code":401}}"#, "no such key"),
            ("<html>Bad Gateway", "<html>Bad Gateway"),
            ("", "no reason given"),
        ] {
            assert_eq!(said(body.as_bytes()), expected);
        }
    }
}
