//! What the tools answer, from real sockets.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread::JoinHandle;

use serde_json::{Value, json};

use crate::contracts::{ErrorKind, Network, Obligation};
use crate::tools::dispatch::perform;
use crate::tools::fixture::Bench;
use crate::tools::registry::find;

const PAGE: &[u8] = include_bytes!("../../../tests/fixtures/web/page.html");

/// Answers one connection after the other, and returns what was asked of each.
fn serve(answers: Vec<Vec<u8>>) -> (String, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let served = std::thread::spawn(move || {
        let mut asked = Vec::new();
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            asked.push(request(&mut stream));
            stream.write_all(&answer).unwrap();
        }
        asked
    });
    (url, served)
}

/// A whole request, with a body of the length that it names.
fn request(stream: &mut impl Read) -> String {
    let (mut all, mut some) = (Vec::new(), [0; 4_096]);
    loop {
        let count = stream.read(&mut some).unwrap();
        all.extend_from_slice(&some[..count]);
        let text = String::from_utf8_lossy(&all).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            assert!(count > 0, "no whole request: {text}");
            continue;
        };
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().unwrap())
        });
        if count == 0 || body.len() >= length.unwrap_or(0) {
            return text;
        }
    }
}

fn answer(head: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let length = body.len();
    let head = format!("HTTP/1.1 {head}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
    [head.as_bytes(), body].concat()
}

#[test]
fn a_document_comes_with_its_status_and_headers() {
    let (url, served) = serve(vec![
        answer("301 Moved\r\nlocation: /b?x=1#top", ""),
        answer(
            "200 OK\r\ncontent-type: text/plain\r\nset-cookie: s=1\r\nVary: a\r\nvary: b",
            "größe",
        ),
    ]);
    let args = json!({"url": format!("{url}/a"), "headers": {"Accept": "text/plain"}});
    let data = Bench::new().ok("http_get", args);
    let headers = json!({
        "content-type": "text/plain", "vary": "a, b", "content-length": "7", "connection": "close",
    });
    let expected = json!({
        "url": format!("{url}/b?x=1#top"), "status": 200, "headers": headers,
        "media_type": "text/plain", "text": "größe", "bytes": 7, "truncated": false,
    });
    assert_eq!(data, expected);
    for asked in served.join().unwrap() {
        let asked = asked.to_lowercase();
        assert!(asked.contains("accept: text/plain\r\n"), "{asked}");
        assert!(asked.contains("user-agent: bailiwick/"), "{asked}");
        for word in ["accept-encoding", "cookie", "authorization", "referer"] {
            assert!(!asked.contains(word), "{asked}");
        }
    }
}

#[test]
fn a_status_that_is_no_success_is_a_failure_with_its_data() {
    for (head, kind, retryable) in [
        ("404 Not Found", Some(ErrorKind::NotFound), false),
        ("410 Gone", Some(ErrorKind::NotFound), false),
        ("403 Forbidden", Some(ErrorKind::Forbidden), false),
        ("429 Too Many Requests", Some(ErrorKind::Unavailable), true),
        ("503 Busy", Some(ErrorKind::Unavailable), true),
        ("206 Partial Content", None, false),
        ("201 Created", None, false),
    ] {
        let (url, served) = serve(vec![answer(head, "why")]);
        let output = Bench::new().call("http_get", json!({"url": url}));
        let status: u16 = head[..3].parse().unwrap();
        let data = output.data.unwrap();
        assert_eq!((&data["status"], &data["text"]), (&json!(status), &json!("why")), "{head}");
        assert_eq!(output.error.as_ref().map(|error| error.kind), kind, "{head}");
        assert_eq!(output.error.is_some_and(|error| error.retryable), retryable, "{head}");
        served.join().unwrap();
    }
}

#[test]
fn what_is_no_text_comes_in_base64_or_not_at_all() {
    let (url, _served) = serve(vec![answer("200 OK", [0xff, 0, 1])]);
    let data = Bench::new().ok("http_get", json!({"url": url}));
    assert_eq!((&data["base64"], &data["text"]), (&json!("/wAB"), &Value::Null));
    let (url, _served) = serve(vec![answer("200 OK", vec![0xff; 300_000])]);
    let error = Bench::new().error("http_get", json!({"url": url}));
    assert_eq!(error.kind, ErrorKind::TooLarge);
    assert!(error.message.contains("`download` keeps"), "{}", error.message);
}

#[test]
fn a_text_that_does_not_fit_is_cut_and_says_so() {
    let (url, _served) = serve(vec![answer("200 OK", "y".repeat(500_000))]);
    let output = Bench::new().call("http_get", json!({"url": url}));
    assert!(output.truncated);
    let data = output.data.unwrap();
    assert_eq!((&data["truncated"], &data["bytes"]), (&json!(true), &json!(500_000)));
}

#[test]
fn a_request_sends_what_it_is_given() {
    for (args, line, says) in [
        (json!({"method": "POST", "body": "häh"}), "post /x?y ", "text/plain; charset=utf-8|häh"),
        (
            json!({"method": "PUT", "json": {"b": 1, "a": [null]}}),
            "put /x?y ",
            "application/json|{\"b\":1,\"a\":[null]}",
        ),
        (
            json!({"method": "PATCH", "base64": "aGk="}),
            "patch /x?y ",
            "application/octet-stream|hi",
        ),
        (json!({"method": "DELETE"}), "delete /x?y ", "|"),
        (json!({"method": "OPTIONS"}), "options /x?y ", "|"),
        (json!({"method": "GET", "headers": {"x-a": "b"}}), "get /x?y ", "|"),
        (json!({"method": "HEAD"}), "head /x?y ", "|"),
        (
            json!({"method": "POST", "body": "<a/>", "headers": {"Content-Type": "text/xml"}}),
            "post /x?y ",
            "text/xml|<a/>",
        ),
    ] {
        let (url, served) = serve(vec![answer("204 No Content", "")]);
        let mut args = args;
        args["url"] = json!(format!("{url}/x?y"));
        assert_eq!(Bench::new().ok("http_request", args.clone())["status"], 204, "{args}");
        let asked = served.join().unwrap().remove(0);
        assert!(asked.to_lowercase().starts_with(line), "{asked}");
        let (head, body) = asked.split_once("\r\n\r\n").unwrap();
        let kind = head.lines().find_map(|line| line.strip_prefix("content-type: "));
        assert_eq!(format!("{}|{body}", kind.unwrap_or_default()), says, "{args}");
    }
}

#[test]
fn requests_that_make_no_sense_are_refused() {
    let bench = Bench::new();
    for args in [
        json!({"url": "https://example.org/"}),
        json!({"url": "https://example.org/", "method": "TRACE"}),
        json!({"url": "https://example.org/", "method": "CONNECT"}),
        json!({"url": "https://example.org/", "method": "post"}),
        json!({"url": "https://example.org/", "method": "GET", "body": "x"}),
        json!({"url": "https://example.org/", "method": "POST", "body": "x", "json": 1}),
        json!({"url": "https://example.org/", "method": "POST", "base64": "?"}),
        json!({"url": "https://example.org/", "method": "POST", "headers": {"host": "b"}}),
        json!({"url": "https://example.org/", "method": "POST", "headers": {"authorization": "b"}}),
        json!({"url": "https://example.org/", "method": "POST", "headers": {"x-a": "b\r\nc: d"}}),
        json!({"url": "https://example.org/", "method": "POST", "headers": {"x-a": 1}}),
    ] {
        assert_eq!(bench.kind("http_request", args.clone()), ErrorKind::BadArguments, "{args}");
    }
    let args = json!({"url": "https://example.org/", "select": {"a": {"css": "a", "attribute": "x", "html": true}}});
    assert_eq!(bench.kind("web_scrape", args), ErrorKind::BadArguments);
}

#[test]
fn a_dry_run_says_what_would_be_sent_and_written() {
    let bench = Bench::new();
    let url = "https://example.org/a";
    for (tool, args, would) in [
        (
            "http_get",
            json!({"url": url}),
            "would get `https://example.org/a`, at most 1048576 bytes",
        ),
        (
            "http_request",
            json!({"url": url, "method": "POST", "json": [1]}),
            "would send POST with 3 bytes to `https://example.org/a`, and follow no redirect",
        ),
        ("web_scrape", json!({"url": url, "select": {"a": {"css": "a"}}}), "look for 1 selectors"),
        ("download", json!({"url": url, "path": "d/a"}), "at most 16777216 bytes"),
        ("download", json!({"url": url, "path": "d/a"}), "and replace `d/a` with it"),
    ] {
        let call = bench.tool_call(tool, args);
        let data = perform(&call, &[Obligation::DryRun], bench.context()).data.unwrap();
        assert!(data["would"].as_str().unwrap().contains(would), "{data}");
    }
    assert!(!bench.path("d").exists());
}

#[test]
fn policy_is_told_where_it_goes_and_that_strangers_answer() {
    for (tool, sinks) in [
        ("http_get", vec!["url", "headers"]),
        ("http_request", vec!["url", "headers", "body", "json", "base64"]),
        ("web_scrape", vec!["url", "headers"]),
        ("download", vec!["url", "path"]),
    ] {
        let about = find(tool).unwrap();
        assert_eq!(about.sinks, sinks, "{tool}");
        assert_eq!(about.hosts[0].arg, "url", "{tool}");
        assert_eq!(about.labels, ["untrusted:web"], "{tool}");
        assert!(about.sends_network, "{tool}");
    }
    assert_eq!(find("web_scrape_bs4").unwrap().name, "web_scrape");
}

#[test]
fn a_page_is_taken_apart_in_a_cell() {
    let moved = answer("302 Found\r\nlocation: /shop/list.html", "");
    let page = answer("200 OK\r\ncontent-type: text/html; charset=utf-8", PAGE);
    let (url, served) = serve(vec![moved, page]);
    let bench = Bench::with_helper();
    let select = json!({
        "names": {"css": "li.item > b"},
        "links": {"css": "li.item a", "attribute": "href"},
        "prices": {"css": "[data-price]", "attribute": "data-price"},
        "first": {"css": "li.item:first-child b", "html": true},
        "none": {"css": "video"},
    });
    let data = bench.ok("web_scrape", json!({"url": url, "select": select, "text": true}));
    assert_eq!(data["title"], "Lamps & shades");
    assert_eq!(data["selected"]["names"], json!(["Größe S", "Two words", "Three"]));
    let absolute = [
        format!("{url}/shop/items/1"),
        format!("{url}/items/2?a=1&b=2"),
        "https://other.example/3".to_owned(),
    ];
    assert_eq!(data["selected"]["links"], json!(absolute));
    assert_eq!(data["selected"]["prices"], json!(["1.50", "2", "3"]));
    assert_eq!(data["selected"]["first"], json!(["<b>Größe S</b>"]));
    assert_eq!(data["selected"]["none"], json!([]));
    let links = data["links"].as_array().unwrap();
    assert!(links.iter().all(|it| it["url"].as_str().unwrap().starts_with("http")), "{links:?}");
    let text = data["text"].as_str().unwrap();
    assert!(text.contains("Lamps of all sizes") && !text.contains("tracker"), "{text}");
    served.join().unwrap();
    let [spec] = bench.ran().try_into().unwrap();
    assert_eq!(spec.confinement.network, Network::None);
    assert!(spec.confinement.write.is_empty());
    assert_eq!(spec.confinement.read.len(), 1, "the program, and nothing of the workspace");
}

#[test]
fn a_selector_that_is_none_and_a_page_that_is_not_there_are_named() {
    let (url, _served) = serve(vec![answer("200 OK", PAGE)]);
    let args = json!({"url": url, "select": {"a": {"css": "li["}}});
    let error = Bench::with_helper().error("web_scrape", args);
    assert_eq!(error.kind, ErrorKind::BadArguments);
    assert!(error.message.contains("`li[` is no CSS selector"), "{}", error.message);
    let (url, _served) = serve(vec![answer("404 Not Found", "<title>Nothing here</title>")]);
    let output = Bench::with_helper().call("web_scrape", json!({"url": url}));
    assert_eq!(output.error.unwrap().kind, ErrorKind::NotFound);
    assert_eq!(output.data.unwrap()["title"], "Nothing here");
}

#[test]
fn a_download_is_written_whole_and_can_be_undone() {
    let bench = Bench::new();
    bench.file("data/a.csv", "old");
    let (url, served) = serve(vec![answer("200 OK\r\ncontent-type: text/csv", "new")]);
    let blake3 = blake3::hash(b"new").to_hex().to_string();
    let args = json!({"url": url, "path": "data/a.csv", "blake3": blake3.to_uppercase()});
    let undo = bench.snapshot("download", args.clone()).unwrap().unwrap();
    assert_eq!(fs::read(bench.path("data/a.csv")).unwrap(), b"old", "nothing is written yet");
    let [entry] = undo.entries.as_slice() else { panic!("{undo:?}") };
    assert_eq!(entry.before.as_deref(), Some("b2xk"));
    assert_eq!(entry.after_hash.unwrap().to_string(), blake3);
    let data = bench.ok("download", args);
    assert_eq!(fs::read(bench.path("data/a.csv")).unwrap(), b"new");
    assert_eq!((&data["created"], &data["bytes"]), (&json!(false), &json!(3)));
    assert_eq!(data["blake3"], json!(blake3));
    assert_eq!(data["media_type"], "text/csv");
    assert_eq!(served.join().unwrap().len(), 1, "it is fetched once");
    let names: Vec<_> = fs::read_dir(bench.path("data")).unwrap().collect();
    assert_eq!(names.len(), 1, "a temporary file was left: {names:?}");
}

#[test]
fn a_download_that_fails_writes_nothing() {
    let bench = Bench::new();
    bench.file("a", "old");
    let zeros = "0".repeat(64);
    for (answer, args, kind) in [
        (answer("200 OK", "new"), json!({"path": "a", "sha256": zeros}), ErrorKind::BadContent),
        (answer("200 OK", "new"), json!({"path": "a", "blake3": zeros}), ErrorKind::BadContent),
        (answer("200 OK", "new"), json!({"path": "a", "max_bytes": 2}), ErrorKind::TooLarge),
        (answer("200 OK", "new"), json!({"path": "a", "mode": "create"}), ErrorKind::Conflict),
        (answer("404 Not Found", "new"), json!({"path": "a"}), ErrorKind::NotFound),
        (answer("206 Partial", "new"), json!({"path": "a"}), ErrorKind::Forbidden),
    ] {
        let (url, served) = serve(vec![answer]);
        let mut args = args;
        args["url"] = json!(url);
        assert_eq!(bench.kind("download", args.clone()), kind, "{args}");
        assert_eq!(fs::read(bench.path("a")).unwrap(), b"old", "{args}");
        served.join().unwrap();
    }
    // What may not be written is not even asked for.
    for path in ["/etc/x", "../x", "policies/x.yaml", ".git/hooks/x"] {
        let args = json!({"url": "http://127.0.0.1:1/", "path": path});
        assert_eq!(bench.kind("download", args.clone()), ErrorKind::Forbidden, "{args}");
        let error = bench.snapshot("download", args).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Forbidden);
    }
}

#[test]
fn a_file_that_somebody_changed_in_between_is_left_alone() {
    let bench = Bench::new();
    bench.file("a", "old");
    let (url, _served) = serve(vec![answer("200 OK", "new")]);
    let args = json!({"url": url, "path": "a"});
    bench.snapshot("download", args.clone()).unwrap().unwrap();
    bench.file("a", "somebody else's");
    assert_eq!(bench.kind("download", args), ErrorKind::Conflict);
    assert_eq!(fs::read(bench.path("a")).unwrap(), b"somebody else's");
}
