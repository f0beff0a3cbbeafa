//! What a server is made of, and its limits.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::identity::Tokens;
use crate::orchestrator::Services;
use crate::scheduler::{Engine, LivePlaybooks};

/// Most headers of a request.
pub(super) const HEADERS_MAX: usize = 64;
/// Largest head of a request, in bytes.
pub(super) const HEAD_BYTES_MAX: usize = 32 * 1024;
/// How long the head of a request may take, and how long a connection may be idle.
pub(super) const HEAD_PATIENCE: Duration = Duration::from_secs(10);
/// How long the body of a request may take.
pub(super) const BODY_PATIENCE: Duration = Duration::from_secs(10);
/// Memory for the bodies of all requests that are read or worked on, in bytes.
pub(super) const BODIES_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// The same for requests that nobody has vouched for yet, such as webhooks: they cannot keep those
/// with the token out.
pub(super) const BODIES_OF_STRANGERS_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// How long a body waits for room before it is refused.
pub(super) const ROOM_PATIENCE: Duration = Duration::from_secs(2);
/// Largest body where everybody may call, webhooks aside, in bytes.
pub(super) const OPEN_BODY_BYTES_MAX: u64 = 8 * 1024;
/// How long the answer to a request is waited for that is no stream.
pub(super) const WORK_PATIENCE: Duration = Duration::from_secs(45);
/// How long a client may take nothing of what it is sent.
pub(super) const WRITE_PATIENCE: Duration = Duration::from_secs(30);
/// How long requests at work may go on when the server ends.
pub(super) const STOP_PATIENCE: Duration = Duration::from_secs(5);
/// Requests at work at once; more wait.
pub(super) const WORK_MAX: usize = 256;
/// What the system keeps for a client that does not take it, in bytes.
pub(super) const SEND_BUFFER_BYTES: u32 = 64 * 1024;

/// Looks a secret up by its name.
pub type SecretOf = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// What a server serves.
#[derive(Clone)]
pub struct ServerParts {
    /// Takes tasks, answers and orders.
    pub engine: Engine,
    /// What runs work with.
    pub services: Arc<Services>,
    /// The playbooks as they are now.
    pub playbooks: Arc<LivePlaybooks>,
    /// Secrets of webhooks.
    pub secret_of: SecretOf,
}

impl fmt::Debug for ServerParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerParts").finish_non_exhaustive()
    }
}

/// Where and how a server listens.
#[derive(Clone)]
pub struct ServerOptions {
    /// Address and port, such as `127.0.0.1:8787`; port 0 takes any that is free.
    pub listen: String,
    /// The tokens that callers over TCP need. Without any only a loopback address is taken.
    pub tokens: Tokens,
    /// Names under which it may be called beside the loopback ones, with or without a port.
    pub hosts: Vec<String>,
    /// The unix socket for this user's own programs.
    pub socket_path: Option<PathBuf>,
    /// Largest body of a request, in bytes.
    pub body_bytes_max: u64,
    /// Connections at once.
    pub connections_max: u32,
}

impl fmt::Debug for ServerOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerOptions").field("listen", &self.listen).finish_non_exhaustive()
    }
}
