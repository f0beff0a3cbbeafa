//! Why a run cannot go on at all. What a tool or a policy answers is data, not an error of this kind.

use crate::agent::FoldError;
use crate::contracts::RunId;
use crate::store::StoreError;

/// The run stops here; its journal holds everything that was acknowledged.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The store refused or failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The journal is not one this program wrote.
    #[error("the journal of `{run}` does not fold: {source}")]
    Fold {
        /// The run.
        run: String,
        /// What does not follow.
        source: FoldError,
    },
    /// A stored document cannot be read.
    #[error("the journal of `{run}` holds {what} that cannot be read: {source}")]
    Stored {
        /// The run.
        run: String,
        /// Which document.
        what: &'static str,
        /// Why.
        source: serde_json::Error,
    },
    /// The journal lacks something every run has.
    #[error("the journal of `{run}` has no {what}")]
    Incomplete {
        /// The run.
        run: String,
        /// What is missing.
        what: &'static str,
    },
    /// The playbook the run works by cannot be read any more.
    #[error("the playbook that `{run}` works by cannot be read by this version: {reason}")]
    Playbook {
        /// The run.
        run: String,
        /// The first mistake.
        reason: String,
    },
    /// A value could not be written as JSON.
    #[error("a value cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// A thread of this program died.
    #[error("a worker of this program stopped unexpectedly: {0}")]
    Worker(String),
    /// The run went on without this piece of work.
    #[error("the run went on without this")]
    Superseded,
    /// Somebody drives it already.
    #[error("`{0}` is at work already")]
    AlreadyDriven(RunId),
    /// This process is stopping.
    #[error("this process is stopping and begins nothing new")]
    Draining,
    /// The driver is gone.
    #[error("the run was stopped")]
    Stopped,
}
