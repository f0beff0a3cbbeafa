//! The door of the API for something else that is served over HTTP, such as MCP: the same addresses,
//! names, origins, tokens and limits. What is said behind it is the business of whoever serves.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{Request, Response};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::bind::{self, BindError};
use super::body::{Room, Rooms, read};
use super::connection;
use super::deadline::Deadline;
use super::dispatch::slow;
use super::guard::{Guard, Peer};
use super::options::{
    BODIES_BYTES_MAX, BODY_PATIENCE, STOP_PATIENCE, ServerOptions, WRITE_PATIENCE,
};
use super::problem::Problem;
use crate::ports::Clock;

/// Who was let in, beside every request that is handed on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LetIn {
    /// As it stands in the journal: `token:<name>`, or `api` where no token is needed.
    pub by: String,
}

/// An address that was taken, with what callers are measured by.
pub struct Gate {
    listener: TcpListener,
    local_addr: SocketAddr,
    rules: Arc<Rules>,
    places: Arc<Semaphore>,
}

struct Rules {
    path: &'static str,
    guard: Guard,
    clock: Arc<dyn Clock>,
    rooms: Rooms,
    body_bytes_max: u64,
}

impl std::fmt::Debug for Gate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gate").field("local_addr", &self.local_addr).finish_non_exhaustive()
    }
}

impl Gate {
    /// Takes the address of `options`, for what is served at `path`.
    ///
    /// # Errors
    /// When the address is none, is taken, or may not be used without a token.
    pub async fn bind(
        options: &ServerOptions,
        path: &'static str,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, BindError> {
        let has_token = options.tokens.are_needed().map_err(BindError::Tokens)?;
        let listener = bind::tcp(&options.listen, has_token).await?;
        let local_addr = listener.local_addr().map_err(|source| {
            let address = SocketAddr::from(([0, 0, 0, 0], 0));
            BindError::Refused { address, source }
        })?;
        let rules = Rules {
            path,
            guard: Guard::new(options.tokens.clone(), &options.hosts),
            clock,
            rooms: Rooms::new(BODIES_BYTES_MAX),
            body_bytes_max: options.body_bytes_max,
        };
        let places = Arc::new(Semaphore::new(options.connections_max as usize));
        Ok(Self { listener, local_addr, rules: Arc::new(rules), places })
    }

    /// The address it listens on.
    #[must_use]
    pub const fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Hands every request that may come in to `serve`, with its body read and [`LetIn`] among its
    /// extensions, until `shutdown` is there.
    pub async fn run<F>(
        self,
        serve: impl Fn(Request<Body>) -> F + Clone + Send + Sync + 'static,
        shutdown: impl Future<Output = ()>,
    ) where
        F: Future<Output = Response<Body>> + Send + 'static,
    {
        let (stop, stopping) = watch::channel(());
        let (mut inside, mut shutdown) = (JoinSet::new(), std::pin::pin!(shutdown));
        loop {
            let stream = tokio::select! {
                () = &mut shutdown => break,
                Some(_) = inside.join_next() => continue,
                came = self.listener.accept() => match came {
                    Ok((stream, _)) => stream,
                    Err(error) => {
                        super::accept::pause(&error).await;
                        continue;
                    }
                },
            };
            let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else { continue };
            let (rules, serve, stopping) =
                (Arc::clone(&self.rules), serve.clone(), stopping.clone());
            inside.spawn(async move {
                attend(stream, rules, serve, stopping).await;
                drop(place);
            });
        }
        stop.send_replace(());
        let leaving = async { while inside.join_next().await.is_some() {} };
        if timeout(STOP_PATIENCE, leaving).await.is_err() {
            inside.shutdown().await;
        }
    }
}

async fn attend<F>(
    stream: TcpStream,
    rules: Arc<Rules>,
    serve: impl Fn(Request<Body>) -> F + Clone + Send + Sync + 'static,
    mut stop: watch::Receiver<()>,
) where
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let called = match stream.set_nodelay(true).and_then(|()| stream.local_addr()) {
        Ok(called) => called,
        Err(error) => return tracing::debug!(%error, "a connection was gone at once"),
    };
    let service = service_fn(move |request: Request<Incoming>| {
        let (rules, serve) = (Arc::clone(&rules), serve.clone());
        async move {
            let answer = match let_in(&rules, Peer::Tcp(called), request).await {
                Ok((request, room)) => {
                    let answer = serve(request).await;
                    drop(room);
                    answer
                }
                Err(problem) => problem.into_response(),
            };
            Ok::<_, Infallible>(answer)
        }
    });
    let io = TokioIo::new(Deadline::new(stream, WRITE_PATIENCE));
    let mut serving = std::pin::pin!(connection::http().serve_connection(io, service));
    let ended = tokio::select! {
        ended = serving.as_mut() => ended,
        _ = stop.changed() => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection was cut off");
    }
}

/// A request of somebody who may ask, read to its end.
async fn let_in(
    rules: &Rules,
    peer: Peer,
    request: Request<Incoming>,
) -> Result<(Request<Body>, Room), Problem> {
    let (mut head, body) = request.into_parts();
    Guard::check_once(&head.headers)?;
    rules.guard.check_names(peer, &head.uri, &head.headers)?;
    let now = rules.clock.now();
    let caller = rules.guard.identify(peer, &head.method, &head.headers, now)?;
    if head.uri.path() != rules.path {
        return Err(Problem::not_found(format!("what is served here is at `{}`", rules.path)));
    }
    let reading = read(&head.headers, Body::new(body), rules.body_bytes_max, &rules.rooms);
    let (bytes, room) = timeout(BODY_PATIENCE, reading).await.map_err(|_late| slow())??;
    head.extensions.insert(LetIn { by: caller.by });
    Ok((Request::from_parts(head, Body::from(bytes)), room))
}
