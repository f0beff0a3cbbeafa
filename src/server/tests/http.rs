//! A client that says exactly what a test wants on the wire.

use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;

use super::stage::{PATIENCE, Stage};

/// An answer, read to the end of the connection.
#[derive(Debug)]
pub(super) struct Heard {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Heard {
    pub(super) fn of(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        let head = head.to_owned();
        let chunked = head.to_lowercase().contains("transfer-encoding: chunked");
        let body = if chunked { unchunked(body) } else { body.to_owned() };
        Self { status, head, body }
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (known, value) = line.split_once(':')?;
            known.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    #[track_caller]
    pub(super) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self:?}");
        if status >= 400 {
            assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
            let problem = self.json();
            assert_eq!(problem["status"], status, "{problem}");
            assert!(problem["errors"].is_array() && problem["detail"].is_string(), "{problem}");
            assert!(problem["type"].as_str().unwrap().starts_with("about:blank#"), "{problem}");
        }
        self
    }

    /// The kind of problem.
    pub(super) fn slug(&self) -> String {
        let kind = self.json()["type"].as_str().unwrap_or_default().to_owned();
        kind.trim_start_matches("about:blank#").to_owned()
    }
}

fn unchunked(mut body: &str) -> String {
    let mut whole = String::new();
    while let Some((size, rest)) = body.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).unwrap_or(0);
        let size = size.min(rest.len());
        whole.push_str(&rest[..size]);
        body = rest[size..].trim_start_matches("\r\n");
    }
    whole
}

/// Says `text` and listens until the other side closes.
pub(super) async fn talk<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, text: &[u8]) -> Heard {
    let talking = async {
        // The other side may close before it has read everything.
        let _ = stream.write_all(text).await;
        let mut heard = Vec::new();
        let mut part = [0; 4096];
        while let Ok(count @ 1..) = stream.read(&mut part).await {
            heard.extend_from_slice(&part[..count]);
        }
        Heard::of(&String::from_utf8_lossy(&heard))
    };
    timeout(PATIENCE, talking).await.expect("the connection stays open")
}

impl Stage {
    pub(super) async fn raw(&self, text: &[u8]) -> Heard {
        talk(TcpStream::connect(self.address).await.unwrap(), text).await
    }

    pub(super) async fn raw_unix(&self, text: &[u8]) -> Heard {
        talk(UnixStream::connect(self.socket()).await.unwrap(), text).await
    }

    /// One request with headers and a body of JSON.
    pub(super) async fn call(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Heard {
        let text = request(&self.address.to_string(), method, path, headers, body);
        self.raw(text.as_bytes()).await
    }

    pub(super) async fn get(&self, path: &str) -> Heard {
        self.call("GET", path, &[], None).await
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> Heard {
        self.call("POST", path, &[], Some(body)).await
    }
}

pub(super) fn request(
    host: &str,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: Option<&Value>,
) -> String {
    let mut text = format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n");
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    let body = body.map(ToString::to_string);
    if let Some(body) = &body {
        let length = body.len();
        text.push_str(&format!("content-type: application/json\r\ncontent-length: {length}\r\n"));
    }
    text.push_str("\r\n");
    text.push_str(body.as_deref().unwrap_or_default());
    text
}
