//! The server: lets connections in, up to a number, until it is told to end.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener, UnixStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use super::bind::{self, BindError};
use super::guard::Peer;
use super::options::{STOP_PATIENCE, ServerOptions, ServerParts, WORK_MAX};
use super::shared::Shared;
use super::{connection, dispatch};

/// Connections over the limit that hear so at once; more are closed without a word.
const REFUSALS_MAX: usize = 64;
/// The wait after the system let nobody in, such as when too many files are open.
const PAUSE: Duration = Duration::from_millis(100);

/// The address and the socket of a server, taken before anything else is begun. Callers wait at the
/// door until [`Server::run`].
#[derive(Debug)]
pub struct Bound {
    tcp: TcpListener,
    unix: Option<(UnixListener, SocketFile)>,
    local_addr: SocketAddr,
}

/// The file of a socket; gone when dropped.
#[derive(Debug)]
struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.0) {
            tracing::warn!(%error, path = %self.0.display(), "the socket could not be removed");
        }
    }
}

impl Bound {
    /// Takes the address and the socket.
    ///
    /// # Errors
    /// When the address is none, is taken, or may not be used without a token.
    pub async fn new(options: &ServerOptions) -> Result<Self, BindError> {
        let has_token = options.tokens.are_needed().map_err(BindError::Tokens)?;
        let tcp = bind::tcp(&options.listen, has_token).await?;
        let local_addr = tcp.local_addr().map_err(|source| {
            let address = SocketAddr::from(([0, 0, 0, 0], 0));
            BindError::Refused { address, source }
        })?;
        let unix = match &options.socket_path {
            Some(path) => Some((bind::unix(path)?, SocketFile(path.clone()))),
            None => None,
        };
        Ok(Self { tcp, unix, local_addr })
    }

    /// The address it listens on.
    #[must_use]
    pub const fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }
}

/// A server that listens.
pub struct Server {
    bound: Bound,
    shared: Arc<Shared>,
    places: Arc<Semaphore>,
    refusals: Arc<Semaphore>,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("bound", &self.bound).finish_non_exhaustive()
    }
}

impl Server {
    /// A server behind what was taken. Nobody is let in before [`Server::run`].
    #[must_use]
    pub fn new(bound: Bound, options: &ServerOptions, parts: ServerParts) -> Self {
        Self {
            bound,
            shared: Arc::new(Shared::new(options, parts)),
            places: Arc::new(Semaphore::new(options.connections_max as usize)),
            refusals: Arc::new(Semaphore::new(REFUSALS_MAX)),
        }
    }

    /// Serves until `shutdown` is there. Then nobody is let in any more, streams of events end,
    /// requests at work may come to their end, and the socket goes.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let Self { bound: Bound { tcp, unix, .. }, shared, places, refusals } = self;
        let (stop, stopping) = watch::channel(());
        let router = dispatch::router(&shared);
        let mut door = Door {
            shared: Arc::clone(&shared),
            router,
            places,
            refusals,
            stopping,
            inside: JoinSet::new(),
        };
        let pump = tokio::spawn(shared.hub.clone().pump());
        let (unix, file) = unix.unzip();
        let mut shutdown = std::pin::pin!(shutdown);
        loop {
            tokio::select! {
                () = &mut shutdown => break,
                came = tcp.accept() => door.tcp(came).await,
                came = accept_unix(unix.as_ref()) => door.unix(came).await,
                Some(ended) = door.inside.join_next() => note(ended),
            }
        }
        drop((tcp, unix, file));
        stop.send_replace(());
        shared.hub.close();
        door.close().await;
        finish_work(&shared).await;
        if let Err(error) = pump.await {
            tracing::error!(%error, "the reader of new events ended badly");
        }
    }
}

/// Waits for requests whose callers have left.
async fn finish_work(shared: &Shared) {
    let all = u32::try_from(WORK_MAX).unwrap_or(u32::MAX);
    let done = tokio::time::timeout(STOP_PATIENCE, shared.work.acquire_many(all)).await;
    if done.is_err() {
        tracing::warn!("requests were still at work when the server ended");
    }
}

async fn accept_unix(listener: Option<&UnixListener>) -> io::Result<UnixStream> {
    match listener {
        Some(listener) => listener.accept().await.map(|(stream, _)| stream),
        None => std::future::pending().await,
    }
}

fn note(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!(%error, "a connection ended badly");
    }
}

/// Lets connections in.
struct Door {
    shared: Arc<Shared>,
    router: Router,
    places: Arc<Semaphore>,
    refusals: Arc<Semaphore>,
    stopping: watch::Receiver<()>,
    inside: JoinSet<()>,
}

impl Door {
    async fn tcp(&mut self, came: io::Result<(tokio::net::TcpStream, SocketAddr)>) {
        let named = came.and_then(|(stream, _)| {
            stream.set_nodelay(true)?;
            let called = stream.local_addr()?;
            Ok((stream, called))
        });
        match named {
            Ok((stream, called)) => self.let_in(stream, Peer::Tcp(called)),
            Err(error) => pause(&error).await,
        }
    }

    async fn unix(&mut self, came: io::Result<UnixStream>) {
        let known = came.and_then(|stream| {
            let uid = stream.peer_cred()?.uid();
            Ok((stream, uid))
        });
        match known {
            Ok((stream, uid)) if uid == 0 || uid == rustix::process::geteuid().as_raw() => {
                self.let_in(stream, Peer::Unix(uid));
            }
            Ok((_, uid)) => tracing::warn!(uid, "another user came to the socket"),
            Err(error) => pause(&error).await,
        }
    }

    fn let_in<S>(&mut self, stream: S, peer: Peer)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        if let Ok(place) = Arc::clone(&self.places).try_acquire_owned() {
            let (shared, router) = (Arc::clone(&self.shared), self.router.clone());
            let stopping = self.stopping.clone();
            self.inside.spawn(async move {
                connection::serve(stream, peer, shared, router, stopping).await;
                drop(place);
            });
        } else if let Ok(place) = Arc::clone(&self.refusals).try_acquire_owned() {
            self.inside.spawn(async move {
                connection::refuse(stream).await;
                drop(place);
            });
        }
    }

    /// Waits for those inside, not for long.
    async fn close(mut self) {
        let leaving = async { while self.inside.join_next().await.is_some() {} };
        if tokio::time::timeout(STOP_PATIENCE, leaving).await.is_err() {
            tracing::debug!("{} connections are cut off", self.inside.len());
            self.inside.shutdown().await;
        }
    }
}

/// Waits a moment where the system lets nobody in.
pub(super) async fn pause(error: &io::Error) {
    match error.kind() {
        io::ErrorKind::ConnectionAborted
        | io::ErrorKind::ConnectionReset
        | io::ErrorKind::NotConnected
        | io::ErrorKind::InvalidInput => {}
        _ => {
            tracing::warn!(%error, "nobody could be let in");
            tokio::time::sleep(PAUSE).await;
        }
    }
}
