//! What the helper tries when it runs *as the command* of a cell, for `sandbox probe`: each layer
//! is attacked for real, by the same binary, so that no interpreter is needed.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use rustix::process::{Pid, Resource, Signal, getrlimit, kill_process, setsid, test_kill_process};
use rustix::thread::{CapabilitySet, capabilities, no_new_privs};
use serde::{Deserialize, Serialize};

use super::super::layers;
use super::sys;

/// What follows [`crate::sandbox::CELL_ARGUMENT`] when the helper is the command.
pub const ATTEMPTS_ARGUMENT: &str = "attempts";

/// Longer than any probe.
const LONG: Duration = Duration::from_secs(60);

/// Descriptors that are looked for.
const DESCRIPTORS: std::ops::Range<i32> = 3..1024;

const VARIABLES: [&str; 4] = ["HOME", "LANG", "PATH", "TMPDIR"];

/// One attempt and its outcome.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attempt {
    /// The layer that had to stop it.
    pub layer: String,
    /// What was tried.
    pub tried: String,
    /// What came of it: an error's name, or that it worked.
    pub outcome: String,
    /// Whether that is what the layer promises.
    pub held: bool,
}

/// Runs what is named; the result is the exit status.
pub fn main(name: &str) -> i32 {
    let mut rest = std::env::args().skip(3);
    match name {
        ATTEMPTS_ARGUMENT => match print_attempts(rest) {
            Ok(()) => 0,
            Err(error) => {
                eprintln!("{error}");
                1
            }
        },
        "breed" => breed(rest.next().and_then(|count| count.parse().ok()).unwrap_or(0)),
        "hoard" => hoard(rest.next().and_then(|bytes| bytes.parse().ok()).unwrap_or(0)),
        "linger" => linger(),
        "wait" => {
            sleep(LONG);
            0
        }
        _ => 2,
    }
}

fn print_attempts(mut args: impl Iterator<Item = String>) -> io::Result<()> {
    let (Some(outside), Some(port), Some(host)) = (args.next(), args.next(), args.next()) else {
        return Err(io::Error::other("a directory, a port and a process id are needed"));
    };
    let port = port.parse().map_err(io::Error::other)?;
    let host = host.parse().map_err(io::Error::other)?;
    let all = attempts(Path::new(&outside), port, host);
    println!("{}", serde_json::to_string(&all)?);
    Ok(())
}

fn attempts(outside: &Path, port: u16, host: i32) -> Vec<Attempt> {
    let mut all = files(outside, host);
    all.extend(calls(port));
    all.extend(privileges());
    all.extend(bounds());
    if let Some(host) = Pid::from_raw(host) {
        let outcome = test_kill_process(host).map_err(io::Error::from);
        all.push(refused(
            layers::SIGNALS,
            "signal the program",
            outcome,
            &[libc::EPERM, libc::ESRCH],
        ));
    }
    all
}

fn files(outside: &Path, host: i32) -> Vec<Attempt> {
    let secret = outside.join("secret");
    let environ = format!("/proc/{host}/environ");
    let open_mode = std::os::unix::fs::PermissionsExt::from_mode(0o666);
    let layer = layers::LANDLOCK;
    // Without a view of its own a cell may not, with one there is no such file.
    let denied = &[libc::EACCES, libc::ENOENT][..];
    vec![
        refused(layer, "read a file outside", std::fs::read(&secret), denied),
        refused(layer, "write a file outside", std::fs::write(outside.join("new"), "x"), denied),
        refused(layer, "overwrite a file outside", std::fs::write(&secret, "x"), denied),
        refused(layer, "remove a file outside", std::fs::remove_file(&secret), denied),
        refused(layer, "list a directory outside", std::fs::read_dir(outside), denied),
        refused(layer, "read the program's environment", std::fs::read(environ), denied),
        refused(
            layers::METADATA,
            "change the mode of a file outside",
            std::fs::set_permissions(&secret, open_mode),
            &[libc::EPERM, libc::ENOENT],
        ),
    ]
}

fn calls(port: u16) -> Vec<Attempt> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let connected = TcpStream::connect_timeout(&address, Duration::from_secs(1));
    let call = |tried: &str, number: i64, args: [usize; 5], expected: i32| {
        let outcome = match sys::errno_of(number, args) {
            0 => Ok(()),
            errno => Err(io::Error::from_raw_os_error(errno)),
        };
        refused(layers::SECCOMP, tried, outcome, &[expected])
    };
    const NEW_USER_NAMESPACE: usize = 0x1000_0000;
    const UDP: [usize; 5] = [2, 2, 0, 0, 0];
    const NETLINK: [usize; 5] = [16, 3, 0, 0, 0];
    vec![
        refused(layers::SECCOMP, "connect to a port of the host", connected, &[libc::EPERM]),
        call("make a UDP socket", libc::SYS_socket, UDP, libc::EPERM),
        call("make a netlink socket", libc::SYS_socket, NETLINK, libc::EPERM),
        call("trace a process", libc::SYS_ptrace, [0; 5], libc::EPERM),
        call("make a namespace", libc::SYS_unshare, [NEW_USER_NAMESPACE, 0, 0, 0, 0], libc::EPERM),
        call("mount", libc::SYS_mount, [0; 5], libc::EPERM),
        call("load a kernel program", libc::SYS_bpf, [0; 5], libc::EPERM),
        call("make an io_uring", libc::SYS_io_uring_setup, [0; 5], libc::EPERM),
        call("use the kernel's keys", libc::SYS_keyctl, [0; 5], libc::EPERM),
        call("make a process by clone3", libc::SYS_clone3, [0; 5], libc::ENOSYS),
        call("use a call nobody reviewed", 470, [0; 5], libc::ENOSYS),
    ]
}

fn privileges() -> Vec<Attempt> {
    let held = capabilities(None).map(|sets| sets.permitted | sets.effective | sets.inheritable);
    let none = held.is_ok_and(|held| held == CapabilitySet::empty());
    let user = if rustix::process::getuid().is_root() { 65534 } else { 0 };
    let changed = match sys::errno_of(libc::SYS_setuid, [user, 0, 0, 0, 0]) {
        0 => Ok(()),
        errno => Err(io::Error::from_raw_os_error(errno)),
    };
    vec![
        found(layers::NO_NEW_PRIVS, "ask whether it is set", no_new_privs().is_ok_and(|set| set)),
        found(layers::CAPABILITIES, "look for capabilities", none),
        refused(layers::CAPABILITIES, "become another user", changed, &[libc::EPERM, libc::EINVAL]),
    ]
}

fn bounds() -> Vec<Attempt> {
    let open = DESCRIPTORS.filter(|fd| sys::is_open(*fd)).count();
    let foreign = std::env::vars_os()
        .filter(|(name, _)| !VARIABLES.iter().any(|known| name == known))
        .count();
    vec![
        found(layers::RLIMITS, "ask for core dumps", getrlimit(Resource::Core).current == Some(0)),
        found(layers::DESCRIPTORS, "look for open descriptors", open == 0),
        found(layers::ENVIRONMENT, "look for variables of the program", foreign == 0),
    ]
}

fn refused<T>(layer: &str, tried: &str, outcome: io::Result<T>, expected: &[i32]) -> Attempt {
    let (outcome, held) = match outcome {
        Ok(_) => ("it worked".to_owned(), false),
        Err(error) => {
            let held = error.raw_os_error().is_some_and(|number| expected.contains(&number));
            (error.to_string(), held)
        }
    };
    Attempt { layer: layer.into(), tried: tried.into(), outcome, held }
}

fn found(layer: &str, tried: &str, held: bool) -> Attempt {
    let outcome = if held { "as promised" } else { "not as promised" };
    Attempt { layer: layer.into(), tried: tried.into(), outcome: outcome.into(), held }
}

/// Makes `count` processes that only wait.
fn breed(count: u32) -> i32 {
    for _ in 0..count {
        match sys::fork() {
            Ok(None) => {
                sleep(LONG);
                return 0;
            }
            Ok(Some(_)) => {}
            Err(_) => break,
        }
    }
    sleep(LONG);
    0
}

/// Takes so many bytes of memory and writes to all of it.
fn hoard(bytes: usize) -> i32 {
    let taken = vec![1_u8; bytes];
    i32::from(std::hint::black_box(&taken).first() != Some(&1))
}

/// Leaves a process behind that has cut every tie: another session, another parent. It is known by
/// its arguments.
fn linger() -> i32 {
    let Ok(first) = sys::fork() else { return 1 };
    if first.is_some() {
        // The daemon ends this process, the command, when it is there.
        sleep(LONG);
        return 1;
    }
    let command = rustix::process::getppid();
    let apart = setsid().is_ok();
    match sys::fork() {
        Ok(None) if apart => {
            println!("here");
            // Ends the command, and with it the cell.
            let told = command.map(|command| kill_process(command, Signal::TERM));
            sleep(LONG);
            i32::from(told != Some(Ok(())))
        }
        _ => 0,
    }
}
