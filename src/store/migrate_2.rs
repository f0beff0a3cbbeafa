//! Filling the tables of version 2 from the events of version 1: the inbox, and what the summaries
//! of runs say since. Damage is left as it is, for the checks to find.

use rusqlite::Transaction;

use super::approvals::Questions;
use super::check::fold;
use super::error::{Context, StoreError};
use super::{jobs, rows};

pub(super) fn fill(change: &Transaction<'_>) -> Result<(), StoreError> {
    jobs::set_newest_fence(change, 0)?;
    let action = "could not list the runs";
    let mut query =
        change.prepare("SELECT run_id FROM runs ORDER BY first_global").doing(action)?;
    let runs = query.query_map([], |row| row.get::<_, String>(0)).doing(action)?;
    let runs: Vec<String> = runs.collect::<Result<_, _>>().doing(action)?;
    runs.iter().try_for_each(|run_id| fill_run(change, run_id))
}

fn fill_run(change: &Transaction<'_>, run_id: &str) -> Result<(), StoreError> {
    let mut questions = Questions::default();
    let mut findings = Vec::new();
    let walked =
        fold(change, run_id, &mut |event, body, _| questions.apply(event, body), &mut findings);
    let row = match walked {
        Ok(Some(row)) if findings.is_empty() => row,
        Ok(_) => return Ok(()),
        Err(error) if error.is_integrity() => return Ok(()),
        Err(error) => return Err(error),
    };
    match rows::load_run(change, run_id) {
        Ok(Some(there)) if there == row.as_version_1() => {
            rows::save_run(change, &row)?;
            questions.save(change)
        }
        Ok(_) => Ok(()),
        Err(error) if error.is_integrity() => Ok(()),
        Err(error) => Err(error),
    }
}
