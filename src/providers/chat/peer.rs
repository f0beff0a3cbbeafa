//! A server for tests that answers each connection with the next of its answers, and keeps what it was sent.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;

/// What the peer does with one request.
pub(super) enum Act {
    /// Sends these bytes, in pieces with a short pause between, and closes.
    Send(Vec<Vec<u8>>),
    /// Sends the same line for ever.
    Endless(&'static str),
    /// Takes the request and says nothing.
    Hang,
    /// Closes at once.
    Close,
}

/// A request as it came.
#[derive(Debug, Clone)]
pub(super) struct Sent {
    /// Request line and headers.
    pub head: String,
    /// The body.
    pub body: Value,
}

pub(super) struct Peer {
    pub url: String,
    pub sent: Arc<Mutex<Vec<Sent>>>,
}

impl Peer {
    pub(super) fn new(acts: Vec<Act>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let sent = Arc::new(Mutex::new(Vec::new()));
        let keeping = Arc::clone(&sent);
        std::thread::spawn(move || {
            for act in acts {
                let Ok((stream, _)) = listener.accept() else { return };
                let keeping = Arc::clone(&keeping);
                std::thread::spawn(move || serve(stream, act, &keeping));
            }
        });
        Self { url, sent }
    }

    pub(super) fn sent(&self) -> Vec<Sent> {
        self.sent.lock().unwrap().clone()
    }
}

/// An answer of status 200 whose body is `lines`, each with its end.
pub(super) fn lines(lines: &[&str]) -> Act {
    let body: String = lines.iter().map(|line| format!("{line}\n")).collect();
    status("200 OK", "", &body)
}

pub(super) fn status(status: &str, headers: &str, body: &str) -> Act {
    Act::Send(vec![
        format!("HTTP/1.1 {status}\r\n{headers}Connection: close\r\n\r\n{body}").into_bytes(),
    ])
}

/// As [`lines`], sent a byte at a time.
pub(super) fn bytes_of(all: &[&str]) -> Act {
    let Act::Send(pieces) = lines(all) else { unreachable!() };
    Act::Send(pieces.concat().chunks(1).map(<[u8]>::to_vec).collect())
}

fn serve(mut stream: TcpStream, act: Act, keeping: &Mutex<Vec<Sent>>) {
    let request = read(&mut stream);
    keeping.lock().unwrap().push(request);
    let gone = |written: std::io::Result<()>| written.is_err();
    match act {
        Act::Send(pieces) => {
            for piece in pieces {
                if gone(stream.write_all(&piece).and_then(|()| stream.flush())) {
                    return;
                }
            }
        }
        Act::Endless(line) => {
            drop(stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"));
            while !gone(stream.write_all(line.as_bytes())) {}
        }
        Act::Hang => {
            stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
            // Until the other side gives up.
            drop(stream.read(&mut [0]));
        }
        Act::Close => {}
    }
}

fn read(stream: &mut TcpStream) -> Sent {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let count = stream.read(&mut buffer).unwrap();
        bytes.extend_from_slice(&buffer[..count]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>())
        });
        if body.len() >= length.unwrap().unwrap() {
            return Sent { head: head.to_owned(), body: serde_json::from_str(body).unwrap() };
        }
    }
}
