//! The composition root: the only place that names concrete types together.
//!
//! A command opens an [`App`], which is a workspace and what can be done in it, and asks it for what
//! it needs: the rules, the playbooks, the history, or to become the host.

mod history;
mod host;
mod open;
mod rules;
mod state;

pub use history::History;
pub use host::OpenHost;
pub use open::App;
pub use rules::PolicyInputs;
