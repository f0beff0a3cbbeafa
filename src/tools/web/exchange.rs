//! One request and its answer, from the first host to the last byte.

use std::cell::Cell;
use std::net::SocketAddr;
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap, LOCATION};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, Response, StatusCode};

use super::addresses::resolve;
use super::fetch::{Fetch, Fetched, Sink};
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

/// What is said beside the address.
#[derive(Debug)]
pub(super) struct Ask {
    pub(super) method: Method,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
    /// Whether redirects are followed, on the same host.
    pub(super) follows: bool,
}

impl Ask {
    pub(super) fn get() -> Self {
        let (method, headers) = (Method::GET, HeaderMap::new());
        Self { method, headers, body: Vec::new(), follows: true }
    }
}

/// Looks at an answer before its body is taken; a refusal ends the exchange.
pub(super) type Look<'a> = dyn Fn(&Target, StatusCode, &HeaderMap) -> Result<(), ToolError> + 'a;

/// Asks, and hands the body of the answer to `sink`, piece by piece. Blocks, on a thread that may.
///
/// # Errors
/// With the reason: a host that may not be, too much, too slow. `in_doubt` where something that
/// changes the other side was sent and nobody knows what came of it.
pub(super) fn exchange(
    wanted: &Fetch<'_>,
    ask: &Ask,
    look: &Look<'_>,
    sink: &mut Sink<'_>,
) -> Result<Fetched, ToolError> {
    // Time is looked at often: who sends without a pause would be listened to for seconds otherwise.
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().event_interval(1).build();
    let runtime = runtime.map_err(|error| {
        ToolError::new(ErrorKind::Io, format!("nothing can be fetched here: {error}"))
    })?;
    let sent = Cell::new(false);
    let answer = runtime.block_on(async {
        tokio::select! {
            fetched = follow(wanted, ask, look, sink, &sent) => fetched,
            stopped = stopped(wanted.watch) => Err(stopped),
        }
    });
    // A look-up that hangs in the system's resolver is not waited for.
    runtime.shutdown_background();
    answer.map_err(|error| if sent.get() { doubtful(ask, error) } else { error })
}

/// What was sent may have been done, whatever became of the answer.
fn doubtful(ask: &Ask, error: ToolError) -> ToolError {
    let lost = matches!(
        error.kind,
        ErrorKind::Unavailable | ErrorKind::Timeout | ErrorKind::Cancelled | ErrorKind::Io
    );
    if ask.method.is_safe() || !lost {
        return error;
    }
    let message = format!("{}; the {} was sent, and may have been done", error.message, ask.method);
    ToolError::new(ErrorKind::InDoubt, message)
}

async fn stopped(watch: &Watch) -> ToolError {
    loop {
        if let Err(why) = watch.check() {
            return why;
        }
        tokio::time::sleep(POLL).await;
    }
}

async fn follow(
    wanted: &Fetch<'_>,
    ask: &Ask,
    look: &Look<'_>,
    sink: &mut Sink<'_>,
    sent: &Cell<bool>,
) -> Result<Fetched, ToolError> {
    let mut target = wanted.target.clone();
    for _ in 0..=REDIRECTS_MAX {
        let addresses = resolve(&target, wanted.allowed).await?;
        let response = send(&target, &addresses, ask, sent).await?;
        check_head(&target, response.headers())?;
        if !(ask.follows && redirects(response.status())) {
            look(&target, response.status(), response.headers())?;
            return body(target, wanted.bounds.bytes, response, sink).await;
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

/// Whether a status sends elsewhere. `304` says that nothing has changed.
fn redirects(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

/// A client for one host: it knows no other addresses than these.
async fn send(
    target: &Target,
    addresses: &[SocketAddr],
    ask: &Ask,
    sent: &Cell<bool>,
) -> Result<Response, ToolError> {
    let client = Client::builder()
        .no_proxy()
        .redirect(Policy::none())
        .referer(false)
        .retry(reqwest::retry::never())
        .http1_only()
        .connect_timeout(CONNECT_TIME)
        .read_timeout(READ_TIME)
        .user_agent(AGENT)
        .resolve_to_addrs(target.url.host_str().unwrap_or_default(), addresses)
        .build()
        .map_err(|error| failed(target, &error))?;
    let mut request = client.request(ask.method.clone(), target.url.clone());
    request = request.headers(ask.headers.clone());
    if !ask.body.is_empty() {
        request = request.body(ask.body.clone());
    }
    sent.set(true);
    request.send().await.map_err(|error| {
        sent.set(!(error.is_connect() || error.is_builder()));
        failed(target, &error)
    })
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
    bytes_max: u64,
    mut response: Response,
    sink: &mut Sink<'_>,
) -> Result<Fetched, ToolError> {
    let too_large = || {
        let message = format!("`{}` is larger than {bytes_max} bytes", target.shown());
        Err(ToolError::new(ErrorKind::TooLarge, message))
    };
    if response.content_length().is_some_and(|bytes| bytes > bytes_max) {
        return too_large();
    }
    let (status, head) = (response.status(), response.headers().clone());
    let media_type = head.get(CONTENT_TYPE).and_then(|it| it.to_str().ok());
    let media_type = media_type.unwrap_or("application/octet-stream");
    let media_type = media_type.chars().take(MEDIA_TYPE_CHARS_MAX).collect();
    let mut bytes = 0_u64;
    while let Some(chunk) = response.chunk().await.map_err(|error| failed(&target, &error))? {
        bytes = bytes.saturating_add(chunk.len() as u64);
        if bytes > bytes_max {
            return too_large();
        }
        sink(&chunk)?;
    }
    Ok(Fetched { target, media_type, bytes, status, head })
}

fn failed(target: &Target, error: &reqwest::Error) -> ToolError {
    let (mut why, mut large) = (String::new(), false);
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(at) = source {
        large |= at.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_parse_too_large);
        // The outermost message has the whole URL in it, with its query.
        if at.source().is_none() {
            why = at.to_string();
        }
        source = at.source();
    }
    let shown = target.shown();
    if large {
        let message = format!("`{shown}` answers with a head that is too large: {why}");
        return ToolError::new(ErrorKind::TooLarge, message);
    }
    let kind = if error.is_timeout() { ErrorKind::Timeout } else { ErrorKind::Unavailable };
    ToolError::retryable(kind, format!("`{shown}` cannot be fetched: {why}"))
}
