//! Streams of events over real connections.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::http::request;
use super::stage::{PATIENCE, Stage, Wanted};

/// A client that follows a run and notes what it gets.
struct Follower {
    stream: TcpStream,
    /// What was read and is no whole line yet.
    rest: Vec<u8>,
    /// The ids, in order.
    ids: Vec<u64>,
    ended: bool,
    closed: bool,
}

impl Follower {
    async fn connect(stage: &Stage, path: &str, last: Option<u64>) -> Self {
        let mut stream = TcpStream::connect(stage.address).await.unwrap();
        let last = last.map(|last| last.to_string());
        let headers: Vec<(&str, &str)> =
            last.iter().map(|last| ("last-event-id", last.as_str())).collect();
        let text = request(&stage.address.to_string(), "GET", path, &headers, None);
        stream.write_all(text.as_bytes()).await.unwrap();
        Self { stream, rest: Vec::new(), ids: Vec::new(), ended: false, closed: false }
    }

    /// Reads once, at most `bytes`.
    async fn read(&mut self, bytes: usize) {
        let mut part = vec![0; bytes];
        let count = timeout(PATIENCE, self.stream.read(&mut part)).await.unwrap().unwrap();
        self.closed |= count == 0;
        self.rest.extend_from_slice(&part[..count]);
        while let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.rest.drain(..=end).collect();
            let line = String::from_utf8(line).unwrap();
            if let Some(id) = line.strip_prefix("id: ") {
                self.ids.push(id.trim().parse().unwrap());
            }
            self.ended |= line.trim() == "event: end";
        }
    }

    async fn until(&mut self, done: impl Fn(&Self) -> bool) {
        while !done(self) {
            assert!(!self.closed, "closed after {:?}", self.ids.last());
            self.read(16 * 1024).await;
        }
    }
}

/// Every number from `first` to `last`, once and in order.
#[track_caller]
fn assert_whole(ids: &[u64], first: u64, last: u64) {
    assert!(ids.iter().copied().eq(first..=last), "{} ids, {:?}…", ids.len(), ids.iter().take(5));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_clients_get_every_event_once_and_in_order() {
    const CLIENTS: usize = 100;
    const LAST: u64 = 1_203;
    let stage = Stage::new().await;
    let mut run = stage.journal(1);
    run.grow(200);
    let path = format!("/runs/{}/events", run.run);
    let mut clients = tokio::task::JoinSet::new();
    for number in 0..CLIENTS {
        // Some come from the beginning, some from the middle, some wait for what is not there yet.
        let after = [0, 100, 201, 500][number % 4];
        let mut client = Follower::connect(&stage, &format!("{path}?after={after}"), None).await;
        clients.spawn(async move {
            client.until(|client| client.ended).await;
            assert_whole(&client.ids, after + 1, LAST);
        });
    }
    let mut cut = Follower::connect(&stage, &path, None).await;
    let mut slow = Follower::connect(&stage, &path, None).await;
    let writing = {
        let store = stage.services.store.clone();
        let (id, seq) = (run.run, run.seq);
        tokio::task::spawn_blocking(move || {
            let mut run = super::stage::Journalled::new(&store, id, seq);
            for size in [1, 2, 3, 5, 89, 300, 600] {
                run.grow(size);
            }
            run.end();
        })
    };
    cut.until(|client| client.ids.len() > 150).await;
    let (had, last) = (cut.ids.clone(), cut.ids.last().copied());
    drop(cut);
    let mut back = Follower::connect(&stage, &format!("{path}?after=3"), last).await;
    back.until(|client| client.ended).await;
    assert_whole(&[had, back.ids].concat(), 1, LAST);
    writing.await.unwrap();
    // Everybody else is served while one client reads a byte at a time.
    slow.read(1).await;
    while let Some(client) = clients.join_next().await {
        client.unwrap();
    }
    slow.read(1).await;
    slow.until(|client| client.ended).await;
    assert_whole(&slow.ids, 1, LAST);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_takes_a_byte_a_second_delays_nobody_and_misses_nothing() {
    const LAST: u64 = 8_001;
    let stage = Stage::new().await;
    let run = stage.journal(1);
    let path = format!("/runs/{}/events", run.run);
    let mut slow = Follower::connect(&stage, &path, None).await;
    let slow = tokio::spawn(async move {
        for _ in 0..3 {
            slow.read(1).await;
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        slow
    });
    let mut quick = Follower::connect(&stage, &path, None).await;
    let (id, seq, store) = (run.run, run.seq, stage.services.store.clone());
    let writing = tokio::task::spawn_blocking(move || {
        let mut run = super::stage::Journalled::new(&store, id, seq);
        // More than lies between the two sides.
        (1..LAST / 500).for_each(|_| run.grow(500));
        run.grow(498);
        run.end();
    });
    quick.until(|client| client.ended).await;
    assert_whole(&quick.ids, 1, LAST);
    assert!(!slow.is_finished(), "the slow one was waited for");
    writing.await.unwrap();
    let mut slow = slow.await.unwrap();
    slow.until(|client| client.ended).await;
    assert_whole(&slow.ids, 1, LAST);
}

#[tokio::test]
async fn the_end_is_said_once_and_nobody_comes_back() {
    let stage = Stage::new().await;
    let mut run = stage.journal(1);
    run.end();
    let path = format!("/runs/{}/events", run.run);
    let heard = stage.get(&path).await.expect(200);
    assert_eq!(heard.header("content-type"), Some("text/event-stream; charset=utf-8"));
    assert_eq!(heard.header("cache-control"), Some("no-cache, no-transform"));
    assert_eq!(heard.header("x-accel-buffering"), Some("no"));
    assert!(heard.body.starts_with("retry: 2000\n\nid: 1\nevent: task.accepted\ndata: {"));
    let end =
        format!("event: end\ndata: {{\"run_id\":\"{}\",\"status\":\"succeeded\"}}\n\n", run.run);
    assert!(heard.body.ends_with(&end), "{}", heard.body);
    let ready = heard.body.lines().filter(|line| line.starts_with("data: ")).nth(2).unwrap();
    let ready: serde_json::Value = serde_json::from_str(&ready["data: ".len()..]).unwrap();
    assert_eq!(ready["payload"]["report"]["summary"], "done");
    assert_eq!((ready["seq"].as_u64(), ready["global_seq"].as_u64()), (Some(3), Some(3)));
    for cursor in ["3", "4", "9999"] {
        stage.call("GET", &path, &[("last-event-id", cursor)], None).await.expect(204);
        stage.get(&format!("{path}?after={cursor}")).await.expect(204);
    }
    let rest = stage.get(&format!("{path}?after=2")).await.expect(200);
    assert!(rest.body.contains("id: 3\n") && !rest.body.contains("id: 2\n"));
    for bad in ["x", "-1", "1.5", "99999999999999999999"] {
        let problem = stage.get(&format!("{path}?after={bad}")).await.expect(400);
        assert_eq!(problem.json()["errors"][0]["field"], "after");
    }
    let unknown = format!("/runs/run_{:032x}/events", 99);
    stage.get(&unknown).await.expect(404);
    stage.get("/runs/run_system/events").await.expect(404);
}

#[tokio::test]
async fn the_stream_of_everything_is_numbered_by_the_store_and_does_not_end() {
    let stage = Stage::new().await;
    let (mut one, mut other) = (stage.journal(1), stage.journal(2));
    let mut client = Follower::connect(&stage, "/events", None).await;
    one.grow(2);
    other.grow(1);
    one.end();
    other.end();
    client.until(|client| client.ids.last() == Some(&9)).await;
    assert_whole(&client.ids, 1, 9);
    assert!(!client.ended);
    let mut later = Follower::connect(&stage, "/events", Some(8)).await;
    later.until(|client| !client.ids.is_empty()).await;
    assert_eq!(later.ids, [9]);
}

#[tokio::test]
async fn streams_end_when_the_server_does_and_places_are_given_back() {
    let wanted = Wanted { connections_max: 9, ..Wanted::default() };
    let mut stage = Stage::with(wanted).await;
    let run = stage.journal(1).run;
    let path = format!("/runs/{run}/events");
    // An eighth of the connections is not for streams: eight of nine.
    let mut clients = Vec::new();
    for _ in 0..8 {
        let mut client = Follower::connect(&stage, &path, None).await;
        client.until(|client| !client.ids.is_empty()).await;
        clients.push(client);
    }
    let crowded = stage.get(&path).await.expect(503);
    assert_eq!((crowded.slug().as_str(), crowded.header("retry-after")), ("crowded", Some("5")));
    clients.pop();
    let until = Instant::now() + PATIENCE;
    loop {
        let mut client = Follower::connect(&stage, &path, None).await;
        client.read(4096).await;
        if !client.ids.is_empty() || client.rest.is_empty() && !client.closed {
            break;
        }
        assert!(Instant::now() < until, "no place was given back");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    stage.stop().await;
    assert!(!stage.socket().exists());
    for mut client in clients {
        client.until(|client| client.closed).await;
        assert!(!client.ended);
    }
}

/// Reads until the stream ends; counts the events and notes whether their ids had a hole. The part
/// that is read into does not belong to the client: a thousand of them shall cost little.
async fn count(stream: TcpStream) -> (u64, bool) {
    let (mut count, mut whole, mut line) = (0_u64, true, Vec::new());
    loop {
        stream.readable().await.unwrap();
        let mut part = [0; 64 * 1024];
        let read = match stream.try_read(&mut part) {
            Ok(0) => return (count, whole),
            Ok(read) => read,
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => continue,
            Err(error) => panic!("{error}"),
        };
        for piece in part[..read].split_inclusive(|byte| *byte == b'\n') {
            // Only the beginning of a line is of interest.
            line.extend(piece.iter().take(24_usize.saturating_sub(line.len())));
            if piece.ends_with(b"\n") {
                if let Some(id) = line.strip_prefix(b"id: ") {
                    count += 1;
                    let id = std::str::from_utf8(id).unwrap().trim();
                    whole &= id.parse() == Ok(count);
                }
                line.clear();
            }
        }
    }
}

fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

/// Not for every day: `cargo test --release --lib thousand_clients -- --ignored --nocapture`.
/// The clients are in the same process, so that memory and time are those of both sides.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes long and measures"]
async fn a_thousand_clients_follow_one_busy_run() {
    const CLIENTS: u64 = 1_000;
    const EVENTS: u64 = if cfg!(debug_assertions) { 1_000 } else { 20_000 };
    let stage = Stage::new().await;
    let run = stage.journal(1);
    let text =
        request(&stage.address.to_string(), "GET", &format!("/runs/{}/events", run.run), &[], None);
    let before = resident_bytes();
    let mut clients = tokio::task::JoinSet::new();
    for _ in 0..CLIENTS {
        let mut stream = TcpStream::connect(stage.address).await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        // The head and the first event.
        stream.readable().await.unwrap();
        clients.spawn(count(stream));
    }
    // One takes a byte a second: nobody else may notice.
    let mut slow = TcpStream::connect(stage.address).await.unwrap();
    slow.write_all(text.as_bytes()).await.unwrap();
    let slow = tokio::spawn(async move {
        let mut byte = [0_u8; 1];
        while slow.read_exact(&mut byte).await.is_ok() {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    });
    tokio::time::sleep(Duration::from_secs(1)).await;
    let idle = resident_bytes();
    let started = Instant::now();
    let store = stage.services.store.clone();
    let (id, seq) = (run.run, run.seq);
    tokio::task::spawn_blocking(move || {
        let mut run = super::stage::Journalled::new(&store, id, seq);
        for _ in 0..EVENTS / 100 {
            run.grow(100);
        }
        run.end();
    });
    let (mut delivered, mut busiest) = (0, idle);
    while let Some(client) = clients.join_next().await {
        let (count, whole) = client.unwrap();
        assert!(whole && count == EVENTS + 3, "{count} events");
        delivered += count;
        busiest = busiest.max(resident_bytes());
    }
    let seconds = started.elapsed().as_secs_f64();
    slow.abort();
    println!(
        "{CLIENTS} clients: {:.1} KB each while idle, {:.1} KB each while busy, {:.0} events/s",
        (idle - before) as f64 / CLIENTS as f64 / 1e3,
        (busiest - before) as f64 / CLIENTS as f64 / 1e3,
        delivered as f64 / seconds,
    );
}
