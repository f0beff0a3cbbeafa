//! Putting back what a run or one of its calls changed.

use std::sync::Arc;

use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::contracts::{CallId, RunId, Trigger};
use crate::orchestrator::{UndoError, UndoRequest, UndoTarget, run_of_call, undo};
use crate::server::problem::Problem;
use crate::server::reply::{Answer, Reply};
use crate::server::route::Call;

/// What to put back.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::server) struct Undoing {
    /// Only this call of the run.
    #[serde(default)]
    call_id: Option<CallId>,
    /// Only say what would be put back.
    #[serde(default)]
    dry_run: bool,
    /// Put nothing back where something was changed since.
    #[serde(default)]
    whole: bool,
}

pub(in crate::server) async fn run(call: Call) -> Answer {
    let run_id: RunId = call.id("run_id", "run")?;
    let Undoing { call_id, dry_run, whole } = call.json()?;
    // Unknown runs are told apart before anything is begun.
    call.shared.read(move |reader| reader.run(&run_id)).await?;
    let services = Arc::clone(&call.shared.services);
    let by = Some(call.caller.by.clone());
    let work = move || {
        let target = match call_id {
            None => UndoTarget::Run(run_id),
            Some(call) if run_of_call(&services, call)? == run_id => UndoTarget::Call(call),
            Some(call) => return Err(UndoError::NoCall(call)),
        };
        let trigger = Trigger::Api;
        undo(&services, &UndoRequest { target, dry_run, whole, by, trigger })
    };
    Reply::ok(&call.shared.blocking(work).await??)
}

impl From<UndoError> for Problem {
    fn from(error: UndoError) -> Self {
        let message = error.to_string();
        match error {
            UndoError::Nothing(_) => Self::conflict("nothing_to_undo", message),
            UndoError::NoCall(_) => Self::not_found(message),
            UndoError::AtWork(_) => Self::conflict("at_work", message),
            UndoError::Conflict(left) => {
                let problem = Self::conflict("changed_since", message);
                problem.with("left_alone", json!(left))
            }
            UndoError::Denied { .. } => {
                Self::new(StatusCode::FORBIDDEN, "denied", "policy refuses", message)
            }
            UndoError::Interrupted(_) => Self::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "interrupted",
                "it failed half-way; repeat it to finish what it began",
                message,
            ),
            UndoError::Run(error) => error.into(),
        }
    }
}
