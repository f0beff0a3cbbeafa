//! Documents that must be read, and documents that must not.

use serde_json::{Value, json};

use super::CONTRACTS;
use crate::contracts::*;

const HEX: &str = "0190a0b1c2d37e4f8a9b0c1d2e3f4a5b";

fn reads(name: &str, document: &Value) -> bool {
    CONTRACTS.iter().find(|(own, _)| *own == name).unwrap().1(document).is_ok()
}

fn call() -> Value {
    json!({
        "id": format!("call_{HEX}"), "run_id": format!("run_{HEX}"), "step_id": "each[3]/inner",
        "name": "read_text", "args": { "path": "README.md" }, "timeout_ms": 30_000,
        "allow_network": false, "allow_fs": "read", "idempotency_key": "k", "origin": "playbook"
    })
}

#[test]
fn a_tool_call_is_read_or_refused() {
    assert!(reads("tool-call", &call()));
    for (field, bad) in [
        ("id", json!(format!("run_{HEX}"))),
        ("id", json!(format!("call_{}", HEX.to_uppercase()))),
        ("run_id", json!("run_system")),
        ("run_id", Value::Null),
        ("args", json!([])),
        ("timeout_ms", json!(-1)),
        ("timeout_ms", json!(1.5)),
        ("timeout_ms", json!("30s")),
        ("allow_network", json!("no")),
        ("allow_fs", json!("Read")),
        ("origin", json!("root")),
        ("labels", json!("untrusted:web")),
        ("authorized", json!(true)),
    ] {
        let mut changed = call();
        changed[field] = bad;
        assert!(!reads("tool-call", &changed), "{changed}");
    }
}

#[test]
fn a_field_given_twice_is_refused() {
    let text = "{\"code\":\"a\",\"code\":\"b\",\"severity\":\"error\",\"message\":\"m\",\"file\":\"f\",\"line\":1,\"column\":1}";
    assert!(serde_json::from_str::<Diagnostic>(text).is_err());
    assert!(serde_json::from_str::<Diagnostic>(&text.replace("\"code\":\"b\",", "")).is_ok());
}

#[test]
fn a_time_in_a_document_must_be_one() {
    let result = |started: &str| {
        json!({
            "call_id": format!("call_{HEX}"), "ok": true, "started_at": started,
            "finished_at": "2026-05-01T07:00:00.000Z", "truncated": false,
            "receipt": { "profile": "", "enforced": [], "missing": [] }
        })
    };
    assert!(reads("tool-result", &result("2026-05-01T07:00:00.000Z")));
    for bad in ["", "now", "2026-05-01", "2026-13-01T00:00:00Z", "2026-05-01T07:00:00"] {
        assert!(!reads("tool-result", &result(bad)), "{bad}");
    }
}

#[test]
fn a_submission_needs_a_goal_or_a_playbook_and_keeps_its_limits() {
    let check =
        |document: Value| serde_json::from_value::<TaskSubmission>(document).unwrap().check();
    assert_eq!(check(json!({ "goal": "tidy up" })), Ok(TaskType::Goal));
    assert_eq!(check(json!({ "playbook": "repo-health" })), Ok(TaskType::Playbook));
    let both = json!({ "playbook": "repo-health", "goal": "why", "type": "playbook" });
    assert_eq!(check(both), Ok(TaskType::Playbook));
    let attachment = |fields: Value| {
        let mut attachment = json!({ "name": "a.txt", "media_type": "text/plain" });
        attachment.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        json!({ "goal": "x", "attachments": [attachment] })
    };
    assert!(check(attachment(json!({ "data": "aGk=" }))).is_ok());
    assert!(check(attachment(json!({ "path": "docs/a.txt" }))).is_ok());
    let long = |bytes: usize| "x".repeat(bytes);
    for (bad, why) in [
        (json!({}), "needs a `goal` or a `playbook`"),
        (json!({ "goal": "  " }), "empty"),
        (json!({ "goal": "x", "type": "playbook" }), "`type`"),
        (json!({ "goal": long(GOAL_BYTES_MAX + 1) }), "`goal` has more"),
        (json!({ "goal": "x", "labels": { "a": long(TEXT_BYTES_MAX + 1) } }), "a label"),
        (json!({ "goal": "x", "idempotency_key": long(TEXT_BYTES_MAX + 1) }), "key"),
        (attachment(json!({})), "exactly one"),
        (attachment(json!({ "path": "a", "data": "aGk=" })), "exactly one"),
        (attachment(json!({ "artifact": "ABC" })), "64 lower-case"),
        (attachment(json!({ "data": "aGk" })), "base64"),
        (attachment(json!({ "data": "a=k=" })), "base64"),
        (attachment(json!({ "data": "QUFB".repeat(ATTACHMENT_BYTES_MAX / 3 + 1) })), "bytes"),
        (attachment(json!({ "name": "../x", "data": "" })), "file name"),
        (attachment(json!({ "name": "", "data": "" })), "file name"),
    ] {
        let mistakes = check(bad).unwrap_err();
        assert_eq!(mistakes.len(), 1, "{mistakes:?}");
        assert!(mistakes[0].to_string().contains(why), "{mistakes:?}");
    }
    let many: Vec<Value> =
        (0..=HINTS_MAX).map(|_| json!({ "kind": "text", "value": "x" })).collect();
    let all = check(json!({ "goal": "", "context_hints": many })).unwrap_err();
    assert_eq!(all.len(), 2, "every mistake is named: {all:?}");
}

#[test]
fn a_budget_can_only_be_narrowed() {
    let small = Budget { steps: 5, cost_usd: 9.0, ..Budget::default() };
    let narrowed = Budget::default().narrowed(&small);
    assert_eq!((narrowed.steps, narrowed.cost_usd), (5, 1.0));
    assert_eq!(narrowed.retries, Budget::default().retries);
}
