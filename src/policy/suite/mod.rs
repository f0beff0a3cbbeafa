//! Tests of rules: `*_test.yaml` beside the policies.
//!
//! Owns the format, judging its cases on the imagined machine of examples - through the whole
//! decision, not one rule alone -, and counting which rules they meet. Reading files is left to
//! `live`, printing to `cli`.

mod bench;
mod coverage;
mod expect;
mod file;
mod gate;
mod outcome;
mod schema;
mod situation;

#[cfg(test)]
mod tests;

pub use coverage::{Coverage, Met, RuleMet};
#[cfg(test)]
pub(in crate::policy) use expect::OWN_RULES;
pub use gate::{check_tests, check_tests_within, run_tests};
pub use outcome::{Outcome, Report, Result, Spoke};
pub use schema::tests_json_schema;
