//! `bailiwick memory import`: drafts, one a line.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::json;

use super::place;
use crate::cli::remote::Place;
use crate::cli::{CliError, Cx, Exit, output};
use crate::contracts::{MemoryDraft, NewMemory, Written, WrittenAs};
use crate::memory::{Entrusted, Lines, Memory, MemoryError, SaidBy};

#[derive(Debug, clap::Args)]
pub(super) struct Import {
    /// A file with one record a line; `-` for standard input
    file: PathBuf,
    /// Pass over bad lines; without it nothing is imported unless all are good
    #[arg(long)]
    skip_bad: bool,
}

pub(super) fn run(
    import: &Import,
    place: &Place,
    cx: &Cx,
    out: &mut dyn Write,
) -> Result<Exit, CliError> {
    let content = super::batch::content(&import.file)?;
    let checker = checker(place, cx)?;
    let lines = Lines::read(&content, |draft| {
        match checker.check_draft(&Entrusted::new(draft.clone(), SaidBy::Person)) {
            Err(MemoryError::Refused(why)) => Err(why),
            _ => Ok(()),
        }
    });
    let shown = import.file.display();
    if !lines.bad.is_empty() && !import.skip_bad {
        let count = lines.bad.len();
        let message =
            format!("{count} lines of `{shown}` are no records, and nothing was imported");
        let told = lines.told();
        let error = CliError::usage(format!("{message}:\n  {}", told.join("\n  ")));
        return Err(error.hint("mend them, or pass over them with --skip-bad"));
    }
    for bad in lines.told() {
        output::note(&format!("note: passed over {bad}"));
    }
    let bad = lines.bad.len();
    let wanted: Vec<NewMemory> =
        lines.good.into_iter().map(|(_, draft)| of_no_one(draft).into()).collect();
    let written = place::write(place, wanted)?;
    said(&written, bad, cx, out)?;
    Ok(Exit::Done)
}

/// A line that does not say who said it first counts as a model's.
fn of_no_one(draft: MemoryDraft) -> MemoryDraft {
    let origin = draft.origin.unwrap_or_default();
    MemoryDraft { origin: Some(origin), ..draft }
}

/// The limits that count here, and the secrets; whoever writes looks again.
fn checker(place: &Place, cx: &Cx) -> Result<Memory, CliError> {
    let Some(app) = place.app() else { return Ok(crate::app::no_memory(&cx.clock)) };
    let redactor = app.secrets()?.redactor();
    let strike = Arc::new(move |text: &str| redactor.redact(text).into_owned());
    Ok(app.memory_without_store(&cx.clock).striking(strike))
}

fn said(written: &[Written], bad: usize, cx: &Cx, out: &mut dyn Write) -> Result<(), CliError> {
    let count = |what: fn(&Written) -> bool| written.iter().filter(|it| what(it)).count();
    let new = count(|it| it.became == WrittenAs::New);
    let known = count(|it| it.became == WrittenAs::Known);
    let (moved, struck) = (count(|it| it.moved.is_some()), count(|it| it.struck));
    if cx.json {
        return output::json(
            out,
            &json!({ "lines": written.len(), "new": new, "known": known, "moved": moved, "struck": struck, "bad": bad }),
        );
    }
    output::line(
        out,
        format!("{} records imported: {new} new, {known} known already", written.len()),
    )?;
    let more = [
        (moved, "were put into `fragments`: words of strangers go nowhere else"),
        (struck, "had something that looks like a secret, which was struck out"),
        (bad, "lines were passed over"),
    ];
    for (count, what) in more.into_iter().filter(|(count, _)| *count > 0) {
        output::line(out, format!("  {count} {what}"))?;
    }
    Ok(())
}
