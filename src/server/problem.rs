//! What went wrong, as a problem document (RFC 9457): what, why, and which field.

use axum::body::Body;
use axum::http::header::{
    ALLOW, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE,
};
use axum::http::{Response, StatusCode};
use serde_json::{Map, Value, json};

use crate::contracts::{Diagnostic, Severity};
use crate::store::StoreError;

/// The media type of problem documents.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// Most mistakes that are listed; of more only the number is told.
const ERRORS_MAX: usize = 20;
/// Longest name of a field, in characters: what callers send is not sent back at length.
const NAME_CHARS_MAX: usize = 200;
/// Longest message about one mistake, in characters.
const MESSAGE_CHARS_MAX: usize = 300;
/// Longest text about the whole problem, in characters.
const DETAIL_CHARS_MAX: usize = 500;

/// A refusal or a failure. Its slug is stable: programs tell problems apart by it.
#[derive(Debug, Clone)]
pub struct Problem(Box<Inner>);

#[derive(Debug, Clone)]
struct Inner {
    status: StatusCode,
    slug: &'static str,
    title: &'static str,
    detail: String,
    errors: Vec<Value>,
    /// Mistakes beyond those in `errors`.
    more_errors: usize,
    extensions: Map<String, Value>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Problem {
    /// A problem. `slug` names its kind, `title` says the kind in words, `detail` this case of it.
    #[must_use]
    pub fn new(
        status: StatusCode,
        slug: &'static str,
        title: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        Self(Box::new(Inner {
            status,
            slug,
            title,
            detail: cut(&detail.into(), DETAIL_CHARS_MAX),
            errors: Vec::new(),
            more_errors: 0,
            extensions: Map::new(),
            headers: Vec::new(),
        }))
    }

    /// 400: the request cannot be read.
    #[must_use]
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", "the request cannot be read", detail)
    }

    /// 404: there is no such thing.
    #[must_use]
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "there is no such thing", detail)
    }

    /// 422: it can be read and does not fit.
    #[must_use]
    pub fn invalid(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", "the request does not fit", detail)
    }

    /// 409: not in the state that it is in.
    #[must_use]
    pub fn conflict(slug: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, slug, "not in this state", detail)
    }

    /// 500: this program failed. The cause is logged, not shown.
    #[must_use]
    pub fn internal(error: &dyn std::fmt::Display) -> Self {
        tracing::error!(%error, "a request failed");
        let (title, detail) = ("the server failed", "the log of the server says why");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", title, detail)
    }

    /// 401: it is not known who asks.
    #[must_use]
    pub fn unauthorized(detail: impl Into<String>) -> Self {
        let title = "a token is needed";
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", title, detail)
            .header(WWW_AUTHENTICATE, "Bearer realm=\"bailiwick\"")
    }

    /// 405, with what is allowed.
    #[must_use]
    pub fn method_not_allowed(allowed: &str) -> Self {
        let detail = format!("this address takes {allowed}");
        let (status, title) = (StatusCode::METHOD_NOT_ALLOWED, "the method is not allowed here");
        Self::new(status, "method_not_allowed", title, detail).header(ALLOW, allowed)
    }

    /// The same problem with one more mistake.
    #[must_use]
    pub fn error(mut self, field: Option<&str>, message: &str, suggestion: Option<&str>) -> Self {
        if !self.has_room() {
            return self;
        }
        let mut error = Map::new();
        if let Some(field) = field {
            error.insert("field".to_owned(), json!(cut(field, NAME_CHARS_MAX)));
        }
        error.insert("message".to_owned(), json!(cut(message, MESSAGE_CHARS_MAX)));
        if let Some(suggestion) = suggestion {
            error.insert("suggestion".to_owned(), json!(cut(suggestion, MESSAGE_CHARS_MAX)));
        }
        self.0.errors.push(Value::Object(error));
        self
    }

    /// Whether one more mistake is listed; if not, it is counted.
    fn has_room(&mut self) -> bool {
        let room = self.0.errors.len() < ERRORS_MAX;
        self.0.more_errors += usize::from(!room);
        room
    }

    /// The same problem with mistakes in files.
    #[must_use]
    pub fn diagnostics(mut self, diagnostics: &[Diagnostic]) -> Self {
        let errors = diagnostics.iter().filter(|one| one.severity == Severity::Error);
        for one in errors {
            if !self.has_room() {
                continue;
            }
            let mut error = json!({
                "message": cut(&one.message, MESSAGE_CHARS_MAX), "code": one.code,
                "file": one.file, "line": one.line, "column": one.column,
            });
            if let (Some(suggestion), Some(error)) = (&one.suggestion, error.as_object_mut()) {
                error.insert("suggestion".to_owned(), json!(cut(suggestion, MESSAGE_CHARS_MAX)));
            }
            self.0.errors.push(error);
        }
        self
    }

    /// The same problem with one more member.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.extensions.insert(name.to_owned(), value.into());
        self
    }

    /// The same problem, that may be over in so many seconds.
    #[must_use]
    pub fn retry_after(self, seconds: u64) -> Self {
        self.header(RETRY_AFTER, &seconds.to_string())
    }

    /// The same problem with one more header.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: &str) -> Self {
        match HeaderValue::from_str(value) {
            Ok(value) => self.0.headers.push((name, value)),
            Err(error) => tracing::error!(%error, %name, "a header cannot be sent"),
        }
        self
    }

    /// The status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    /// The document.
    #[must_use]
    pub fn document(&self) -> Value {
        let mut document = Map::new();
        document.insert("type".to_owned(), json!(format!("about:blank#{}", self.0.slug)));
        document.insert("title".to_owned(), json!(self.0.title));
        document.insert("status".to_owned(), json!(self.0.status.as_u16()));
        document.insert("detail".to_owned(), json!(self.0.detail));
        document.insert("errors".to_owned(), json!(self.0.errors));
        if self.0.more_errors > 0 {
            document.insert("more_errors".to_owned(), json!(self.0.more_errors));
        }
        document.extend(self.0.extensions.clone());
        Value::Object(document)
    }

    /// The answer.
    #[must_use]
    pub fn into_response(self) -> Response<Body> {
        let mut response = Response::new(Body::from(self.document().to_string()));
        *response.status_mut() = self.0.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        for (name, value) in self.0.headers {
            headers.insert(name, value);
        }
        response
    }
}

/// At most so many characters of a text, and a mark where something was cut.
fn cut(text: &str, chars_max: usize) -> String {
    match text.char_indices().nth(chars_max) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::NotFound(_) | StoreError::Ambiguous { .. } => {
                Self::not_found(error.to_string())
            }
            StoreError::Ended(_) => Self::conflict("ended", error.to_string()),
            StoreError::DiskFull(_) => Self::new(
                StatusCode::INSUFFICIENT_STORAGE,
                "no_space",
                "there is no room left",
                "the disk is full: free some space and try again",
            ),
            StoreError::Poisoned(_) | StoreError::Closed => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "not_writing",
                "nothing can be made durable",
                "the store stopped writing: the log of the server says why",
            )
            .retry_after(5),
            StoreError::Corrupt { .. } | StoreError::Quarantined { .. } => {
                tracing::error!(%error, "damaged state was asked for");
                Self::new(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "damaged",
                    "what is stored is damaged",
                    "run `bailiwick verify` to see all of the damage",
                )
            }
            _ => Self::internal(&error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_callers_send_is_not_sent_back_at_length() {
        let long = "ä".repeat(4 * 1024 * 1024);
        let mut problem = Problem::invalid(&long);
        for _ in 0..1_000 {
            problem = problem.error(Some(&long), &long, Some(&long));
        }
        let diagnostic = Diagnostic::error("code", long, "file", 1, 1);
        let document = problem.diagnostics(std::slice::from_ref(&diagnostic)).document();
        assert!(document.to_string().len() < 64 * 1024);
        assert_eq!(document["errors"].as_array().unwrap().len(), ERRORS_MAX);
        assert_eq!(document["more_errors"], 981);
        let one = Problem::invalid("x").diagnostics(&[diagnostic]).document();
        assert!(one["errors"][0]["message"].as_str().unwrap().ends_with('…'), "{one}");
        assert_eq!(one.get("more_errors"), None);
    }

    #[test]
    fn a_text_is_cut_only_where_it_is_too_long() {
        for (text, expected) in [("", ""), ("äöü", "äöü"), ("äöüß", "äöü…")] {
            assert_eq!(cut(text, 3), expected);
        }
    }
}
