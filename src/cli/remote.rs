//! Where a command does its work: at a daemon that was named, at the daemon of this workspace, or in
//! the workspace itself.

use std::future::Future;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::runtime::Runtime;

use super::{CliError, Cx, Exit, client_error, output};
use crate::app::{App, OpenHost};
use crate::client::{Client, Request, Target};
use crate::host::Host;

/// Names the daemon.
const URL_VARIABLE: &str = "BAILIWICK_URL";
/// What the daemon wants to know.
const TOKEN_VARIABLE: &str = "EXECUTION_TOKEN";
/// How long another process that holds the workspace is waited for, and how often it is looked at.
const HELD: Duration = Duration::from_secs(3);
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// Which daemon to ask.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Daemon")]
pub(super) struct Remote {
    /// The daemon's address [env: BAILIWICK_URL] [default: the daemon of this workspace, if one is
    /// running]
    #[arg(long, global = true, value_name = "URL")]
    url: Option<String>,
    /// The daemon's token [env: EXECUTION_TOKEN; that of `.env` is not sent]
    #[arg(long, global = true, value_name = "TOKEN")]
    token: Option<String>,
}

/// Where a command does its work.
#[derive(Debug)]
pub(super) enum Place {
    /// At a daemon that was named; its workspace may be on another machine.
    Named(Client),
    /// At the daemon of this workspace.
    Daemon(Client, App),
    /// Here: no daemon is running.
    Here(App),
}

impl Remote {
    /// Finds out where.
    ///
    /// # Errors
    /// When the address is wrong, or there is no workspace.
    pub(super) fn place(&self, cx: &Cx) -> Result<Place, CliError> {
        let given = |flag: &Option<String>, name| flag.clone().or(variable(cx, name));
        if let Some(url) = given(&self.url, URL_VARIABLE) {
            let token = given(&self.token, TOKEN_VARIABLE);
            warn_in_the_clear(&url, token.is_some());
            let client = Client::new(&Target::Url { url, token }).map_err(client_error)?;
            return Ok(Place::Named(client));
        }
        if self.token.is_some() {
            return Err(CliError::usage("`--token` says nothing without an address")
                .hint("the daemon of this workspace wants none; name another one with --url"));
        }
        let app = App::open(cx)?;
        let socket = app.api_socket();
        if !answers(&socket)? {
            return Ok(Place::Here(app));
        }
        Ok(Place::Daemon(Client::new(&Target::Socket(socket)).map_err(client_error)?, app))
    }
}

impl Place {
    /// The daemon, unless there is none.
    pub(super) const fn client(&self) -> Option<&Client> {
        match self {
            Self::Named(client) | Self::Daemon(client, _) => Some(client),
            Self::Here(_) => None,
        }
    }

    /// The workspace, unless it is behind an address.
    pub(super) const fn app(&self) -> Option<&App> {
        match self {
            Self::Daemon(_, app) | Self::Here(app) => Some(app),
            Self::Named(_) => None,
        }
    }
}

fn variable(cx: &Cx, name: &str) -> Option<String> {
    cx.env.get(name).filter(|value| !value.is_empty()).map(str::to_owned)
}

/// A token that goes over a network as it is can be read on its way.
fn warn_in_the_clear(url: &str, has_token: bool) {
    let near = ["http://127.", "http://localhost", "http://[::1]"];
    if has_token && url.starts_with("http://") && !near.iter().any(|near| url.starts_with(near)) {
        output::note("warning: the token is sent in the clear; use https:// to another machine");
    }
}

/// Whether a daemon listens on the socket. One that belongs to another user is nobody's here.
///
/// # Errors
/// When the socket cannot be looked at.
pub(super) fn answers(socket: &Path) -> Result<bool, CliError> {
    let shown = socket.display();
    let failed =
        |error| CliError::new(Exit::Failed, format!("`{shown}` cannot be looked at: {error}"));
    let found = match std::fs::symlink_metadata(socket) {
        Ok(found) => found,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(failed(error)),
    };
    if !found.file_type().is_socket() || found.uid() != rustix::process::geteuid().as_raw() {
        return Ok(false);
    }
    match UnixStream::connect(socket) {
        Ok(_) => Ok(true),
        // Left by a daemon that was killed.
        Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => Ok(false),
        Err(error) => Err(failed(error)),
    }
}

/// Does something that waits.
///
/// # Errors
/// Its own, or that of the runtime.
pub(super) fn wait_for<T>(work: impl Future<Output = Result<T, CliError>>) -> Result<T, CliError> {
    let runtime = runtime()?;
    let done = runtime.block_on(work);
    // A question on the terminal may still be open on a thread of its own.
    runtime.shutdown_background();
    done
}

/// Threads for what waits.
///
/// # Errors
/// When the system has none left.
pub(super) fn runtime() -> Result<Runtime, CliError> {
    Runtime::new().map_err(|error| {
        CliError::new(Exit::Failed, format!("the async runtime cannot start: {error}"))
    })
}

/// Asks the daemon and reads the answer.
///
/// # Errors
/// When it refuses, or its answer is another than this version knows.
pub(super) fn ask<T: DeserializeOwned>(
    client: &Client,
    request: Request<'_>,
) -> Result<T, CliError> {
    let answer = wait_for(async { client.ask(&request).await.map_err(client_error) })?;
    read(client, answer)
}

/// Reads an answer.
///
/// # Errors
/// When it is another than this version knows.
pub(super) fn read<T: DeserializeOwned>(client: &Client, answer: Value) -> Result<T, CliError> {
    serde_json::from_value(answer).map_err(|error| {
        let place = client.place();
        let message = format!("{place} answered something this version cannot read: {error}");
        CliError::new(Exit::Failed, message).hint("is it a daemon of this version?")
    })
}

/// The workspace for one change. A command that is at work for a moment is waited for.
///
/// # Errors
/// When another process keeps it: exit code 5.
pub(super) fn borrow_host(app: &App) -> Result<Host, CliError> {
    let until = Instant::now() + HELD;
    loop {
        match app.open_host()? {
            OpenHost::Host(host) => return Ok(host),
            OpenHost::Busy { pid } if Instant::now() >= until => {
                let message = format!("{} is at work in this workspace", super::process(pid));
                return Err(CliError::new(Exit::Unavailable, message)
                    .hint("it takes up unfinished runs itself; see bailiwick runs ls"));
            }
            OpenHost::Busy { .. } => std::thread::sleep(LOOK_AGAIN),
        }
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "tests name their own directories")]
mod tests {
    use super::*;
    use crate::workspace::Environment;

    fn cx(dir: &Path, variables: &[(&str, &str)]) -> Cx {
        let mut cx = Cx::plain(dir, false);
        let variables = variables.iter().map(|(name, value)| (*name, (*value).to_owned()));
        cx.env = Environment::new(variables.map(|(name, value)| (name.to_owned(), value)));
        cx
    }

    #[test]
    fn the_flag_the_variable_and_the_socket_name_the_daemon_in_this_order() {
        let dir = tempfile::tempdir().unwrap();
        let place = |url: Option<&str>, token: Option<&str>, variables: &[(&str, &str)]| {
            let own = |text: Option<&str>| text.map(str::to_owned);
            Remote { url: own(url), token: own(token) }.place(&cx(dir.path(), variables))
        };
        let named = |place: Result<Place, CliError>| match place.unwrap() {
            Place::Named(client) => client.place().to_owned(),
            other => panic!("{other:?}"),
        };
        let variable = [(URL_VARIABLE, "http://127.0.0.1:2")];
        assert_eq!(named(place(Some("http://127.0.0.1:1"), None, &variable)), "http://127.0.0.1:1");
        assert_eq!(named(place(None, Some("t"), &variable)), "http://127.0.0.1:2");
        assert!(matches!(place(None, None, &[]), Ok(Place::Here(_))));
        assert!(matches!(place(None, None, &[(URL_VARIABLE, "")]), Ok(Place::Here(_))));
        for refused in [place(None, Some("t"), &[]), place(Some("nonsense"), None, &[])] {
            assert_eq!(refused.unwrap_err().exit, Exit::Usage);
        }
    }

    #[test]
    fn only_a_socket_on_which_somebody_listens_is_a_daemon() {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("api.sock");
        assert!(!answers(&socket).unwrap(), "nothing is there");
        std::fs::write(&socket, "").unwrap();
        assert!(!answers(&socket).unwrap(), "a file is there");
        std::fs::remove_file(&socket).unwrap();
        let listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        assert!(answers(&socket).unwrap());
        drop(listener);
        assert!(!answers(&socket).unwrap(), "whoever listened is gone");
    }
}
