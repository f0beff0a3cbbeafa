//! Schedules and what they started.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::contracts::{Map, RunId, ScheduleId, Timestamp};

/// A schedule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ScheduleView {
    /// Which schedule.
    pub schedule_id: ScheduleId,
    /// Its name: the playbook's, or that of the program's own job.
    pub name: String,
    /// The playbook it starts; `null` for a job of the program itself.
    pub playbook: Option<String>,
    /// Who made it: `playbook`, `api` or `internal`.
    pub source: String,
    /// When, as cron.
    pub cron: String,
    /// The time zone of `cron`.
    pub timezone: String,
    /// What happens when the run before is still at work: `skip`, `queue` or `cancel_previous`.
    pub overlap: String,
    /// Which missed times are made up for: `none`, `latest` or `all`.
    pub catch_up: String,
    /// How long a missed time is worth making up for, in milliseconds.
    pub window_ms: u64,
    /// Inputs of the playbook.
    pub inputs: Map,
    /// Whether a person holds it.
    pub paused: bool,
    /// Why it does not fire, if it does not.
    pub refused: Option<String>,
    /// When it fires next.
    pub next_at: Option<Timestamp>,
    /// The last time that was due.
    pub last_due: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed.
    pub updated_at: Timestamp,
}

/// Every schedule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ScheduleList {
    /// The schedules.
    pub items: Vec<ScheduleView>,
}

/// What came of a time that was due.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FireView {
    /// When it was due.
    pub due_at: Timestamp,
    /// When that was noted.
    pub at: Timestamp,
    /// `fired` or `missed`.
    pub state: String,
    /// The run that it started.
    pub run_id: Option<RunId>,
    /// Why nothing was started.
    pub reason: Option<String>,
}

/// A schedule with its next and last times.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ScheduleDetail {
    /// The schedule.
    pub schedule: ScheduleView,
    /// When it fires next.
    pub next: Vec<Timestamp>,
    /// What came of the last times, newest first.
    pub fires: Vec<FireView>,
}

/// A change of a schedule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScheduleChange {
    /// Whether it is held.
    pub paused: bool,
}

/// The run that a schedule started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ScheduleStarted {
    /// The run; `null` for a job of the program itself, which has none.
    pub run_id: Option<RunId>,
}
