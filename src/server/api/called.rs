//! What came of a direct call, as an answer or a problem.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::contracts::{CallAnswer, Decision, Obligation, RunId, RunStatus};
use crate::orchestrator::DirectEnd;
use crate::server::dispatch::stopping;
use crate::server::problem::Problem;
use crate::server::reply::{Answer, Reply};

/// How long a call is waited for, in seconds; less than a request may take, so that the answer names the
/// run.
pub(super) const PATIENCE_S: u64 = 40;

/// 422, with each argument that does not fit.
pub(super) fn bad_arguments(tool: &str, message: &str) -> Problem {
    let detail = format!("the arguments do not fit: {message}");
    let problem = Problem::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        "bad_arguments",
        "the arguments do not fit the tool",
        detail,
    );
    let message = message.strip_prefix(&format!("`{tool}`: ")).unwrap_or(message);
    message.replace("; argument `", "\nargument `").lines().fold(problem, |problem, mistake| {
        let named = mistake.strip_prefix("argument `").and_then(|rest| rest.split_once('`'));
        let field = named.map_or_else(|| "args".to_owned(), |(name, _)| format!("args.{name}"));
        problem.error(Some(&field), mistake, None)
    })
}

/// What came of a call, as an answer.
pub(super) fn told(run_id: RunId, end: DirectEnd) -> Answer {
    let run = run_id.to_string();
    match end {
        DirectEnd::Done { result, decision } => {
            let (ok, dry_run) = (result.ok, decision.obligations.contains(&Obligation::DryRun));
            let result =
                serde_json::to_value(&*result).map_err(|error| Problem::internal(&error))?;
            let run_id = Some(run_id);
            Reply::ok(&CallAnswer {
                ok,
                result,
                decision: *decision,
                dry_run,
                run_id,
                approval_id: None,
            })
        }
        DirectEnd::Denied { decision, refused_by } => Err(denied(&decision, refused_by, Some(run))),
        DirectEnd::Asks { question, rules, decision } => {
            let title = "a person must say yes first";
            let problem =
                Problem::new(StatusCode::CONFLICT, "approval_required", title, &question.prompt);
            Err(problem
                .with("approval_request_id", question.approval_id.to_string())
                .with("expires_at", json!(question.expires_at))
                .with("rules", rules)
                .with("decision", json!(decision))
                .with("run_id", run))
        }
        DirectEnd::Unfinished(RunStatus::Paused) => Err(stopping().with("run_id", run)),
        DirectEnd::Unfinished(_) => Err(late(run_id)),
        DirectEnd::Broken { status, why } => {
            let slug = if status == RunStatus::InDoubt { "in_doubt" } else { "not_made" };
            Err(Problem::conflict(slug, why)
                .with("run_id", run)
                .with("run_status", status.as_str()))
        }
    }
}

/// 403: policy refuses, or a person did.
pub(super) fn denied(
    decision: &Decision,
    refused_by: Option<(String, Option<String>)>,
    run: Option<String>,
) -> Problem {
    let (detail, reasons) = match refused_by {
        None => (decision.reason.clone(), vec![decision.reason.clone()]),
        Some((by, reason)) => {
            let said = reason.map_or_else(String::new, |reason| format!(": {reason}"));
            (
                format!("{by} said no{said}"),
                vec![format!("{by} said no{said}"), decision.reason.clone()],
            )
        }
    };
    let rules: Vec<&str> = decision.rules.iter().map(|rule| rule.id.as_str()).collect();
    let problem = Problem::new(StatusCode::FORBIDDEN, "denied", "policy refuses it", detail)
        .with("rules", json!(rules))
        .with("reasons", json!(reasons))
        .with("decision", json!(decision));
    run.into_iter().fold(problem, |problem, run| problem.with("run_id", Value::String(run)))
}

pub(super) fn late(run_id: RunId) -> Problem {
    let detail = format!(
        "there was no answer within {} s; `{run_id}` goes on, and its report will say what came of it",
        PATIENCE_S
    );
    Problem::new(StatusCode::GATEWAY_TIMEOUT, "late", "it took too long", detail)
        .with("run_id", run_id.to_string())
}
