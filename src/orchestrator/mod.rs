//! Putting the core to work: accept a task, execute what the core wants, journal what came of it.
//!
//! One driver per run. Only the driver appends to the run's journal; the pieces of work it starts
//! hand their events to it and go on once they are durable.

mod admission;
mod answer;
mod artifacts;
mod ask;
mod attached;
mod audit;
mod backtest;
mod beforehand;
mod call;
mod called;
mod carried;
mod child;
mod child_intake;
mod clock;
mod conclude;
mod consult;
mod control;
mod decide;
mod decided;
mod direct;
mod driver;
mod dry_end;
mod dry_origins;
mod dry_run;
mod dry_value;
mod error;
mod evidence;
mod exchanges;
mod execute;
mod failure;
mod finish;
mod goal;
mod granted;
mod incident;
mod intake;
mod journal;
mod judge;
mod lead;
mod lineage;
mod lists;
mod live_config;
mod live_runs;
mod live_tools;
mod memories;
mod obliged;
mod open;
mod opening;
mod origins;
mod place;
mod planned;
mod planning;
mod prefer;
mod rates;
mod reads;
mod record;
mod reply;
mod report;
mod resolve;
mod ruling;
mod run;
mod scenario;
mod scope;
mod services;
mod stopping;
mod story;
mod taken;
mod told;
mod traced;
mod undo;
mod views;
mod wall;

pub use admission::{Admission, admit, begin, enqueue, is_unattended};
pub use answer::{Answer, Answerer, NobodyAnswers, PreApproved, Question};
pub use artifacts::{Artifact, artifacts_of, find_artifact};
pub use attached::{Attached, AttachmentError, attach};
pub use backtest::{Backtest, Flip, Flips, Kind, backtest};
pub use beforehand::{GiveError, Named, give, revoke};
pub use clock::SystemClock;
pub use control::{Control, ControlError, Told, tell, tell_to_the_end};
pub use decided::{Decisions, Missing, Recorded, decisions_of};
pub use direct::{
    Direct, DirectEnd, DirectPlaybook, NotGiven, audit_refusal, direct_end, direct_playbook,
    dry_call, given_for,
};
pub use driver::{Driver, Observer, RunEnd};
pub use dry_run::{DryStep, dry_run, dry_run_with};
pub use error::RunError;
pub use exchanges::exchanges_of;
pub use goal::{goal_input, goal_playbook};
pub use intake::{Accepted, Checked, IntakeError, Wanted, accept, accept_with, check, check_in};
pub use lead::{Leads, Led, lead};
pub use lists::{List, Lists};
pub use live_config::{Change, ChangeError, LiveConfig, Overrides, execution_config};
pub use live_runs::LiveRuns;
pub use live_tools::{LiveTools, ToolsNow};
pub use memories::{
    Asker, MemoryOrder, MemoryRefusal, Occasion, OrderRefused, RefusedAs, RunMemories,
    answer_proposal, carry_out, consolidate, consolidate_if_due, consolidations, forget,
    memory_consolidate, memory_kv, memory_pin, pin, remember, set_kv, sync, undo_batch,
    would_forget,
};
pub use rates::{Full, Rates};
pub use record::{CallRecord, RunRecord};
pub use run::{Run, goes_on};
pub use scenario::play;
pub use services::Services;
pub use stopping::SHUTDOWN;
pub use taken::{Labels, Taken};
pub use undo::{UndoError, UndoRequest, UndoTarget, end_cut_off_undo, run_of_call, undo};
pub use views::{ApprovalViews, fire_view, incident_view, run_detail, run_view, schedule_view};
