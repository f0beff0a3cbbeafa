//! One POST of JSON to an address that configuration names.

use std::collections::BTreeMap;
use std::net::IpAddr;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, StatusCode};

use super::exchange::{Ask, exchange};
use super::fetch::{Bounds, Fetch, no_document};
use super::target::Target;
use crate::contracts::{ErrorKind, ToolError};
use crate::policy::HostClass;
use crate::tools::watch::Watch;

/// Most of the answer that is taken; nobody looks at it.
const ANSWER_BYTES_MAX: u64 = 64 * 1024;
const KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// What is sent.
pub(in crate::tools) struct Sent<'a> {
    /// JSON.
    pub(in crate::tools) body: Vec<u8>,
    /// A bearer token.
    pub(in crate::tools) token: Option<&'a str>,
    /// By which the other side tells that it has it already.
    pub(in crate::tools) key: &'a str,
}

/// Sends it, with the checks that calls of the web have: addresses, sizes, times, no redirects. Blocks.
///
/// # Errors
/// With the reason, such as a status other than 2xx.
pub(in crate::tools) fn post_json(
    target: Target,
    sent: Sent<'_>,
    allowed: &BTreeMap<String, Vec<IpAddr>>,
    watch: &Watch,
) -> Result<(), ToolError> {
    let headers = headers(&target, &sent)?;
    let ask = Ask { method: Method::POST, headers, body: sent.body, follows: false };
    let look = |target: &Target, status: StatusCode, _: &HeaderMap| match status.is_success() {
        true => Ok(()),
        false => Err(no_document(target, status)),
    };
    let bounds = Bounds { bytes: ANSWER_BYTES_MAX };
    let wanted = Fetch { target, bounds, allowed, watch };
    exchange(&wanted, &ask, &look, &mut |_| Ok(())).map(drop)
}

fn headers(target: &Target, sent: &Sent<'_>) -> Result<HeaderMap, ToolError> {
    let bad = |why: &str| ToolError::new(ErrorKind::BadArguments, why.to_owned());
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let key = HeaderValue::from_str(sent.key).map_err(|_odd| bad("the key is no header"))?;
    headers.insert(KEY, key);
    if let Some(token) = sent.token {
        if target.url.scheme() != "https" && target.class() != HostClass::Loopback {
            return Err(bad("no token is sent where the way is not protected: use https"));
        }
        let mut value = HeaderValue::from_str(&format!("Bearer {token}"))
            .map_err(|_secret| bad("the token has characters that no header may have"))?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    Ok(headers)
}
