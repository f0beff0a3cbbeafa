//! Servers that mean harm: each ends a call with a clear error, within its limits.

use std::io::{ErrorKind as Io, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::contracts::{ErrorKind, ToolError};
use crate::tools::fixture::Bench;

/// Longest that one of these calls may take. Those that wait for a time-out have a short one.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a server does with one connection, once a request has come. It returns how much it sent.
type Harm = Box<dyn FnOnce(&mut TcpStream) -> u64 + Send>;

/// A server that does harm to the connections that come, one after the other, and what it sent to
/// each.
fn serve(harms: Vec<Harm>) -> (String, JoinHandle<Vec<u64>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let served = std::thread::spawn(move || {
        let mut sent = Vec::new();
        for harm in harms {
            let (mut stream, _) = listener.accept().unwrap();
            stream.set_write_timeout(Some(PATIENCE)).unwrap();
            let mut head = vec![0; 8_192];
            let _ = stream.read(&mut head).unwrap();
            sent.push(harm(&mut stream));
        }
        sent
    });
    (url, served)
}

/// Says these bytes and hangs up.
fn says(bytes: impl Into<Vec<u8>>) -> Harm {
    let bytes = bytes.into();
    Box::new(move |stream| {
        let _ = stream.write_all(&bytes);
        bytes.len() as u64
    })
}

/// Says `first`, then `again` until the other side hangs up or `most` bytes have gone.
fn floods(first: &str, again: Vec<u8>, most: u64) -> Harm {
    let first = first.to_owned();
    Box::new(move |stream| {
        let mut sent = 0;
        if stream.write_all(first.as_bytes()).is_err() {
            return sent;
        }
        while sent < most {
            match stream.write_all(&again) {
                Ok(()) => sent += again.len() as u64,
                Err(error) if error.kind() == Io::Interrupted => {}
                Err(_) => return sent,
            }
        }
        sent
    })
}

/// Says a byte now and then, for ever.
fn drips(first: &str) -> Harm {
    let first = first.to_owned();
    Box::new(move |stream| {
        let _ = stream.write_all(first.as_bytes());
        let mut sent = 0;
        while stream.write_all(b"x").is_ok() && sent < 1_000 {
            sent += 1;
            std::thread::sleep(Duration::from_millis(20));
        }
        sent
    })
}

/// Says nothing, for longer than anybody waits here.
fn silent() -> Harm {
    Box::new(|_| {
        std::thread::sleep(Duration::from_secs(2));
        0
    })
}

/// A large number of bytes that no test should ever see sent.
const TEN_GB: u64 = 10 << 30;

fn error_of(bench: &Bench, tool: &str, args: Value, wall_ms: u64) -> ToolError {
    let mut call = bench.tool_call(tool, args.clone());
    call.timeout_ms = wall_ms;
    let began = Instant::now();
    let output = bench.perform(&call);
    assert!(began.elapsed() < PATIENCE, "{tool} {args} took {:?}", began.elapsed());
    output.error.unwrap_or_else(|| panic!("{tool} {args} succeeded: {:?}", output.data))
}

fn args_of(tool: &str, url: &str) -> Value {
    match tool {
        "download" => json!({"url": url, "path": "a", "max_bytes": 100_000}),
        "http_request" => json!({"url": url, "method": "GET", "max_bytes": 100_000}),
        _ => json!({"url": url, "max_bytes": 100_000}),
    }
}

const TOOLS: [&str; 4] = ["http_get", "http_request", "web_scrape", "download"];

/// An answer with this head and body, and where the connection ends.
fn answer(head: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {head}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}")
}

#[test]
fn floods_end_at_a_limit_long_before_they_end_themselves() {
    let line = format!("x-filler: {}\r\n", "y".repeat(4_000));
    let cases: [(&str, Vec<u8>, &str); 4] = [
        ("HTTP/1.1 200 OK\r\n", line.clone().into_bytes(), "head that is too large"),
        // Without end, and without even a line.
        ("HTTP/1.1 200 OK\r\nx: ", vec![b'y'; 8_192], "head that is too large"),
        ("HTTP/1.1 200 OK\r\n\r\n", vec![b'y'; 8_192], "larger than 100000 bytes"),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
            [b"2000\r\n".as_slice(), &[b'y'; 0x2000], b"\r\n"].concat(),
            "larger than 100000 bytes",
        ),
    ];
    for tool in TOOLS {
        for (first, again, says) in &cases {
            let (url, served) = serve(vec![floods(first, again.clone(), TEN_GB)]);
            let error = error_of(&Bench::with_helper(), tool, args_of(tool, &url), 15_000);
            assert_eq!(error.kind, ErrorKind::TooLarge, "{tool}: {}", error.message);
            assert!(error.message.contains(says), "{tool}: {}", error.message);
            let sent = served.join().unwrap()[0];
            assert!(sent < 64 << 20, "{tool} took {sent} bytes of {first:?}");
        }
    }
}

#[test]
fn who_takes_for_ever_runs_out_of_time() {
    for tool in TOOLS {
        let drops = ["HTTP/1.1 200 O", "HTTP/1.1 200 OK\r\nx: ", "HTTP/1.1 200 OK\r\n\r\n"];
        let harms = drops.map(|first| (first, drips(first)));
        for (first, harm) in harms.into_iter().chain([("silence", silent())]) {
            let (url, _served) = serve(vec![harm]);
            let error = error_of(&Bench::with_helper(), tool, args_of(tool, &url), 300);
            assert_eq!(error.kind, ErrorKind::Timeout, "{tool} {first:?}: {}", error.message);
        }
        // Interim answers as fast as they come; a debug build needs seconds for a few million bytes.
        let interim = b"HTTP/1.1 100 Continue\r\n\r\n".repeat(300);
        let (url, _served) = serve(vec![floods("", interim, 1 << 21)]);
        let error = error_of(&Bench::with_helper(), tool, args_of(tool, &url), 300);
        let ends = [ErrorKind::Timeout, ErrorKind::TooLarge, ErrorKind::Unavailable];
        assert!(ends.contains(&error.kind), "{tool}: {}", error.message);
    }
}

#[test]
fn answers_that_are_none_are_named() {
    for (bytes, kind, says) in [
        // HTTP/0.9: a document and nothing else.
        ("<html>hello</html>".to_owned(), ErrorKind::Unavailable, "cannot be fetched"),
        ("HTTP/9.9 200 OK\r\n\r\n".to_owned(), ErrorKind::Unavailable, "cannot be fetched"),
        ("HTTP/1.1 2OO OK\r\n\r\n".to_owned(), ErrorKind::Unavailable, "cannot be fetched"),
        (String::new(), ErrorKind::Unavailable, "cannot be fetched"),
        (answer("200 OK\r\nx\0y: 1", ""), ErrorKind::Unavailable, "cannot be fetched"),
        (answer("200 OK\r\nx: a\0b", ""), ErrorKind::Unavailable, "cannot be fetched"),
        // Shorter than it says.
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\nshort".to_owned(),
            ErrorKind::Unavailable,
            "cannot be fetched",
        ),
        // Two lengths that differ, and one that is none.
        (
            answer("200 OK\r\ncontent-length: 3", "12345"),
            ErrorKind::Unavailable,
            "cannot be fetched",
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\nx".to_owned(),
            ErrorKind::Unavailable,
            "cannot be fetched",
        ),
        // More than there may be, before a byte of it is read.
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n".to_owned(),
            ErrorKind::TooLarge,
            "larger than 100000",
        ),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\n"
                .to_owned(),
            ErrorKind::Unavailable,
            "cannot be fetched",
        ),
    ] {
        for tool in TOOLS {
            let (url, served) = serve(vec![says_boxed(&bytes)]);
            let error = error_of(&Bench::with_helper(), tool, args_of(tool, &url), 15_000);
            assert_eq!(error.kind, kind, "{tool} {bytes:?}: {}", error.message);
            assert!(error.message.contains(says), "{tool} {bytes:?}: {}", error.message);
            served.join().unwrap();
        }
    }
}

fn says_boxed(text: &str) -> Harm {
    says(text.as_bytes())
}

#[test]
fn bytes_after_the_end_belong_to_nobody() {
    let bytes = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello and more that was not announced";
    let (url, served) = serve(vec![says(bytes)]);
    let data = Bench::new().ok("http_get", json!({"url": url}));
    assert_eq!((&data["text"], &data["bytes"]), (&json!("hello"), &json!(5)));
    served.join().unwrap();
}

#[test]
fn what_comes_compressed_is_not_unfolded() {
    use flate2::{Compression, write::GzEncoder};
    let mut bomb = GzEncoder::new(Vec::new(), Compression::best());
    for _ in 0..64 {
        bomb.write_all(&[0; 1 << 20]).unwrap();
    }
    let bomb = bomb.finish().unwrap();
    assert!(bomb.len() < 100_000);
    for encoding in ["gzip", "br", "deflate", "zstd", "gzip, gzip"] {
        for tool in ["http_get", "http_request", "web_scrape"] {
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-encoding: {encoding}\r\ncontent-length: {}\r\n\r\n",
                bomb.len()
            );
            let (url, served) = serve(vec![says([head.as_bytes(), &bomb].concat())]);
            let error = error_of(&Bench::with_helper(), tool, args_of(tool, &url), 15_000);
            assert_eq!(error.kind, ErrorKind::BadContent, "{tool}: {}", error.message);
            assert!(error.message.contains("compressed"), "{tool}: {}", error.message);
            served.join().unwrap();
        }
    }
    // A file stays what it is.
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n",
        bomb.len()
    );
    let (url, _served) = serve(vec![says([head.as_bytes(), &bomb].concat())]);
    let bench = Bench::new();
    let data = bench.ok("download", json!({"url": url, "path": "a.gz"}));
    assert_eq!(data["bytes"], json!(bomb.len()));
    assert_eq!(std::fs::read(bench.path("a.gz")).unwrap(), bomb);
}

#[test]
fn redirects_do_not_lead_inside_nor_in_circles() {
    let to = |location: &str| says(answer(&format!("302 Found\r\nlocation: {location}"), ""));
    for tool in ["http_get", "web_scrape", "download"] {
        for (location, says) in [
            ("http://169.254.169.254/latest/meta-data/", "another host"),
            ("http://10.0.0.1/", "another host"),
            ("http://[::ffff:10.0.0.1]/", "two ways"),
            ("http://localhost:1/", "another host"),
            ("http://127.0.0.1:1/", "another port"),
            ("//example.org/", "another host"),
            ("https://example.org/", "another host"),
            ("file:///etc/passwd", "neither https nor http"),
            ("gopher://127.0.0.1/", "neither https nor http"),
            ("http://user:pass@127.0.0.1/", "user name"),
            ("http://", "no URL"),
        ] {
            let (url, served) = serve(vec![to(location)]);
            let error = error_of(&Bench::with_helper(), tool, args_of(tool, &url), 15_000);
            let kinds = [ErrorKind::Forbidden, ErrorKind::BadArguments];
            assert!(kinds.contains(&error.kind), "{tool} {location}: {}", error.message);
            assert!(error.message.contains(says), "{tool} {location}: {}", error.message);
            served.join().unwrap();
        }
        let (url, _served) = serve((0..6).map(|_| to("/again")).collect());
        let error = error_of(&Bench::with_helper(), tool, args_of(tool, &url), 15_000);
        assert!(error.message.contains("more than 5 times"), "{tool}: {}", error.message);
        let (url, _served) = serve(vec![says(answer("302 Found", ""))]);
        let error = error_of(&Bench::with_helper(), tool, args_of(tool, &url), 15_000);
        assert!(error.message.contains("redirects to nowhere"), "{tool}: {}", error.message);
    }
    // A request that may change something is not sent a second time: the redirect is the answer.
    let (url, _served) = serve(vec![to("http://169.254.169.254/")]);
    let output = Bench::new().call("http_request", json!({"url": url, "method": "POST"}));
    let data = output.data.unwrap();
    assert_eq!(data["status"], 302);
    assert_eq!(data["headers"]["location"], "http://169.254.169.254/");
    assert_eq!(output.error.unwrap().kind, ErrorKind::Forbidden);
}

#[test]
fn addresses_that_say_more_than_one_thing_are_refused_before_anything_is_asked() {
    let bench = Bench::with_helper();
    for url in [
        "file:///etc/passwd",
        "ftp://example.org/",
        "data:text/html,x",
        "https://user:password@example.org/",
        "https://user@example.org/",
        "https://example.org\\@127.0.0.1/",
        "https://example.org/\r\nx-evil: 1",
        "https://example.org/ HTTP/1.1\r\nhost: b",
        "https://example.org/\u{0}",
        "https://exa\u{0}mple.org/",
        "https://ex\u{430}mple.org/",
        "https://example.org:0x50/",
        "https://[::1/",
        "//example.org/",
        "example.org",
        "",
    ] {
        for tool in TOOLS {
            let error = error_of(&bench, tool, args_of(tool, url), 5_000);
            assert_eq!(error.kind, ErrorKind::BadArguments, "{tool} {url:?}: {}", error.message);
        }
    }
}

#[test]
fn what_is_no_tls_is_no_https() {
    for bytes in [b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), vec![0x16, 3, 1, 0xff, 0xff], Vec::new()] {
        for tool in TOOLS {
            let (url, served) = serve(vec![says(bytes.clone())]);
            let url = url.replace("http://", "https://");
            let error = error_of(&Bench::with_helper(), tool, args_of(tool, &url), 15_000);
            assert_eq!(error.kind, ErrorKind::Unavailable, "{tool}: {}", error.message);
            served.join().unwrap();
        }
    }
}

#[test]
fn nobody_knows_whether_a_lost_request_was_done() {
    for method in ["POST", "PUT", "PATCH", "DELETE"] {
        let (url, served) = serve(vec![says("")]);
        let args = json!({"url": url, "method": method});
        let error = error_of(&Bench::new(), "http_request", args, 15_000);
        assert_eq!(error.kind, ErrorKind::InDoubt, "{method}: {}", error.message);
        assert!(error.message.contains("may have been done"), "{}", error.message);
        served.join().unwrap();
        let (url, _served) = serve(vec![drips("HTTP/1.1 200 OK\r\n")]);
        let args = json!({"url": url, "method": method, "json": {"a": 1}});
        let error = error_of(&Bench::new(), "http_request", args, 300);
        assert_eq!(error.kind, ErrorKind::InDoubt, "{method}: {}", error.message);
    }
    let (url, _served) = serve(vec![says("")]);
    let args = json!({"url": url, "method": "GET"});
    assert_eq!(error_of(&Bench::new(), "http_request", args, 15_000).kind, ErrorKind::Unavailable);
    // Nobody there: nothing was sent.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    let args = json!({"url": url, "method": "POST", "body": "x"});
    assert_eq!(error_of(&Bench::new(), "http_request", args, 15_000).kind, ErrorKind::Unavailable);
}
