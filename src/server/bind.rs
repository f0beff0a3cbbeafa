//! Taking the address and the socket, or saying clearly why not.

use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tokio::net::{TcpListener, TcpSocket, UnixListener, lookup_host};

use super::options::SEND_BUFFER_BYTES;
use crate::identity::TokenError;

/// Connections that may wait to be let in.
const BACKLOG: u32 = 1_024;

/// Why a server does not listen.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The address is none.
    #[error(
        "`{listen}` is no address to listen on: {reason}; expected one such as `127.0.0.1:8787`"
    )]
    BadAddress {
        /// What was given.
        listen: String,
        /// Why not.
        reason: String,
    },
    /// Everybody on the network could give orders.
    #[error(
        "`{address}` can be reached from other machines, and there is no token: set EXECUTION_TOKEN, make one (bailiwick tokens add NAME), or listen on 127.0.0.1"
    )]
    NeedsToken {
        /// The address.
        address: SocketAddr,
    },
    /// Nobody could be let in.
    #[error("the tokens cannot be read: {0}")]
    Tokens(TokenError),
    /// Another program listens there.
    #[error(
        "another program listens on `{address}`: stop it, or choose another port with --listen"
    )]
    InUse {
        /// The address.
        address: SocketAddr,
    },
    /// The system refuses.
    #[error("cannot listen on `{address}`: {source}")]
    Refused {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The unix socket cannot be made.
    #[error("cannot make the socket `{}`: {source}", path.display())]
    Socket {
        /// Its path.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Listens on TCP.
pub(super) async fn tcp(listen: &str, has_token: bool) -> Result<TcpListener, BindError> {
    let address = address(listen).await?;
    if !has_token && !address.ip().is_loopback() {
        return Err(BindError::NeedsToken { address });
    }
    open(address).map_err(|source| match source.kind() {
        io::ErrorKind::AddrInUse => BindError::InUse { address },
        _ => BindError::Refused { address, source },
    })
}

async fn address(listen: &str) -> Result<SocketAddr, BindError> {
    if let Ok(address) = listen.parse() {
        return Ok(address);
    }
    let bad = |reason: String| BindError::BadAddress { listen: listen.to_owned(), reason };
    let mut found = lookup_host(listen).await.map_err(|error| bad(error.to_string()))?;
    found.next().ok_or_else(|| bad("the name has no address".to_owned()))
}

fn open(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    // Connections inherit it: what is kept for a client that does not read has a bound.
    socket.set_send_buffer_size(SEND_BUFFER_BYTES)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Listens on a unix socket that only this user may reach. The state lock is held, so a socket that
/// is there was left by a process that is gone.
pub(super) fn unix(path: &Path) -> Result<UnixListener, BindError> {
    let failed = |source| BindError::Socket { path: path.to_owned(), source };
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    let listener = UnixListener::bind(path).map_err(failed)?;
    let only_us = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(path, only_us).map_err(failed)?;
    Ok(listener)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn says(listen: &str, has_token: bool, expected: &str) {
        match tcp(listen, has_token).await {
            Ok(listener) => assert_eq!(expected, "", "{:?}", listener.local_addr()),
            Err(error) => {
                assert!(!expected.is_empty() && error.to_string().contains(expected), "{error}");
            }
        }
    }

    #[tokio::test]
    async fn says_why_it_does_not_listen() {
        says("127.0.0.1:0", false, "").await;
        says("[::1]:0", false, "").await;
        says("0.0.0.0:0", false, "set EXECUTION_TOKEN").await;
        says("0.0.0.0:0", true, "").await;
        says("127.0.0.1", true, "no address to listen on").await;
        says("127.0.0.1:99999", true, "no address to listen on").await;
        let taken = tcp("127.0.0.1:0", false).await.unwrap();
        let address = taken.local_addr().unwrap().to_string();
        says(&address, false, "another program listens").await;
    }

    #[tokio::test]
    async fn replaces_a_socket_that_was_left_and_keeps_others_out() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("api.sock");
        drop(unix(&path).unwrap());
        let _again = unix(&path).unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(unix(&dir.path().join("no/such/dir")).is_err());
    }
}
