//! The tools: what they are, whether arguments fit, and running one that policy allowed.
//!
//! Owns the registry (one file per tool), argument checks, dispatch with its caps and limits, file
//! access beneath the granted roots (`fs` inside), what a write would change, and putting it
//! back. Whether a call may happen is the business of `policy`; recording it that of the store;
//! walls around commands that of the sandbox.
//!
//! There is one way to run a tool: [`dispatch()`], which takes what policy authorised. The tools
//! themselves are private.

// what a tool is made of
mod schema;
mod turns;
mod typed;
mod watch;

// the registry and the way in
mod arguments;
mod cap;
mod dispatch;
mod reference;
mod registry;
mod undo;

// what tools share
mod area;
mod bring;
mod fs;
mod process;
mod web;

// the tools, one file each
mod git;
mod git_diff;
mod git_status;
mod list_dir;
mod read_text;
mod run_sandboxed;
mod search_text;
mod shell_exec;
mod shell_words;
mod user_notification;
mod worker;
mod write_text;

pub use arguments::check_args;
pub use dispatch::{dispatch, dry_run, snapshot};
pub use reference::{describe, reference};
pub use registry::{find, vocabulary};
pub use undo::{Standing, UndoError, roll_back, undo};
pub use worker::{WORKER_ARGUMENT, is_worker_invocation, worker_main};

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod git_hostile;
