//! `bailiwick memory undo`: the records of a batch are again what they were.

use std::io::Write;

use serde_json::json;

use super::place;
use crate::cli::remote::{Place, ask, borrow_host};
use crate::cli::{CliError, Cx, Exit, output};
use crate::client::Request;
use crate::contracts::{BatchId, BatchUndone};
use crate::orchestrator::undo_batch;

#[derive(Debug, clap::Args)]
pub(super) struct Undo {
    /// The batch, as the report of a consolidation or a proposal names it
    batch: BatchId,
}

pub(super) fn run(
    wanted: &Undo,
    place: &Place,
    cx: &Cx,
    out: &mut dyn Write,
) -> Result<Exit, CliError> {
    let batch = wanted.batch;
    let undone: BatchUndone = match place {
        Place::Named(client) | Place::Daemon(client, _) => {
            let name = batch.to_string();
            let path = ["memory", "batches", name.as_str(), "undo"];
            ask(client, Request::post(&path).body(json!({})))?
        }
        Place::Here(app) => {
            let host = borrow_host(app)?;
            undo_batch(&host.services, &place::person(), batch).map_err(place::refusal)?
        }
    };
    if cx.json {
        output::json(out, &undone)?;
        return Ok(Exit::Done);
    }
    let (restored, taken) = (undone.restored.len(), undone.taken_back.len());
    output::line(
        out,
        format!("{restored} records are again what they were, {taken} no longer count"),
    )?;
    Ok(Exit::Done)
}
