//! Tools of other servers, over the Model Context Protocol.
//!
//! Owns connecting to a server (a program in a cell, or HTTP), what it offered when it was listed, and
//! calls. Each offered tool is `mcp:SERVER/TOOL` and goes through policy as any other. What a server
//! says of its tools is text of strangers: it is bounded, and it never makes a tool less dangerous.
//!
//! What a tool looks like is kept from when a person had the server listed. A server that tells
//! something else later is noticed, and the tool refused until somebody lists it again.

mod answer;
mod cell;
mod connect;
mod http;
mod link;
mod offer;
mod server;
mod tool;
mod wait;

use std::sync::Arc;

use crate::ports::Tool;

pub use offer::{Offer, Offered};
pub use server::{McpServer, Reach};

/// Every server that configuration names, with what it offered.
#[derive(Debug, Default)]
pub struct McpSetup {
    /// The servers; without an offer a server has no tools.
    pub servers: Vec<(McpServer, Option<Offer>)>,
}

/// The tools of all servers.
pub(super) fn tools(setup: McpSetup) -> Vec<Arc<dyn Tool>> {
    let engine = Arc::new(wait::Engine::default());
    let mut tools: Vec<Arc<dyn Tool>> = Vec::new();
    for (server, offer) in setup.servers {
        let Some(offer) = offer else { continue };
        let server = Arc::new(link::Server::new(server, Arc::clone(&engine)));
        let offered = offer.tools.into_iter().filter(|tool| server.is_wanted(&tool.name));
        tools.extend(offered.map(|offered| -> Arc<dyn Tool> {
            Arc::new(tool::McpTool::new(Arc::clone(&server), offered))
        }));
    }
    tools
}

#[cfg(test)]
mod tests;
