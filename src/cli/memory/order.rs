//! Changes of memory: at a daemon, through whoever holds the workspace, or here.

use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::place::{person, refusal};
use crate::app::{App, OpenHost};
use crate::cli::remote::{Place, ask, wait_for};
use crate::cli::{CliError, Exit, process};
use crate::client::{Client, Request};
use crate::host::{ClientError, change_through};
use crate::orchestrator::{MemoryOrder, MemoryRefusal, carry_out};

/// How long a process that holds the workspace and takes no changes is waited for, and how often it is looked at:
/// it is a command that is soon done.
const HELD: Duration = Duration::from_secs(10);
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// Has a change made, wherever it is to be made.
///
/// # Errors
/// When it is refused, or nobody could make it.
pub(super) fn order<T: DeserializeOwned>(
    place: &Place,
    order: &MemoryOrder,
) -> Result<T, CliError> {
    match place {
        Place::Named(client) | Place::Daemon(client, _) => over_http(client, order),
        Place::Here(app) => read(at_host(app, order)?),
    }
}

fn read<T: DeserializeOwned>(answer: Value) -> Result<T, CliError> {
    serde_json::from_value(answer).map_err(|error| {
        let message = format!("the answer cannot be read by this version: {error}");
        CliError::new(Exit::Failed, message)
    })
}

/// Here, or through the process that holds the workspace. It may leave at any moment, so both are tried in
/// turn.
fn at_host(app: &App, order: &MemoryOrder) -> Result<Value, CliError> {
    let until = Instant::now() + HELD;
    loop {
        let pid = match app.open_host()? {
            OpenHost::Host(host) => {
                return carry_out(&host.services, &person(), order.clone()).map_err(refusal);
            }
            OpenHost::Busy { pid } => pid,
        };
        let (socket, wanted) = (app.socket(), order.clone());
        let through = wait_for(async move { Ok(change_through(&socket, wanted).await) })?;
        match through {
            Ok(answer) => return answer.map_err(|refused| refusal(MemoryRefusal::from(refused))),
            Err(ClientError::NoHost(error)) if Instant::now() < until => {
                tracing::debug!("the host takes no changes yet: {error}");
                std::thread::sleep(LOOK_AGAIN);
            }
            Err(ClientError::NoHost(_)) => {
                let message = format!("{} is at work in this workspace", process(pid));
                return Err(CliError::new(Exit::Unavailable, message).hint(
                    "it takes no changes of memory: give the command again when it is done",
                ));
            }
            Err(error) => return Err(CliError::new(Exit::Failed, error.to_string())),
        }
    }
}

fn over_http<T: DeserializeOwned>(client: &Client, order: &MemoryOrder) -> Result<T, CliError> {
    match order {
        MemoryOrder::Remember { wanted } => {
            let body = json!({ "items": wanted });
            ask(client, Request::post(&["memory", "import"]).body(body))
        }
        MemoryOrder::Forget { meant } => {
            let body = json!({ "meant": meant, "dry_run": false });
            ask(client, Request::post(&["memory", "forget"]).body(body))
        }
        MemoryOrder::Pin { id, pinned } => {
            let id = id.to_string();
            let path = ["memory", "records", id.as_str(), "pin"];
            ask(client, Request::post(&path).body(json!({ "pinned": pinned })))
        }
        MemoryOrder::SetKv { name, value } => {
            let path = ["memory", "kv", name.as_str()];
            match value {
                Some(value) => ask(client, Request::put(&path).body(json!({ "value": value }))),
                None => ask(client, Request::delete(&path)),
            }
        }
        MemoryOrder::Consolidate { dry_run } => {
            let body = json!({ "dry_run": dry_run });
            ask(client, Request::post(&["memory", "consolidate"]).body(body))
        }
        MemoryOrder::AnswerProposal { id, accept } => {
            let id = id.to_string();
            let path = ["memory", "proposals", id.as_str()];
            ask(client, Request::post(&path).body(json!({ "accept": accept })))
        }
        MemoryOrder::UndoBatch { batch } => {
            let batch = batch.to_string();
            let path = ["memory", "batches", batch.as_str(), "undo"];
            ask(client, Request::post(&path).body(json!({})))
        }
        MemoryOrder::Sync => ask(client, Request::post(&["memory", "sync"]).body(json!({}))),
    }
}
