//! Everything a driver works with, wired once by `app`.

use std::path::PathBuf;
use std::sync::Arc;

use super::beforehand::Named;
use super::live_config::LiveConfig;
use super::live_runs::LiveRuns;
use super::live_tools::LiveTools;
use super::rates::Rates;
use crate::config::Config;
use crate::live::playbooks::LivePlaybooks;
use crate::live::prompts::LivePrompts;
use crate::live::{LivePolicy, PolicyWatch, RulesOnTrial};
use crate::memory::{Kv, Memory};
use crate::playbook::expression::Evaluator;
use crate::policy::Places;
use crate::ports::{Away, Clock, Embedder, Model, Sandbox, ToolDescriptor, Vocabulary};
use crate::store::Store;
use crate::telemetry::{Metrics, Redactor, Secrets};
use crate::tools::Toolbox;

/// Shared by all runs of a process.
#[derive(Clone)]
pub struct Services {
    /// Absolute root of the workspace.
    pub root: PathBuf,
    /// Configuration, as it is now.
    pub settings: Arc<LiveConfig>,
    /// The one place that keeps things.
    pub store: Arc<Store>,
    /// What is remembered: a fold over the store's log of records.
    pub memory: Arc<Memory>,
    /// Settings that people keep beside it.
    pub kv: Kv,
    /// Where files of knowledge are; none in a workspace that is not trusted, whose files and playbooks may be
    /// anybody's.
    pub knowledge: Option<PathBuf>,
    /// Rules, as they are now.
    pub policy: Arc<LivePolicy>,
    /// Keeps the rules up with their files, where the process lives long enough for that.
    pub policy_watch: Option<Arc<PolicyWatch>>,
    /// Rules on trial: they are asked beside those, and decide nothing.
    pub trial: Option<Arc<RulesOnTrial>>,
    /// Where the parts of the machine are.
    pub places: Places,
    /// The tools, as they are now: those of the program, and those that the workspace declares.
    pub tools: Arc<LiveTools>,
    /// The playbooks of the workspace, as they are now: what playbooks may call and include.
    pub playbooks: Arc<LivePlaybooks>,
    /// The model that plans, where one is configured.
    pub model: Option<Arc<dyn Model>>,
    /// Makes what compares goals with what tools are for; none where words alone count.
    pub compares: fn() -> Option<Arc<dyn Embedder>>,
    /// What models are told, as people edit it.
    pub prompts: Arc<LivePrompts>,
    /// Where commands run.
    pub sandbox: Arc<dyn Sandbox>,
    /// Where work is done that the workspace is to see nothing of.
    pub away: Away,
    /// Time, ids, salts.
    pub clock: Arc<dyn Clock>,
    /// Strikes secrets out of what is logged.
    pub redactor: Arc<Redactor>,
    /// Their values, for calls that may have them.
    pub secrets: Arc<Secrets>,
    /// The runs that are driven in this process.
    pub live: Arc<LiveRuns>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Expressions.
    pub evaluator: Arc<Evaluator>,
    /// How often tools were called.
    pub rates: Arc<Rates>,
    /// Approvals that callers named for their calls.
    pub named: Arc<Named>,
}

impl Services {
    /// The configuration, as it was at the last look.
    #[must_use]
    pub fn config(&self) -> Arc<Config> {
        self.settings.current()
    }

    /// The tool that policy knows by this name now.
    #[must_use]
    pub fn tool(&self, name: &str) -> Option<Arc<ToolDescriptor>> {
        self.tools.get(name)
    }

    /// What policy decides about now.
    #[must_use]
    pub fn vocabulary(&self) -> Arc<Vocabulary> {
        Arc::clone(&self.tools.current().vocabulary)
    }

    /// The tools themselves, as they are now.
    #[must_use]
    pub fn toolbox(&self) -> Toolbox {
        self.tools.current().toolbox.clone()
    }

    /// The tools that playbooks may call now.
    #[must_use]
    pub fn callable(&self) -> Arc<Vocabulary> {
        Arc::clone(&self.tools.current().tools)
    }
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
