//! Having an Ollama server fetch a model: `/api/pull`, whose answer is a line for each step.

use std::time::Duration;

use serde::Deserialize;

/// A step, in the server's words.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Pulled {
    /// What it does now, such as `pulling manifest`.
    #[serde(default)]
    pub status: String,
    /// How many bytes there are of what it fetches.
    #[serde(default)]
    pub total: Option<u64>,
    /// How many of them it has.
    #[serde(default)]
    pub completed: Option<u64>,
    /// Why it gave up.
    #[serde(default)]
    error: Option<String>,
}

/// The server says at least something in this time.
const SILENCE_MAX: Duration = Duration::from_secs(120);
/// Longest line, in bytes.
const LINE_BYTES_MAX: usize = 64 * 1024;
/// What the last line says when all went well.
const SUCCESS: &str = "success";

/// Has the server at `url` fetch `model`; each step is told to `told`.
///
/// # Errors
/// In words for people: when it does not answer, says that it cannot, or stops before the end.
pub async fn pull(url: &str, model: &str, mut told: impl FnMut(&Pulled)) -> Result<(), String> {
    let address = format!("{}/api/pull", url.trim_end_matches('/'));
    let gone = |error: reqwest::Error| format!("the Ollama server at `{url}`: {}", cause(&error));
    let silent = |_| format!("the Ollama server at `{url}` said nothing for {SILENCE_MAX:?}");
    let client = reqwest::Client::builder().no_proxy().build().map_err(gone)?;
    let body = serde_json::json!({ "model": model, "stream": true }).to_string();
    let request = client.post(&address).header("content-type", "application/json").body(body);
    let answer = tokio::time::timeout(SILENCE_MAX, request.send()).await.map_err(silent)?;
    let mut answer = answer.map_err(gone)?;
    let (status, mut rest, mut last) = (answer.status(), Vec::new(), String::new());
    loop {
        let part = tokio::time::timeout(SILENCE_MAX, answer.chunk()).await.map_err(silent)?;
        let part = part.map_err(gone)?;
        let ended = part.is_none();
        rest.extend_from_slice(part.as_deref().unwrap_or(b"\n"));
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = rest.drain(..=end).collect();
            if let Some(step) = read(&line, model)? {
                told(&step);
                last = step.status;
            }
        }
        if rest.len() > LINE_BYTES_MAX {
            return Err(format!("`{url}` does not answer as an Ollama server does"));
        }
        if ended {
            break;
        }
    }
    match (status.is_success(), last == SUCCESS) {
        (true, true) => Ok(()),
        (false, _) => Err(format!("`{url}` cannot fetch `{model}`: it answered {status}")),
        (true, false) => Err(format!("`{url}` stopped fetching `{model}` at `{last}`: try again")),
    }
}

fn read(line: &[u8], model: &str) -> Result<Option<Pulled>, String> {
    if line.iter().all(u8::is_ascii_whitespace) {
        return Ok(None);
    }
    let step: Pulled = serde_json::from_slice(line)
        .map_err(|error| format!("the server's answer is not Ollama's: {error}"))?;
    match step.error {
        Some(why) => Err(format!("the server cannot fetch `{model}`: {why}")),
        None => Ok(Some(step)),
    }
}

/// The innermost reason: the outer ones only say that a request failed.
fn cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use super::*;

    fn pulled(status: u16, parts: &'static [&'static str]) -> (Result<(), String>, Vec<Pulled>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let peer = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut sent = [0; 4096];
            let count = stream.read(&mut sent).unwrap();
            let head = format!("HTTP/1.1 {status} x\r\nconnection: close\r\n\r\n");
            stream.write_all(head.as_bytes()).unwrap();
            for part in parts {
                stream.write_all(part.as_bytes()).unwrap();
                stream.flush().unwrap();
                std::thread::sleep(Duration::from_millis(20));
            }
            String::from_utf8_lossy(&sent[..count]).into_owned()
        });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let mut steps = Vec::new();
        let result = runtime.block_on(pull(&url, "all-minilm", |step| steps.push(step.clone())));
        assert!(peer.join().unwrap().starts_with("POST /api/pull "));
        (result, steps)
    }

    #[test]
    fn each_step_is_told_also_when_a_line_comes_in_parts() {
        let (result, steps) = pulled(
            200,
            &[
                "{\"status\":\"pulling manifest\"}\n{\"status\":\"pull",
                "ing a\",\"total\":100,\"completed\":40}\n",
                "{\"status\":\"success\"}",
            ],
        );
        assert_eq!(result, Ok(()));
        let said: Vec<_> = steps.iter().map(|it| (it.status.as_str(), it.completed)).collect();
        assert_eq!(said, [("pulling manifest", None), ("pulling a", Some(40)), ("success", None)]);
    }

    #[test]
    fn what_did_not_come_to_its_end_is_an_error() {
        for (status, parts, expect) in [
            (
                200,
                &["{\"status\":\"pulling\"}\n"][..],
                "stopped fetching `all-minilm` at `pulling`",
            ),
            (200, &["{\"status\":\"a\"}\n{\"error\":\"no space\"}\n"][..], "no space"),
            (404, &["{\"error\":\"file does not exist\"}"][..], "file does not exist"),
            (500, &[][..], "500"),
            (200, &["<html>"][..], "not Ollama's"),
        ] {
            let error = pulled(status, parts).0.unwrap_err();
            assert!(error.contains(expect), "{error}");
        }
    }
}
