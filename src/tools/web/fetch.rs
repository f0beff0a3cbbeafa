//! One GET whose answer must be a document.

use std::collections::BTreeMap;
use std::net::IpAddr;

use reqwest::StatusCode;
use reqwest::header::HeaderMap;

use super::exchange::{Ask, exchange};
use super::target::Target;
use crate::contracts::{ErrorKind, ToolError};
use crate::tools::watch::Watch;

/// How much may come.
#[derive(Debug, Clone, Copy)]
pub(in crate::tools) struct Bounds {
    /// Bytes of the body.
    pub(in crate::tools) bytes: u64,
}

/// What is asked for.
#[derive(Debug)]
pub(in crate::tools) struct Fetch<'a> {
    pub(in crate::tools) target: Target,
    pub(in crate::tools) bounds: Bounds,
    /// Addresses that hosts may have although they are no public ones.
    pub(in crate::tools) allowed: &'a BTreeMap<String, Vec<IpAddr>>,
    pub(in crate::tools) watch: &'a Watch,
}

/// What came.
#[derive(Debug)]
pub(in crate::tools) struct Fetched {
    /// Where it came from in the end.
    pub(in crate::tools) target: Target,
    /// What the other side says it is.
    pub(in crate::tools) media_type: String,
    pub(in crate::tools) bytes: u64,
    pub(in crate::tools) status: StatusCode,
    pub(in crate::tools) head: HeaderMap,
}

/// Takes what comes.
pub(super) type Sink<'a> = dyn FnMut(&[u8]) -> Result<(), ToolError> + 'a;

/// Gets a document and hands its body to `sink`, piece by piece. Blocks, on a thread that may.
///
/// # Errors
/// With the reason: a host that may not be, a status other than 200, too much, too slow.
pub(in crate::tools) fn fetch(
    wanted: &Fetch<'_>,
    sink: &mut Sink<'_>,
) -> Result<Fetched, ToolError> {
    let look = |target: &Target, status: StatusCode, _: &HeaderMap| match status {
        StatusCode::OK => Ok(()),
        status => Err(no_document(target, status)),
    };
    exchange(wanted, &Ask::get(), &look, sink)
}

/// The failure that a status is.
pub(super) fn no_document(target: &Target, status: StatusCode) -> ToolError {
    let message = format!("`{}` answers {status}", target.shown());
    match status {
        StatusCode::NOT_FOUND | StatusCode::GONE => ToolError::new(ErrorKind::NotFound, message),
        StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => {
            ToolError::retryable(ErrorKind::Unavailable, message)
        }
        status if status.is_server_error() => ToolError::retryable(ErrorKind::Unavailable, message),
        _ => ToolError::new(ErrorKind::Forbidden, message),
    }
}
