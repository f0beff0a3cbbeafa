//! What `http_get` and `http_request` answer.

use std::collections::BTreeMap;

use data_encoding::BASE64;
use reqwest::StatusCode;
use reqwest::header::{CONTENT_ENCODING, HeaderMap};
use schemars::JsonSchema;
use serde::Serialize;

use super::exchange::{Ask, exchange};
use super::fetch::{Bounds, Fetch, Fetched, no_document};
use super::headers::shown;
use super::target::Target;
use crate::contracts::{ErrorKind, ToolError};
use crate::tools::typed::{Answer, Call};

/// Largest body unless the call says otherwise, and at most.
pub(super) const BODY_BYTES: u64 = 1 << 20;
pub(super) const BODY_BYTES_MAX: u64 = 16 << 20;

/// What the answer has beside the body, at most.
const AROUND_BYTES: u64 = 80 * 1024;

#[derive(Debug, Default, PartialEq, Serialize, JsonSchema)]
pub(in crate::tools) struct Data {
    /// Where the answer came from, after redirects.
    pub(super) url: String,
    /// The status, such as 200.
    pub(super) status: u16,
    /// Headers of the answer, names in lower case; without cookies.
    pub(super) headers: BTreeMap<String, String>,
    /// What the other side says the body is.
    pub(super) media_type: String,
    /// The body, where it is UTF-8 text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) text: Option<String>,
    /// The body in base64, where it is no text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) base64: Option<String>,
    /// Size of the body in bytes.
    pub(super) bytes: u64,
    /// Whether `text` is not all of it.
    pub(super) truncated: bool,
}

/// Asks and takes whatever status comes. One other than 2xx (and 304, where the call asked for it) is a
/// failure that has the data all the same.
pub(super) fn whole(
    at: &Call<'_>,
    target: Target,
    ask: &Ask,
    bytes: u64,
) -> Result<Answer<Data>, ToolError> {
    let (fetched, body) = taken(at, target, ask, bytes)?;
    let Fetched { target, media_type, bytes, status, head } = fetched;
    let error = (!is_fine(status, ask)).then(|| no_document(&target, status));
    let mut data = Data {
        url: target.url.as_str().to_owned(),
        status: status.as_u16(),
        headers: shown(&head),
        media_type,
        bytes,
        ..Data::default()
    };
    match String::from_utf8(body) {
        Ok(text) => data.text = Some(text),
        Err(error) => data.base64 = Some(encoded(at, &target, error.as_bytes())?),
    }
    Ok(Answer { error, ..Answer::of(data) })
}

/// The answer and its body.
pub(super) fn taken(
    at: &Call<'_>,
    target: Target,
    ask: &Ask,
    bytes: u64,
) -> Result<(Fetched, Vec<u8>), ToolError> {
    let allowed = &at.context.away.addresses;
    let wanted = Fetch { target, bounds: Bounds { bytes }, allowed, watch: &at.watch };
    let mut body = Vec::new();
    let fetched = exchange(&wanted, ask, &not_encoded, &mut |chunk| {
        body.extend_from_slice(chunk);
        Ok(())
    })?;
    Ok((fetched, body))
}

/// Nothing compressed was asked for, and nothing is decompressed: a few bytes could become any number.
fn not_encoded(target: &Target, _: StatusCode, head: &HeaderMap) -> Result<(), ToolError> {
    let encoding = head.get(CONTENT_ENCODING).map(|it| String::from_utf8_lossy(it.as_bytes()));
    match encoding.as_deref().map(str::trim) {
        None | Some("" | "identity") => Ok(()),
        Some(encoding) => {
            let (shown, encoding) = (target.shown(), encoding.escape_debug());
            let message = format!(
                "`{shown}` answers compressed (`{encoding}`), which was not asked for: nothing is \
                 decompressed; `download` keeps it as it is"
            );
            Err(ToolError::new(ErrorKind::BadContent, message))
        }
    }
}

fn is_fine(status: StatusCode, ask: &Ask) -> bool {
    status.is_success() || (status == StatusCode::NOT_MODIFIED && ask.method.is_safe())
}

/// Base64 that was cut would be another content.
fn encoded(at: &Call<'_>, target: &Target, body: &[u8]) -> Result<String, ToolError> {
    let text = BASE64.encode(body);
    let room = at.context.output_bytes_max.saturating_sub(AROUND_BYTES);
    if u64::try_from(text.len()).is_ok_and(|bytes| bytes <= room) {
        return Ok(text);
    }
    let (shown, bytes) = (target.shown(), body.len());
    let message = format!(
        "`{shown}` is {bytes} bytes that are no text, which do not fit into an answer: `download` keeps \
         them as a file"
    );
    Err(ToolError::new(ErrorKind::TooLarge, message))
}
