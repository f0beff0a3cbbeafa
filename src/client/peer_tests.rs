//! The client against a scripted peer that says what it was sent.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::*;
use crate::contracts::{EventKind, Hash, RunId, RunStatus, Timestamp, event_hash};

/// One answer per connection, in order; gives what it was asked, one text per connection.
struct Peer {
    url: String,
    asked: JoinHandle<Vec<String>>,
}

impl Peer {
    async fn new(answers: Vec<Vec<u8>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/below", listener.local_addr().unwrap());
        let asked = tokio::spawn(async move {
            let mut asked = Vec::new();
            for answer in answers {
                let (mut stream, _) = listener.accept().await.unwrap();
                asked.push(request(&mut stream).await);
                stream.write_all(&answer).await.unwrap();
                stream.shutdown().await.unwrap();
            }
            asked
        });
        Self { url, asked }
    }

    fn client(&self, token: Option<&str>) -> Client {
        let token = token.map(str::to_owned);
        Client::new(&Target::Url { url: self.url.clone(), token }).unwrap()
    }

    async fn asked(self) -> Vec<String> {
        tokio::time::timeout(Duration::from_secs(10), self.asked).await.unwrap().unwrap()
    }
}

async fn request(stream: &mut tokio::net::TcpStream) -> String {
    let (mut text, mut piece) = (String::new(), [0_u8; 4_096]);
    loop {
        let read = stream.read(&mut piece).await.unwrap();
        text.push_str(std::str::from_utf8(&piece[..read]).unwrap());
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if read == 0 || body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                return text;
            }
        }
    }
}

fn answer(status: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n{headers}\r\n{body}"
    )
    .into_bytes()
}

fn stream(body: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n{body}")
        .into_bytes()
}

fn run_id() -> RunId {
    "run_0190a0000000700080000000000000aa".parse().unwrap()
}

/// Event `seq` of the run, as the server writes it.
fn event(seq: u64) -> String {
    let (run, at, kind) = (run_id().to_string(), Timestamp::from_ms(1_000), EventKind::StepStarted);
    let payload = r#"{"path":"a","attempt": 1}"#;
    let (prev, zeros) = (Hash::of(&seq.to_le_bytes()), Hash::of(b"0"));
    let prev = if seq == 1 { zeros } else { prev };
    let hash = event_hash(&prev, &run, seq, at, kind, payload);
    format!(
        "id: {seq}\nevent: step.started\ndata: {{\"run_id\":\"{run}\",\"seq\":{seq},\"global_seq\":{},\"at\":\"{at}\",\"kind\":\"step.started\",\"payload\":{payload},\"prev_hash\":\"{prev}\",\"hash\":\"{hash}\"}}\n\n",
        seq + 10
    )
}

fn end(status: &str) -> String {
    format!("event: end\ndata: {{\"run_id\":\"{}\",\"status\":\"{status}\"}}\n\n", run_id())
}

const QUICK: Patience =
    Patience { pause: Duration::from_millis(1), total: Duration::from_millis(400) };

/// Every event's number, how often the connection was lost, and how it ended.
async fn follow(client: &Client, after: u64) -> (Vec<u64>, usize, Result<RunStatus, ClientError>) {
    let mut follower = Follower::new(client, run_id(), after, QUICK);
    let (mut seqs, mut lost) = (Vec::new(), 0);
    loop {
        match follower.next().await {
            Ok(Seen::Event { wire, event, line }) => {
                assert_eq!(event.unwrap().payload.as_ref(), wire.payload.get());
                assert!(line.contains(wire.payload.get()));
                seqs.push(wire.seq);
            }
            Ok(Seen::Lost(_)) => lost += 1,
            Ok(Seen::End(status)) => return (seqs, lost, Ok(status)),
            Err(error) => return (seqs, lost, Err(error)),
        }
    }
}

#[tokio::test]
async fn a_request_carries_its_body_key_and_token_to_an_escaped_path() {
    let peer = Peer::new(vec![
        answer("202 Accepted", "", r#"{"run_id":"x"}"#),
        answer("204 No Content", "", ""),
    ])
    .await;
    let client = peer.client(Some("t-1"));
    let request = Request::post(&["a b", "../c?d"]).body(json!({"k": 1})).key("key-1");
    assert_eq!(client.ask(&request).await.unwrap(), json!({"run_id": "x"}));
    let request = Request::get(&["runs"]).with("limit", 5).with("cursor", "a&b");
    assert_eq!(client.ask(&request).await.unwrap(), Value::Null);
    let asked = peer.asked().await;
    assert!(asked[0].starts_with("POST /below/a%20b/..%2Fc%3Fd HTTP/1.1\r\n"), "{}", asked[0]);
    for part in ["x-execution-token: t-1\r\n", "idempotency-key: key-1\r\n", "\r\n\r\n{\"k\":1}"] {
        assert!(asked[0].contains(part), "{}", asked[0]);
    }
    assert!(asked[1].starts_with("GET /below/runs?limit=5&cursor=a%26b HTTP/1.1\r\n"));
    assert!(!asked[1].contains("idempotency-key"));
}

#[tokio::test]
async fn answers_that_are_no_answers_are_told_apart() {
    let redirect = "location: http://example.org/\r\n";
    let problem = r#"{"type":"about:blank#busy","detail":"the queue is full"}"#;
    let peer = Peer::new(vec![
        answer("302 Found", redirect, ""),
        answer("200 OK", "", "<html>"),
        answer("429 Too Many Requests", "retry-after: 7\r\n", problem),
        answer("502 Bad Gateway", "", "<html>no upstream</html>"),
    ])
    .await;
    let client = peer.client(None);
    let request = Request::get(&["runs"]);
    for part in ["sends elsewhere", "cannot read"] {
        let error = client.ask(&request).await.unwrap_err();
        assert!(matches!(error, ClientError::Unreadable { .. }), "{error:?}");
        assert!(error.to_string().contains(part), "{error}");
    }
    let mut problems = Vec::new();
    for _ in 0..2 {
        match client.ask(&request).await.unwrap_err() {
            ClientError::Refused(problem) => problems.push(*problem),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((problems[0].slug(), problems[0].retry_after_s), ("busy", Some(7)));
    assert_eq!(
        (problems[1].status, problems[1].said().as_str()),
        (502, "<html>no upstream</html>")
    );
    assert!(!peer.asked().await[0].contains("x-execution-token"));
}

#[tokio::test]
async fn a_request_with_a_key_is_repeated_when_its_answer_got_lost() {
    let peer = Peer::new(vec![Vec::new(), answer("202 Accepted", "", "{}")]).await;
    let request = Request::post(&["tasks"]).body(json!({})).key("k");
    peer.client(None).ask(&request).await.unwrap();
    let asked = peer.asked().await;
    assert_eq!(asked[0], asked[1]);

    let peer = Peer::new(vec![Vec::new()]).await;
    let error = peer.client(None).ask(&Request::post(&["tasks"])).await.unwrap_err();
    assert!(matches!(error, ClientError::Unreachable { .. }), "{error:?}");
}

#[tokio::test]
async fn a_run_is_followed_over_lost_connections_without_a_hole_or_a_repeat() {
    let whole = [event(1), event(2), event(3)].concat();
    let cut = &whole[..whole.len() - 20];
    let peer = Peer::new(vec![
        stream(&format!("retry: 1\n\n: hello\n\n{cut}")),
        answer("503 Service Unavailable", "", ""),
        Vec::new(),
        stream(&format!("{}{}{}", event(2), event(3), end("failed"))),
    ])
    .await;
    let (seqs, lost, ended) = follow(&peer.client(None), 0).await;
    assert_eq!((seqs, lost, ended.unwrap()), (vec![1, 2, 3], 3, RunStatus::Failed));
    let asked = peer.asked().await;
    assert!(asked[0].starts_with(&format!("GET /below/runs/{}/events HTTP", run_id())));
    assert!(!asked[0].contains("last-event-id"));
    for again in &asked[1..] {
        assert!(again.contains("last-event-id: 2\r\n"), "{again}");
    }
}

#[tokio::test]
async fn a_run_that_ended_before_is_known_by_its_status() {
    let shown = answer("200 OK", "", r#"{"run_id":"x","status":"succeeded","report":null}"#);
    let peer = Peer::new(vec![answer("204 No Content", "", ""), shown]).await;
    let (seqs, _, ended) = follow(&peer.client(None), 9).await;
    assert_eq!((seqs, ended.unwrap()), (vec![], RunStatus::Succeeded));
    assert!(peer.asked().await[0].contains("last-event-id: 9\r\n"));
}

#[tokio::test]
async fn a_stream_that_is_not_the_runs_journal_is_not_shown() {
    let altered = event(1).replace("\"attempt\": 1", "\"attempt\":1");
    let other = event(1).replace("aa\",\"seq\"", "ab\",\"seq\"");
    for (body, part) in [
        (altered.as_str(), "does not fit its hash"),
        (&event(2), "event 2 of"),
        (&other, "follows event 0"),
        ("data: {}\n\n", "cannot read"),
        ("event: end\ndata: {\"status\":\"fine\"}\n\n", "cannot read"),
    ] {
        let peer = Peer::new(vec![stream(body)]).await;
        let (seqs, _, ended) = follow(&peer.client(None), 0).await;
        let error = ended.unwrap_err().to_string();
        assert!(seqs.is_empty() && error.contains(part), "{body}: {error}");
    }
    let peer = Peer::new(vec![answer("200 OK", "content-type: text/html\r\n", "hi")]).await;
    let (_, _, ended) = follow(&peer.client(None), 0).await;
    assert!(ended.unwrap_err().to_string().contains("no stream"));
}

#[tokio::test]
async fn a_refusal_ends_following_at_once_and_a_lost_daemon_after_a_while() {
    let peer = Peer::new(vec![answer("404 Not Found", "", r#"{"detail":"no such run"}"#)]).await;
    let (_, lost, ended) = follow(&peer.client(None), 0).await;
    assert_eq!((lost, ended.unwrap_err().to_string().as_str()), (0, "no such run"));

    let peer = Peer::new(vec![stream(&event(1))]).await;
    let (seqs, lost, ended) = follow(&peer.client(None), 0).await;
    assert!(matches!(ended, Err(ClientError::Unreachable { .. })), "{ended:?}");
    assert!(seqs == [1] && lost > 1, "{lost}");
}
