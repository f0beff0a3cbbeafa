//! `bailiwick memory export`: every record that counts, as lines that `import` reads.

use std::io::Write;

use super::place;
use crate::cli::remote::Place;
use crate::cli::{CliError, Cx, Exit, output};
use crate::contracts::Area;
use crate::memory::MemoryError;

#[derive(Debug, clap::Args)]
pub(super) struct Export {
    /// Only this area
    #[arg(long, value_parser = super::area)]
    area: Option<Area>,
}

/// Why the export ended early.
enum Stopped {
    Memory(MemoryError),
    Edge(CliError),
}

impl From<MemoryError> for Stopped {
    fn from(error: MemoryError) -> Self {
        Self::Memory(error)
    }
}

pub(super) fn run(
    export: &Export,
    place: &Place,
    cx: &Cx,
    out: &mut dyn Write,
) -> Result<Exit, CliError> {
    let memory = place::memory(place, cx)?;
    let done =
        memory.export(export.area, |draft| output::json_line(out, draft).map_err(Stopped::Edge));
    match done {
        Ok(()) => Ok(Exit::Done),
        Err(Stopped::Memory(error)) => Err(place::error(error)),
        Err(Stopped::Edge(error)) => Err(error),
    }
}
