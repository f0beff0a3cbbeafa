//! Plans: what a model may propose, what is wrong with a proposal, and what a good one becomes.
//!
//! A plan is JSON under a schema, so that it depends on no model's own way of calling tools. It is checked
//! before anything of it runs, and what it becomes is a block of a playbook: from there on its steps are
//! steps like any other. Pure: who asks the model, and what policy says, is the business of the driver.

mod draft;
mod fragments;
mod limits;
mod mistakes;
mod narrowed;
mod plan;
mod references;
mod repeats;
mod schema;
mod steps;

pub use draft::{Draft, DraftStep};
pub use fragments::{RESULT_TOKENS, mistake, result, tools};
pub use limits::PlanLimits;
pub use mistakes::{Ground, check};
pub use plan::{Plan, PlanStep, Reached, read};
pub use references::is_known;
pub use repeats::{Done, is_stuck, repeats};
pub use schema::schema;
pub use steps::{Round, playbook_of};
