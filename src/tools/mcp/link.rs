//! One server at work: connected when it is first needed, looked at again, and called.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rmcp::model::{CallToolRequestParams, CallToolResponse, CallToolResult, ErrorCode};
use rmcp::service::{Peer, RoleClient, ServiceError};
use tokio::sync::Mutex;

use super::connect::{Connection, not_there, said};
use super::offer::{Offer, Offered, fingerprint};
use super::server::McpServer;
use super::wait::Engine;
use crate::contracts::{ErrorKind, Hash, Map, Receipt, Timestamp, ToolError};
use crate::ports::{Cancel, Sandbox};
use crate::tools::shown::printable;
use crate::tools::watch::Watch;

/// How long what a server told of its tools is relied on.
const FRESH: Duration = Duration::from_secs(30);

/// A server and the connection to it, shared by its tools.
pub(super) struct Server {
    pub(super) about: McpServer,
    engine: Arc<Engine>,
    link: Arc<Mutex<Option<Link>>>,
}

/// A connection and what the server told over it.
struct Link {
    connection: Connection,
    told: BTreeMap<String, Hash>,
    looked: Instant,
}

/// A server's answer, and the walls that it stands in.
pub(super) struct Answered {
    pub(super) result: CallToolResult,
    pub(super) receipt: Receipt,
}

impl Server {
    pub(super) fn new(about: McpServer, engine: Arc<Engine>) -> Self {
        Self { about, engine, link: Arc::default() }
    }

    pub(super) fn is_wanted(&self, tool: &str) -> bool {
        self.about.only.is_empty() || self.about.only.iter().any(|name| name == tool)
    }

    /// Calls `tool`, if the server still tells of it what it told when it was listed.
    pub(super) fn call(
        &self,
        tool: &Offered,
        args: &Map,
        sandbox: &Arc<dyn Sandbox>,
        watch: &Watch,
    ) -> Result<Answered, ToolError> {
        let (link, about, sandbox) =
            (Arc::clone(&self.link), self.about.clone(), Arc::clone(sandbox));
        let wanted = tool.clone();
        let ready = async move { ready(&link, &about, &sandbox, &wanted).await };
        let (peer, receipt) = self.engine.wait(watch, ready)??;
        let params = CallToolRequestParams::new(tool.name.clone()).with_arguments(args.clone());
        // Dropped when somebody asks to stop, which tells the server.
        let asked = async move { peer.call_tool_once(params).await };
        match self.engine.wait(watch, asked)? {
            Ok(CallToolResponse::Complete(result)) => Ok(Answered { result, receipt }),
            Ok(_) => Err(ToolError::new(
                ErrorKind::BadOutput,
                format!(
                    "`{}` wants to ask something or to be asked later, which is not supported",
                    tool.name
                ),
            )),
            Err(error) => Err(self.failed(tool, &error)),
        }
    }

    fn failed(&self, tool: &Offered, error: &ServiceError) -> ToolError {
        let server = &self.about.name;
        match error {
            ServiceError::McpError(told) => {
                let kind = match told.code {
                    ErrorCode::INVALID_PARAMS => ErrorKind::BadArguments,
                    ErrorCode::METHOD_NOT_FOUND => ErrorKind::NotFound,
                    _ => ErrorKind::Io,
                };
                ToolError::new(kind, format!("`{server}` refused `{}`: {}", tool.name, said(error)))
            }
            // It was asked, and went away before it answered.
            _ => ToolError::new(
                ErrorKind::InDoubt,
                format!("`{server}` left during a call of `{}`: {}", tool.name, said(error)),
            ),
        }
    }
}

impl Offer {
    /// Asks `server` what it offers now. Blocks for at most its time.
    ///
    /// # Errors
    /// When it cannot be reached, does not answer, or answers what cannot be used.
    pub fn ask(
        server: &McpServer,
        sandbox: &Arc<dyn Sandbox>,
        now: Timestamp,
    ) -> Result<Self, ToolError> {
        let (about, sandbox) = (server.clone(), Arc::clone(sandbox));
        // To start, to answer, and to tell.
        let watch = Watch::start(Cancel::default(), server.timeout_ms.saturating_mul(3));
        let told = Engine::default().wait(&watch, async move {
            let connection = Connection::open(&about, &sandbox).await?;
            connection.told(&about).await
        })??;
        Ok(Self::of(server.fingerprint(), now, &told))
    }
}

/// A connection over which `wanted` may be called: made or looked at again where need be.
async fn ready(
    link: &Mutex<Option<Link>>,
    about: &McpServer,
    sandbox: &Arc<dyn Sandbox>,
    wanted: &Offered,
) -> Result<(Peer<RoleClient>, Receipt), ToolError> {
    let mut link = link.lock().await;
    if link.as_ref().is_some_and(|link| link.connection.is_closed()) {
        *link = None;
    }
    let mut at_work = match link.take() {
        Some(at_work) => at_work,
        None => {
            let connection = Connection::open(about, sandbox).await?;
            let told = looked(&connection, about).await?;
            Link { connection, told, looked: Instant::now() }
        }
    };
    if at_work.connection.changed.load(Ordering::SeqCst) || at_work.looked.elapsed() > FRESH {
        // What cannot be looked at is dropped, and made anew for the next call.
        at_work.told = looked(&at_work.connection, about).await?;
        at_work.looked = Instant::now();
    }
    let verdict = as_listed(about, &at_work.told, wanted);
    let ready = (at_work.connection.peer(), at_work.connection.receipt());
    *link = Some(at_work);
    verdict.map(|()| ready)
}

async fn looked(
    connection: &Connection,
    about: &McpServer,
) -> Result<BTreeMap<String, Hash>, ToolError> {
    let told = connection.told(about).await?;
    let mut seen = BTreeMap::new();
    for tool in &told {
        // Told twice is not what was listed, whichever of the two it would be.
        if seen.insert(tool.name.to_string(), fingerprint(tool)).is_some() {
            let name = printable(&tool.name, 100);
            return Err(not_there(about, &format!("it tells of `{name}` twice"), None));
        }
    }
    Ok(seen)
}

/// Whether the server tells of `wanted` what it told when somebody had it listed.
fn as_listed(
    about: &McpServer,
    told: &BTreeMap<String, Hash>,
    wanted: &Offered,
) -> Result<(), ToolError> {
    let (server, tool) = (&about.name, &wanted.name);
    match told.get(tool) {
        Some(now) if *now == wanted.told => Ok(()),
        Some(_) => Err(ToolError::new(
            ErrorKind::Forbidden,
            format!(
                "the MCP server `{server}` describes `{tool}` otherwise than when it was listed; look at what changed: bailiwick tools refresh {server}"
            ),
        )),
        None => Err(ToolError::new(
            ErrorKind::Unavailable,
            format!(
                "the MCP server `{server}` has no tool `{tool}` any more; list it again: bailiwick tools refresh {server}"
            ),
        )),
    }
}
