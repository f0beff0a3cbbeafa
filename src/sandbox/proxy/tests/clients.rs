//! Real programs through the proxy.

use std::io::{Read, Write};
use std::process::{Child, Command, Output, Stdio};

use super::stage::{Stage, gate, host};

/// `curl` through `stage`; `None` where there is none.
#[allow(clippy::disallowed_methods, reason = "a client of the test, not a command of a run")]
fn curl(stage: &Stage, arguments: &[&str]) -> Option<Output> {
    let mut command = Command::new("curl");
    command.args(["-sS", "-q", "--noproxy", "", "--max-time", "10", "-x"]);
    command.arg(format!("http://{}", stage.address)).args(arguments).stdin(Stdio::null());
    match command.output() {
        Ok(output) => Some(output),
        Err(error) => {
            eprintln!("skipped: no `curl` here ({error})");
            None
        }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn curl_gets_from_a_listed_host_and_hears_why_not_from_another() {
    let port = host(|mut stream| {
        let mut buffer = [0; 4_096];
        let _ = stream.read(&mut buffer);
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello\n").unwrap();
    });
    let entry = format!("http://plain.example:{port}");
    let stage = Stage::new(gate(&[&entry, "a.example"], &["plain.example"]));
    let Some(got) = curl(&stage, &[&format!("{entry}/x")]) else { return };
    assert_eq!(
        (text(&got.stdout).as_str(), got.status.code()),
        ("hello\n", Some(0)),
        "{}",
        text(&got.stderr)
    );
    let refused = curl(&stage, &["http://other.example/"]).unwrap();
    assert!(text(&refused.stdout).starts_with("other.example:80 is not listed"), "{refused:?}");
    let tunnel = curl(&stage, &["https://other.example/"]).unwrap();
    assert!(text(&tunnel.stderr).contains("403"), "{tunnel:?}");
    let plain = curl(&stage, &["http://a.example/"]).unwrap();
    assert!(text(&plain.stdout).starts_with("a.example is listed for HTTPS only"), "{plain:?}");
    let lines = stage.proxy.stop();
    assert_eq!(lines.len(), 3, "{lines:?}");
}

/// A process that ends with the test.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = (self.0.kill(), self.0.wait());
    }
}

/// A certificate of nobody and a server with it.
#[allow(clippy::disallowed_methods, reason = "a server of the test, not a command of a run")]
fn tls_server(dir: &std::path::Path) -> Option<(Server, u16)> {
    let (key, cert) = (dir.join("key.pem"), dir.join("cert.pem"));
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "1",
        ])
        .args(["-subj", "/CN=a.example", "-addext", "subjectAltName=DNS:a.example", "-keyout"])
        .arg(&key)
        .arg("-out")
        .arg(&cert)
        .stderr(Stdio::null())
        .status();
    if !made.is_ok_and(|status| status.success()) {
        eprintln!("skipped: no `openssl` here");
        return None;
    }
    let free = std::net::TcpListener::bind((super::stage::HERE, 0)).unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let mut server = Command::new("openssl");
    server.args(["s_server", "-quiet", "-www", "-accept", &format!("127.0.0.1:{port}"), "-key"]);
    server.arg(&key).arg("-cert").arg(&cert).stdin(Stdio::null());
    let server = Server(server.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    for _ in 0..200 {
        if std::net::TcpStream::connect((super::stage::HERE, port)).is_ok() {
            return Some((server, port));
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    panic!("the server did not come up");
}

#[test]
fn curl_speaks_tls_to_a_listed_host_and_to_no_other_behind_the_same_address() {
    let dir = tempfile::tempdir().unwrap();
    let Some((_server, port)) = tls_server(dir.path()) else { return };
    let entry = format!("a.example:{port}");
    let stage = Stage::new(gate(&[&entry], &["a.example"]));
    let cert = dir.path().join("cert.pem");
    let cert = cert.to_str().unwrap();
    if let Some(got) = curl(&stage, &["--cacert", cert, &format!("https://{entry}/")]) {
        assert!(got.status.success() && text(&got.stdout).contains("Cipher"), "{got:?}");
        // The name inside is another than the one the tunnel is for.
        let to = format!("b.example:443:a.example:{port}");
        let fronted = curl(&stage, &["-k", "--connect-to", &to, "https://b.example/"]).unwrap();
        assert!(!fronted.status.success(), "{fronted:?}");
        let lines = stage.proxy.stop();
        assert!(lines[0].contains("TLS is for b.example, which is another host"), "{lines:?}");
    }
}
