//! The configuration as it is now. Most of it is read once; what stands in the run-time override may
//! change while the program runs.

use std::fmt;
use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwap;

use crate::config::Config;
use crate::contracts::{Diagnostic, ExecutionChange, ExecutionConfig};

/// Keeps the configuration up with the run-time override, and changes that.
pub trait Overrides: Send + Sync {
    /// Takes over what was edited since the last look. Blocks.
    fn look(&self);

    /// Changes settings for a person, durably; they count when this returns. Blocks.
    ///
    /// # Errors
    /// Why nothing was changed.
    fn change(&self, change: &Change, by: &str) -> Result<(), ChangeError>;

    /// Why the file, or a part of it, does not count as it stands.
    fn mistakes(&self) -> Vec<Diagnostic>;
}

/// A change of the run-time override.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// These settings.
    Settings(ExecutionChange),
    /// A tool, by its own name, on or off.
    Tool(String, bool),
}

/// Why a change is not made.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// The file has mistakes: what it says would be lost.
    #[error("`{file}` has mistakes, so it is left as it is: {why}")]
    Broken {
        /// The file.
        file: String,
        /// The first mistake.
        why: String,
    },
    /// A value is none.
    #[error("{}", .0.iter().map(|it| it.message.clone()).collect::<Vec<_>>().join("; "))]
    Invalid(Vec<Diagnostic>),
    /// Nobody vouches for the workspace, so that it may only tighten.
    #[error("{0}")]
    NotTrusted(String),
    /// Reading or writing failed.
    #[error("`{file}` cannot be changed: {why}")]
    Io {
        /// The file.
        file: String,
        /// Why.
        why: String,
    },
    /// Nothing keeps the override here.
    #[error("the run-time override is not kept up in this process")]
    Unkept,
}

/// The configuration as it is now. Shared between threads.
pub struct LiveConfig {
    current: ArcSwap<Config>,
    overrides: OnceLock<Box<dyn Overrides>>,
}

impl fmt::Debug for LiveConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LiveConfig").finish_non_exhaustive()
    }
}

impl LiveConfig {
    /// As it is at the start.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self { current: ArcSwap::from_pointee(config), overrides: OnceLock::new() }
    }

    /// From now on `overrides` keep it up. Only the first to say so does.
    pub fn keep_up(&self, overrides: Box<dyn Overrides>) {
        if self.overrides.set(overrides).is_err() {
            tracing::error!("the run-time override is kept up twice, which is a defect");
        }
    }

    /// As it was at the last look.
    #[must_use]
    pub fn current(&self) -> Arc<Config> {
        self.current.load_full()
    }

    /// As it is now: what was edited before counts when this returns. Blocks.
    #[must_use]
    pub fn refreshed(&self) -> Arc<Config> {
        if let Some(overrides) = self.overrides.get() {
            overrides.look();
        }
        self.current()
    }

    /// Puts another configuration in force.
    pub fn set(&self, config: Config) {
        self.current.store(Arc::new(config));
    }

    /// Changes the run-time override. Blocks.
    ///
    /// # Errors
    /// Why nothing was changed.
    pub fn change(&self, change: &Change, by: &str) -> Result<(), ChangeError> {
        self.overrides.get().ok_or(ChangeError::Unkept)?.change(change, by)
    }

    /// Why the run-time override, or a part of it, does not count as it stands.
    #[must_use]
    pub fn mistakes(&self) -> Vec<Diagnostic> {
        self.overrides.get().map_or_else(Vec::new, |overrides| overrides.mistakes())
    }
}

/// The settings of the execution layer in `config`.
#[must_use]
pub fn execution_config(config: &Config) -> ExecutionConfig {
    ExecutionConfig {
        approval_mode: config.policy.approval_mode,
        require_approval_for_risky: config.policy.require_approval_for_risky,
        max_steps_per_run: config.budget.max.steps,
        max_retries_per_tool: config.run.max_retries_per_tool,
        dry_run_default: config.run.dry_run_default,
        prefer_sandbox: config.run.prefer_sandbox,
    }
}
