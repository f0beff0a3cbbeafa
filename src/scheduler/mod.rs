//! What makes runs begin and keeps them going in a daemon: the queue and its workers, the clock and
//! its schedules, the jobs the program does for itself, and an orderly end.
//!
//! Owns when something is started; what a run does is the orchestrator's business. Everything that
//! was taken is a row before it is a task: a daemon that dies forgets nothing and starts nothing twice.

// what others see
mod engine;
mod schedule;
mod submit;

// tasks
mod direct;
mod disk;
mod fields;
mod hook;
mod intake;

// runs
mod adopt;
mod steer;
mod stuck;
mod workers;

// times
mod clock;
mod due;
mod fire;
mod follow;
mod keep;
mod kept;
mod timetable;
mod vet;

// the program's own work
mod jobs;
mod shared;

#[cfg(test)]
mod tests;

pub use crate::live::playbooks::LivePlaybooks;
pub use crate::orchestrator::{Control, ControlError, Told};
pub use crate::store::{
    FireRow, FireState, NewKey, QueueDepth, ScheduleRow, ScheduleSource, ScheduleTarget,
};
pub use direct::Calling;
pub use engine::{Answered, Engine, EngineError, EngineParts, EngineStatus};
pub use kept::{KeptSchedules, next_times};
pub use schedule::{NewSchedule, ScheduleError};
pub use submit::{Accepted, FieldError, Origin, SubmitError};
