//! Telling the service manager how it stands (`sd_notify`): a word on a datagram socket.

use std::io;
use std::os::unix::net::UnixDatagram;

/// Names the manager's socket.
const VARIABLE: &str = "NOTIFY_SOCKET";

/// Tells the service manager, if there is one. That it cannot be told does not stop the work.
pub(super) fn notify(socket: Option<&str>, state: &str) {
    let Some(socket) = socket.filter(|socket| !socket.is_empty()) else { return };
    if let Err(error) = send(socket, state) {
        tracing::warn!("the service manager cannot be told `{state}` on `{socket}`: {error}");
    }
}

/// The manager's socket.
pub(super) fn socket(env: &crate::workspace::Environment) -> Option<String> {
    env.get(VARIABLE).map(str::to_owned)
}

fn send(socket: &str, state: &str) -> io::Result<()> {
    let ours = UnixDatagram::unbound()?;
    ours.set_nonblocking(true)?;
    match socket.strip_prefix('@') {
        None => ours.send_to(state.as_bytes(), socket)?,
        Some(name) => to_abstract(&ours, name, state)?,
    };
    Ok(())
}

#[cfg(target_os = "linux")]
fn to_abstract(ours: &UnixDatagram, name: &str, state: &str) -> io::Result<usize> {
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::net::SocketAddr;

    ours.send_to_addr(state.as_bytes(), &SocketAddr::from_abstract_name(name)?)
}

#[cfg(not(target_os = "linux"))]
fn to_abstract(_: &UnixDatagram, _: &str, _: &str) -> io::Result<usize> {
    Err(io::Error::from(io::ErrorKind::Unsupported))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manager_hears_what_it_is_told_and_a_deaf_one_stops_nobody() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notify");
        let manager = UnixDatagram::bind(&path).unwrap();
        notify(path.to_str(), "READY=1");
        notify(None, "READY=1");
        notify(Some(""), "READY=1");
        notify(Some("/nowhere/at/all"), "READY=1");
        let mut heard = [0; 64];
        let length = manager.recv(&mut heard).unwrap();
        assert_eq!(&heard[..length], b"READY=1");
        manager.set_nonblocking(true).unwrap();
        assert!(manager.recv(&mut heard).is_err(), "it is told once");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_socket_without_a_file_is_named_with_an_at_sign() {
        use std::os::linux::net::SocketAddrExt;
        use std::os::unix::net::SocketAddr;

        let name = format!("bailiwick-test-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let manager = UnixDatagram::bind_addr(&address).unwrap();
        notify(Some(&format!("@{name}")), "STOPPING=1");
        let mut heard = [0; 64];
        let length = manager.recv(&mut heard).unwrap();
        assert_eq!(&heard[..length], b"STOPPING=1");
    }
}
