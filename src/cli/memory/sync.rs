//! `bailiwick memory sync`: the files of knowledge, taken over now.

use std::io::Write;

use serde_json::json;

use super::order::order;
use crate::cli::remote::Place;
use crate::cli::{CliError, Cx, Exit, output};
use crate::contracts::Synced;
use crate::orchestrator::MemoryOrder;

pub(super) fn run(place: &Place, cx: &Cx, out: &mut dyn Write) -> Result<Exit, CliError> {
    let Synced { added, replaced, problems } = order(place, &MemoryOrder::Sync)?;
    for problem in &problems {
        output::note(&format!("warning: {problem}"));
    }
    if cx.json {
        let told = json!({ "added": added, "replaced": replaced, "problems": problems });
        output::json(out, &told)?;
    } else {
        output::line(out, format!("{added} records added, {replaced} replaced"))?;
    }
    Ok(if problems.is_empty() { Exit::Done } else { Exit::Failed })
}
