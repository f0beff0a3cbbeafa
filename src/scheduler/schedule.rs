//! Schedules as people make them, and as they are kept.

use serde::Deserialize;

use super::FieldError;
use super::due::Rules;
use super::submit::SubmitError;
use super::timetable::Timetable;
use crate::contracts::{Map, ScheduleId, Timestamp, parse_duration_ms};
use crate::orchestrator::RunError;
use crate::playbook::{CatchUp, Overlap, Schedule};
use crate::store::{ScheduleRow, ScheduleSource, ScheduleTarget};
use crate::yaml::did_you_mean;

/// Most schedules, those of files and of the program included.
pub(super) const SCHEDULES_MAX: usize = 1_000;

/// A schedule that somebody wants.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSchedule {
    /// The playbook it starts.
    pub playbook: String,
    /// Minute, hour, day of month, month, day of week; or a nickname such as `@daily`.
    pub cron: String,
    /// An IANA time zone; UTC when absent.
    #[serde(default)]
    pub timezone: Option<String>,
    /// `skip`, `queue` or `cancel_previous`; `skip` when absent.
    #[serde(default)]
    pub overlap: Option<String>,
    /// `none`, `latest` or `all`; `latest` when absent.
    #[serde(default)]
    pub catch_up: Option<String>,
    /// How long a missed time is worth making up for, such as `2h`; for ever when absent.
    #[serde(default)]
    pub window: Option<String>,
    /// Inputs of the playbook.
    #[serde(default)]
    pub inputs: Map,
}

/// Why a schedule is not made or changed.
#[derive(Debug, thiserror::Error)]
pub enum ScheduleError {
    /// There is none (404).
    #[error("there is no schedule `{0}`")]
    Unknown(ScheduleId),
    /// Fields are wrong, or its dry run would ask or be denied (422).
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Invalid(Vec<FieldError>),
    /// It follows a file or configuration and is changed there (409).
    #[error("the schedule `{name}` follows {follows}: change it there")]
    Follows {
        /// Its name.
        name: String,
        /// What it follows.
        follows: String,
    },
    /// There are too many already (429).
    #[error("there are {0} schedules already, and no more are taken")]
    TooMany(usize),
    /// The playbook or its run is not taken.
    #[error(transparent)]
    Submit(#[from] SubmitError),
    /// The store failed (500).
    #[error(transparent)]
    Run(#[from] RunError),
}

impl NewSchedule {
    /// The playbook's own schedule with the same words, and when it comes round.
    pub(super) fn read(&self) -> Result<(Schedule, Timetable), Vec<FieldError>> {
        let timezone = self.timezone.clone().unwrap_or_else(|| "UTC".to_owned());
        let table = Timetable::new(&self.cron, &timezone);
        let overlap = word("overlap", self.overlap.as_deref(), &Overlap::WORDS);
        let catch_up = word("catch_up", self.catch_up.as_deref(), &CatchUp::WORDS);
        let window_ms = self.window.as_deref().map(parse_duration_ms).transpose();
        let window_ms = window_ms.map_err(|error| FieldError::new("window", error.to_string()));
        match (table, overlap, catch_up, window_ms) {
            (Ok(table), Ok(overlap), Ok(catch_up), Ok(window_ms)) => {
                let cron = self.cron.clone();
                Ok((Schedule { cron, timezone, overlap, catch_up, window_ms }, table))
            }
            (table, overlap, catch_up, window_ms) => {
                let rest = [overlap.err(), catch_up.err(), window_ms.err()].into_iter().flatten();
                Err(table.err().into_iter().flatten().chain(rest).collect())
            }
        }
    }
}

fn word<T: Copy + Default>(
    field: &str,
    given: Option<&str>,
    words: &[(&str, T)],
) -> Result<T, FieldError> {
    let Some(given) = given else { return Ok(T::default()) };
    if let Some((_, value)) = words.iter().find(|(word, _)| *word == given) {
        return Ok(*value);
    }
    let all: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
    Err(FieldError {
        field: field.to_owned(),
        message: format!("`{}` is not one of {}", given.escape_debug(), all.join(", ")),
        suggestion: did_you_mean(given, all),
    })
}

/// A row that was never due.
pub(super) fn row(
    id: ScheduleId,
    target: ScheduleTarget,
    source: ScheduleSource,
    schedule: &Schedule,
    inputs: Map,
    now: Timestamp,
) -> ScheduleRow {
    let (ScheduleTarget::Playbook(name) | ScheduleTarget::Internal(name)) = &target;
    let mut row = ScheduleRow {
        id,
        name: name.clone(),
        target,
        source,
        cron: String::new(),
        timezone: String::new(),
        overlap: String::new(),
        catch_up: String::new(),
        window_ms: 0,
        inputs,
        paused: false,
        refused: None,
        held_since: None,
        job_done: None,
        next_at: None,
        last_due: None,
        created_at: now,
        updated_at: now,
    };
    set(&mut row, schedule);
    row
}

/// Writes what a playbook or a person says into a row. True when that is news.
pub(super) fn set(row: &mut ScheduleRow, schedule: &Schedule) -> bool {
    let before = row.clone();
    row.cron.clone_from(&schedule.cron);
    row.timezone.clone_from(&schedule.timezone);
    schedule.overlap.as_str().clone_into(&mut row.overlap);
    schedule.catch_up.as_str().clone_into(&mut row.catch_up);
    row.window_ms = schedule.window_ms.unwrap_or(0);
    *row != before
}

/// How a row counts as overlapping.
pub(super) fn overlap(row: &ScheduleRow) -> Overlap {
    Overlap::parse(&row.overlap).unwrap_or(Overlap::Skip)
}

/// What a row goes by.
pub(super) fn rules(row: &ScheduleRow) -> Result<Rules, Vec<FieldError>> {
    Ok(Rules {
        table: Timetable::new(&row.cron, &row.timezone)?,
        catch_up: CatchUp::parse(&row.catch_up).unwrap_or(CatchUp::None),
        window_ms: Some(row.window_ms).filter(|window| *window > 0),
    })
}

/// From when on times of a row have not been seen to.
pub(super) fn seen_to(row: &ScheduleRow) -> Timestamp {
    row.last_due.unwrap_or(row.created_at)
}
