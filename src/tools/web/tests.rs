//! Fetching from real sockets, and which addresses and redirects are let through.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{IpAddr, TcpListener};
use std::thread::JoinHandle;

use super::addresses::judge;
use super::{Bounds, Fetch, Target, fetch};
use crate::contracts::{ErrorKind, ToolError};
use crate::ports::Cancel;
use crate::tools::watch::Watch;

/// Answers one connection after the other.
fn serve(answers: Vec<Vec<u8>>) -> (u16, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let served = std::thread::spawn(move || {
        let mut asked = Vec::new();
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            let mut head = vec![0; 8_192];
            let count = stream.read(&mut head).unwrap();
            asked.push(String::from_utf8_lossy(&head[..count]).into_owned());
            // The other side may have gone away already.
            let _ = stream.write_all(&answer);
        }
        asked
    });
    (port, served)
}

fn get(url: &str, bytes: u64, wall_ms: u64) -> Result<Vec<u8>, ToolError> {
    get_bound(url, bytes, wall_ms, &BTreeMap::new())
}

fn get_bound(
    url: &str,
    bytes: u64,
    wall_ms: u64,
    allowed: &BTreeMap<String, Vec<IpAddr>>,
) -> Result<Vec<u8>, ToolError> {
    let watch = Watch::start(Cancel::default(), wall_ms);
    let wanted =
        Fetch { target: Target::parse(url)?, bounds: Bounds { bytes }, allowed, watch: &watch };
    let mut body = Vec::new();
    fetch(&wanted, &mut |chunk| {
        body.extend_from_slice(chunk);
        Ok(())
    })?;
    Ok(body)
}

fn answer(head: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {head}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}").into()
}

#[test]
fn a_document_comes_as_it_is() {
    let (port, served) = serve(vec![answer("200 OK\r\ncontent-encoding: gzip", "no gzip at all")]);
    let body = get(&format!("http://127.0.0.1:{port}/a?q=1"), 100, 20_000).unwrap();
    assert_eq!(body, b"no gzip at all", "nothing is decompressed");
    let asked = served.join().unwrap().remove(0).to_lowercase();
    assert!(asked.starts_with("get /a?q=1 http/1.1\r\n"), "{asked}");
    for word in ["accept-encoding", "cookie", "authorization", "referer"] {
        assert!(!asked.contains(word), "{asked}");
    }
}

#[test]
fn limits_on_size_time_head_and_status_hold() {
    let many = format!("200 OK\r\nx: {}", "y".repeat(70_000));
    for (answer, kind, says) in [
        (answer("200 OK", &"x".repeat(101)), ErrorKind::TooLarge, "larger than 100 bytes"),
        (
            b"HTTP/1.1 200 OK\r\n\r\n".iter().copied().chain([b'x'; 5_000]).collect(),
            ErrorKind::TooLarge,
            "larger than 100",
        ),
        (answer(&many, ""), ErrorKind::TooLarge, "bytes of headers"),
        (answer("404 Not Found", ""), ErrorKind::NotFound, "404"),
        (answer("503 Busy", ""), ErrorKind::Unavailable, "503"),
        (answer("206 Partial Content", ""), ErrorKind::Forbidden, "206"),
        (
            b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\nshort".to_vec(),
            ErrorKind::Unavailable,
            "cannot be fetched",
        ),
        (b"garbage\r\n\r\n".to_vec(), ErrorKind::Unavailable, "cannot be fetched"),
    ] {
        let (port, served) = serve(vec![answer]);
        let error = get(&format!("http://127.0.0.1:{port}/"), 100, 20_000).unwrap_err();
        assert_eq!(error.kind, kind, "{}", error.message);
        assert!(error.message.contains(says), "{}", error.message);
        served.join().unwrap();
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let error = get(&url, 100, 200).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Timeout, "{}", error.message);
}

#[test]
fn a_redirect_may_not_change_host_port_or_protection() {
    let from = |url: &str, location: &str| Target::parse(url).unwrap().redirected(location);
    for (url, location, expected) in [
        ("https://a.example/x", "/y", None),
        ("https://a.example/x", "https://A.example:443/y", None),
        ("http://a.example/x", "https://a.example/x", None),
        ("https://a.example/x", "https://b.example/x", Some("another host")),
        ("https://a.example/x", "//b.example/x", Some("another host")),
        ("https://a.example/x", "http://169.254.169.254/", Some("another host")),
        ("https://a.example/x", "https://a.example:8443/", Some("another port")),
        ("https://a.example/x", "http://a.example/x", Some("another port")),
        ("https://a.example:80/x", "http://a.example:80/x", Some("not protected")),
        ("https://a.example/x", "file:///etc/passwd", Some("neither https nor http")),
        ("https://a.example/x", "https://u:p@a.example/", Some("user name")),
    ] {
        match (from(url, location), expected) {
            (Ok(_), None) => {}
            (Err(error), Some(says)) => {
                assert!(error.message.contains(says), "{location}: {}", error.message);
            }
            (other, _) => panic!("{url} -> {location}: {other:?}"),
        }
    }
    let hops = (0..7).map(|_| answer("302 Found\r\nlocation: /again", "")).collect();
    let (port, _served) = serve(hops);
    let error = get(&format!("http://127.0.0.1:{port}/"), 100, 20_000).unwrap_err();
    assert!(error.message.contains("more than 5 times"), "{}", error.message);
}

#[test]
fn an_address_must_be_of_the_kind_that_was_judged() {
    let ip = |text: &str| text.parse::<IpAddr>().unwrap();
    for (url, address, bound, fine) in [
        ("https://a.example/", "93.184.216.34", None, true),
        ("https://a.example/", "127.0.0.1", None, false),
        ("https://a.example/", "10.0.0.1", None, false),
        ("https://a.example/", "169.254.169.254", None, false),
        ("https://a.example/", "::ffff:127.0.0.1", None, false),
        ("https://a.example/", "64:ff9b::7f00:1", None, false),
        ("https://a.example/", "127.0.0.1", Some("127.0.0.1"), true),
        ("https://a.example/", "127.0.0.2", Some("127.0.0.1"), false),
        ("http://localhost/", "127.0.0.1", None, true),
        ("http://localhost/", "10.0.0.1", None, false),
        ("http://redis/", "10.0.0.1", None, true),
        ("http://redis/", "127.0.0.1", None, false),
    ] {
        let bound: Vec<IpAddr> = bound.into_iter().map(ip).collect();
        let judged = judge(&Target::parse(url).unwrap(), ip(address), &bound);
        assert_eq!(judged.is_ok(), fine, "{url} {address}: {judged:?}");
    }
}

#[test]
fn a_name_that_is_bound_is_not_looked_up() {
    let (port, served) = serve(vec![answer("200 OK", "here")]);
    let bound = BTreeMap::from([("demo.example".to_owned(), vec![IpAddr::from([127, 0, 0, 1])])]);
    let body = get_bound(&format!("http://demo.example:{port}/"), 100, 20_000, &bound).unwrap();
    assert_eq!(body, b"here");
    assert!(served.join().unwrap()[0].to_lowercase().contains("host: demo.example"));
}

#[test]
fn urls_that_two_readers_read_differently_are_refused() {
    for url in [
        "https://a.example\\@b.example/",
        "https://a.example@b.example/",
        "https://ä.example/",
        "http://a.example:99999/",
        "file:///etc/passwd",
        "https://",
        "not a url",
        "https://a.example/\u{0}",
        "https://a%2eexample/",
    ] {
        assert!(Target::parse(url).is_err(), "{url}");
    }
    for url in
        ["https://a.example/x?y#z", "http://[::1]:8080/", "http://127.1/", "https://a.example./"]
    {
        assert!(Target::parse(url).is_ok(), "{url}: {:?}", Target::parse(url));
    }
}
