//! `bailiwick memory undo`: the records of a batch are again what they were.

use std::io::Write;

use super::order::order;
use crate::cli::remote::Place;
use crate::cli::{CliError, Cx, Exit, output};
use crate::contracts::{BatchId, BatchUndone};
use crate::orchestrator::MemoryOrder;

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
    let undone: BatchUndone = order(place, &MemoryOrder::UndoBatch { batch })?;
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
