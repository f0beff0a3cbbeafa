//! Failures of the engine as problems.

use axum::http::StatusCode;
use serde_json::json;

use crate::orchestrator::{GiveError, MemoryRefusal, RunError};
use crate::scheduler::{ControlError, EngineError, FieldError, ScheduleError, SubmitError};
use crate::server::dispatch::stopping;
use crate::server::idempotency::reused;
use crate::server::problem::Problem;

fn with_fields(mut problem: Problem, fields: &[FieldError]) -> Problem {
    for FieldError { field, message, suggestion } in fields {
        let field = Some(field.as_str()).filter(|field| !field.is_empty());
        problem = problem.error(field, message, suggestion.as_deref());
    }
    problem
}

impl From<RunError> for Problem {
    fn from(error: RunError) -> Self {
        match error {
            RunError::Store(error) => error.into(),
            error => Self::internal(&error),
        }
    }
}

impl From<EngineError> for Problem {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Run(error) => error.into(),
        }
    }
}

impl From<SubmitError> for Problem {
    fn from(error: SubmitError) -> Self {
        let message = error.to_string();
        match error {
            SubmitError::Invalid(fields) => with_fields(Self::invalid(message), &fields),
            SubmitError::Playbook { diagnostics, .. } => {
                Self::invalid(message).diagnostics(&diagnostics)
            }
            SubmitError::UnknownPlaybook { suggestion, .. } => {
                Self::invalid(&message).error(Some("playbook"), &message, suggestion.as_deref())
            }
            SubmitError::Busy { retry_after_s } => {
                Self::new(StatusCode::TOO_MANY_REQUESTS, "busy", "too many tasks wait", message)
                    .retry_after(retry_after_s)
            }
            SubmitError::NoSpace { .. } => Self::new(
                StatusCode::INSUFFICIENT_STORAGE,
                "no_space",
                "there is no room left",
                message,
            ),
            SubmitError::Draining => stopping(),
            SubmitError::KeyReused => reused(),
            SubmitError::Run(error) => error.into(),
        }
    }
}

impl From<ScheduleError> for Problem {
    fn from(error: ScheduleError) -> Self {
        let message = error.to_string();
        match error {
            ScheduleError::Unknown(_) => Self::not_found(message),
            ScheduleError::Invalid(fields) => with_fields(Self::invalid(message), &fields),
            ScheduleError::Follows { .. } => Self::conflict("follows_file", message),
            ScheduleError::TooMany(_) => Self::new(
                StatusCode::TOO_MANY_REQUESTS,
                "too_many",
                "there are too many already",
                message,
            ),
            ScheduleError::Submit(error) => error.into(),
            ScheduleError::Run(error) => error.into(),
        }
    }
}

impl From<MemoryRefusal> for Problem {
    fn from(error: MemoryRefusal) -> Self {
        let message = error.to_string();
        match error {
            MemoryRefusal::Invalid(_) => Self::invalid(message),
            MemoryRefusal::Missing(_) => Self::not_found(message),
            MemoryRefusal::Denied { rules, .. } => {
                Self::new(StatusCode::FORBIDDEN, "denied", "policy refuses it", message)
                    .with("rules", json!(rules))
            }
            MemoryRefusal::Asks { rules, .. } => {
                let title = "a person must decide";
                Self::new(StatusCode::FORBIDDEN, "approval_required", title, message)
                    .with("rules", json!(rules))
            }
            MemoryRefusal::Broken(_) => Self::internal(&message),
            MemoryRefusal::Run(error) => error.into(),
        }
    }
}

impl From<GiveError> for Problem {
    fn from(error: GiveError) -> Self {
        let message = error.to_string();
        match error {
            GiveError::UnknownTool(_) => Self::not_found(message),
            GiveError::Disabled(_) => {
                let title = "the tool is switched off";
                Self::new(StatusCode::FORBIDDEN, "tool_disabled", title, message)
            }
            GiveError::NeedsArgs { .. } | GiveError::BadArgs(_) => {
                Self::invalid(&message).error(Some("args"), &message, None)
            }
            GiveError::Unhashable(_) => Self::invalid(message),
            GiveError::TooMany => {
                let title = "there are too many already";
                Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many", title, message).retry_after(60)
            }
            GiveError::Run(error) => error.into(),
        }
    }
}

impl From<ControlError> for Problem {
    fn from(error: ControlError) -> Self {
        let message = error.to_string();
        match error {
            ControlError::Ended(status) => {
                Self::conflict("ended", message).with("run_status", status.as_str())
            }
            ControlError::NotOpen(_) => Self::conflict("already_answered", message),
            ControlError::SaidYes { quorum, .. } => Self::conflict("said_yes", message)
                .with("approvers", quorum.needed())
                .with("approved_by", json!(quorum.yes())),
            ControlError::Unnamed { .. } => Self::new(
                StatusCode::FORBIDDEN,
                "unnamed",
                "it has to be known who answers",
                message,
            ),
            ControlError::Changed { renewed, .. } => {
                Self::conflict("changed", message).with("renewed", renewed.to_string())
            }
            ControlError::Stands => Self::conflict("stands", message),
            ControlError::Lapsed(_) => Self::conflict("already_answered", message),
            ControlError::NoAnswer(..) => Self::invalid(message),
            ControlError::Expired { renewed, .. } => {
                Self::conflict("expired", message).with("renewed", renewed.to_string())
            }
            ControlError::Denied(decision) => {
                let reasons = vec![decision.reason.clone()];
                let title = "policy refuses it";
                Self::new(StatusCode::FORBIDDEN, "denied", title, message)
                    .with("rules", json!(decision.rules))
                    .with("reasons", json!(reasons))
            }
            ControlError::NotInDoubt(_) => Self::conflict("not_in_doubt", message),
            ControlError::NotPaused(_) => Self::conflict("not_paused", message),
            ControlError::Paused => Self::conflict("paused", message),
            ControlError::Unanswered => {
                let title = "nobody answers";
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "unanswered", title, message)
                    .retry_after(1)
            }
            ControlError::Run(error) => error.into(),
        }
    }
}
