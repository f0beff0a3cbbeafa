//! A proxy, hosts behind it, and what clients send.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::super::gate::Gate;
use super::super::limits::{TIMES, Times};
use super::super::serve::Proxy;

pub(super) const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// Short times, so that those who wait for them do so briefly.
pub(super) const BRIEF: Times = Times {
    head: Duration::from_millis(200),
    hello: Duration::from_millis(200),
    lookup: Duration::from_millis(200),
    connect: Duration::from_millis(200),
    idle: Duration::from_millis(200),
    ..TIMES
};

/// A host: each connection to it is served by `serve` on a thread of its own.
pub(super) fn host(serve: impl Fn(TcpStream) + Send + Sync + Clone + 'static) -> u16 {
    let listener = TcpListener::bind((HERE, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (stream, serve) = (stream.unwrap(), serve.clone());
            thread::spawn(move || serve(stream));
        }
    });
    port
}

/// A host that sends everything back, and its end when the client has ended.
pub(super) fn echo() -> u16 {
    host(|mut stream| {
        let mut twin = stream.try_clone().unwrap();
        let _ = io::copy(&mut stream, &mut twin);
        let _ = twin.shutdown(std::net::Shutdown::Write);
    })
}

/// A gate that lists `entries` and binds `bound` to this machine.
pub(super) fn gate(entries: &[&str], bound: &[&str]) -> Gate {
    let entries: Vec<String> = entries.iter().map(|entry| (*entry).to_owned()).collect();
    let bound: BTreeMap<String, Vec<IpAddr>> =
        bound.iter().map(|name| ((*name).to_owned(), vec![HERE])).collect();
    Gate::new(&entries, &bound).unwrap()
}

pub(super) struct Stage {
    pub(super) proxy: Proxy,
    pub(super) address: SocketAddr,
}

impl Stage {
    pub(super) fn new(gate: Gate) -> Self {
        Self::within(gate, TIMES)
    }

    pub(super) fn within(gate: Gate, times: Times) -> Self {
        let listener = TcpListener::bind((HERE, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let proxy = Proxy::start_within(listener, gate, times).unwrap();
        Self { proxy, address }
    }

    pub(super) fn client(&self) -> TcpStream {
        let client = TcpStream::connect(self.address).unwrap();
        client.set_read_timeout(Some(PATIENCE)).unwrap();
        client.set_write_timeout(Some(PATIENCE)).unwrap();
        client
    }

    /// What comes back to `bytes`, until the end.
    pub(super) fn ask(&self, bytes: &[u8]) -> String {
        let mut client = self.client();
        client.write_all(bytes).unwrap();
        rest(&mut client)
    }

    /// A tunnel to `authority`, in which nothing was sent yet.
    pub(super) fn tunnel(&self, authority: &str) -> TcpStream {
        let mut client = self.client();
        client.write_all(format!("CONNECT {authority} HTTP/1.1\r\n\r\n").as_bytes()).unwrap();
        let answer = head(&mut client);
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        client
    }
}

/// Everything until the end. A reset is an end as well: the proxy owes no more.
pub(super) fn rest(client: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let _ = client.read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A head, byte by byte, so that nothing behind it is taken.
pub(super) fn head(client: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        client.read_exact(&mut byte).unwrap();
        bytes.push(byte[0]);
    }
    String::from_utf8(bytes).unwrap()
}

pub(super) fn in_thread<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> JoinHandle<T> {
    thread::spawn(work)
}

/// An extension of TLS.
pub(super) fn extension(kind: u16, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap();
    [&kind.to_be_bytes()[..], &length.to_be_bytes(), content].concat()
}

/// The extension that names `name`.
pub(super) fn naming(name: &str) -> Vec<u8> {
    let length = u16::try_from(name.len()).unwrap();
    let entry = [&[0][..], &length.to_be_bytes(), name.as_bytes()].concat();
    let list = u16::try_from(entry.len()).unwrap();
    extension(0, &[&list.to_be_bytes()[..], &entry].concat())
}

/// A first message with `extensions`.
pub(super) fn message(extensions: &[u8]) -> Vec<u8> {
    let mut body = vec![3, 3];
    body.extend([7; 32]);
    body.push(0);
    body.extend([0, 2, 0x13, 0x01]);
    body.extend([1, 0]);
    body.extend(u16::try_from(extensions.len()).unwrap().to_be_bytes());
    body.extend(extensions);
    let length = u32::try_from(body.len()).unwrap().to_be_bytes();
    [&[1][..], &length[1..], &body].concat()
}

/// `message` in records of at most `size` bytes.
pub(super) fn records(message: &[u8], size: usize) -> Vec<u8> {
    let record = |part: &[u8]| {
        let length = u16::try_from(part.len()).unwrap().to_be_bytes();
        [&[22, 3, 1][..], &length, part].concat()
    };
    message.chunks(size).flat_map(record).collect()
}

/// The first bytes of TLS to `name`.
pub(super) fn tls_to(name: &str) -> Vec<u8> {
    records(&message(&[extension(10, &[0, 2, 0, 29]), naming(name)].concat()), 16_384)
}
