//! The command line: one file per command, each with its `Args` and a `run` that takes them, what all
//! commands get ([`Cx`]) and where the answer goes.
//!
//! Standard output is for the answer (a table for people, JSON with `--json`, never mixed);
//! standard error is for progress, warnings and errors.

mod args;
mod cx;
mod error;
mod main;
mod notify;
mod open;
mod outcome;
mod output;
mod progress;
mod remote;
mod remote_error;
mod show_report;
mod shown;
mod signals;
mod smoke;
mod terminal;
mod watch;

mod acting;
mod approvals;
mod attach;
mod completions;
mod config;
mod diagnostics;
mod doctor;
mod dry_run;
mod incidents;
mod init;
mod mcp;
mod memory;
mod models;
mod playbook;
mod policy;
mod report;
mod run;
mod runs;
mod sandbox;
mod schedules;
mod serve;
mod submit;
mod tokens;
mod tools;
mod trust;
mod undo;
mod verify;

#[cfg(test)]
mod set_up_tests;

pub use cx::Cx;
pub use error::{CliError, Exit};
pub use main::main;
pub use open::open_workspace;
pub use policy::answer_line;

use outcome::schedule_error;
pub(crate) use outcome::{control_error, run_error, store_error};

use outcome::{exit_of, process, undo_error};
use remote_error::client_error;
use run::host_error;
