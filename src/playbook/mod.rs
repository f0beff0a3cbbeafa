//! Playbooks: named procedures that people write in YAML.
//!
//! Owns the language: reading it with places, finding every mistake, expressions, what a playbook
//! compiles to, and its own tests as data. Does no input or output: files
//! come in as text, and what expressions ask of the world goes through
//! [`expression::Reads`]. Running a playbook is the business of `agent` and its driver.

pub mod expression;

mod cron;
mod model;
mod scenario;

mod check;
mod library;
mod limits;
mod lint;
mod read;

mod compile;
mod inputs;
mod over;
mod plan;
mod schema;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_hostile;
#[cfg(test)]
mod tests_language;
#[cfg(test)]
mod tests_library;
#[cfg(test)]
mod tests_page;
#[cfg(test)]
pub(crate) mod vocabulary_for_tests;

pub use compile::compile;
pub use cron::parse as parse_cron;
pub use inputs::{InputError, resolve_inputs};
pub use library::{Library, LibraryPlaybook, NoLibrary, Pinned, Used};
pub use limits::LintLimits;
pub use lint::{CALL_DEPTH_MAX, Linted, lint};
pub use model::{
    Action, Body, CatchUp, Foreach, Input, InputKind, Over, Overlap, Permissions, Playbook,
    Remember, Schedule, Step, Webhook,
};
pub use plan::{Plan, PlannedApproval, PlannedCall, PlannedPermissions, PlannedStep, plan};
pub use scenario::{
    Expect, Observed, Scenario, Script, ScriptedError, ScriptedResult, check as check_scenario,
};
pub use schema::SCHEMA;
