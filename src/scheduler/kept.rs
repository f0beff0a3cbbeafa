//! Schedules where no engine is at work: what is changed counts for the next one.

use tokio::sync::watch;

use super::engine::EngineParts;
use super::keep;
use super::schedule::{NewSchedule, ScheduleError};
use super::shared::Shared;
use super::submit::Origin;
use crate::contracts::{RunId, ScheduleId, Timestamp};
use crate::store::ScheduleRow;

/// Schedules that nobody watches now.
#[derive(Debug)]
pub struct KeptSchedules(Shared);

impl KeptSchedules {
    /// Those of the workspace that the parts belong to.
    #[must_use]
    pub fn new(parts: EngineParts) -> Self {
        Self(Shared::new(parts))
    }

    /// Makes a schedule. Blocks.
    ///
    /// # Errors
    /// As [`super::Engine::add_schedule`].
    pub fn add(&self, wanted: &NewSchedule) -> Result<ScheduleRow, ScheduleError> {
        keep::add(&self.0, wanted)
    }

    /// Holds a schedule, or lets it go on. Blocks.
    ///
    /// # Errors
    /// When there is none.
    pub fn set_paused(&self, id: ScheduleId, paused: bool) -> Result<ScheduleRow, ScheduleError> {
        keep::set_paused(&self.0, id, paused)
    }

    /// Removes a schedule that was made by a person. Blocks.
    ///
    /// # Errors
    /// As [`super::Engine::delete_schedule`].
    pub fn delete(&self, id: ScheduleId) -> Result<(), ScheduleError> {
        keep::delete(&self.0, id)
    }

    /// Puts what a schedule starts into the queue. `None` for a job of the program itself, which is done
    /// when this returns. Blocks.
    ///
    /// # Errors
    /// As [`super::Engine::run_now`].
    pub fn run_now(&self, id: ScheduleId, origin: Origin) -> Result<Option<RunId>, ScheduleError> {
        let (_never, stop) = watch::channel(false);
        keep::run_now(&self.0, id, origin, &stop)
    }
}

/// The next times of a schedule after `now`, as if nothing held it.
///
/// # Errors
/// When its times cannot be read.
pub fn next_times(
    row: &ScheduleRow,
    now: Timestamp,
    count: usize,
) -> Result<Vec<Timestamp>, ScheduleError> {
    keep::next_of(row, now, count)
}
