//! `bailiwick memory jobs`: consolidations, with what each found and did.

use std::io::Write;

use crate::cli::remote::{Place, ask};
use crate::cli::{CliError, Cx, Exit, output, run_error, store_error};
use crate::client::Request;
use crate::contracts::{MemoryJob, MemoryJobList};
use crate::orchestrator::consolidations;
use crate::store::Reader;

pub(super) fn run(place: &Place, cx: &Cx, out: &mut dyn Write) -> Result<Exit, CliError> {
    let list: MemoryJobList = match place {
        Place::Named(client) => ask(client, Request::get(&["memory", "jobs"]))?,
        Place::Here(app) | Place::Daemon(_, app) => {
            let reader = Reader::open(&app.workspace.state_dir).map_err(store_error)?;
            MemoryJobList { items: consolidations(&reader).map_err(run_error)? }
        }
    };
    if cx.json {
        output::json(out, &list)?;
        return Ok(Exit::Done);
    }
    if list.items.is_empty() {
        output::line(out, "nothing was consolidated yet")?;
        return Ok(Exit::Done);
    }
    let heads =
        ["WHEN", "BY", "LOOKED AT", "MERGED", "WAIT", "HELD BACK", "ARCHIVED", "RECORDS", "BATCH"];
    let mut rows = vec![heads.map(str::to_owned)];
    rows.extend(list.items.iter().map(row));
    output::table(out, &rows)?;
    Ok(Exit::Done)
}

fn row(job: &MemoryJob) -> [String; 9] {
    let (at, by) = (job.at.to_string(), job.by.clone());
    let Some(report) = &job.report else {
        return [
            at,
            by,
            String::new(),
            String::new(),
            String::new(),
            String::new(),
            String::new(),
            String::new(),
            String::new(),
        ];
    };
    let count =
        |areas: &[crate::contracts::AreaHolds]| areas.iter().map(|it| it.records).sum::<u64>();
    [
        at,
        by,
        report.examined.to_string(),
        report.applied.to_string(),
        report.kept.to_string(),
        report.quarantined.to_string(),
        report.archived.to_string(),
        format!("{} -> {}", count(&report.before), count(&report.after)),
        report.batch.map(|batch| batch.to_string()).unwrap_or_default(),
    ]
}
