//! What lists and single answers show, the same on the command line and over HTTP.
//!
//! Fields that have no value are there as `null`, so that programs find every name.

mod approvals;
mod exchanges;
mod incidents;
mod playbooks;
mod runs;
mod schedules;
mod tasks;

pub use approvals::{Answered, ApprovalPage, ApprovalView, Given, NewAnswer, NewApproval};
pub use exchanges::{ExchangeAnswer, ExchangeList, ExchangeMessage, ExchangeView};
pub use incidents::{IncidentPage, IncidentView};
pub use playbooks::{InputView, PlaybookList, PlaybookView};
pub use runs::{
    CallLeftAlone, CallPutBack, DecisionView, EventView, RunDetail, RunPage, RunTold, RunView,
    UndoView,
};
pub use schedules::{
    FireView, ScheduleChange, ScheduleDetail, ScheduleList, ScheduleStarted, ScheduleView,
};
pub use tasks::{NewTask, TaskPage, TaskTaken, TaskView};
