//! Playbooks: named procedures that people write in YAML.
//!
//! Owns the language: reading it with places, finding every mistake, expressions, what a playbook
//! compiles to, choosing one for a goal, and its own tests as data. Does no input or output: files
//! come in as text, and what expressions ask of the world goes through
//! [`expression::Reads`]. Running a playbook is the business of `agent` and its driver.

pub mod expression;

mod cron;
mod model;
mod scenario;

mod check;
mod limits;
mod lint;
mod read;

mod compile;
mod inputs;
mod plan;
mod schema;
mod select;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_hostile;
#[cfg(test)]
pub(crate) mod vocabulary_for_tests;

pub use compile::compile;
pub use inputs::{InputError, resolve_inputs};
pub use limits::LintLimits;
pub use lint::{Linted, lint};
pub use model::{
    Action, CatchUp, Foreach, Input, InputKind, Overlap, Permissions, Playbook, Remember, Schedule,
    Step,
};
pub use plan::{Plan, PlannedApproval, PlannedPermissions, PlannedStep, plan};
pub use scenario::{
    Expect, Observed, Scenario, ScriptedError, ScriptedResult, check as check_scenario,
};
pub use schema::SCHEMA;
pub use select::{Candidate, Selection, select};
