//! The tools: what they are, whether arguments fit, and running one that policy allowed.
//!
//! Owns the registry (one file per tool), argument checks, dispatch with its caps and limits, file
//! access beneath the granted roots (`fs` inside), what a write would change, and putting it
//! back. Whether a call may happen is the business of `policy`; recording it that of the store;
//! walls around commands that of the sandbox.
//!
//! There is one way to run a tool: [`Toolbox::dispatch`], which takes what policy authorised. The tools
//! themselves are private. A [`Toolbox`] has the tools of this program and those that a workspace declares:
//! process tools (`declared`) and tools of other servers (`mcp`).

// what a tool is made of
mod schema;
mod turns;
mod typed;
mod watch;

// the registry and the way in
mod arguments;
mod cap;
mod dispatch;
mod fill;
mod reference;
mod registry;
mod toolbox;
mod undo;

// what tools share
mod area;
mod bring;
mod cell;
mod changes;
mod fs;
mod hand_in;
mod kept;
mod one_file;
mod patch;
mod process;
mod shown;
mod tree_of;
mod web;

// the tools, one file each
mod apply_patch;
mod browser;
mod consult_ui;
mod delete_path;
#[cfg(target_os = "linux")]
mod desktop;
mod git;
mod git_commit;
mod git_diff;
mod git_log;
mod git_status;
mod list_dir;
mod memory;
mod move_path;
mod notify;
mod parse;
mod read_bin;
mod read_text;
mod run_sandboxed;
mod search_text;
mod shell_exec;
mod shell_words;
mod worker;
mod write_text;

// tools that configuration declares
mod declared;
mod mcp;

pub use browser::BrowserPrograms;
pub use cell::{WORKER_ARGUMENT, answer_in_cell, is_worker_invocation, worker_main};
pub use consult_ui::{Consultation, consultation};
pub use declared::{
    DIRECTORY as PROCESS_TOOLS, DeclaredFile, Profiles, json_schema as process_tool_schema,
};
pub use mcp::{McpServer, McpSetup, Offer, Offered, Reach};
pub use notify::NOTIFIES;
pub use reference::{describe, reference};
pub use registry::{find, vocabulary};
pub use toolbox::{Declarations, Toolbox};
pub use undo::{
    Believed, Changed, LeftAlone, PutBack, Standing, UndoError, foresee, note, roll_back, undo,
};

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod git_hostile;
#[cfg(test)]
mod hostile_args;
