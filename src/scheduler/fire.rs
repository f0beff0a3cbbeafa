//! Seeing to a time of a schedule: the row that says so, the event and the run are one transaction.

use super::due::{Act, Due, ON_TIME_MS};
use super::intake;
use super::schedule::overlap;
use super::shared::Shared;
use super::timetable::Timetable;
use crate::contracts::{
    EventBody, Priority, RunId, ScheduleFired, ScheduleId, ScheduleMissed, Timestamp, Trigger,
};
use crate::orchestrator::{Admission, RunError, admit};
use crate::playbook::Overlap;
use crate::store::{Append, Fire, FireState, Fired, ScheduleRow, ScheduleTarget};

/// Most runs of one schedule that wait for those before them.
const QUEUED_MAX: usize = 100;

/// Runs still at work that are looked at: more than ever wait.
const AT_WORK_MAX: u32 = 200;

/// Times that are looked at for the newest at which something was started.
const RECENT: u32 = 200;

/// What is to be done once the time is durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum After {
    /// Cancel this run.
    Cancel(RunId),
    /// Do this job of the program itself.
    Job {
        /// Which job.
        name: String,
        /// Its schedule.
        schedule: ScheduleId,
        /// The time it was due.
        due_at: Timestamp,
    },
    /// A run is in the queue.
    Work,
}

/// Sees to one time and moves the row on; what is to be done once that is durable goes to `after`.
/// Blocks.
///
/// # Errors
/// When the store fails; the time is then seen to later.
pub(super) fn see_to(
    shared: &Shared,
    row: &mut ScheduleRow,
    table: &Timetable,
    due: Due,
    now: Timestamp,
    after: &mut Vec<After>,
) -> Result<(), RunError> {
    let mut own = Vec::new();
    let what = match due.act {
        Act::Fire { catch_up } => start(shared, row, due.at, catch_up, &mut own)?,
        Act::Miss(reason) => What::Nothing(reason),
    };
    let (run, event) = match what {
        What::Run { run, catch_up } => fired(row, due.at, catch_up, run),
        What::Nothing(reason) => {
            tracing::info!("`{}` was not started for {}: {reason}", row.name, due.at);
            own.clear();
            let (schedule_id, name) = (row.id, row.name.clone());
            let missed = ScheduleMissed { schedule_id, name, due_at: due.at, reason };
            (None, EventBody::ScheduleMissed(missed))
        }
    };
    let next_at = table.next(due.at);
    let (schedule_id, last_due) = (row.id, Some(due.at));
    let fire = Fire { schedule_id, due_at: due.at, next_at, last_due, run, event, at: now };
    let store = &shared.services().store;
    let fired = store.fire(fire)?;
    (row.next_at, row.last_due) = (next_at, last_due);
    if fired == Fired::Already {
        // Seen to before, by a clock that went back since: the row moves on all the same.
        store.save_schedule(row.clone())?;
    } else {
        after.append(&mut own);
    }
    Ok(())
}

enum What {
    Run { run: Option<Box<Append>>, catch_up: bool },
    Nothing(String),
}

fn fired(
    row: &ScheduleRow,
    due_at: Timestamp,
    catch_up: bool,
    run: Option<Box<Append>>,
) -> (Option<Append>, EventBody) {
    let run_id = run.as_ref().and_then(|run| run.run_id.parse().ok());
    let (schedule_id, name) = (row.id, row.name.clone());
    (
        run.map(|run| *run),
        EventBody::ScheduleFired(ScheduleFired { schedule_id, name, due_at, run_id, catch_up }),
    )
}

/// What to start, or why nothing can be.
fn start(
    shared: &Shared,
    row: &ScheduleRow,
    due_at: Timestamp,
    catch_up: bool,
    after: &mut Vec<After>,
) -> Result<What, RunError> {
    let name = match &row.target {
        ScheduleTarget::Playbook(name) => name,
        ScheduleTarget::Internal(job) => {
            after.push(After::Job { name: job.clone(), schedule: row.id, due_at });
            return Ok(What::Run { run: None, catch_up });
        }
    };
    let before = at_work(shared, row)?;
    // Times that are all to be made up for are not made up for by skipping them.
    let all = catch_up && row.catch_up == "all";
    let overlap = if all { Overlap::Queue } else { overlap(row) };
    match (overlap, before.as_slice()) {
        (Overlap::Skip, [run, ..]) => {
            return Ok(What::Nothing(format!("the run before, {run}, has not ended")));
        }
        (Overlap::Queue, runs) if runs.len() >= QUEUED_MAX => {
            return Ok(What::Nothing(format!("{} runs before have not ended", runs.len())));
        }
        (Overlap::CancelPrevious, runs) => after.extend(runs.iter().copied().map(After::Cancel)),
        _ => {}
    }
    match admitted(shared, row, name, overlap) {
        Ok(run) => {
            after.push(After::Work);
            Ok(What::Run { run: Some(Box::new(run)), catch_up })
        }
        Err(why) => {
            let message = format!("`{}` was not started for {due_at}: {why}", row.name);
            shared.incident("schedule", None, message);
            Ok(What::Nothing(why))
        }
    }
}

/// The run, ready to be made durable together with its time.
fn admitted(
    shared: &Shared,
    row: &ScheduleRow,
    name: &str,
    overlap: Overlap,
) -> Result<Append, String> {
    intake::room(shared, Priority::Normal).map_err(|error| error.to_string())?;
    let catalogue = shared.parts.playbooks.current();
    let entry = intake::find(&catalogue, name).map_err(|error| error.to_string())?;
    // Runs that do not skip each other do not run beside each other.
    let concurrency = (overlap != Overlap::Skip).then_some(1);
    let admission = Admission { concurrency, ..Admission::of(Trigger::Schedule) };
    let wanted = intake::wanted(shared, entry, None, &row.inputs);
    let admitted = admit(shared.services(), &wanted, &entry.library(), admission);
    admitted.map(|(_, append)| append).map_err(|error| intake::refused(entry, error).to_string())
}

/// Runs that this schedule started and that have not ended, newest first.
fn at_work(shared: &Shared, row: &ScheduleRow) -> Result<Vec<RunId>, RunError> {
    let fires = shared.services().store.reader().fires_at_work(&row.id, AT_WORK_MAX)?;
    Ok(fires.into_iter().filter_map(|fire| fire.run_id).collect())
}

/// What was to be done about the newest time of a schedule and may not have been, because the process
/// that had made it durable died: a job that has no end, runs that were to be cancelled. Blocks.
///
/// # Errors
/// When the store fails.
pub(super) fn left_over(shared: &Shared, row: &ScheduleRow) -> Result<Vec<After>, RunError> {
    let reader = shared.services().store.reader();
    if let ScheduleTarget::Internal(job) = &row.target {
        let fires = reader.fires(&row.id, RECENT)?;
        let newest = fires.into_iter().find(|fire| fire.state == FireState::Fired);
        let open = newest.map(|fire| fire.due_at).filter(|due_at| row.job_done < Some(*due_at));
        let again = |due_at| After::Job { name: job.clone(), schedule: row.id, due_at };
        return Ok(open.into_iter().map(again).collect());
    }
    if overlap(row) != Overlap::CancelPrevious {
        return Ok(Vec::new());
    }
    let fires = reader.fires_at_work(&row.id, AT_WORK_MAX)?;
    let Some((newest, before)) = fires.split_first() else { return Ok(Vec::new()) };
    // Times that are all made up for wait for each other.
    if row.catch_up == "all" && newest.at.since_ms(newest.due_at) > ON_TIME_MS {
        return Ok(Vec::new());
    }
    Ok(before.iter().filter_map(|fire| fire.run_id).map(After::Cancel).collect())
}
