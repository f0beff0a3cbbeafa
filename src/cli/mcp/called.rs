//! What became of a call, as MCP says it.

use rmcp::model::{CallToolResult, ContentBlock, MetaObject};
use serde_json::{Value, json};

use crate::contracts::{ApprovalId, Map, RunId, RunReport, RunStatus};
use crate::orchestrator::RunEnd;

/// The answer to a call whose run ended.
pub(super) fn ended(end: &RunEnd, report: &RunReport) -> CallToolResult {
    let succeeded = end.status == RunStatus::Succeeded;
    // The one step of a dry run.
    let shown = report.outputs.get("items").and_then(|items| items.get(0));
    let result = match shown {
        Some(step) if succeeded => done(&Value::Object(dry(step))),
        Some(step) => {
            let mut refused = dry(step);
            let reason = step.pointer("/decision/reason").cloned().unwrap_or_default();
            refused.insert("status".to_owned(), json!(end.status.as_str()));
            refused.insert("error".to_owned(), reason);
            CallToolResult::structured_error(Value::Object(refused))
        }
        None if succeeded => done(report.outputs.get("data").unwrap_or(&Value::Null)),
        None => CallToolResult::structured_error(failure(end, report)),
    };
    let mut result = with_run(result, end.run_id);
    if let (Some(meta), false) = (&mut result.meta, report.artifacts.is_empty()) {
        meta.0.insert("bailiwick/artifacts".to_owned(), json!(report.artifacts));
    }
    result
}

/// What a call would do, and what is decided about it.
fn dry(step: &Value) -> Map {
    let of = |name: &str| step.pointer(&format!("/decision/{name}"));
    let decision = json!({ "effect": of("effect"), "reason": of("reason"), "rules": of("rules") });
    Map::from_iter([
        ("dry_run".to_owned(), json!(true)),
        ("would".to_owned(), json!(step.get("would"))),
        ("decision".to_owned(), decision),
    ])
}

/// The answer to a call that nobody has answered yet.
pub(super) fn waits(run_id: RunId, asked: &[(ApprovalId, String)]) -> CallToolResult {
    let approvals: Vec<Value> =
        asked.iter().map(|(id, prompt)| json!({ "approval_id": id, "asks": prompt })).collect();
    let first = asked.first().map(|(id, _)| id.to_string()).unwrap_or_default();
    let text = json!({
        "status": "approval_required",
        "approval_id": first,
        "approvals": approvals,
        "run_id": run_id,
        "to_do": format!(
            "a person answers with `bailiwick approvals approve {first}`; then call `{}` with this `run_id`",
            super::server::RESULT_TOOL
        ),
    });
    with_run(CallToolResult::structured_error(text), run_id)
}

/// The answer to a call that stands still for another reason, such as one that is in doubt.
pub(super) fn stands(run_id: RunId, status: RunStatus) -> CallToolResult {
    let text = json!({
        "status": status.as_str(),
        "run_id": run_id,
        "to_do": format!("a person looks at it: bailiwick runs show {run_id}"),
    });
    with_run(CallToolResult::structured_error(text), run_id)
}

/// The answer to a call that was not made.
pub(super) fn refused(kind: &str, message: &str) -> CallToolResult {
    let error = json!({ "kind": kind, "message": message });
    CallToolResult::structured_error(json!({ "status": "failed", "error": error }))
}

fn done(data: &Value) -> CallToolResult {
    match data {
        Value::Object(_) => CallToolResult::structured(data.clone()),
        // What is structured is an object, for clients of older versions.
        other => CallToolResult::success(vec![ContentBlock::text(other.to_string())]),
    }
}

fn failure(end: &RunEnd, report: &RunReport) -> Value {
    let error = report.steps.iter().find_map(|step| step.error.clone());
    let decision = report.decisions.last().map(|decided| {
        json!({ "effect": decided.effect, "reason": decided.reason, "rules": decided.rules })
    });
    json!({
        "status": end.status.as_str(),
        "error": error.unwrap_or_else(|| report.summary.clone()),
        "decision": decision,
        "run_id": end.run_id,
    })
}

fn with_run(mut result: CallToolResult, run_id: RunId) -> CallToolResult {
    let mut meta = MetaObject::default();
    meta.0.insert("bailiwick/run_id".to_owned(), json!(run_id));
    result.meta = Some(meta);
    result
}
