//! The composition root: the only place that names concrete types together.
//!
//! A command opens an [`App`], which is a workspace and what can be done in it, and asks it for what
//! it needs: the rules, the playbooks, the history, or to become the host.

mod cells;
mod consolidating;
#[cfg(test)]
mod consolidation_tests;
#[cfg(test)]
mod control_tests;
mod daemon;
#[cfg(test)]
mod daemon_tests;
#[cfg(test)]
mod decided_tests;
mod declared;
mod execution;
#[cfg(test)]
mod execution_tests;
#[cfg(test)]
mod flow_tests;
mod governing;
mod history;
mod host;
mod knowledge;
#[cfg(test)]
mod language_tests;
mod loosening;
#[cfg(test)]
mod loosening_tests;
mod memory;
mod models;
mod open;
mod overrides;
#[cfg(test)]
mod place;
#[cfg(test)]
mod planner_tests;
mod probes;
mod recall;
mod reloads;
mod route;
mod rules;
mod servers;
mod state;
mod tool_files;
#[cfg(test)]
mod views_tests;

pub use daemon::{Daemon, Listening};
pub use execution::{Switched, change_overrides};
pub use history::History;
pub use host::OpenHost;
pub use memory::no_memory;
pub use models::{NotConfigured, chat, model, ollama, openai};
pub use open::App;
pub use probes::Probe;
pub use recall::Chosen;
pub use route::router_embedder;
pub use rules::PolicyInputs;
pub use servers::Listed;
