//! What rules can ask about a request: each predicate is read from YAML once and then a native test.
//!
//! With several paths, hosts or programs a rule that asks or denies applies when one of them meets
//! the predicate; a rule that allows only when all do. Inside `not:` it is the other way round.

mod argument;
mod command;
mod condition;
mod host;
mod label;
mod path;
mod pattern;
mod run;
mod time;
mod words;

pub(super) use condition::Condition;
pub(super) use host::{HOST_HELP, is_host_pattern};
pub(super) use label::{came_only_from, names as label_names};
pub(super) use path::{ACCESS, access_word, is_under};
pub(super) use pattern::Globs;
pub(super) use time::DAYS;
pub(super) use words::choices;
