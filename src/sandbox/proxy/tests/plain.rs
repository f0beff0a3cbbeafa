//! Plain HTTP: one request, one answer.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use super::stage::{BRIEF, Stage, gate, host};

/// A host that reads until `until`, says `answer` and keeps the connection open; and what it read.
fn answering(until: &'static [u8], answer: &'static [u8]) -> (Stage, String, Receiver<String>) {
    let (say, heard) = channel();
    let say = Arc::new(Mutex::new(say));
    let port = host(move |mut stream: TcpStream| {
        let mut bytes = Vec::new();
        stream.set_read_timeout(Some(Duration::from_millis(700))).unwrap();
        let mut buffer = [0; 4_096];
        while !bytes.ends_with(until) {
            match stream.read(&mut buffer) {
                Ok(0) | Err(_) => break,
                Ok(count) => bytes.extend(&buffer[..count]),
            }
        }
        let _ = stream.write_all(answer);
        // Whatever else would come.
        while let Ok(count @ 1..) = stream.read(&mut buffer) {
            bytes.extend(&buffer[..count]);
        }
        say.lock().unwrap().send(String::from_utf8(bytes).unwrap()).unwrap();
    });
    let authority = format!("a.example:{port}");
    let stage = Stage::new(gate(&[&format!("http://{authority}")], &["a.example"]));
    (stage, authority, heard)
}

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive\r\nKeep-Alive: timeout=5\r\n\r\nhello and more";

#[test]
fn a_request_goes_to_its_host_and_the_answer_comes_back() {
    let (stage, authority, heard) = answering(b"\r\n\r\n", OK);
    let answer = stage.ask(
        format!("GET http://{authority}/x?y=z HTTP/1.1\r\nHost: {authority}\r\nProxy-Connection: keep-alive\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\nProxy-Authorization: Basic eA==\r\nUpgrade: h2c\r\nAccept: */*\r\n\r\n").as_bytes(),
    );
    assert_eq!(answer, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello");
    let got = heard.recv().unwrap();
    assert_eq!(
        got,
        format!(
            "GET /x?y=z HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\nAccept: */*\r\n\r\n"
        )
    );
}

#[test]
fn a_second_request_never_follows_the_first() {
    let second = "GET http://b.example/ HTTP/1.1\r\nHost: b.example\r\n\r\n";
    let bodies = [
        ("GET", "", ""),
        ("POST", "Content-Length: 4\r\n", "body"),
        ("POST", "Transfer-Encoding: chunked\r\n", "4\r\nbody\r\n0\r\n\r\n"),
        ("POST", "Transfer-Encoding: chunked\r\n", "4;x=y\r\nbody\r\n0\r\nTrailer: x\r\n\r\n"),
    ];
    for (method, framing, body) in bodies {
        let until: &[u8] = match body {
            "" => b"\r\n\r\n",
            _ if framing.starts_with('C') => b"body",
            _ => b"0\r\n\r\n",
        };
        let (stage, authority, heard) = answering(until, OK);
        let first = format!(
            "{method} http://{authority}/ HTTP/1.1\r\nHost: {authority}\r\n{framing}\r\n{body}"
        );
        let answer = stage.ask(format!("{first}{second}").as_bytes());
        assert!(answer.ends_with("\r\n\r\nhello"), "{answer}");
        let got = heard.recv().unwrap();
        assert!(!got.contains("b.example") && !got.contains("Trailer"), "{got}");
        assert_eq!(got.contains("body"), !body.is_empty(), "{got}");
    }
}

#[test]
fn answers_of_every_framing_come_back_whole() {
    let cases: [(&str, &[u8], &str); 7] = [
        ("GET", b"HTTP/1.1 204 No Content\r\n\r\n", "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"),
        ("HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 9\r\n\r\n"),
        ("GET", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", "HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"),
        ("GET", b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx"),
        ("GET", b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", "HTTP/1.1 502 "),
        ("GET", b"SSH-2.0-OpenSSH\r\n\r\n", "HTTP/1.1 502 "),
        ("GET", b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\nx", "HTTP/1.1 502 "),
    ];
    for (method, sent, expected) in cases {
        let (stage, authority, _heard) = answering(b"\r\n\r\n", sent);
        let answer = stage.ask(
            format!("{method} http://{authority}/ HTTP/1.1\r\nHost: {authority}\r\n\r\n")
                .as_bytes(),
        );
        assert!(answer.starts_with(expected), "{answer}");
        assert!(expected.ends_with(' ') || answer == expected, "{answer}");
    }
}

#[test]
fn an_answer_without_length_ends_with_its_connection() {
    let port = host(|mut stream| {
        let mut buffer = [0; 4_096];
        let _ = stream.read(&mut buffer);
        stream.write_all(b"HTTP/1.0 200 OK\r\n\r\n").unwrap();
        for _ in 0..3 {
            thread::sleep(Duration::from_millis(20));
            stream.write_all(b"part ").unwrap();
        }
    });
    let authority = format!("a.example:{port}");
    let stage = Stage::new(gate(&[&format!("http://{authority}")], &["a.example"]));
    let answer = stage.ask(format!("GET http://{authority}/ HTTP/1.0\r\n\r\n").as_bytes());
    assert!(answer.ends_with("\r\n\r\npart part part "), "{answer}");
}

#[test]
fn a_host_that_says_nothing_is_said_in_time() {
    let port = host(|_stream| thread::sleep(Duration::from_secs(3)));
    let authority = format!("a.example:{port}");
    let stage = Stage::within(gate(&[&format!("http://{authority}")], &["a.example"]), BRIEF);
    let answer = stage
        .ask(format!("GET http://{authority}/ HTTP/1.1\r\nHost: {authority}\r\n\r\n").as_bytes());
    assert!(answer.starts_with("HTTP/1.1 502 a.example:"), "{answer}");
    assert!(answer.contains("did not answer in time"), "{answer}");
}

#[test]
fn a_large_body_goes_up_while_the_answer_comes_down() {
    const TOTAL: usize = 8 << 20;
    let port = host(|mut stream| {
        let (mut bytes, mut buffer) = (0, vec![0; 1 << 16]);
        stream
            .write_all(format!("HTTP/1.1 200 OK\r\nContent-Length: {TOTAL}\r\n\r\n").as_bytes())
            .unwrap();
        // Sends back as much as it got, so that both directions are full.
        while bytes < TOTAL {
            let count = stream.read(&mut buffer).unwrap().min(TOTAL - bytes);
            stream.write_all(&buffer[..count]).unwrap();
            bytes += count;
        }
    });
    let authority = format!("a.example:{port}");
    let stage = Stage::new(gate(&[&format!("http://{authority}")], &["a.example"]));
    let mut client = stage.client();
    let head = format!(
        "PUT http://{authority}/ HTTP/1.1\r\nHost: {authority}\r\nContent-Length: {TOTAL}\r\n\r\n"
    );
    let mut reader = client.try_clone().unwrap();
    let back = super::stage::in_thread(move || {
        let mut all = Vec::new();
        let _ = reader.read_to_end(&mut all);
        all.len()
    });
    client.write_all(head.as_bytes()).unwrap();
    client.write_all(&vec![b'x'; TOTAL]).unwrap();
    assert!(back.join().unwrap() > TOTAL);
}
