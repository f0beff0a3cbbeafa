//! Answers.

use axum::body::Body;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, Response, StatusCode};
use serde::Serialize;

use super::problem::Problem;
use super::sse::EventStream;

/// What a handler answers.
pub(super) type Answer = Result<Reply, Problem>;

/// An answer that is no problem.
#[derive(Debug)]
pub(super) struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub content: Content,
}

/// What an answer carries.
#[derive(Debug)]
pub(super) enum Content {
    /// Nothing.
    Empty,
    /// JSON text.
    Json(String),
    /// Text of a content type.
    Text(&'static str, String),
    /// Bytes of a media type.
    Bytes(String, Vec<u8>),
    /// A stream of events, and the place it takes among all streams.
    Events(Box<EventStream>),
}

impl Reply {
    /// JSON.
    pub(super) fn json(status: StatusCode, value: &impl Serialize) -> Answer {
        let text = serde_json::to_string(value).map_err(|error| Problem::internal(&error))?;
        Ok(Self::text(status, text))
    }

    /// 200 with JSON.
    pub(super) fn ok(value: &impl Serialize) -> Answer {
        Self::json(StatusCode::OK, value)
    }

    /// JSON that is written already.
    pub(super) fn text(status: StatusCode, json: String) -> Self {
        Self { status, headers: HeaderMap::new(), content: Content::Json(json) }
    }

    /// 200 with text of a content type.
    pub(super) fn plain(content_type: &'static str, text: String) -> Self {
        let (status, headers) = (StatusCode::OK, HeaderMap::new());
        Self { status, headers, content: Content::Text(content_type, text) }
    }

    /// 200 with bytes of a media type.
    pub(super) fn bytes(media_type: &str, bytes: Vec<u8>) -> Self {
        let (status, headers) = (StatusCode::OK, HeaderMap::new());
        Self { status, headers, content: Content::Bytes(media_type.to_owned(), bytes) }
    }

    /// 204.
    pub(super) fn empty() -> Self {
        let (status, headers) = (StatusCode::NO_CONTENT, HeaderMap::new());
        Self { status, headers, content: Content::Empty }
    }

    /// A stream of events.
    pub(super) fn events(stream: EventStream) -> Self {
        let (status, headers) = (StatusCode::OK, HeaderMap::new());
        Self { status, headers, content: Content::Events(Box::new(stream)) }
    }

    /// The same answer with one more header.
    pub(super) fn header(mut self, name: HeaderName, value: &str) -> Result<Self, Problem> {
        let value = HeaderValue::from_str(value).map_err(|error| Problem::internal(&error))?;
        self.headers.append(name, value);
        Ok(self)
    }

    /// The same answer that says where what was made is.
    pub(super) fn location(self, path: &str) -> Result<Self, Problem> {
        self.header(LOCATION, path)
    }

    pub(super) fn into_response(self) -> Response<Body> {
        let mut own = None;
        let (kind, cache, body) = match self.content {
            Content::Empty => (None, "no-store", Body::empty()),
            Content::Json(text) => (Some("application/json"), "no-store", Body::from(text)),
            Content::Text(kind, text) => (Some(kind), "no-store", Body::from(text)),
            Content::Bytes(kind, bytes) => {
                own = HeaderValue::from_str(&kind).ok();
                (None, "no-store", Body::from(bytes))
            }
            Content::Events(stream) => {
                let cache = "no-cache, no-transform";
                (Some("text/event-stream; charset=utf-8"), cache, Body::new(*stream))
            }
        };
        let mut response = Response::new(body);
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        *headers = self.headers;
        headers.insert(CACHE_CONTROL, HeaderValue::from_static(cache));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        if let Some(kind) = kind.map(HeaderValue::from_static).or(own) {
            headers.insert(CONTENT_TYPE, kind);
        }
        if kind.is_some_and(|kind| kind.starts_with("text/event-stream")) {
            let name = HeaderName::from_static("x-accel-buffering");
            headers.insert(name, HeaderValue::from_static("no"));
        }
        response
    }
}
