//! Putting the core to work: accept a task, execute what the core wants, journal what came of it.
//!
//! One driver per run. Only the driver appends to the run's journal; the pieces of work it starts
//! hand their events to it and go on once they are durable.

mod admission;
mod answer;
mod ask;
mod audit;
mod call;
mod called;
mod child;
mod child_intake;
mod clock;
mod conclude;
mod control;
mod decide;
mod driver;
mod dry_run;
mod dry_value;
mod error;
mod execute;
mod failure;
mod incident;
mod intake;
mod journal;
mod judge;
mod lists;
mod live_runs;
mod memory_write;
mod open;
mod opening;
mod place;
mod reads;
mod record;
mod report;
mod resolve;
mod run;
mod scenario;
mod scope;
mod services;
mod stopping;
mod story;
mod undo;
mod views;
mod wall;

pub use admission::{Admission, admit, begin, enqueue, is_unattended};
pub use answer::{Answer, Answerer, NobodyAnswers, PreApproved, Question};
pub use clock::SystemClock;
pub use control::{Control, ControlError, Told, tell, tell_to_the_end};
pub use driver::{Driver, Observer, RunEnd};
pub use dry_run::{DryStep, dry_run};
pub use error::RunError;
pub use intake::{Accepted, Checked, IntakeError, Wanted, accept, check, check_in};
pub use lists::{List, Lists};
pub use live_runs::LiveRuns;
pub use memory_write::memory_write;
pub use record::{CallRecord, RunRecord};
pub use run::{Run, goes_on};
pub use scenario::play;
pub use services::Services;
pub use stopping::SHUTDOWN;
pub use undo::{UndoError, UndoTarget, Undone, end_cut_off_undo, undo};
pub use views::{ApprovalViews, fire_view, run_detail, run_view, schedule_view};
