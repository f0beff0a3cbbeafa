//! The clock: every second, what is due is seen to.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use super::due::{Act, Due, ON_TIME_MS, Rules, due, was_wrong, went_by};
use super::fire::{self, After, see_to};
use super::follow::{follow, no_trouble, trouble};
use super::jobs;
use super::schedule::{rules, seen_to};
use super::shared::{Shared, blocking, locked};
use super::steer;
use crate::contracts::{EventKind, RunId, Timestamp};
use crate::orchestrator::{Control, ControlError, RunError};
use crate::store::{ScheduleRow, ScheduleSource};

/// How often the clock is looked at.
const TICK: Duration = Duration::from_secs(1);

/// Events of a run that are read at once.
const PAGE: u32 = 1_000;

/// Who cancels the run before.
const BY: &str = "schedule";

/// Ticks until `stop` is set; then waits for the jobs it began, which look at `stop` themselves.
pub(super) async fn run(shared: Arc<Shared>, mut stop: watch::Receiver<bool>) {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut at_work, mut begun) = (JoinSet::new(), false);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            Some(_) = at_work.join_next() => continue,
            _ = stop.changed() => {}
        }
        if *stop.borrow() {
            break;
        }
        let (ticking, now, left) = (Arc::clone(&shared), shared.now(), !begun);
        if let Err(error) = steer::lapse(&shared, now).await {
            shared.warn("asking", format!("questions cannot be seen to: {error}"));
        }
        let ticked = blocking(move || {
            // Before the first tick: what it makes durable is done by it.
            let mut after = if left { left_over(&ticking)? } else { Vec::new() };
            after.extend(tick(&ticking, now)?);
            Ok(after)
        });
        let ticked = ticked.await.and_then(|ticked| ticked);
        match ticked {
            Ok(after) => {
                begun = true;
                shared.settled("clock");
                for after in after {
                    at_work.spawn(do_after(Arc::clone(&shared), after, stop.clone()));
                }
            }
            Err(error) => shared.warn("clock", format!("schedules cannot be seen to: {error}")),
        }
    }
    while at_work.join_next().await.is_some() {}
}

/// Sees to everything that is due at `now`. What is durable is done, whatever fails after it. Blocks.
///
/// # Errors
/// When the store fails; what is left is seen to by the next tick.
pub(super) fn tick(shared: &Shared, now: Timestamp) -> Result<Vec<After>, RunError> {
    let _alone = locked(&shared.schedules);
    let mut after = Vec::new();
    for mut row in follow(shared, now)? {
        if shared.is_draining() {
            break;
        }
        match see_to_row(shared, &mut row, now, &mut after) {
            Ok(()) => no_trouble(shared, row.id),
            Err(error) => trouble(shared, row.id, &row.name, &error),
        }
    }
    if after.contains(&After::Work) {
        shared.work.notify_one();
    }
    Ok(after)
}

/// What an earlier process had made durable and may not have done. Blocks.
///
/// # Errors
/// When the store fails.
pub(super) fn left_over(shared: &Shared) -> Result<Vec<After>, RunError> {
    let _alone = locked(&shared.schedules);
    let mut after = Vec::new();
    // What is damaged is said by every tick.
    let (rows, _damaged) = shared.services().store.reader().sound_schedules()?;
    for row in rows {
        match fire::left_over(shared, &row) {
            Ok(left) => after.extend(left),
            Err(error) => trouble(shared, row.id, &row.name, &error),
        }
    }
    Ok(after)
}

fn see_to_row(
    shared: &Shared,
    row: &mut ScheduleRow,
    now: Timestamp,
    after: &mut Vec<After>,
) -> Result<(), RunError> {
    if was_wrong(seen_to(row), now) {
        row.last_due = Some(now);
        shared.services().store.save_schedule(row.clone())?;
        tracing::warn!("the clock was far ahead; `{}` goes by the time of now again", row.name);
    }
    // A line that cannot be read is refused, and said.
    let Ok(rules) = rules(row) else { return Ok(()) };
    if let Some(why) = held(shared, row) {
        return hold(shared, row, &rules, why, now);
    }
    // What went by just now is on time.
    let on_time = Timestamp::from_ms(now.ms().saturating_sub_unsigned(ON_TIME_MS));
    if !go_on(shared, row, &rules, on_time)? {
        return Ok(());
    }
    for due in due(&rules, seen_to(row), now) {
        see_to(shared, row, &rules.table, due, now, after)?;
    }
    Ok(())
}

/// Records the first time that a schedule misses because it is held, and none after it.
fn hold(
    shared: &Shared,
    row: &mut ScheduleRow,
    rules: &Rules,
    why: String,
    now: Timestamp,
) -> Result<(), RunError> {
    let first = rules.table.next(seen_to(row)).filter(|at| *at <= now);
    let Some(at) = first.filter(|_| row.held_since.is_none()) else { return Ok(()) };
    see_to(shared, row, &rules.table, Due { at, act: Act::Miss(why) }, now, &mut Vec::new())?;
    (row.held_since, row.next_at) = (Some(at), None);
    Ok(shared.services().store.save_schedule(row.clone())?)
}

/// A schedule that is held no longer: records the times that went by up to `until` as one. False when
/// there are more than are looked at in one go. Blocks.
///
/// # Errors
/// When the store fails.
pub(super) fn go_on(
    shared: &Shared,
    row: &mut ScheduleRow,
    rules: &Rules,
    until: Timestamp,
) -> Result<bool, RunError> {
    if row.held_since.is_none() {
        return Ok(true);
    }
    if let Some(due) = went_by(&rules.table, seen_to(row), until) {
        see_to(shared, row, &rules.table, due, shared.now(), &mut Vec::new())?;
        if went_by(&rules.table, seen_to(row), until).is_some() {
            return Ok(false);
        }
    }
    (row.held_since, row.next_at) = (None, rules.table.next(seen_to(row)));
    shared.services().store.save_schedule(row.clone())?;
    Ok(true)
}

/// Why nothing is started, when nothing is.
pub(super) fn held(shared: &Shared, row: &ScheduleRow) -> Option<String> {
    if row.source != ScheduleSource::Internal && !shared.services().config().schedules.enabled {
        return Some("`schedules.enabled` is false".to_owned());
    }
    if row.paused {
        return Some("the schedule is paused".to_owned());
    }
    row.refused.as_ref().map(|why| format!("the schedule is refused: {why}"))
}

async fn do_after(shared: Arc<Shared>, after: After, stop: watch::Receiver<bool>) {
    match after {
        After::Work => {}
        After::Cancel(run) => {
            if let Err(error) = cancel(&shared, run).await {
                tracing::warn!("{run} could not be cancelled for its next time: {error}");
            }
        }
        After::Job { name, schedule, due_at } => {
            let done = blocking(move || {
                if jobs::run(&shared, &name, &stop) {
                    jobs::ended(&shared, schedule, due_at);
                }
            });
            if let Err(error) = done.await {
                tracing::error!("a job of the program itself broke: {error}");
            }
        }
    }
}

/// Cancels a run, unless it was told to stop before: a second time would cut its end short.
async fn cancel(shared: &Arc<Shared>, run: RunId) -> Result<(), ControlError> {
    let reading = Arc::clone(shared);
    if blocking(move || is_told_to_stop(&reading, run)).await?? {
        return Ok(());
    }
    let reason = Some("its next time has come".to_owned());
    steer::control(shared, run, Control::Cancel { by: BY.to_owned(), reason }).await.map(drop)
}

fn is_told_to_stop(shared: &Shared, run: RunId) -> Result<bool, RunError> {
    let (reader, mut seq) = (shared.services().store.reader(), 0);
    loop {
        let page = reader.events(&run.to_string(), seq, PAGE)?;
        let Some(last) = page.last() else { return Ok(false) };
        seq = last.seq;
        if page.iter().any(|event| event.kind == EventKind::RunCancelRequested) {
            return Ok(true);
        }
    }
}
