//! Making a connection, and asking what there is.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rmcp::ClientHandler;
use rmcp::model::{
    ClientCapabilities, ClientConfig, ClientRequest, Implementation, ListToolsRequest,
    PaginatedRequestParams, ServerResult, Tool as Told,
};
use rmcp::service::{
    NotificationContext, Peer, RoleClient, RunningService, ServiceError, serve_client,
};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;

use super::cell::Cell;
use super::http::Http;
use super::offer::TOOLS_MAX;
use super::server::{McpServer, Reach};
use crate::contracts::{ErrorKind, Receipt, ToolError};
use crate::ports::{CommandSpec, Sandbox};
use crate::tools::shown::printable;

/// Most pages of a list of tools.
const PAGES_MAX: usize = 64;
const REASON_CHARS_MAX: usize = 300;

/// What this side of a connection answers: nothing is asked of people or models through it.
pub(super) struct Quiet {
    /// Set when the server says that its tools changed.
    changed: Arc<AtomicBool>,
}

impl ClientHandler for Quiet {
    fn get_info(&self) -> ClientConfig {
        let me = Implementation::new("bailiwick", env!("CARGO_PKG_VERSION"));
        ClientConfig::new(ClientCapabilities::default(), me)
    }

    fn on_tool_list_changed(
        &self,
        _: NotificationContext<RoleClient>,
    ) -> impl Future<Output = ()> + Send + '_ {
        self.changed.store(true, Ordering::SeqCst);
        std::future::ready(())
    }
}

/// A connection that stands.
pub(super) struct Connection {
    service: RunningService<RoleClient, Quiet>,
    cell: Option<Cell>,
    pub(super) changed: Arc<AtomicBool>,
}

impl Connection {
    /// Connects to `server` within its time.
    pub(super) async fn open(
        server: &McpServer,
        sandbox: &Arc<dyn Sandbox>,
    ) -> Result<Self, ToolError> {
        let patience = Duration::from_millis(server.timeout_ms);
        let changed = Arc::new(AtomicBool::new(false));
        let quiet = Quiet { changed: Arc::clone(&changed) };
        let (service, cell) = match &server.reach {
            Reach::Command { .. } => {
                let (cell, reader, writer) = started(server, sandbox).await?;
                let opened = serve_client(quiet, (reader, writer));
                match tokio::time::timeout(patience, opened).await {
                    Ok(Ok(service)) => (service, Some(cell)),
                    Ok(Err(error)) => {
                        return Err(not_there(server, &error.to_string(), Some(&cell)));
                    }
                    Err(_) => return Err(late(server, Some(&cell))),
                }
            }
            Reach::Http { url, headers } => {
                let client = Http::new(headers).map_err(|why| not_there(server, &why, None))?;
                let config = StreamableHttpClientTransportConfig::with_uri(url.as_str());
                let transport = StreamableHttpClientTransport::with_client(client, config);
                match tokio::time::timeout(patience, serve_client(quiet, transport)).await {
                    Ok(Ok(service)) => (service, None),
                    Ok(Err(error)) => return Err(not_there(server, &error.to_string(), None)),
                    Err(_) => return Err(late(server, None)),
                }
            }
        };
        Ok(Self { service, cell, changed })
    }

    pub(super) fn peer(&self) -> Peer<RoleClient> {
        self.service.peer().clone()
    }

    pub(super) fn is_closed(&self) -> bool {
        self.service.is_closed() || self.service.peer().is_transport_closed()
    }

    pub(super) fn receipt(&self) -> Receipt {
        self.cell.as_ref().map(|cell| cell.receipt.clone()).unwrap_or_default()
    }

    /// Every tool that the server tells of now. Not through the client's cache: the server would say
    /// how long a change goes unnoticed.
    pub(super) async fn told(&self, server: &McpServer) -> Result<Vec<Told>, ToolError> {
        self.changed.store(false, Ordering::SeqCst);
        let patience = Duration::from_millis(server.timeout_ms);
        match tokio::time::timeout(patience, self.pages()).await {
            Ok(Ok(told)) => Ok(told),
            Ok(Err(why)) => Err(not_there(server, &why, self.cell.as_ref())),
            Err(_) => Err(late(server, self.cell.as_ref())),
        }
    }

    async fn pages(&self) -> Result<Vec<Told>, String> {
        let (mut told, mut cursor) = (Vec::new(), None);
        for _ in 0..PAGES_MAX {
            let params = PaginatedRequestParams::default().with_cursor(cursor);
            let request = ListToolsRequest { params: Some(params), ..ListToolsRequest::default() };
            let asked = self.service.peer().send_request(ClientRequest::ListToolsRequest(request));
            let ServerResult::ListToolsResult(page) = asked.await.map_err(|e| said(&e))? else {
                return Err("it answers `tools/list` with something else".to_owned());
            };
            told.extend(page.tools);
            if told.len() > TOOLS_MAX {
                return Err(format!("it has more than {TOOLS_MAX} tools"));
            }
            cursor = page.next_cursor;
            if cursor.is_none() {
                return Ok(told);
            }
        }
        Err(format!("its list of tools has more than {PAGES_MAX} pages"))
    }
}

/// Starts the program on a thread that may wait.
async fn started(
    server: &McpServer,
    sandbox: &Arc<dyn Sandbox>,
) -> Result<(Cell, tokio::net::unix::pipe::Receiver, tokio::net::unix::pipe::Sender), ToolError> {
    let Reach::Command { argv, env, cwd, confinement, limits } = server.reach.clone() else {
        return Err(not_there(server, "it is no program", None));
    };
    let confinement = *confinement;
    let spec = CommandSpec { argv, cwd, env, stdin: Vec::new(), confinement, limits };
    let sandbox = Arc::clone(sandbox);
    // Pipes are registered with the runtime that is entered here.
    let runtime = tokio::runtime::Handle::current();
    let starting = tokio::task::spawn_blocking(move || {
        let _entered = runtime.enter();
        Cell::start(&sandbox, spec)
    });
    match starting.await {
        Ok(started) => started,
        Err(error) => Err(not_there(server, &error.to_string(), None)),
    }
}

/// What went wrong, without what the server may have put into it beyond a line.
pub(super) fn said(error: &ServiceError) -> String {
    printable(&error.to_string(), REASON_CHARS_MAX)
}

/// A server that cannot be used now.
pub(super) fn not_there(server: &McpServer, why: &str, cell: Option<&Cell>) -> ToolError {
    let (why, story) =
        (printable(why, REASON_CHARS_MAX), cell.map(Cell::story).unwrap_or_default());
    let message = format!("the MCP server `{}` cannot be used: {why}{story}", server.name);
    ToolError::retryable(ErrorKind::Unavailable, message)
}

fn late(server: &McpServer, cell: Option<&Cell>) -> ToolError {
    let why = format!("it did not answer within {} ms", server.timeout_ms);
    not_there(server, &why, cell)
}
