//! `bailiwick serve`: the daemon.

use std::io::Write;

use serde_json::json;
use tokio::sync::watch;

use super::notify::{self, notify};
use super::remote::{answers, borrow_host};
use super::{CliError, Cx, Exit, output, signals};
use crate::app::{App, Listening};
use crate::host::Host;

/// Take tasks, run them, fire schedules, and stream what happens.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Address and port [default: server.listen, 127.0.0.1:8787]; port 0 takes any that is free
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
}

/// Serves until it is told to stop.
///
/// # Errors
/// When another process holds the workspace, or it cannot listen.
pub fn run(args: Args, cx: &Cx, out: &mut dyn Write) -> Result<Exit, CliError> {
    let app = App::open(cx)?;
    let socket = app.api_socket();
    if answers(&socket)? {
        let message =
            format!("a daemon runs in this workspace already; it listens on {}", socket.display());
        return Err(CliError::new(Exit::Unavailable, message)
            .hint("commands in this workspace find it by themselves, such as bailiwick runs ls"));
    }
    app.list_new_servers(cx.clock.as_ref())?;
    let host = borrow_host(&app)?;
    for notice in app.notices(&host.services.policy) {
        output::note(&notice);
    }
    let runtime = super::remote::runtime()?;
    let served = runtime.block_on(serve(&app, &host, &args, cx, out));
    // What does not come to an end by itself is cut off; it is in the journal.
    runtime.shutdown_background();
    served
}

async fn serve(
    app: &App,
    host: &Host,
    args: &Args,
    cx: &Cx,
    out: &mut dyn Write,
) -> Result<Exit, CliError> {
    let stop = signals::stop()?;
    let daemon = app.start_daemon(host, args.listen.as_deref()).await?;
    say(daemon.listening(), cx, out)?;
    let manager = notify::socket(&cx.env);
    notify(manager.as_deref(), "READY=1");
    let telling = tokio::spawn(tell_stopping(stop.clone(), manager));
    let orderly = daemon.run(stop).await;
    telling.abort();
    if !orderly {
        output::note("note: stopped at once; the next start goes on with what was at work");
        return Ok(Exit::Cancelled);
    }
    Ok(Exit::Done)
}

/// Where it listens: for people on standard error, for programs on standard output.
fn say(listening: &Listening, cx: &Cx, out: &mut dyn Write) -> Result<(), CliError> {
    let Listening { url, socket } = listening;
    if cx.json {
        return output::json_line(out, &json!({ "listening": url, "socket": socket })).map(drop);
    }
    let socket = socket.as_ref().map(|it| format!(" and {}", it.display())).unwrap_or_default();
    output::note(&format!("listening on {url}{socket}"));
    Ok(())
}

async fn tell_stopping(mut stop: watch::Receiver<u32>, manager: Option<String>) {
    if stop.wait_for(|asked| *asked > 0).await.is_ok() {
        notify(manager.as_deref(), "STOPPING=1");
    }
}
