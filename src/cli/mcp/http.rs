//! The same server over streamable HTTP, behind the door that the API has.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use serde_json::json;

use super::ask::PATIENCE;
use super::server::Governed;
use crate::app::App;
use crate::cli::{CliError, Cx, Exit, output, signals};

/// Where it is served.
const PATH: &str = "/mcp";

/// How long a session may say nothing, calls that are at work included.
const SESSION_IDLE: Duration = Duration::from_secs(60 * 60);

/// Serves until it is told to stop.
pub(super) async fn serve(
    app: &App,
    governed: Governed,
    listen: &str,
    cx: &Cx,
    out: &mut dyn Write,
) -> Result<Exit, CliError> {
    let mut stop = signals::stop()?;
    let gate = app.gate(listen, PATH).await?;
    let url = format!("http://{}{PATH}", gate.local_addr());
    if cx.json {
        output::json_line(out, &json!({ "listening": url }))?;
    } else {
        output::note(&format!("listening on {url}"));
    }
    // Names and origins are looked at by the gate, which knows those that configuration adds.
    let config = StreamableHttpServerConfig::default().disable_allowed_hosts();
    let end = config.cancellation_token.clone();
    let mut sessions = LocalSessionManager::default();
    sessions.session_config.keep_alive = Some(SESSION_IDLE.max(governed.wait() + PATIENCE));
    let sessions = Arc::new(sessions);
    let service = StreamableHttpService::new(move || Ok(governed.clone()), sessions, config);
    let answer = move |request| {
        let service = service.clone();
        async move { service.handle::<Body>(request).await.map(Body::new) }
    };
    let stopped = async {
        // A sender that is gone says the same.
        let _ = stop.changed().await;
        end.cancel();
    };
    gate.run(answer, stopped).await;
    Ok(Exit::Done)
}
