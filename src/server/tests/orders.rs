//! Orders that come again, whose callers leave, or that come while nothing is taken.

use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::{Value, json};

use super::stage::{PATIENCE, Stage, TOKEN, Wanted};
use crate::contracts::{EventKind, RunId, ScheduleId, Trigger};
use crate::scheduler::{Control, NewKey, Origin};
use crate::server::idempotency;

/// The key `k` of a request.
fn key(address: &str, body: &Value) -> NewKey {
    idempotency::new(&idempotency::scope(address, &[]), "k", &Bytes::from(body.to_string()))
}

const K: [(&str, &str); 1] = [("idempotency-key", "k")];

/// A run that waits for an answer.
async fn asking(stage: &Stage) -> RunId {
    let taken = stage.post("/tasks", &json!({ "playbook": "ask" })).await.expect(202).json();
    let run: RunId = taken["run_id"].as_str().unwrap().parse().unwrap();
    until_status(stage, run, "waiting_approval").await;
    run
}

async fn until_status(stage: &Stage, run: RunId, status: &str) {
    let until = Instant::now() + PATIENCE;
    while stage.get(&format!("/runs/{run}")).await.json()["status"] != status {
        assert!(Instant::now() < until, "{run} is not {status}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn cancels(stage: &Stage, run: RunId) -> usize {
    let events = stage.store().reader().events(&run.to_string(), 0, 1_000).unwrap();
    events.iter().filter(|event| event.kind == EventKind::RunCancelRequested).count()
}

#[tokio::test]
async fn a_cancel_whose_answer_was_lost_counts_once() {
    let stage = Stage::new().await;
    let run = asking(&stage).await;
    let (address, body) = (format!("/runs/{run}/cancel"), json!({ "reason": "enough" }));
    // As after a crash: the key and the event are durable, the answer is not.
    let at = stage.services.clock.now();
    stage.store().note_key(key(&address, &body), at).unwrap();
    stage.post(&address, &body).await.expect(202);
    let again = stage.call("POST", &address, &K, Some(&body)).await.expect(202).json();
    assert_eq!(again["run_id"], run.to_string());
    assert_eq!(cancels(&stage, run), 1);
    until_status(&stage, run, "cancelled").await;
}

#[tokio::test]
async fn a_cancel_that_was_never_carried_out_is_carried_out() {
    let stage = Stage::new().await;
    let run = asking(&stage).await;
    let (address, body) = (format!("/runs/{run}/cancel"), json!({}));
    let at = stage.services.clock.now();
    stage.store().note_key(key(&address, &body), at).unwrap();
    for _ in 0..2 {
        stage.call("POST", &address, &K, Some(&body)).await.expect(202);
    }
    assert_eq!(cancels(&stage, run), 1);
    until_status(&stage, run, "cancelled").await;
}

#[tokio::test]
async fn a_schedule_whose_answer_was_lost_is_made_once() {
    let stage = Stage::new().await;
    let body = json!({ "playbook": "look", "cron": "@daily", "inputs": { "path": "README.md" } });
    let first = stage.call("POST", "/schedules", &K, Some(&body)).await.expect(201);
    let later = crate::contracts::Timestamp::from_ms(stage.services.clock.now().ms() + 60_000);
    assert_eq!(stage.store().prune_keys(later).unwrap(), 1);
    let again = stage.call("POST", "/schedules", &K, Some(&body)).await.expect(201);
    assert_eq!(again.header("idempotency-replayed"), None);
    assert_eq!((first.header("location"), first.json()), (again.header("location"), again.json()));
    let other = stage.post("/schedules", &body).await.expect(201).json();
    assert_ne!(other["schedule_id"], first.json()["schedule_id"]);

    // Started now, and the answer was lost.
    let id: ScheduleId = other["schedule_id"].as_str().unwrap().parse().unwrap();
    let (address, body) = (format!("/schedules/{id}/run"), json!({}));
    let key = Some(key(&address, &body));
    let origin = Origin { by: "api".to_owned(), trigger: Trigger::Api, key };
    let run = stage.engine.run_now(id, origin).await.unwrap().unwrap();
    for _ in 0..2 {
        let again = stage.call("POST", &address, &K, Some(&body)).await.expect(202).json();
        assert_eq!(again["run_id"], run.to_string());
    }
}

#[tokio::test]
async fn an_order_is_carried_out_when_nobody_waits_for_it() {
    let stage = Stage::new().await;
    let run = asking(&stage).await;
    let cancel = Control::Cancel { by: "somebody".to_owned(), reason: None };
    let waited = tokio::time::timeout(Duration::ZERO, stage.engine.control(run, cancel)).await;
    assert!(waited.is_err(), "it was over at once");
    until_status(&stage, run, "cancelled").await;
}

#[tokio::test]
async fn who_does_not_know_the_secret_hears_of_no_key() {
    let stage = Stage::with(Wanted { token: Some(TOKEN), ..Wanted::default() }).await;
    let body = json!({ "what": "happened" });
    let send = async |secret: &str, body: &Value| {
        let headers = [K[0], ("x-webhook-secret", secret)];
        stage.call("POST", "/hooks/hooked", &headers, Some(body)).await
    };
    let never = send("secret", &body).await.expect(401);
    let first = send("very secret", &body).await.expect(202);
    let known = send("secret", &body).await.expect(401);
    let other = send("secret", &json!({})).await.expect(401);
    assert!(never.body == known.body && never.body == other.body);
    let again = send("very secret", &body).await.expect(202);
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    assert_eq!(again.json(), first.json());
    assert_eq!(send("very secret", &json!({})).await.expect(422).slug(), "key_reused");
    // What everybody may ask has no keys: nobody gets the session of another.
    let token = json!({ "token": TOKEN });
    let one = stage.call("POST", "/session", &K, Some(&token)).await.expect(200);
    let other = stage.call("POST", "/session", &K, Some(&token)).await.expect(200);
    assert_ne!(one.json()["csrf"], other.json()["csrf"]);
    stage.call("POST", "/session", &K, Some(&json!({ "token": "x" }))).await.expect(401);
}

#[tokio::test]
async fn nothing_is_taken_while_it_ends() {
    let stage = Stage::new().await;
    stage.engine.shutdown(Duration::ZERO).await;
    let ready = stage.get("/readyz").await;
    assert_eq!((ready.status, &ready.json()["ready"]), (503, &json!(false)));
    let refused = stage.post("/tasks", &json!({ "playbook": "ask" })).await.expect(503);
    assert_eq!(refused.slug(), "stopping");
    assert!(refused.header("retry-after").is_some());
    assert_eq!(stage.get("/events").await.expect(503).slug(), "stopping");
    stage.get("/healthz").await.expect(200);
    stage.get("/runs").await.expect(200);
}

#[tokio::test]
async fn nothing_is_taken_when_the_store_stopped_writing() {
    let stage = Stage::new().await;
    stage.store().poison();
    let ready = stage.get("/readyz").await;
    assert_eq!((ready.status, &ready.json()["ready"]), (503, &json!(false)));
    let warnings = ready.json()["warnings"].to_string();
    assert!(
        warnings.contains("stopped writing") && !warnings.contains("a test says"),
        "{warnings}"
    );
    let refused = stage.post("/tasks", &json!({ "playbook": "ask" })).await.expect(503);
    assert_eq!(refused.slug(), "not_writing");
    stage.get("/runs").await.expect(200);
}

#[tokio::test]
async fn a_run_is_shown_with_its_events_page_by_page() {
    let stage = Stage::new().await;
    let mut run = stage.journal(1);
    run.grow(3);
    let seqs = async |query: &str| -> Vec<u64> {
        let shown = stage.get(&format!("/runs/{}{query}", run.run)).await.expect(200).json();
        let events = shown["events"].as_array().unwrap().clone();
        events.iter().map(|event| event["seq"].as_u64().unwrap()).collect()
    };
    assert_eq!(seqs("").await, [0_u64; 0]);
    assert_eq!(seqs("?events=false").await, [0_u64; 0]);
    assert_eq!(seqs("?events=true").await, [1, 2, 3, 4]);
    assert_eq!(seqs("?events=true&limit=2").await, [1, 2]);
    assert_eq!(seqs("?events=true&limit=2&after=2").await, [3, 4]);
    assert_eq!(seqs("?events=true&after=4").await, [0_u64; 0]);
    for wrong in ["events=1", "events=true&after=x", "events=true&limit=501"] {
        stage.get(&format!("/runs/{}?{wrong}", run.run)).await.expect(400);
    }
}
