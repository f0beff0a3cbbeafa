//! `bailiwick memory verify` and `rebuild`: whether the indexes fit the records, and making them anew.

use std::io::Write;

use serde_json::json;

use super::place;
use crate::cli::remote::Place;
use crate::cli::{CliError, Cx, Exit, output};
use crate::memory::{Engine, Memory};

pub(super) fn verify(place: &Place, cx: &Cx, out: &mut dyn Write) -> Result<Exit, CliError> {
    let memory = place::memory(place, cx)?;
    let (found, counts) = {
        let library = memory.library().map_err(place::error)?;
        let engine = engine(&memory)?;
        (engine.verify(&library), engine.counts(&library))
    };
    if cx.json {
        let ok = found.is_empty();
        output::json(out, &json!({ "ok": ok, "findings": found, "counts": counts }))?;
    } else if found.is_empty() {
        output::line(out, "the indexes fit the records")?;
    } else {
        for finding in &found {
            output::line(out, format!("{}: {}", finding.index, finding.what))?;
        }
        output::note("note: what does not fit is made anew; look again");
    }
    Ok(if found.is_empty() { Exit::Done } else { Exit::Failed })
}

pub(super) fn rebuild(place: &Place, cx: &Cx, out: &mut dyn Write) -> Result<Exit, CliError> {
    let memory = place::memory(place, cx)?;
    let library = memory.library().map_err(place::error)?;
    let failed = |error: crate::memory::SearchError| CliError::new(Exit::Failed, error.to_string());
    engine(&memory)?.rebuild(&library).map_err(failed)?;
    let records = engine(&memory)?.counts(&library).records;
    if cx.json {
        output::json(out, &json!({ "records": records }))?;
    } else {
        output::line(out, format!("both indexes were made anew from {records} records"))?;
    }
    Ok(Exit::Done)
}

fn engine(memory: &Memory) -> Result<&Engine, CliError> {
    memory.engine().ok_or_else(|| CliError::new(Exit::Failed, "this memory has no indexes"))
}
