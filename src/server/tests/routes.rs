//! Every route, and what the document says of it.

use std::collections::BTreeSet;
use std::time::Instant;

use serde_json::{Value, json};

use super::http::{Heard, request};
use super::stage::{PATIENCE, Stage, TOKEN, Wanted};
use crate::server::openapi::{document, parts, problems};
use crate::server::route::{Access, Gives, Takes};
use crate::server::routes::ROUTES;

/// An address of a route, with ids that name nothing.
fn nowhere(path: &str) -> String {
    let mut address = path.to_owned();
    for part in parts(path) {
        let id = match part {
            "run_id" => format!("run_{:032x}", 77),
            "task_id" => format!("task_{:032x}", 77),
            "approval_id" => format!("apr_{:032x}", 77),
            "schedule_id" => format!("sch_{:032x}", 77),
            _ => "nothing".to_owned(),
        };
        address = address.replace(&format!("{{{part}}}"), &id);
    }
    address
}

#[tokio::test]
async fn every_route_answers_as_the_document_says() {
    let stage = Stage::new().await;
    for route in ROUTES.iter() {
        // The stream of everything has no end.
        if matches!(route.gives, Gives::Events) && parts(route.path).next().is_none() {
            continue;
        }
        let body = match route.takes {
            Takes::Nothing => None,
            _ => Some(json!({})),
        };
        let (method, address) = (route.method.as_str(), nowhere(route.path));
        let heard = stage.call(method, &address, &[], body.as_ref()).await;
        let known = heard.status == route.status || problems(route).contains(&heard.status);
        assert!(known, "{method} {address}: {heard:?}");
        if heard.status != 503 {
            assert!(!heard.body.contains("nothing is at"), "{method} {address}: {heard:?}");
            let status = heard.status;
            heard.expect(status);
        }
    }
}

#[tokio::test]
async fn nothing_but_what_is_open_answers_without_the_token() {
    let stage = Stage::with(Wanted { token: Some(TOKEN), ..Wanted::default() }).await;
    for route in ROUTES.iter().filter(|route| route.access == Access::Token) {
        let heard = stage.call(route.method.as_str(), &nowhere(route.path), &[], None).await;
        let heard = heard.expect(401);
        assert!(heard.header("www-authenticate").is_some_and(|it| it.starts_with("Bearer")));
    }
    for path in ["/", "/healthz", "/readyz"] {
        stage.get(path).await.expect(200);
    }
    // What there is, is not told either.
    stage.get("/nothing/here").await.expect(401);
    stage.call("PUT", "/runs", &[], None).await.expect(401);
    let right = [("x-execution-token", TOKEN)];
    stage.call("GET", "/runs", &right, None).await.expect(200);
    stage.call("GET", "/nothing/here", &right, None).await.expect(404);
    let wrong = stage.call("PUT", "/runs", &right, None).await.expect(405);
    assert_eq!(wrong.header("allow"), Some("GET, HEAD"));
    // The socket is for this user's own programs.
    let text = request("localhost", "GET", "/runs", &[], None);
    stage.raw_unix(text.as_bytes()).await.expect(200);
}

#[test]
fn the_document_is_sound() {
    let document = document();
    let mut names = BTreeSet::new();
    for route in ROUTES.iter() {
        let method = route.method.as_str().to_lowercase();
        let operation = &document["paths"][route.path][&method];
        assert_eq!(operation["operationId"], route.name);
        assert!(names.insert(route.name), "`{}` stands there twice", route.name);
    }
    let mut refs = Vec::new();
    collect_refs(&document, &mut refs);
    assert!(refs.len() > 40, "only {} references", refs.len());
    for reference in refs {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "`{reference}` leads nowhere");
    }
    let submission = &document["components"]["schemas"]["TaskSubmission"];
    let (_, committed) = crate::contracts::schemas()
        .into_iter()
        .find(|(name, _)| *name == "task-submission")
        .unwrap();
    let names =
        |schema: &Value| schema["properties"].as_object().unwrap().keys().cloned().collect();
    let (here, there): (BTreeSet<String>, BTreeSet<String>) =
        (names(submission), names(&committed));
    assert_eq!(here, there);
}

fn collect_refs(value: &Value, refs: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            if let Some(Value::String(reference)) = fields.get("$ref") {
                refs.push(reference.clone());
            }
            fields.values().for_each(|value| collect_refs(value, refs));
        }
        Value::Array(items) => items.iter().for_each(|value| collect_refs(value, refs)),
        _ => {}
    }
}

#[tokio::test]
async fn names_and_ids_that_are_tricks_name_nothing() {
    let stage = Stage::new().await;
    let long = "a".repeat(4_000);
    let ids = ["..", "%2e%2e", "%00", "run_%00", "..%2f..%2fetc", "%ff", "run_", "RUN_", &long];
    for id in ids {
        for (method, path) in [
            ("GET", "/runs/{}"),
            ("GET", "/runs/{}/report"),
            ("GET", "/runs/{}/events"),
            ("POST", "/runs/{}/cancel"),
            ("GET", "/api/v1/execution/approvals/{}"),
            ("GET", "/api/v1/execution/tasks/{}"),
            ("GET", "/schedules/{}"),
            ("POST", "/hooks/{}"),
        ] {
            let path = path.replace("{}", id);
            let heard = stage.call(method, &path, &[], None).await;
            assert!([400, 401, 404].contains(&heard.status), "{method} {path}: {heard:?}");
            let status = heard.status;
            heard.expect(status);
        }
    }
    let far = format!("/runs/{}", "a".repeat(9_000));
    stage.get(&far).await.expect(414);
    for query in ["limit=0", "limit=x", "cursor=x", "nothing=1", "limit=1&limit=2", "status=x"] {
        let heard = stage.get(&format!("/runs?{query}")).await.expect(400);
        assert!(heard.json()["errors"][0]["field"].is_string(), "{heard:?}");
    }
    assert_eq!(stage.store().reader().runs(None, 10).unwrap(), []);
}

/// Follows a run to its end and gives its report.
async fn report_of(stage: &Stage, run: &str) -> Value {
    let heard = stage.get(&format!("/runs/{run}/events")).await.expect(200);
    assert!(heard.body.contains("event: end\n"), "{heard:?}");
    stage.get(&format!("/runs/{run}/report")).await.expect(200).json()
}

#[tokio::test]
async fn a_task_is_taken_once_for_a_key_and_done() {
    let stage = Stage::new().await;
    let task = json!({ "playbook": "look", "inputs": { "path": "README.md" } });
    let key = [("idempotency-key", "one")];
    let first = stage.call("POST", "/tasks", &key, Some(&task)).await.expect(202);
    let run = first.json()["run_id"].as_str().unwrap().to_owned();
    assert_eq!(first.header("location"), Some(format!("/runs/{run}").as_str()));
    assert_eq!(first.json()["status"], "queued");
    let again = stage.call("POST", "/tasks", &key, Some(&task)).await.expect(202);
    assert_eq!(again.json(), first.json());
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    assert_eq!(again.header("location"), first.header("location"));
    let other = json!({ "playbook": "look", "inputs": { "path": "LICENSE" } });
    let reused = stage.call("POST", "/tasks", &key, Some(&other)).await.expect(422);
    assert_eq!(reused.slug(), "key_reused");
    assert_eq!(report_of(&stage, &run).await["outcome"], "succeeded");
    let runs = stage.get("/runs?status=succeeded&playbook=look").await.expect(200).json();
    assert_eq!(runs["items"].as_array().unwrap().len(), 1, "{runs}");
    let shown = stage.get(&format!("/runs/{run}")).await.expect(200).json();
    assert_eq!((&shown["status"], &shown["run_id"]), (&json!("succeeded"), &json!(run)));
    let task = first.json()["task_id"].as_str().unwrap().to_owned();
    let task = stage.get(&format!("/api/v1/execution/tasks/{task}")).await.expect(200).json();
    assert_eq!((&task["status"], &task["step_count"]), (&json!("succeeded"), &json!(1)));
    let ended = stage.post(&format!("/runs/{run}/cancel"), &json!({})).await.expect(409);
    assert_eq!(ended.slug(), "ended");
}

#[tokio::test]
async fn a_task_that_is_wrong_names_every_field_and_is_not_kept() {
    let stage = Stage::new().await;
    for (task, field) in [
        (json!({}), None),
        (json!({ "playbook": "nothing" }), Some("playbook")),
        (json!({ "playbook": "look" }), Some("inputs.path")),
        (json!({ "playbook": "look", "inputs": { "path": 7 } }), Some("inputs.path")),
        (json!({ "playbook": "look", "budget": { "steps": "x" } }), Some("budget.steps")),
        (json!({ "plybook": "look" }), Some("plybook")),
    ] {
        let heard = stage.post("/tasks", &task).await.expect(422);
        let problem = heard.json();
        let fields: Vec<_> = problem["errors"].as_array().unwrap().iter().collect();
        assert!(!fields.is_empty(), "{task}: {problem}");
        if let Some(field) = field {
            let named = fields.iter().any(|error| error["field"] == field);
            assert!(named, "{task}: {problem}");
        }
    }
    assert_eq!(stage.store().reader().runs(None, 10).unwrap(), []);
}

/// Waits for the one open question.
async fn question(stage: &Stage) -> Value {
    let until = Instant::now() + PATIENCE;
    loop {
        let open = stage.get("/api/v1/execution/approvals?status=open").await.expect(200).json();
        if let Some(question) = open["approvals"].get(0) {
            return question.clone();
        }
        assert!(Instant::now() < until, "nobody asks");
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_question_is_answered_once() {
    let stage = Stage::new().await;
    let taken = stage.post("/tasks", &json!({ "playbook": "ask" })).await.expect(202).json();
    let run = taken["run_id"].as_str().unwrap().to_owned();
    let asked = question(&stage).await;
    assert_eq!((&asked["step"], &asked["prompt"]), (&json!("gate"), &json!("Shall it?")));
    assert_eq!((&asked["run_id"], &asked["status"]), (&json!(run), &json!("open")));
    let path = format!("/api/v1/execution/approvals/{}", asked["approval_id"].as_str().unwrap());
    stage.get(&format!("/runs/{run}/report")).await.expect(404);
    let wrong = stage.post(&path, &json!({ "approved": "yes" })).await.expect(422);
    assert_eq!(wrong.json()["errors"][0]["field"], "approved");
    let answer = json!({ "approved": true, "reason": "fine" });
    let key = [("idempotency-key", "answer")];
    let answered = stage.call("POST", &path, &key, Some(&answer)).await.expect(200);
    assert_eq!(answered.json()["approved"], true);
    let again = stage.call("POST", &path, &key, Some(&answer)).await.expect(200);
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    assert_eq!(again.json(), answered.json());
    let twice = stage.post(&path, &answer).await.expect(409);
    assert!(["already_answered", "ended"].contains(&twice.slug().as_str()), "{twice:?}");
    assert_eq!(report_of(&stage, &run).await["outcome"], "succeeded");
    let shown = stage.get(&path).await.expect(200).json();
    assert_eq!((&shown["status"], &shown["by"]), (&json!("approved"), &json!("api")));
    assert_eq!(shown["reason"], "fine");
}

#[tokio::test]
async fn a_run_that_waits_can_be_held_and_stopped() {
    let stage = Stage::new().await;
    let taken = stage.post("/tasks", &json!({ "playbook": "ask" })).await.expect(202).json();
    let run = taken["run_id"].as_str().unwrap().to_owned();
    question(&stage).await;
    let at = |order: &str| format!("/runs/{run}/{order}");
    assert_eq!(stage.post(&at("resume"), &json!({})).await.expect(409).slug(), "not_paused");
    let doubt = json!({ "resolution": "happened" });
    assert_eq!(stage.post(&at("resolve"), &doubt).await.expect(409).slug(), "not_in_doubt");
    // Without a body.
    let paused = stage.call("POST", &at("pause"), &[], None).await.expect(202).json();
    assert_eq!((&paused["run_id"], &paused["status"]), (&json!(run), &json!("paused")));
    assert_eq!(stage.call("POST", &at("pause"), &[], None).await.expect(409).slug(), "paused");
    stage.post(&at("resume"), &json!({ "reason": "go" })).await.expect(202);
    stage.post(&at("cancel"), &json!({ "reason": "enough" })).await.expect(202);
    assert_eq!(report_of(&stage, &run).await["outcome"], "cancelled");
}

#[tokio::test]
async fn a_webhook_needs_its_secret_and_tells_nothing() {
    let stage = Stage::with(Wanted { token: Some(TOKEN), ..Wanted::default() }).await;
    let body = json!({ "what": "happened" });
    let right = [("x-webhook-secret", "very secret")];
    let unknown = stage.call("POST", "/hooks/nothing", &right, Some(&body)).await.expect(401);
    let without = stage.call("POST", "/hooks/ask", &right, Some(&body)).await.expect(401);
    let wrong = [("x-webhook-secret", "secret")];
    let wrong = stage.call("POST", "/hooks/hooked", &wrong, Some(&body)).await.expect(401);
    assert!(unknown.body == wrong.body && without.body == wrong.body);
    let taken = stage.call("POST", "/hooks/hooked", &right, Some(&body)).await.expect(202);
    let run = taken.json()["run_id"].as_str().unwrap().to_owned();
    let (path, token) = (format!("/runs/{run}"), [("x-execution-token", TOKEN)]);
    let task = stage.call("GET", &path, &token, None).await.expect(200).json()["task"].clone();
    assert_eq!(task["inputs"]["note"], body.to_string());
}

#[tokio::test]
async fn a_browser_exchanges_the_token_for_a_cookie() {
    let stage = Stage::with(Wanted { token: Some(TOKEN), ..Wanted::default() }).await;
    stage.post("/session", &json!({ "token": "wrong" })).await.expect(401);
    let begun = stage.post("/session", &json!({ "token": TOKEN })).await.expect(200);
    let cookie = begun.header("set-cookie").unwrap().to_owned();
    assert!(cookie.contains("; HttpOnly; SameSite=Strict; Path=/"), "{cookie}");
    let cookie = cookie.split(';').next().unwrap().to_owned();
    let csrf = begun.json()["csrf"].as_str().unwrap().to_owned();
    let with = |more: &[(&'static str, &str)]| -> Vec<(&'static str, String)> {
        let more = more.iter().map(|(name, value)| (*name, (*value).to_owned()));
        [("cookie", cookie.clone())].into_iter().chain(more).collect()
    };
    let call = async |method: &str, path: &str, headers: Vec<(&'static str, String)>| -> Heard {
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        stage.call(method, path, &headers, None).await
    };
    call("GET", "/runs", with(&[])).await.expect(200);
    assert_eq!(call("POST", "/tasks", with(&[])).await.expect(403).slug(), "csrf");
    call("POST", "/tasks", with(&[("x-csrf-token", &csrf)])).await.expect(422);
    call("DELETE", "/session", with(&[("x-csrf-token", &csrf)])).await.expect(204);
    call("GET", "/runs", with(&[])).await.expect(401);
}

#[tokio::test]
async fn what_there_is_can_be_listed() {
    let stage = Stage::new().await;
    let playbooks = stage.get("/playbooks").await.expect(200).json();
    let names: Vec<_> =
        playbooks["items"].as_array().unwrap().iter().map(|it| &it["name"]).collect();
    assert_eq!(names, ["ask", "hooked", "look"]);
    let policies = stage.get("/policies").await.expect(200).json();
    assert!(policies["policy_hash"].is_string() && !policies["items"][0]["id"].is_null());
    let ready = stage.get("/readyz").await.expect(200).json();
    assert_eq!((&ready["ready"], &ready["playbooks"]["errors"]), (&json!(true), &json!(0)));
    assert_eq!(stage.get("/healthz").await.expect(200).json()["ok"], true);
    assert_eq!(stage.get("/openapi.json").await.expect(200).json()["openapi"], "3.1.0");
    for number in 1..=3 {
        stage.journal(number);
    }
    let page = stage.get("/runs?limit=2").await.expect(200).json();
    let cursor = page["next_cursor"].as_str().unwrap();
    assert_eq!(page["items"].as_array().unwrap().len(), 2);
    let rest = stage.get(&format!("/runs?limit=2&cursor={cursor}")).await.expect(200).json();
    assert_eq!(rest["items"].as_array().unwrap().len(), 1);
    assert!(rest["next_cursor"].is_null());
}

#[tokio::test]
async fn a_schedule_is_made_held_and_removed() {
    let stage = Stage::new().await;
    let wanted = json!({
        "playbook": "look", "cron": "0 3 * * *", "inputs": { "path": "README.md" },
    });
    let made = stage.post("/schedules", &wanted).await.expect(201);
    let path = made.header("location").unwrap().to_owned();
    let id = made.json()["schedule_id"].clone();
    let shown = stage.get(&path).await.expect(200).json();
    assert_eq!(shown["schedule"]["schedule_id"], id);
    assert_eq!(shown["next"].as_array().unwrap().len(), 5);
    let held = stage.call("PATCH", &path, &[], Some(&json!({ "paused": true }))).await.expect(200);
    assert_eq!(held.json()["paused"], true);
    let started = stage.post(&format!("{path}/run"), &json!({})).await.expect(202).json();
    assert_eq!(
        report_of(&stage, started["run_id"].as_str().unwrap()).await["outcome"],
        "succeeded"
    );
    let listed = stage.get("/schedules").await.expect(200).json();
    assert!(listed["items"].as_array().unwrap().iter().any(|it| it["schedule_id"] == id));
    stage.call("DELETE", &path, &[], None).await.expect(204);
    stage.get(&path).await.expect(404);
    for (wrong, field) in [
        (json!({ "playbook": "look", "cron": "x" }), "cron"),
        (json!({ "playbook": "nothing", "cron": "@daily" }), "playbook"),
        (json!({ "cron": "@daily" }), "playbook"),
    ] {
        let problem = stage.post("/schedules", &wrong).await.expect(422).json();
        let errors = problem["errors"].as_array().unwrap();
        assert!(errors.iter().any(|error| error["field"] == field), "{wrong}: {problem}");
    }
}

#[tokio::test]
async fn what_is_counted_is_given_as_prometheus_reads_it() {
    let stage = Stage::new().await;
    let heard = stage.get("/metrics").await.expect(200);
    assert_eq!(heard.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    let hash = stage.services.policy.current().hash();
    for part in [
        format!("bailiwick_policy_info{{hash=\"{hash}\",profile=\"workspace\"}} 1\n"),
        "bailiwick_policy_decisions_total{effect=\"allow\"} 0\n".to_owned(),
        "bailiwick_store_writes 1\n".to_owned(),
        "bailiwick_queue_runs{state=\"waiting\"} 0\n".to_owned(),
    ] {
        assert!(heard.body.contains(&part), "`{part}` is not in:\n{}", heard.body);
    }
}
