//! `bailiwick mcp`: the governed tools, for any MCP client over standard input and output, or over HTTP.
//!
//! A call is a run of one step as with `tools call`: the same decision, audit entry and receipt, with the
//! origin `mcp`. What the client says of itself makes nothing easier.

mod ask;
mod called;
mod http;
mod names;
mod server;

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use rmcp::service::{QuitReason, ServerInitializeError, serve_server};

use super::{CliError, Cx, Exit, output, signals};
use crate::app::App;
use crate::contracts::parse_duration_ms;
use server::Governed;

/// Offer the tools to MCP clients: on standard input and output, or over HTTP
#[derive(Debug, clap::Args)]
pub struct Args {
    /// How long a call waits for a person's answer before it says `approval_required`
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = duration)]
    wait: Duration,
    /// Let the client put questions to its user (elicitation), and take the answer as this account's
    #[arg(long)]
    elicit: bool,
    /// Serve streamable HTTP at this address, path /mcp, instead; port 0 takes any that is free
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
}

fn duration(text: &str) -> Result<Duration, String> {
    parse_duration_ms(text).map(Duration::from_millis).map_err(|error| error.to_string())
}

/// Serves until the client leaves.
///
/// # Errors
/// When the workspace cannot be opened, or the client speaks something else.
pub fn run(args: Args, cx: &Cx, out: &mut dyn Write) -> Result<Exit, CliError> {
    let app = App::open(cx)?;
    for failed in app.list_new_servers(cx.clock.as_ref())? {
        output::note(&format!("warning: {failed}"));
    }
    for notice in app.notices(&app.policy()?) {
        output::note(&notice);
    }
    let runtime = super::remote::runtime()?;
    let app = Arc::new(app);
    let governed = Governed::new(Arc::clone(&app), cx.cwd.clone(), args.wait, args.elicit);
    let served = match &args.listen {
        None => runtime.block_on(serve(governed)),
        Some(listen) => runtime.block_on(http::serve(&app, governed, listen, cx, out)),
    };
    // A call that waits for a person ends with its client.
    runtime.shutdown_background();
    served
}

async fn serve(governed: Governed) -> Result<Exit, CliError> {
    let mut stop = signals::stop()?;
    let service = match serve_server(governed, rmcp::transport::stdio()).await {
        Ok(service) => service,
        Err(ServerInitializeError::ConnectionClosed(_)) => return Ok(Exit::Done),
        Err(error) => {
            let message = format!("the client does not speak MCP: {error}");
            return Err(CliError::usage(message)
                .hint("this command is started by an MCP client, such as an editor or an agent"));
        }
    };
    tokio::select! {
        quit = service.waiting() => match quit {
            Ok(QuitReason::Closed | QuitReason::Cancelled) => Ok(Exit::Done),
            other => Err(CliError::new(Exit::Failed, format!("the connection broke: {other:?}"))),
        },
        _ = stop.changed() => Ok(Exit::Cancelled),
    }
}
