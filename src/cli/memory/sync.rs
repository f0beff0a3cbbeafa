//! `bailiwick memory sync`: the files of knowledge, taken over now.

use std::io::Write;

use serde_json::json;

use super::place;
use crate::cli::remote::{Place, borrow_host};
use crate::cli::{CliError, Cx, Exit, output};
use crate::memory::Synced;

pub(super) fn run(place: &Place, cx: &Cx, out: &mut dyn Write) -> Result<Exit, CliError> {
    let Place::Here(app) = place else {
        output::line(out, "the daemon takes over the files of `memory/` by itself")?;
        return Ok(Exit::Done);
    };
    let host = borrow_host(app)?;
    let synced = app.sync_knowledge(&host.services.memory).map_err(place::error)?;
    let Some(Synced { added, replaced, problems }) = synced else {
        return Err(CliError::usage(
            "the files of `memory/` are not read, because this workspace is not trusted",
        )
        .hint("look at them, then run `bailiwick trust`"));
    };
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
