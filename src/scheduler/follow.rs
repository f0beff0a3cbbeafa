//! Keeping the rows of schedules in step with what they follow: the playbooks' files, configuration, and
//! the rules.

use std::collections::BTreeMap;

use super::schedule::{row, rules, seen_to, set};
use super::shared::{Shared, locked};
use super::submit::FieldError;
use super::vet;
use crate::contracts::{Map, ScheduleId, Timestamp};
use crate::live::playbooks::Catalogue;
use crate::orchestrator::RunError;
use crate::playbook::{CatchUp, Overlap, Schedule};
use crate::store::{ScheduleRow, ScheduleSource, ScheduleTarget, StoreError};

/// The job that checks the whole journal.
pub(super) const VERIFY: &str = "verify";
/// The job that forgets what is old.
pub(super) const RETENTION: &str = "retention";
/// The job that makes one of memories that say the same.
pub(super) const CONSOLIDATION: &str = "consolidation";

/// How late a job of the program itself is still worth doing, in milliseconds: it is daily work.
const INTERNAL_WINDOW_MS: u64 = 86_400_000;

/// Brings every row up to date and gives them all. Blocks.
///
/// # Errors
/// When the store fails.
pub(super) fn follow(shared: &Shared, now: Timestamp) -> Result<Vec<ScheduleRow>, RunError> {
    let store = &shared.services().store;
    let catalogue = shared.parts.playbooks.current();
    let mut wanted = wanted(shared, &catalogue);
    // A file that nobody can read now may be the one that a row came from.
    let unread = catalogue.entries.iter().any(|entry| entry.playbook.is_none());
    let (known, damaged) = store.reader().sound_schedules()?;
    say_damaged(shared, &damaged);
    let mut rows = Vec::new();
    for row in known {
        let follows = match row.source {
            ScheduleSource::Api => None,
            _ => wanted.remove(&key(&row)),
        };
        let (id, name) = (row.id, row.name.clone());
        match followed(shared, row, follows, unread, now) {
            Ok(row) => rows.extend(row),
            Err(error) => trouble(shared, id, &name, &error),
        }
    }
    if !damaged.is_empty() {
        // One of them may be the row of what seems to have none.
        return Ok(rows);
    }
    for ((source, name), schedule) in wanted {
        let id = ScheduleId::from_uuid(shared.services().clock.uuid());
        let target = match source {
            Source::Internal => ScheduleTarget::Internal(name),
            Source::Playbook => ScheduleTarget::Playbook(name),
        };
        let mut made = row(id, target, source.stored(), &schedule, Map::new(), now);
        let before = made.clone();
        let kept = store.save_schedule(made.clone()).map_err(RunError::from);
        match kept.and_then(|()| keep(shared, &before, &mut made, now)) {
            Ok(()) => rows.push(made),
            Err(error) => trouble(shared, id, &made.name, &error),
        }
    }
    Ok(rows)
}

/// A row brought up to date; none when what it followed is gone.
fn followed(
    shared: &Shared,
    mut row: ScheduleRow,
    follows: Option<Schedule>,
    unread: bool,
    now: Timestamp,
) -> Result<Option<ScheduleRow>, RunError> {
    let before = row.clone();
    match (row.source, follows) {
        (ScheduleSource::Api, _) => {}
        (_, Some(schedule)) => {
            if set(&mut row, &schedule) {
                // What was due by the old line is not due by the new one.
                row.last_due = Some(now.max(seen_to(&row)));
                row.held_since = None;
            }
        }
        (ScheduleSource::Playbook, None) if unread => {}
        (_, None) => {
            shared.services().store.delete_schedule(row.id)?;
            forget(shared, row.id);
            return Ok(None);
        }
    }
    keep(shared, &before, &mut row, now)?;
    Ok(Some(row))
}

fn say_damaged(shared: &Shared, damaged: &[StoreError]) {
    match damaged.first() {
        None => shared.settled("damaged schedules"),
        Some(first) => {
            let count = damaged.len();
            let message = format!("{count} schedules are damaged and do not fire: {first}");
            shared.warn("damaged schedules", message);
        }
    }
}

/// One schedule that cannot be seen to keeps no other from it.
pub(super) fn trouble(shared: &Shared, id: ScheduleId, name: &str, error: &RunError) {
    let message = format!("the schedule `{name}` cannot be seen to now: {error}");
    shared.warn(&in_trouble(id), message);
}

/// The schedule was seen to.
pub(super) fn no_trouble(shared: &Shared, id: ScheduleId) {
    shared.settled(&in_trouble(id));
}

fn in_trouble(id: ScheduleId) -> String {
    format!("trouble with {id}")
}

/// Forgets what is known of a schedule that is gone.
pub(super) fn forget(shared: &Shared, id: ScheduleId) {
    no_trouble(shared, id);
    shared.settled(&refusing(id));
    locked(&shared.vetted).remove(&id);
}

fn refusing(id: ScheduleId) -> String {
    format!("schedule {id}")
}

/// Works out why a row does not fire and when it is due next; writes it when that is news.
fn keep(
    shared: &Shared,
    before: &ScheduleRow,
    row: &mut ScheduleRow,
    now: Timestamp,
) -> Result<(), RunError> {
    let warning = refusing(row.id);
    match rules(row) {
        Ok(rules) => {
            row.refused = refusal(shared, row)?;
            // While it is held nothing is due.
            let due = row.held_since.is_none();
            row.next_at = if due { rules.table.next(seen_to(row)) } else { None };
        }
        Err(errors) => (row.refused, row.next_at) = (Some(joined(&errors)), None),
    }
    match &row.refused {
        Some(why) => {
            shared.warn(&warning, format!("the schedule `{}` does not fire: {why}", row.name))
        }
        None => shared.settled(&warning),
    }
    if row != before {
        row.updated_at = now;
        shared.services().store.save_schedule(row.clone())?;
    }
    Ok(())
}

fn refusal(shared: &Shared, row: &ScheduleRow) -> Result<Option<String>, RunError> {
    let ScheduleTarget::Playbook(name) = &row.target else { return Ok(None) };
    if row.source == ScheduleSource::Playbook && !shared.parts.trusted {
        let why = "the workspace is not trusted: look at its files, run `bailiwick trust`, then start the daemon again";
        return Ok(Some(why.to_owned()));
    }
    vet::refusal(shared, row, name)
}

fn joined(errors: &[FieldError]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// What a row that was not made by a person follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Source {
    Playbook,
    Internal,
}

impl Source {
    const fn stored(self) -> ScheduleSource {
        match self {
            Self::Playbook => ScheduleSource::Playbook,
            Self::Internal => ScheduleSource::Internal,
        }
    }
}

fn key(row: &ScheduleRow) -> (Source, String) {
    match &row.target {
        ScheduleTarget::Playbook(name) => (Source::Playbook, name.clone()),
        ScheduleTarget::Internal(name) => (Source::Internal, name.clone()),
    }
}

/// What files and configuration say.
fn wanted(shared: &Shared, catalogue: &Catalogue) -> BTreeMap<(Source, String), Schedule> {
    let mut wanted = BTreeMap::new();
    for playbook in catalogue.entries.iter().filter_map(|entry| entry.playbook.as_ref()) {
        if let Some(schedule) = &playbook.schedule {
            wanted.insert((Source::Playbook, playbook.name.clone()), schedule.clone());
        }
    }
    let config = shared.services().config();
    let config = &config.schedules;
    for (name, cron) in [
        (VERIFY, &config.verify),
        (RETENTION, &config.retention),
        (CONSOLIDATION, &config.consolidation),
    ] {
        if let Some(cron) = cron {
            wanted.insert((Source::Internal, name.to_owned()), internal(cron));
        }
    }
    wanted
}

fn internal(cron: &str) -> Schedule {
    Schedule {
        cron: cron.to_owned(),
        timezone: "UTC".to_owned(),
        overlap: Overlap::Skip,
        catch_up: CatchUp::Latest,
        window_ms: Some(INTERNAL_WINDOW_MS),
    }
}
