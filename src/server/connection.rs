//! One connection: HTTP/1.1 with small buffers and a time for everything.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;

use super::deadline::Deadline;
use super::dispatch;
use super::guard::Peer;
use super::options::{HEAD_BYTES_MAX, HEAD_PATIENCE, HEADERS_MAX, WRITE_PATIENCE};
use super::shared::Shared;

/// How long a connection that is not served may take to hear so.
const REFUSAL_PATIENCE: Duration = Duration::from_secs(2);

/// What a connection may take and keep.
pub(super) fn http() -> http1::Builder {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(HEAD_PATIENCE)
        .max_headers(HEADERS_MAX)
        .max_header_size(HEAD_BYTES_MAX)
        .max_buf_size(HEAD_BYTES_MAX + 1024)
        // Texts that many clients share are written from where they are, not copied.
        .writev(true);
    http
}

/// Serves a connection until it ends or `stop` says so.
pub(super) async fn serve<S>(
    stream: S,
    peer: Peer,
    shared: Arc<Shared>,
    router: Router,
    mut stop: watch::Receiver<()>,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |request: Request<Incoming>| {
        let (shared, router) = (Arc::clone(&shared), router.clone());
        async move {
            let request = request.map(Body::new);
            Ok::<_, Infallible>(dispatch::answer(&shared, router, peer, request).await)
        }
    });
    let io = TokioIo::new(Deadline::new(stream, WRITE_PATIENCE));
    let mut serving = std::pin::pin!(http().serve_connection(io, service));
    let ended = tokio::select! {
        ended = serving.as_mut() => ended,
        // Changes once, at the end; a sender that is gone says the same.
        _ = stop.changed() => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(error) = ended {
        // Callers leave, stop reading, or send what is no request: nothing that has to be looked at.
        tracing::debug!(%error, ?peer, "a connection was cut off");
    }
}

/// Tells a connection that there are too many.
pub(super) async fn refuse<S>(stream: S)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(|_: Request<Incoming>| async {
        Ok::<_, Infallible>(dispatch::crowded("connections").into_response())
    });
    let io = TokioIo::new(stream);
    let mut http = http();
    let serving = http.keep_alive(false).serve_connection(io, service);
    if tokio::time::timeout(REFUSAL_PATIENCE, serving).await.is_err() {
        tracing::debug!("a connection over the limit sent no request in time");
    }
}
