//! Requests that are too large, too many, or meant for somebody else.

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::http::{Heard, request, talk};
use super::stage::{Stage, Wanted};

fn small() -> Wanted {
    Wanted { body_bytes_max: 1024, ..Wanted::default() }
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_however_it_comes() {
    let stage = Stage::with(small()).await;
    let long = json!({ "goal": "x".repeat(2_000) });
    assert_eq!(stage.post("/tasks", &long).await.expect(413).slug(), "too_large");
    let head = format!(
        "POST /tasks HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncontent-type: application/json\r\n",
        stage.address
    );
    let mut chunked = format!("{head}transfer-encoding: chunked\r\n\r\n");
    for _ in 0..20 {
        chunked.push_str(&format!("64\r\n{}\r\n", "x".repeat(100)));
    }
    stage.raw(chunked.as_bytes()).await.expect(413);
    // Only announced: it is not waited for.
    let announced = format!("{head}content-length: 999999999\r\n\r\n");
    stage.raw(announced.as_bytes()).await.expect(413);
    let lied = format!("{head}content-length: x\r\n\r\n");
    assert_eq!(stage.raw(lied.as_bytes()).await.status, 400);
}

#[tokio::test]
async fn a_body_that_is_no_json_is_refused() {
    let stage = Stage::new().await;
    let send = async |kind: &str, body: &str| -> Heard {
        let text = format!(
            "POST /tasks HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n{kind}content-length: {}\r\n\r\n{body}",
            stage.address,
            body.len()
        );
        stage.raw(text.as_bytes()).await
    };
    let json = "content-type: application/json; charset=utf-8\r\n";
    send("", "{}").await.expect(415);
    send("content-type: text/plain\r\n", "{}").await.expect(415);
    send("content-type: application/x-www-form-urlencoded\r\n", "a=b").await.expect(415);
    send(json, "{").await.expect(400);
    send(json, "[]").await.expect(422);
    send(json, "{}").await.expect(422);
}

#[tokio::test]
async fn too_many_or_too_long_headers_are_refused() {
    let stage = Stage::new().await;
    let many: Vec<(String, String)> =
        (0..70).map(|number| (format!("x-{number}"), "1".to_owned())).collect();
    let many: Vec<(&str, &str)> =
        many.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(stage.call("GET", "/runs", &many, None).await.status, 431);
    let long = "x".repeat(40_000);
    assert_eq!(stage.call("GET", "/runs", &[("x-long", &long)], None).await.status, 431);
    assert_eq!(stage.raw(b"nonsense\r\n\r\n").await.status, 400);
    stage.get("/runs").await.expect(200);
}

#[tokio::test]
async fn other_names_and_other_pages_are_refused() {
    let stage = Stage::new().await;
    let port = stage.address.port();
    for (host, status) in [
        (format!("localhost:{port}"), 200),
        ("runner.example.org".to_owned(), 200),
        (format!("evil.example.org:{port}"), 421),
        (format!("localhost:{}", port ^ 1), 421),
    ] {
        let text = request(&host, "GET", "/healthz", &[], None);
        stage.raw(text.as_bytes()).await.expect(status);
    }
    let foreign = [("origin", "https://evil.example.org")];
    let refused = stage.call("POST", "/tasks", &foreign, Some(&json!({}))).await.expect(403);
    assert_eq!(refused.slug(), "foreign_origin");
    stage.raw(b"GET /healthz HTTP/1.1\r\nconnection: close\r\n\r\n").await.expect(400);
}

#[tokio::test]
async fn connections_over_the_limit_hear_so_and_get_in_later() {
    let stage = Stage::with(Wanted { connections_max: 8, ..Wanted::default() }).await;
    let mut inside = Vec::new();
    for _ in 0..8 {
        let mut stream = TcpStream::connect(stage.address).await.unwrap();
        let text = format!("GET /healthz HTTP/1.1\r\nhost: {}\r\n\r\n", stage.address);
        stream.write_all(text.as_bytes()).await.unwrap();
        assert!(stream.read(&mut [0; 1024]).await.unwrap() > 0);
        inside.push(stream);
    }
    let refused = stage.get("/healthz").await.expect(503);
    assert_eq!((refused.slug().as_str(), refused.header("retry-after")), ("crowded", Some("5")));
    // One leaves when it has said good bye.
    let text = request(&stage.address.to_string(), "GET", "/healthz", &[], None);
    talk(inside.pop().unwrap(), text.as_bytes()).await.expect(200);
    let until = std::time::Instant::now() + super::stage::PATIENCE;
    while stage.get("/healthz").await.status != 200 {
        assert!(std::time::Instant::now() < until, "no place was given back");
    }
}

#[tokio::test]
async fn what_nobody_vouches_for_is_not_waited_for() {
    let stage = Stage::new().await;
    let head = |path: &str, length: usize, more: &str| {
        format!(
            "POST {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\
             content-type: application/json\r\ncontent-length: {length}\r\n{more}\r\n",
            stage.address
        )
    };
    // Nothing of the body comes: the answer does not wait for it.
    stage.raw(head("/hooks/nosuch", 60_000, "").as_bytes()).await.expect(401);
    stage.raw(head("/session", 9_000, "").as_bytes()).await.expect(413);
    let get = head("/healthz", 9_000, "").replace("POST", "GET");
    stage.raw(get.as_bytes()).await.expect(413);
    let tried = head("/hooks/nosuch", 2, "x-webhook-secret: guess\r\n") + "{}";
    stage.raw(tried.as_bytes()).await.expect(401);
}

#[tokio::test]
async fn what_is_said_twice_is_refused() {
    let stage = Stage::new().await;
    let ours = format!("http://{}", stage.address);
    let two = [("origin", ours.as_str()), ("origin", "https://evil.example.org")];
    stage.call("GET", "/runs", &two[..1], None).await.expect(200);
    stage.call("GET", "/runs", &two, None).await.expect(400);
    let keys = [("idempotency-key", "a"), ("idempotency-key", "a")];
    stage.call("POST", "/tasks", &keys, Some(&json!({}))).await.expect(400);
}

#[tokio::test]
async fn nothing_follows_a_body_in_parts() {
    let stage = Stage::new().await;
    let text = format!(
        "POST /tasks HTTP/1.1\r\nhost: {0}\r\ncontent-type: application/json\r\ncontent-length: 7\r\n\
         transfer-encoding: chunked\r\n\r\n2\r\n{{}}\r\n0\r\n\r\nGET /runs HTTP/1.1\r\nhost: {0}\r\n\r\n",
        stage.address
    );
    let heard = stage.raw(text.as_bytes()).await;
    assert_eq!((heard.status, heard.header("connection")), (422, Some("close")), "{heard:?}");
    assert!(!heard.body.contains("HTTP/1.1 200"), "{heard:?}");
}
