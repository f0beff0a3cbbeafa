//! Schedules as people see and change them.

use tokio::sync::watch;

use super::clock::{go_on, held};
use super::follow::forget;
use super::intake;
use super::jobs;
use super::schedule::{NewSchedule, SCHEDULES_MAX, ScheduleError, row, rules, seen_to};
use super::shared::{Shared, locked};
use super::submit::{FieldError, Origin, SubmitError};
use super::vet::vet;
use crate::contracts::{RunId, ScheduleId, Timestamp, Trigger};
use crate::orchestrator::{Admission, IntakeError, RunError, enqueue};
use crate::store::{FireRow, ScheduleRow, ScheduleSource, ScheduleTarget, StoreError};

/// Most times that are worked out at once.
const NEXT_MAX: usize = 100;

pub(super) fn list(shared: &Shared) -> Result<Vec<ScheduleRow>, ScheduleError> {
    Ok(shared.services().store.reader().schedules().map_err(RunError::from)?)
}

pub(super) fn one(shared: &Shared, id: ScheduleId) -> Result<ScheduleRow, ScheduleError> {
    shared.services().store.reader().schedule(&id).map_err(|error| match error {
        StoreError::NotFound(_) => ScheduleError::Unknown(id),
        error => RunError::from(error).into(),
    })
}

pub(super) fn fires(
    shared: &Shared,
    id: ScheduleId,
    limit: u32,
) -> Result<Vec<FireRow>, ScheduleError> {
    one(shared, id)?;
    Ok(shared.services().store.reader().fires(&id, limit).map_err(RunError::from)?)
}

pub(super) fn next(
    shared: &Shared,
    id: ScheduleId,
    count: usize,
) -> Result<Vec<Timestamp>, ScheduleError> {
    next_of(&one(shared, id)?, shared.now(), count)
}

pub(super) fn next_of(
    row: &ScheduleRow,
    now: Timestamp,
    count: usize,
) -> Result<Vec<Timestamp>, ScheduleError> {
    let rules = rules(row).map_err(ScheduleError::Invalid)?;
    let mut since = seen_to(row).max(now);
    let mut times = Vec::new();
    while let Some(at) = rules.table.next(since).filter(|_| times.len() < count.min(NEXT_MAX)) {
        times.push(at);
        since = at;
    }
    Ok(times)
}

pub(super) fn add(shared: &Shared, wanted: &NewSchedule) -> Result<ScheduleRow, ScheduleError> {
    add_as(shared, ScheduleId::from_uuid(shared.services().clock.uuid()), wanted)
}

/// Makes a schedule with this id, unless that was done before.
pub(super) fn add_as(
    shared: &Shared,
    id: ScheduleId,
    wanted: &NewSchedule,
) -> Result<ScheduleRow, ScheduleError> {
    let _alone = locked(&shared.schedules);
    let there = list(shared)?;
    if let Some(made) = there.iter().find(|row| row.id == id) {
        return Ok(made.clone());
    }
    let count = there.len();
    if count >= SCHEDULES_MAX {
        return Err(ScheduleError::TooMany(count));
    }
    let read = wanted.read();
    let catalogue = shared.parts.playbooks.current_with(&wanted.playbook);
    let entry = match intake::find(&catalogue, &wanted.playbook) {
        Ok(entry) => entry,
        Err(error) => {
            let mut errors = read.err().unwrap_or_default();
            errors.insert(0, about_playbook(error)?);
            return Err(ScheduleError::Invalid(errors));
        }
    };
    let (schedule, table) = read.map_err(ScheduleError::Invalid)?;
    let reasons = match vet(shared, entry, &wanted.inputs) {
        Ok(reasons) => reasons,
        Err(SubmitError::Invalid(errors)) => errors,
        Err(error) => return Err(error.into()),
    };
    if !reasons.is_empty() {
        return Err(ScheduleError::Invalid(reasons));
    }
    let target = ScheduleTarget::Playbook(entry.name().to_owned());
    let (now, inputs) = (shared.now(), wanted.inputs.clone());
    let mut made = row(id, target, ScheduleSource::Api, &schedule, inputs, now);
    made.next_at = table.next(now);
    save(shared, &made)?;
    Ok(made)
}

/// A playbook that cannot be used, as a mistake of the field that names it.
fn about_playbook(error: SubmitError) -> Result<FieldError, ScheduleError> {
    match error {
        SubmitError::UnknownPlaybook { ref suggestion, .. } => {
            let (message, suggestion) = (error.to_string(), suggestion.clone());
            Ok(FieldError { field: "playbook".to_owned(), message, suggestion })
        }
        SubmitError::Run(error) => Err(error.into()),
        error => Ok(FieldError::new("playbook", error.to_string())),
    }
}

pub(super) fn set_paused(
    shared: &Shared,
    id: ScheduleId,
    paused: bool,
) -> Result<ScheduleRow, ScheduleError> {
    let _alone = locked(&shared.schedules);
    let mut row = one(shared, id)?;
    if row.paused != paused {
        (row.paused, row.updated_at) = (paused, shared.now());
        save(shared, &row)?;
        if let (None, Ok(rules)) = (held(shared, &row), rules(&row)) {
            go_on(shared, &mut row, &rules, shared.now())?;
        }
    }
    Ok(row)
}

pub(super) fn delete(shared: &Shared, id: ScheduleId) -> Result<(), ScheduleError> {
    let _alone = locked(&shared.schedules);
    let row = one(shared, id)?;
    let follows = match row.source {
        ScheduleSource::Api => {
            shared.services().store.delete_schedule(id).map_err(RunError::from)?;
            forget(shared, id);
            return Ok(());
        }
        ScheduleSource::Playbook => "the playbook's file",
        ScheduleSource::Internal => "configuration (`schedules`)",
    };
    Err(ScheduleError::Follows { name: row.name, follows: follows.to_owned() })
}

pub(super) fn run_now(
    shared: &Shared,
    id: ScheduleId,
    origin: Origin,
    stop: &watch::Receiver<bool>,
) -> Result<Option<RunId>, ScheduleError> {
    if shared.is_draining() {
        return Err(SubmitError::Draining.into());
    }
    let row = one(shared, id)?;
    let name = match &row.target {
        ScheduleTarget::Playbook(name) => name,
        ScheduleTarget::Internal(job) => {
            jobs::run(shared, job, stop);
            return Ok(None);
        }
    };
    if let Some(before) = intake::taken_before(shared, origin.key.as_ref())? {
        return Ok(Some(before.run_id));
    }
    if let Some(why) = &row.refused {
        let message = format!("the schedule is refused: {why}");
        return Err(ScheduleError::Invalid(vec![FieldError::new("", message)]));
    }
    intake::room(shared, crate::contracts::Priority::Normal)?;
    let catalogue = shared.parts.playbooks.current();
    let entry = intake::find(&catalogue, name)?;
    let wanted = intake::wanted(shared, entry, None, &row.inputs);
    let key = origin.key.clone();
    let admission = Admission { key: origin.key, ..Admission::of(Trigger::Schedule) };
    let run_id = match enqueue(shared.services(), &wanted, &entry.library(), admission) {
        Ok(accepted) => accepted.run_id,
        // The same request came twice at the same moment.
        Err(IntakeError::Run(RunError::Store(StoreError::KeyTaken { remembered }))) => {
            let hash = key.map(|key| key.request_hash);
            return Ok(Some(intake::repeated(shared, &remembered, hash)?.run_id));
        }
        Err(error) => return Err(intake::refused(entry, error).into()),
    };
    tracing::info!("{} starts `{}` as {run_id}", origin.by, row.name);
    shared.work.notify_one();
    Ok(Some(run_id))
}

fn save(shared: &Shared, row: &ScheduleRow) -> Result<(), ScheduleError> {
    Ok(shared.services().store.save_schedule(row.clone()).map_err(RunError::from)?)
}
