//! Streamable HTTP over the one HTTP client of this program.
//!
//! What comes in is counted before it is kept. Redirects are not followed: whoever wrote the address
//! into the configuration meant that one.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{BoxStream, StreamExt};
use http::{HeaderName, HeaderValue, StatusCode};
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap};
use reqwest::{RequestBuilder, Response};
use rmcp::model::{ClientJsonRpcMessage, ServerJsonRpcMessage};
use rmcp::transport::streamable_http_client::{
    SseError, StreamableHttpClient, StreamableHttpError, StreamableHttpPostResponse,
};
use sse_stream::{Sse, SseStream};

/// Largest answer that is no stream, and largest event of a stream, in bytes.
const BODY_BYTES_MAX: usize = 16 << 20;
const CONNECT: Duration = Duration::from_secs(10);
const JSON: &str = "application/json";
const EVENTS: &str = "text/event-stream";
const SESSION: &str = "mcp-session-id";
const LAST_EVENT: &str = "last-event-id";

type Failed = StreamableHttpError<reqwest::Error>;
type Events = BoxStream<'static, Result<Sse, SseError>>;

/// The client of one server.
#[derive(Clone)]
pub(super) struct Http {
    client: reqwest::Client,
    headers: HeaderMap,
}

impl Http {
    /// A client that sends `headers` with each request.
    pub(super) fn new(headers: &[(String, String)]) -> Result<Self, String> {
        let mut all = HeaderMap::new();
        for (name, value) in headers {
            let bad =
                |what: &str| format!("the header `{}` has no usable {what}", name.escape_debug());
            let key = HeaderName::try_from(name.as_str()).map_err(|_| bad("name"))?;
            let mut value = HeaderValue::from_str(value).map_err(|_| bad("value"))?;
            value.set_sensitive(true);
            all.insert(key, value);
        }
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT)
            .no_proxy()
            .build()
            .map_err(|error| error.to_string())?;
        Ok(Self { client, headers: all })
    }

    /// A request with what every request has.
    fn with(
        &self,
        request: RequestBuilder,
        session: Option<&str>,
        custom: HashMap<HeaderName, HeaderValue>,
    ) -> RequestBuilder {
        let mut request = request.headers(self.headers.clone());
        for (name, value) in custom {
            request = request.header(name, value);
        }
        match session {
            Some(session) => request.header(SESSION, session),
            None => request,
        }
    }
}

impl StreamableHttpClient for Http {
    type Error = reqwest::Error;

    async fn post_message(
        &self,
        uri: Arc<str>,
        message: ClientJsonRpcMessage,
        session_id: Option<Arc<str>>,
        _: Option<String>,
        custom_headers: HashMap<HeaderName, HeaderValue>,
    ) -> Result<StreamableHttpPostResponse, Failed> {
        let had_session = session_id.is_some();
        let request = self.client.post(uri.as_ref()).header(ACCEPT, format!("{JSON}, {EVENTS}"));
        let request = self.with(request, session_id.as_deref(), custom_headers);
        let response = request.json(&message).send().await.map_err(Failed::Client)?;
        let status = response.status();
        if matches!(status, StatusCode::ACCEPTED | StatusCode::NO_CONTENT) {
            return Ok(StreamableHttpPostResponse::Accepted);
        }
        if status == StatusCode::NOT_FOUND && had_session {
            return Err(Failed::SessionExpired);
        }
        let session = response.headers().get(SESSION).and_then(|it| it.to_str().ok());
        let session = session.map(str::to_owned);
        let kind = kind(&response);
        if status.is_success() && kind.starts_with(EVENTS) {
            return Ok(StreamableHttpPostResponse::Sse(events(response), session));
        }
        let body = body(response).await?;
        // A refusal may come as a JSON-RPC error, whatever the status says.
        match serde_json::from_slice::<ServerJsonRpcMessage>(&body) {
            Ok(answer) if kind.starts_with(JSON) => {
                Ok(StreamableHttpPostResponse::Json(answer, session))
            }
            _ if status.is_success() && body.is_empty() => Ok(StreamableHttpPostResponse::Accepted),
            _ => Err(Failed::UnexpectedServerResponse(format!("HTTP {status}").into())),
        }
    }

    async fn delete_session(
        &self,
        uri: Arc<str>,
        session_id: Arc<str>,
        _: Option<String>,
        custom_headers: HashMap<HeaderName, HeaderValue>,
    ) -> Result<(), Failed> {
        let request =
            self.with(self.client.delete(uri.as_ref()), Some(&session_id), custom_headers);
        request.send().await.map(drop).map_err(Failed::Client)
    }

    async fn get_stream(
        &self,
        uri: Arc<str>,
        session_id: Option<Arc<str>>,
        last_event_id: Option<String>,
        _: Option<String>,
        custom_headers: HashMap<HeaderName, HeaderValue>,
    ) -> Result<Events, Failed> {
        let request = self.client.get(uri.as_ref()).header(ACCEPT, EVENTS);
        let mut request = self.with(request, session_id.as_deref(), custom_headers);
        if let Some(last) = last_event_id {
            request = request.header(LAST_EVENT, last);
        }
        let response = request.send().await.map_err(Failed::Client)?;
        match response.status() {
            StatusCode::METHOD_NOT_ALLOWED => Err(Failed::ServerDoesNotSupportSse),
            status if status.is_success() && kind(&response).starts_with(EVENTS) => {
                Ok(events(response))
            }
            status => Err(Failed::UnexpectedServerResponse(format!("HTTP {status}").into())),
        }
    }
}

fn kind(response: &Response) -> String {
    let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    kind.unwrap_or_default().to_ascii_lowercase()
}

async fn body(mut response: Response) -> Result<Vec<u8>, Failed> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(Failed::Client)? {
        if chunk.len() > BODY_BYTES_MAX.saturating_sub(body.len()) {
            return Err(Failed::ResponseBodyTooLarge { max_size: BODY_BYTES_MAX });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// The events of a response; one that does not end within the limit ends the stream.
fn events(response: Response) -> Events {
    let mut since = 0_usize;
    let mut last = 0_u8;
    let counted = response.bytes_stream().map(move |chunk| {
        let chunk = chunk.map_err(std::io::Error::other)?;
        for byte in &chunk {
            // An empty line ends an event.
            since =
                if *byte == b'\n' && matches!(last, b'\n') { 0 } else { since.saturating_add(1) };
            if *byte != b'\r' {
                last = *byte;
            }
        }
        if since > BODY_BYTES_MAX {
            let message = format!("an event has more than {BODY_BYTES_MAX} bytes");
            return Err(std::io::Error::other(message));
        }
        Ok(chunk)
    });
    SseStream::from_bytes_stream(counted).boxed()
}
