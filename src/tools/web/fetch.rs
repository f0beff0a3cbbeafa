//! One GET, from the first host to the last byte.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap, LOCATION};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode};

use super::addresses::resolve;
use super::target::Target;
use crate::contracts::{ErrorKind, ToolError};
use crate::tools::watch::Watch;

/// Longest head of an answer that is taken. (The connection reads at most about 400 KiB of it.)
const HEADER_BYTES_MAX: usize = 64 * 1024;
const REDIRECTS_MAX: usize = 5;
const CONNECT_TIME: Duration = Duration::from_secs(15);
/// Longest silence of the other side.
const READ_TIME: Duration = Duration::from_secs(30);
/// How often somebody's wish to stop is looked for.
const POLL: Duration = Duration::from_millis(50);
const MEDIA_TYPE_CHARS_MAX: usize = 100;
const AGENT: &str = concat!("bailiwick/", env!("CARGO_PKG_VERSION"));

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
}

/// Takes what comes.
type Sink<'a> = dyn FnMut(&[u8]) -> Result<(), ToolError> + 'a;

/// Gets a document and hands its body to `sink`, piece by piece. Blocks, on a thread that may.
///
/// # Errors
/// With the reason: a host that may not be, a status other than 200, too much, too slow.
pub(in crate::tools) fn fetch(
    wanted: &Fetch<'_>,
    sink: &mut Sink<'_>,
) -> Result<Fetched, ToolError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| {
        ToolError::new(ErrorKind::Io, format!("nothing can be fetched here: {error}"))
    })?;
    runtime.block_on(async {
        tokio::select! {
            fetched = follow(wanted, sink) => fetched,
            stopped = stopped(wanted.watch) => Err(stopped),
        }
    })
}

async fn stopped(watch: &Watch) -> ToolError {
    loop {
        if let Err(why) = watch.check() {
            return why;
        }
        tokio::time::sleep(POLL).await;
    }
}

async fn follow(wanted: &Fetch<'_>, sink: &mut Sink<'_>) -> Result<Fetched, ToolError> {
    let mut target = wanted.target.clone();
    for _ in 0..=REDIRECTS_MAX {
        let addresses = resolve(&target, wanted.allowed).await?;
        let response = ask(&target, &addresses).await?;
        check_head(&target, response.headers())?;
        if !response.status().is_redirection() {
            return body(target, wanted.bounds, response, sink).await;
        }
        let location = response.headers().get(LOCATION).and_then(|it| it.to_str().ok());
        let Some(location) = location else {
            let message = format!("`{}` redirects to nowhere", target.shown());
            return Err(ToolError::new(ErrorKind::BadContent, message));
        };
        target = target.redirected(location)?;
    }
    let message = format!("`{}` redirects more than {REDIRECTS_MAX} times", wanted.target.shown());
    Err(ToolError::new(ErrorKind::Forbidden, message))
}

/// A client for one host: it knows no other addresses than these.
async fn ask(target: &Target, addresses: &[SocketAddr]) -> Result<Response, ToolError> {
    let client = Client::builder()
        .no_proxy()
        .redirect(Policy::none())
        .referer(false)
        .http1_only()
        .connect_timeout(CONNECT_TIME)
        .read_timeout(READ_TIME)
        .user_agent(AGENT)
        .resolve_to_addrs(target.url.host_str().unwrap_or_default(), addresses)
        .build()
        .map_err(|error| failed(target, &error))?;
    client.get(target.url.clone()).send().await.map_err(|error| failed(target, &error))
}

fn check_head(target: &Target, head: &HeaderMap) -> Result<(), ToolError> {
    let bytes: usize = head.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if bytes <= HEADER_BYTES_MAX {
        return Ok(());
    }
    let message = format!("`{}` answers with {bytes} bytes of headers", target.shown());
    Err(ToolError::new(ErrorKind::TooLarge, message))
}

async fn body(
    target: Target,
    bounds: Bounds,
    mut response: Response,
    sink: &mut Sink<'_>,
) -> Result<Fetched, ToolError> {
    check_status(&target, response.status())?;
    let too_large = || {
        let message = format!("`{}` is larger than {} bytes", target.shown(), bounds.bytes);
        Err(ToolError::new(ErrorKind::TooLarge, message))
    };
    if response.content_length().is_some_and(|bytes| bytes > bounds.bytes) {
        return too_large();
    }
    let media_type = response.headers().get(CONTENT_TYPE).and_then(|it| it.to_str().ok());
    let media_type = media_type.unwrap_or("application/octet-stream");
    let media_type = media_type.chars().take(MEDIA_TYPE_CHARS_MAX).collect();
    let mut bytes = 0_u64;
    while let Some(chunk) = response.chunk().await.map_err(|error| failed(&target, &error))? {
        bytes = bytes.saturating_add(chunk.len() as u64);
        if bytes > bounds.bytes {
            return too_large();
        }
        sink(&chunk)?;
    }
    Ok(Fetched { target, media_type, bytes })
}

fn check_status(target: &Target, status: StatusCode) -> Result<(), ToolError> {
    if status == StatusCode::OK {
        return Ok(());
    }
    let message = format!("`{}` answers {status}", target.shown());
    Err(match status {
        StatusCode::NOT_FOUND | StatusCode::GONE => ToolError::new(ErrorKind::NotFound, message),
        StatusCode::TOO_MANY_REQUESTS => ToolError::retryable(ErrorKind::Unavailable, message),
        status if status.is_server_error() => ToolError::retryable(ErrorKind::Unavailable, message),
        _ => ToolError::new(ErrorKind::Forbidden, message),
    })
}

fn failed(target: &Target, error: &reqwest::Error) -> ToolError {
    let mut why = String::new();
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(at) = source {
        // The outermost message has the whole URL in it, with its query.
        if at.source().is_none() {
            why = at.to_string();
        }
        source = at.source();
    }
    let kind = if error.is_timeout() { ErrorKind::Timeout } else { ErrorKind::Unavailable };
    ToolError::retryable(kind, format!("`{}` cannot be fetched: {why}", target.shown()))
}
