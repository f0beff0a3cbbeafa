//! Putting the core to work: accept a task, execute what the core wants, journal what came of it.
//!
//! One driver per run. Only the driver appends to the run's journal; the pieces of work it starts
//! hand their events to it and go on once they are durable.

mod answer;
mod ask;
mod audit;
mod call;
mod clock;
mod conclude;
mod decide;
mod driver;
mod dry_run;
mod error;
mod execute;
mod failure;
mod intake;
mod journal;
mod judge;
mod memory_write;
mod open;
mod reads;
mod record;
mod report;
mod resolve;
mod run;
mod scenario;
mod scope;
mod services;
mod undo;

pub use answer::{Answer, Answerer, NobodyAnswers, PreApproved, Question};
pub use clock::SystemClock;
pub use driver::{Driver, Observer, RunEnd};
pub use dry_run::{DryStep, dry_run};
pub use error::RunError;
pub use intake::{Accepted, Checked, IntakeError, Wanted, accept, check};
pub use memory_write::memory_write;
pub use record::{CallRecord, RunRecord};
pub use resolve::resolve;
pub use run::Run;
pub use scenario::play;
pub use services::Services;
pub use undo::{UndoError, UndoTarget, Undone, end_cut_off_undo, undo};
