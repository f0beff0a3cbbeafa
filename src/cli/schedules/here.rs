//! Schedules read from the store, and changed in it, where no daemon runs.

use super::super::remote::borrow_host;
use super::super::{CliError, output, schedule_error};
use crate::app::App;
use crate::contracts::views::{ScheduleDetail, ScheduleView};
use crate::contracts::{RunId, ScheduleId, Timestamp, Trigger};
use crate::orchestrator::{SystemClock, fire_view, schedule_view};
use crate::ports::Clock;
use crate::scheduler::{
    KeptSchedules, NewSchedule, Origin, ScheduleError, ScheduleRow, next_times,
};

/// Next times, and last ones, that are shown of one.
const NEXT: u32 = 5;
const FIRES: u32 = 20;

/// Every schedule, oldest first.
pub(super) fn all(app: &App) -> Result<Vec<ScheduleView>, CliError> {
    Ok(app.history()?.schedules()?.into_iter().map(schedule_view).collect())
}

/// A schedule and its next times.
pub(super) fn next(
    app: &App,
    id: ScheduleId,
    count: u32,
) -> Result<(ScheduleView, Vec<Timestamp>), CliError> {
    let row = app.history()?.schedule(id)?;
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    let times = next_times(&row, SystemClock.now(), count).map_err(schedule_error)?;
    Ok((schedule_view(row), times))
}

/// Holds one, or lets it go on.
pub(super) fn hold(app: &App, id: ScheduleId, paused: bool) -> Result<ScheduleView, CliError> {
    change(app, |kept| kept.set_paused(id, paused)).map(|row: ScheduleRow| schedule_view(row))
}

/// One with its next and last times.
pub(super) fn detail(app: &App, id: ScheduleId) -> Result<ScheduleDetail, CliError> {
    let (schedule, next) = next(app, id, NEXT)?;
    let fires = app.history()?.fires(&id, FIRES)?.into_iter().map(fire_view).collect();
    Ok(ScheduleDetail { schedule, next, fires })
}

/// Puts what one starts into the queue.
pub(super) fn run_now(app: &App, id: ScheduleId) -> Result<Option<RunId>, CliError> {
    let origin = Origin { by: "terminal".to_owned(), trigger: Trigger::Api, key: None };
    let run = change(app, |kept| kept.run_now(id, origin))?;
    if run.is_some() {
        output::note("note: no daemon is running; `bailiwick serve` will run it");
    }
    Ok(run)
}

/// Makes one.
pub(super) fn make(app: &App, wanted: &NewSchedule) -> Result<ScheduleView, CliError> {
    change(app, |kept| kept.add(wanted)).map(schedule_view)
}

/// Removes one.
pub(super) fn remove(app: &App, id: ScheduleId) -> Result<(), CliError> {
    change(app, |kept| kept.delete(id))
}

fn change<T>(
    app: &App,
    what: impl FnOnce(&KeptSchedules) -> Result<T, ScheduleError>,
) -> Result<T, CliError> {
    let host = borrow_host(app)?;
    let kept = KeptSchedules::new(app.engine_parts(&host)?);
    what(&kept).map_err(schedule_error)
}
