//! `bailiwick memory pin` and `unpin`: records that stand in every context.

use std::io::Write;

use super::order::order;
use crate::cli::remote::Place;
use crate::cli::shown::one_line;
use crate::cli::{CliError, Cx, Exit, output};
use crate::contracts::{MemoryId, MemoryRecord};
use crate::orchestrator::MemoryOrder;

/// Longest text that is shown, in characters.
const TEXT_CHARS: usize = 80;

#[derive(Debug, clap::Args)]
pub(super) struct Pin {
    /// The record; it must be in `main`
    id: MemoryId,
}

pub(super) fn run(
    pin: &Pin,
    pinned: bool,
    place: &Place,
    cx: &Cx,
    out: &mut dyn Write,
) -> Result<Exit, CliError> {
    let record: MemoryRecord = order(place, &MemoryOrder::Pin { id: pin.id, pinned })?;
    if cx.json {
        output::json(out, &record)?;
        return Ok(Exit::Done);
    }
    let text = one_line(&record.text, TEXT_CHARS);
    let stands = if pinned { "stands in every context" } else { "is no longer pinned" };
    output::line(out, format!("{} {stands}: {text}", record.id))?;
    Ok(Exit::Done)
}
