//! One server, as configuration names it.

use std::path::PathBuf;

use crate::contracts::{Confinement, Hash, Risk};
use crate::ports::Limits;

/// A server of tools.
#[derive(Clone)]
pub struct McpServer {
    /// Its name in `mcp:NAME/TOOL`.
    pub name: String,
    /// Where it is.
    pub reach: Reach,
    /// Risk of each of its tools.
    pub risk: Risk,
    /// Tools that are used; empty for all it offers.
    pub only: Vec<String>,
    /// How long it may take to start, and each call unless it says otherwise, in milliseconds.
    pub timeout_ms: u64,
    /// Whether what it is told can leave this machine.
    pub sends_network: bool,
}

/// Where a server is.
#[derive(Clone)]
pub enum Reach {
    /// A program, started when it is first needed.
    Command {
        /// Program and arguments.
        argv: Vec<String>,
        /// Variables beside those that the sandbox sets; secrets are filled in.
        env: Vec<(String, String)>,
        /// Absolute working directory.
        cwd: PathBuf,
        /// The walls of its cell, for as long as it lives.
        confinement: Box<Confinement>,
        /// Bounds of its cell.
        limits: Limits,
    },
    /// An address that answers streamable HTTP.
    Http {
        /// The address.
        url: String,
        /// Headers of each request; secrets are filled in.
        headers: Vec<(String, String)>,
    },
}

impl McpServer {
    /// Names where the server is: what was listed elsewhere does not count here. Secrets are not
    /// part of it.
    #[must_use]
    pub fn fingerprint(&self) -> Hash {
        let text = match &self.reach {
            Reach::Command { argv, cwd, .. } => format!("command {argv:?} {}", cwd.display()),
            Reach::Http { url, .. } => format!("http {url}"),
        };
        Hash::of(text.as_bytes())
    }
}

/// Without variables and headers: they may be secrets.
impl std::fmt::Debug for Reach {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Command { argv, .. } => f.debug_tuple("Command").field(argv).finish(),
            Self::Http { url, .. } => f.debug_tuple("Http").field(url).finish(),
        }
    }
}

impl std::fmt::Debug for McpServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("McpServer").field("name", &self.name).finish_non_exhaustive()
    }
}
