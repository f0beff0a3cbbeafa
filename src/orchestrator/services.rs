//! Everything a driver works with, wired once by `app`.

use std::path::PathBuf;
use std::sync::Arc;

use super::live_runs::LiveRuns;
use crate::config::Config;
use crate::live::LivePolicy;
use crate::live::playbooks::LivePlaybooks;
use crate::playbook::expression::Evaluator;
use crate::policy::Places;
use crate::ports::{Clock, Sandbox, Vocabulary};
use crate::store::Store;
use crate::telemetry::Redactor;

/// Shared by all runs of a process.
#[derive(Clone)]
pub struct Services {
    /// Absolute root of the workspace.
    pub root: PathBuf,
    /// Resolved configuration.
    pub config: Arc<Config>,
    /// The one place that keeps things.
    pub store: Arc<Store>,
    /// Rules, as they are now.
    pub policy: Arc<LivePolicy>,
    /// Where the parts of the machine are.
    pub places: Places,
    /// What policy decides about, by name: the tools, and what the program does beside them.
    pub vocabulary: Arc<Vocabulary>,
    /// The tools that playbooks may call, by name.
    pub tools: Arc<Vocabulary>,
    /// The playbooks of the workspace, as they are now: what playbooks may call and include.
    pub playbooks: Arc<LivePlaybooks>,
    /// Where commands run.
    pub sandbox: Arc<dyn Sandbox>,
    /// Time, ids, salts.
    pub clock: Arc<dyn Clock>,
    /// Strikes secrets out of what is logged.
    pub redactor: Arc<Redactor>,
    /// The runs that are driven in this process.
    pub live: Arc<LiveRuns>,
    /// Expressions.
    pub evaluator: Arc<Evaluator>,
}

impl std::fmt::Debug for Services {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Services").field("root", &self.root).finish_non_exhaustive()
    }
}

/// Runs blocking work on a thread that may wait.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, super::RunError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| super::RunError::Worker(error.to_string()))
}
