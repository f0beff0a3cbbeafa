//! `http_request`: one request that may change something on the other side.

use std::collections::BTreeMap;

use data_encoding::BASE64;
use reqwest::Method as HttpMethod;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::answer::{BODY_BYTES, BODY_BYTES_MAX, Data, whole};
use super::exchange::Ask;
use super::headers::{HEADERS_MAX, Kind, parsed};
use super::http_get::from_the_web;
use super::target::Target;
use crate::contracts::{CallEffect, ErrorKind, Risk, ToolError};
use crate::ports::{Category, ToolDescriptor};
use crate::tools::typed::{Answer, Call, Typed, about};

/// Largest body that is sent, in bytes.
const SENT_BYTES_MAX: usize = 4 << 20;

pub(in crate::tools) struct HttpRequest;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
#[schemars(inline)]
enum Method {
    Get,
    Head,
    Post,
    Put,
    Patch,
    Delete,
    Options,
}

impl Method {
    const fn http(self) -> HttpMethod {
        match self {
            Self::Get => HttpMethod::GET,
            Self::Head => HttpMethod::HEAD,
            Self::Post => HttpMethod::POST,
            Self::Put => HttpMethod::PUT,
            Self::Patch => HttpMethod::PATCH,
            Self::Delete => HttpMethod::DELETE,
            Self::Options => HttpMethod::OPTIONS,
        }
    }

    const fn has_body(self) -> bool {
        !matches!(self, Self::Get | Self::Head)
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::tools) struct Args {
    /// Where to: https, or http where policy lets it. Redirects are not followed: they are the answer.
    #[schemars(length(min = 1, max = 8192))]
    url: String,
    /// `GET`, `HEAD`, `POST`, `PUT`, `PATCH`, `DELETE` or `OPTIONS`.
    method: Method,
    /// Headers to send, such as `content-type` or `x-request-id`; no credentials.
    #[serde(default)]
    #[schemars(length(max = HEADERS_MAX))]
    headers: BTreeMap<String, String>,
    /// The body as text. At most one of `body`, `json` and `base64` is given.
    #[schemars(length(max = SENT_BYTES_MAX))]
    body: Option<String>,
    /// The body as a value that is sent as JSON.
    #[schemars(extend("type" = ["object", "array", "string", "number", "boolean"]))]
    json: Option<Value>,
    /// The body in base64.
    #[schemars(length(max = SENT_BYTES_MAX))]
    base64: Option<String>,
    /// Largest body of the answer in bytes; 1 MiB unless given. A larger one is an error.
    #[schemars(range(min = 1, max = BODY_BYTES_MAX))]
    max_bytes: Option<u64>,
}

impl Args {
    /// What is sent, and what kind of thing it is unless a header says otherwise.
    fn content(&self) -> Result<(Vec<u8>, Option<&'static str>), ToolError> {
        let bad = |why: String| ToolError::new(ErrorKind::BadArguments, why);
        let (content, kind) = match (&self.body, &self.json, &self.base64) {
            (None, None, None) => return Ok((Vec::new(), None)),
            (Some(text), None, None) => {
                (text.clone().into_bytes(), Some("text/plain; charset=utf-8"))
            }
            (None, Some(value), None) => {
                let text = serde_json::to_vec(value).map_err(|error| bad(error.to_string()))?;
                (text, Some("application/json"))
            }
            (None, None, Some(text)) => {
                let bytes = BASE64.decode(text.as_bytes());
                let bytes = bytes.map_err(|error| bad(format!("`base64` is none: {error}")))?;
                (bytes, Some("application/octet-stream"))
            }
            _ => return Err(bad("give one of `body`, `json` and `base64`".to_owned())),
        };
        if !self.method.has_body() {
            return Err(bad(format!("{} takes no body", self.method.http())));
        }
        if content.len() > SENT_BYTES_MAX {
            let message = format!("the body is larger than {SENT_BYTES_MAX} bytes");
            return Err(ToolError::new(ErrorKind::TooLarge, message));
        }
        Ok((content, kind))
    }

    fn headers(&self, kind: Option<&'static str>) -> Result<HeaderMap, ToolError> {
        let mut headers = parsed(&self.headers, Kind::Sends)?;
        if let Some(kind) = kind {
            headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static(kind));
        }
        Ok(headers)
    }
}

impl Typed for HttpRequest {
    type Args = Args;
    type Data = Data;

    fn about(&self) -> ToolDescriptor {
        let what = "Sends one HTTP request, which may change something on the other side, and answers \
                    what comes back. A status other than 2xx is a failure that has the answer's data \
                    all the same.";
        from_the_web(ToolDescriptor {
            category: Some(Category::ExternalComms),
            sinks: ["url", "headers", "body", "json", "base64"].map(str::to_owned).to_vec(),
            ..about("http_request", Risk::High, CallEffect::NonIdempotent, what)
        })
    }

    fn check(&self, args: &Args) -> Result<(), ToolError> {
        Target::parse(&args.url)?;
        args.headers(args.content()?.1).map(drop)
    }

    fn dry_run(&self, args: &Args) -> String {
        match args.content() {
            Err(error) => format!("would refuse the arguments: {}", error.message),
            Ok((content, _)) => format!(
                "would send {} with {} bytes to `{}`, and follow no redirect",
                args.method.http(),
                content.len(),
                args.url.escape_debug(),
            ),
        }
    }

    fn run(&self, args: Args, at: &Call<'_>) -> Result<Answer<Data>, ToolError> {
        let (body, kind) = args.content()?;
        let headers = args.headers(kind)?;
        let ask = Ask { method: args.method.http(), headers, body, follows: false };
        whole(at, Target::parse(&args.url)?, &ask, args.max_bytes.unwrap_or(BODY_BYTES))
    }
}
