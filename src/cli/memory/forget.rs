//! `bailiwick memory forget`: first what would go; with `--yes`, it goes.

use std::io::Write;

use super::place;
use crate::cli::remote::Place;
use crate::cli::shown::one_line;
use crate::cli::{CliError, Cx, Exit, output};
use crate::contracts::{ForgetPlan, ForgetReceipt, MemoryId, MemorySelection, RunId};

/// Longest text in a table, in characters.
const TEXT_CHARS: usize = 80;

#[derive(Debug, clap::Args)]
pub(super) struct Forget {
    /// Records, by their ids
    ids: Vec<MemoryId>,
    /// What this run wrote, and the texts of the run itself
    #[arg(long, value_name = "RUN")]
    run: Option<RunId>,
    /// What is about this subject
    #[arg(long)]
    subject: Option<String>,
    /// What has these words and phrases; `OR`, `NOT` and brackets count
    #[arg(long, value_name = "QUERY")]
    query: Option<String>,
    /// Only say what would go, as without `--yes`
    #[arg(long, conflicts_with = "yes")]
    dry_run: bool,
    /// Do it
    #[arg(long)]
    yes: bool,
}

pub(super) fn run(
    forget: Forget,
    place: &Place,
    cx: &Cx,
    out: &mut dyn Write,
) -> Result<Exit, CliError> {
    let Forget { ids, run, subject, query, dry_run, yes } = forget;
    let meant = MemorySelection { ids, run, subject, query };
    if dry_run || !yes {
        let plan = place::plan(place, &meant, cx)?;
        if cx.json {
            output::json(out, &plan)?;
        } else {
            would(&plan, out)?;
        }
        return Ok(Exit::Done);
    }
    let receipt = place::erase(place, &meant)?;
    if cx.json {
        output::json(out, &receipt)?;
    } else {
        gone(&receipt, out)?;
    }
    Ok(Exit::Done)
}

fn would(plan: &ForgetPlan, out: &mut dyn Write) -> Result<(), CliError> {
    if plan.items.is_empty() {
        return output::line(out, "nothing fits: nothing would be forgotten");
    }
    let mut rows = vec![["MEMORY", "AREA", "BECAUSE", "TEXT"].map(str::to_owned)];
    rows.extend(plan.items.iter().map(|it| {
        let because = it.derived_from.map(|from| format!("made of {from}"));
        [
            it.id.to_string(),
            it.area.name().to_owned(),
            because.unwrap_or_else(|| "it is meant".to_owned()),
            one_line(&it.text, TEXT_CHARS),
        ]
    }));
    output::table(out, &rows)?;
    for id in &plan.revived {
        output::line(out, format!("{id} would count again: what replaced it goes"))?;
    }
    for run in &plan.runs {
        output::line(out, format!("the texts of {run} may tell the same: forget --run {run}"))?;
    }
    let count = plan.items.len();
    output::line(out, format!("{count} would be erased for good; do it with --yes"))
}

fn gone(receipt: &ForgetReceipt, out: &mut dyn Write) -> Result<(), CliError> {
    let ForgetReceipt { ids, derived, texts, run_texts, rows_kept, at, by, .. } = receipt;
    let count = ids.len();
    output::line(out, format!("{count} memories are erased, {derived} of them made of others"))?;
    output::line(out, format!("  texts    {texts}, and {run_texts} of the run"))?;
    output::line(out, format!("  files    {}", receipt.files.join(", ")))?;
    output::line(out, format!("  by       {by}, {at}"))?;
    if *rows_kept > 0 {
        let why = "written by an earlier version: their tags stay in the chain";
        output::line(out, format!("  kept     {rows_kept} rows {why}"))?;
    }
    for run in &receipt.runs {
        output::line(out, format!("the texts of {run} may tell the same: forget --run {run}"))?;
    }
    receipt.pending.iter().try_for_each(|why| output::line(out, format!("  pending  {why}")))
}
