//! `bailiwick memory consolidate`: makes one of records that say the same.

use std::io::Write;

use super::order::order;
use crate::cli::remote::Place;
use crate::cli::{CliError, Cx, Exit, output};
use crate::contracts::ConsolidationReport;
use crate::orchestrator::MemoryOrder;

#[derive(Debug, clap::Args)]
pub(super) struct Consolidate {
    /// Only say what would be done
    #[arg(long)]
    dry_run: bool,
}

pub(super) fn run(
    wanted: &Consolidate,
    place: &Place,
    cx: &Cx,
    out: &mut dyn Write,
) -> Result<Exit, CliError> {
    let wanted = MemoryOrder::Consolidate { dry_run: wanted.dry_run };
    let report: ConsolidationReport = order(place, &wanted)?;
    if cx.json {
        output::json(out, &report)?;
    } else {
        told(&report, out)?;
    }
    Ok(Exit::Done)
}

fn told(report: &ConsolidationReport, out: &mut dyn Write) -> Result<(), CliError> {
    let heads = ["AREA", "RECORDS", "BYTES", "REPLACED", "ARCHIVED"];
    let mut rows = vec![heads.map(str::to_owned)];
    let areas = report.before.iter().zip(&report.after);
    rows.extend(areas.map(|(before, after)| {
        let change = |before: u64, after: u64| match before == after {
            true => after.to_string(),
            false => format!("{before} -> {after}"),
        };
        [
            before.area.name().to_owned(),
            change(before.records, after.records),
            change(before.bytes, after.bytes),
            change(before.superseded, after.superseded),
            change(before.archived, after.archived),
        ]
    }));
    output::table(out, &rows)?;
    let ConsolidationReport { examined, clusters, kept_apart, similar_by, .. } = report;
    let seen = format!(
        "{examined} records looked at by {similar_by}, {clusters} groups say the same, {kept_apart} near \
         pairs differ in something that matters"
    );
    output::line(out, seen)?;
    let ConsolidationReport { proposed, applied, quarantined, kept, archived, .. } = report;
    let verb = if report.dry_run { "would be made" } else { "made" };
    output::line(
        out,
        format!(
            "{proposed} proposals {verb}: {applied} applied, {kept} wait for a person, {quarantined} held \
             back; {archived} records archived"
        ),
    )?;
    report.notes.iter().try_for_each(|note| output::line(out, format!("note: {note}")))?;
    match report.batch.filter(|_| !report.dry_run) {
        Some(batch) => output::line(out, format!("take it back: bailiwick memory undo {batch}")),
        None => Ok(()),
    }
}
