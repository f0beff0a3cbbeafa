//! The daemon: engine, API and guests around one host, from the first word to the last.

use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

use super::{App, consolidating, governing, knowledge, tool_files};
use crate::cli::{CliError, Exit, run_error};
use crate::contracts::{EventBody, Hash};
use crate::host::{Host, Listener};
use crate::orchestrator::{Observer, SystemClock};
use crate::scheduler::{Engine, EngineError, EngineParts};
use crate::server::{BindError, Bound, Gate, SecretOf, Server, ServerOptions, ServerParts};

/// What callers over TCP have to know.
const TOKEN: &str = "EXECUTION_TOKEN";
/// Longest path of a socket that the system takes, in bytes.
const SOCKET_PATH_BYTES_MAX: usize = 107;
/// How long guests may take to hear how their runs ended.
const GUESTS: Duration = Duration::from_secs(5);

/// Where a daemon listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listening {
    /// The address.
    pub url: String,
    /// The socket of this user's own programs, where one could be made.
    pub socket: Option<PathBuf>,
}

/// A daemon that lets callers in once it is [`Daemon::run`].
pub struct Daemon {
    engine: Engine,
    server: Server,
    guests: Option<Listener>,
    guests_socket: PathBuf,
    listening: Listening,
    grace: Duration,
    governing: JoinHandle<()>,
    tool_files: JoinHandle<()>,
    knowledge: JoinHandle<()>,
    consolidating: JoinHandle<()>,
    changes: watch::Receiver<Hash>,
}

impl std::fmt::Debug for Daemon {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Daemon").field("listening", &self.listening).finish_non_exhaustive()
    }
}

impl App {
    /// What an engine of this workspace is made of.
    ///
    /// # Errors
    /// When the playbooks cannot be listed.
    pub fn engine_parts(&self, host: &Host) -> Result<EngineParts, CliError> {
        Ok(EngineParts {
            services: Arc::clone(&host.services),
            playbooks: Arc::clone(&host.services.playbooks),
            trusted: self.workspace.trusted,
            observer: log(),
            embedder: super::router_embedder(),
        })
    }

    /// Starts everything but letting callers in.
    ///
    /// # Errors
    /// When it cannot listen, or what is unfinished cannot be taken up.
    pub async fn start_daemon(
        &self,
        host: &Host,
        listen: Option<&str>,
    ) -> Result<Daemon, CliError> {
        let options = self.server_options(listen);
        // A daemon that may not listen changes nothing: no run is taken up, nothing is started.
        let bound = Bound::new(&options).await.map_err(bind_error)?;
        let url = format!("http://{}", bound.local_addr());
        let listening = Listening { url, socket: options.socket_path.clone() };
        let secret_of = self.secret_of()?;
        let parts = self.engine_parts(host)?;
        let playbooks = Arc::clone(&parts.playbooks);
        let engine =
            Engine::start(parts).await.map_err(|EngineError::Run(error)| run_error(error))?;
        let services = Arc::clone(&host.services);
        let changes = services.policy.changes();
        let parts = ServerParts { engine: engine.clone(), services, playbooks, secret_of };
        let server = Server::new(bound, &options, parts);
        let governing = governing::follow(self.read_at_start(), engine.clone());
        let tool_files = tool_files::follow(self.tool_files(&host.services), engine.clone());
        let memory = Arc::clone(&host.services.memory);
        let knowledge = knowledge::follow(self.knowledge_dir(), memory, engine.clone());
        let consolidating = consolidating::follow(Arc::clone(&host.services), engine.clone());
        let grace = Duration::from_millis(self.workspace.config.server.stop_grace_ms);
        let guests_socket = self.socket();
        let guests = let_guests_in(host, &guests_socket);
        Ok(Daemon {
            engine,
            server,
            guests,
            guests_socket,
            listening,
            grace,
            governing,
            tool_files,
            knowledge,
            consolidating,
            changes,
        })
    }

    fn server_options(&self, listen: Option<&str>) -> ServerOptions {
        let config = &self.workspace.config.server;
        let socket = self.api_socket();
        let fits = socket.as_os_str().len() <= SOCKET_PATH_BYTES_MAX;
        if !fits {
            tracing::warn!("no socket is made: its path is too long: `{}`", socket.display());
        }
        ServerOptions {
            listen: listen.unwrap_or(&config.listen).to_owned(),
            tokens: self.tokens().with_execution(self.workspace.env.get(TOKEN)),
            hosts: config.hosts.clone(),
            socket_path: fits.then_some(socket),
            body_bytes_max: config.body_bytes,
            connections_max: config.connections,
        }
    }

    /// The address on which something else than the API is served, behind the same door.
    ///
    /// # Errors
    /// When it cannot listen.
    pub async fn gate(&self, listen: &str, path: &'static str) -> Result<Gate, CliError> {
        let options = ServerOptions { socket_path: None, ..self.server_options(Some(listen)) };
        Gate::bind(&options, path, Arc::new(SystemClock)).await.map_err(bind_error)
    }

    fn secret_of(&self) -> Result<SecretOf, CliError> {
        let secrets = self.secrets()?;
        Ok(Arc::new(move |name: &str| secrets.get(name).map(str::to_owned)))
    }
}

/// Runs that begin and end, for whoever reads the log.
fn log() -> Observer {
    Arc::new(|event, body| match body {
        EventBody::RunStarted(_) => tracing::info!("{} begins", event.run_id),
        EventBody::RunFinished(finished) => {
            tracing::info!("{} {}", event.run_id, finished.outcome.as_str());
        }
        _ => {}
    })
}

fn bind_error(error: BindError) -> CliError {
    let exit = match error {
        BindError::BadAddress { .. } | BindError::NeedsToken { .. } => Exit::Usage,
        _ => Exit::Failed,
    };
    CliError::new(exit, error.to_string())
}

/// Other processes of this user hand their runs over. Where the socket cannot be made, they wait.
fn let_guests_in(host: &Host, socket: &std::path::Path) -> Option<Listener> {
    match Listener::open(host.clone(), socket) {
        Ok(listener) => Some(listener),
        Err(error) => {
            tracing::warn!("`run` cannot hand over its runs: `{}`: {error}", socket.display());
            None
        }
    }
}

impl Daemon {
    /// Where it listens.
    #[must_use]
    pub const fn listening(&self) -> &Listening {
        &self.listening
    }

    /// Lets callers in until somebody asks to stop: once ends in an orderly way, twice at once. True
    /// when the end was orderly.
    pub async fn run(self, stop: watch::Receiver<u32>) -> bool {
        let Self {
            engine,
            server,
            guests,
            guests_socket,
            grace,
            governing,
            tool_files,
            knowledge,
            consolidating,
            changes,
            ..
        } = self;
        let (close, closed) = oneshot::channel::<()>();
        let serving = server.run(async {
            // A sender that is gone means the same.
            let _ = closed.await;
        });
        let ending = async {
            tokio::select! {
                () = wait_for_stop(stop.clone(), 1) => {}
                never = judge_after_edits(&engine, changes) => match never {},
            }
            tracing::info!("stopping");
            governing.abort();
            tool_files.abort();
            knowledge.abort();
            consolidating.abort();
            // Callers see how runs are held, and are let go afterwards.
            engine.shutdown(grace).await;
            if let Some(guests) = guests
                && tokio::time::timeout(GUESTS, guests.close(&guests_socket)).await.is_err()
            {
                tracing::warn!("some guests did not leave in time");
            }
            drop(close);
        };
        let orderly = async { tokio::join!(serving, ending) };
        tokio::select! {
            _ = orderly => true,
            () = wait_for_stop(stop.clone(), 2) => false,
        }
    }
}

/// Questions that are open are decided anew whenever other rules are in force, and once at the start:
/// they may have changed while nobody looked.
async fn judge_after_edits(engine: &Engine, mut changes: watch::Receiver<Hash>) -> Infallible {
    loop {
        match engine.judge_pending().await {
            Ok(0) => {}
            Ok(runs) => tracing::info!("{runs} runs go on by other rules than they asked by"),
            Err(error) => tracing::warn!("open questions cannot be judged anew: {error}"),
        }
        if changes.changed().await.is_err() {
            // The rules are gone, and this daemon with them.
            std::future::pending::<()>().await;
        }
    }
}

/// Waits until somebody asked to stop `times` times.
async fn wait_for_stop(mut stop: watch::Receiver<u32>, times: u32) {
    if stop.wait_for(|asked| *asked >= times).await.is_err() {
        // Nobody can ask any more: the work goes on.
        std::future::pending::<()>().await;
    }
}
