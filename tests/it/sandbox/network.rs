//! The network of a cell, from inside: the listed host is there, and nothing else is.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, TcpListener, ToSocketAddrs};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::PathBuf;
use std::thread;

use bailiwick::contracts::Network;
use bailiwick::ports::{Cancel, CommandOutput, CommandSpec, Ending, Sandbox};
use bailiwick::sandbox::{LinuxSandbox, SandboxOptions};

use super::{BINARY, has, place, shell, spec, text};

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// Answers every request with `hello`.
fn server() -> u16 {
    let listener = TcpListener::bind((HERE, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4_096]);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello\n");
        }
    });
    port
}

/// Runs `spec` with `network`, where `bound` hosts are at these addresses.
fn run(
    mut spec: CommandSpec,
    network: Network,
    hosts: &[&str],
    bound: &[(&str, Vec<IpAddr>)],
) -> CommandOutput {
    let bound = bound.iter().map(|(host, addresses)| ((*host).to_owned(), addresses.clone()));
    let sandbox = LinuxSandbox::new(SandboxOptions {
        helper: PathBuf::from(BINARY),
        allow_addresses: bound.collect::<BTreeMap<_, _>>(),
        ..SandboxOptions::this_program(Vec::new())
    });
    spec.confinement.network = network;
    spec.confinement.hosts = hosts.iter().map(|host| (*host).to_owned()).collect();
    sandbox.run(&spec, &Cancel::default()).unwrap()
}

fn python(script: &str) -> CommandSpec {
    spec(&["python3", "-c", script])
}

#[test]
fn curl_reaches_the_listed_host_and_no_other() {
    if !has("curl") {
        return;
    }
    let port = server();
    let (entry, other) = (format!("http://a.example:{port}"), format!("http://b.example:{port}"));
    let bound = [("a.example", vec![HERE]), ("b.example", vec![HERE])];
    let ask = |url: &str| run(spec(&["curl", "-sS", url]), Network::Proxy, &[&entry], &bound);
    let got = ask(&entry);
    assert_eq!((got.ending, text(&got.stdout).as_str()), (Ending::Exited(0), "hello\n"));
    assert!(text(&ask(&other).stdout).contains("is not listed"));
    let literal = ask(&format!("http://127.0.0.1:{port}"));
    assert!(!text(&literal.stdout).contains("hello"), "{}", text(&literal.stdout));
    let past = run(
        spec(&["curl", "-sS", "--noproxy", "*", "-m", "3", &entry]),
        Network::Proxy,
        &[&entry],
        &bound,
    );
    assert_ne!(past.ending, Ending::Exited(0), "curl got past the proxy");
}

#[test]
fn nothing_but_the_proxy_is_there() {
    if !has("python3") {
        return;
    }
    let port = server();
    let name = format!("bailiwick-test-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(&name).unwrap();
    let _abstract = UnixListener::bind_addr(&address).unwrap();
    let script = format!(
        r#"
import socket
def tried(what, work):
    try:
        work()
        print("reached", what)
    except OSError as error:
        pass
def tcp(family, address):
    s = socket.socket(family, socket.SOCK_STREAM)
    s.settimeout(2)
    s.connect(address)
def udp():
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.sendto(b"x", ("192.0.2.1", 53))
tried("host loopback", lambda: tcp(socket.AF_INET, ("127.0.0.1", {port})))
tried("address", lambda: tcp(socket.AF_INET, ("192.0.2.1", 443)))
tried("address 6", lambda: tcp(socket.AF_INET6, ("2001:db8::1", 443)))
tried("dns", lambda: socket.getaddrinfo("a.example", 443))
tried("udp", udp)
tried("raw", lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1))
tried("packet", lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0))
tried("netlink route", lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0).send(b"x" * 16))
tried("vsock", lambda: tcp(socket.AF_VSOCK, (2, 1)))
tried("abstract", lambda: tcp(socket.AF_UNIX, "\0{name}"))
print("done")
"#
    );
    for network in [Network::None, Network::Loopback, Network::Proxy] {
        let bound = [("a.example", vec![HERE])];
        let output = run(python(&script), network, &["a.example"], &bound);
        assert_eq!(text(&output.stdout), "done\n", "{network:?}: {}", text(&output.stderr));
    }
}

#[test]
fn a_suite_that_serves_and_asks_itself_works_on_loopback() {
    if !has("python3") {
        return;
    }
    let script = r#"
import http.server, threading, unittest, urllib.request
class Itself(unittest.TestCase):
    def test_asks(self):
        class Answer(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b"hello")
            def log_message(self, *args):
                pass
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        url = "http://127.0.0.1:%d/" % server.server_address[1]
        self.assertEqual(opener.open(url, timeout=5).read(), b"hello")
        server.shutdown()
unittest.main(argv=["x"])
"#;
    for network in [Network::Loopback, Network::Proxy] {
        let output = run(python(script), network, &["a.example"], &[]);
        assert_eq!(output.ending, Ending::Exited(0), "{network:?}: {}", text(&output.stderr));
    }
    let output = run(python(script), Network::None, &[], &[]);
    assert_ne!(output.ending, Ending::Exited(0), "there is a network");
}

/// Fetches from real registries; skipped where they cannot be looked up.
#[test]
#[ignore = "fetches from real registries: `just soak`"]
fn registries_are_reached_from_inside() {
    let cases: [(&str, &[&str], &str); 5] = [
        ("pip", &["pypi.org", "files.pythonhosted.org"], "pip download --no-deps -d wheels six"),
        (
            "cargo",
            &["index.crates.io", "static.crates.io"],
            "cargo init -q --name x . && cargo add -q itoa && cargo fetch -q",
        ),
        ("npm", &["registry.npmjs.org"], "npm pack left-pad"),
        ("curl", &["pypi.org"], "curl -fsS -o six.html https://pypi.org/simple/six/"),
        ("git", &["github.com"], "git ls-remote -q https://github.com/git/git HEAD"),
    ];
    for (program, hosts, line) in cases {
        let found = hosts.iter().map(|host| {
            Some((*host, (*host, 443).to_socket_addrs().ok()?.map(|it| it.ip()).collect()))
        });
        let Some(bound) = found.collect::<Option<Vec<(&str, Vec<IpAddr>)>>>() else {
            eprintln!("skipped: {hosts:?} cannot be looked up here");
            continue;
        };
        let toolchain = if program == "cargo" { toolchain() } else { None };
        if toolchain.is_none() && !has(program) {
            continue;
        }
        let directory = place();
        let mut spec = shell(line);
        if let Some(toolchain) = toolchain {
            let path = format!("{}/bin:/usr/bin:/bin", toolchain.display());
            spec.env.push(("PATH".to_owned(), path));
            spec.confinement.read.push(toolchain);
        }
        spec.cwd.clone_from(&directory.path);
        spec.confinement.write = vec![directory.path.clone()];
        let output = run(spec, Network::Proxy, hosts, &bound);
        assert_eq!(output.ending, Ending::Exited(0), "{line}: {}", text(&output.stderr));
    }
}

/// Where the compiler that built this lies, which may be in somebody's home directory.
fn toolchain() -> Option<PathBuf> {
    #[allow(clippy::disallowed_methods, reason = "the test asks the compiler itself")]
    let said = std::process::Command::new("rustc").args(["--print", "sysroot"]).output().ok()?;
    Some(PathBuf::from(text(&said.stdout).trim()))
}
