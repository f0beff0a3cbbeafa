//! What every command gets: where it was called, and how it shall answer.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use crate::ports::Clock;
use crate::workspace::Environment;

/// The global options, resolved.
#[derive(Clone)]
pub struct Cx {
    /// Absolute directory in which the program was called.
    pub cwd: PathBuf,
    /// `--workspace`.
    pub workspace: Option<PathBuf>,
    /// `--config`.
    pub config_file: Option<PathBuf>,
    /// `--set`, in order.
    pub sets: Vec<String>,
    /// The environment the program was started with.
    pub env: Environment,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Whether to answer in JSON.
    pub json: bool,
    /// How often `-v` was given.
    pub verbose: u8,
    /// Whether to use colours on standard output.
    pub color: bool,
}

impl fmt::Debug for Cx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cx").field("cwd", &self.cwd).finish_non_exhaustive()
    }
}

/// Stands still, one second after the beginning of time.
#[cfg(test)]
struct StoppedClock;

#[cfg(test)]
impl Clock for StoppedClock {
    fn now(&self) -> crate::contracts::Timestamp {
        crate::contracts::Timestamp::from_ms(1_000)
    }

    fn uuid(&self) -> uuid::Uuid {
        uuid::Uuid::nil()
    }

    fn salt(&self) -> [u8; 32] {
        [0; 32]
    }
}

#[cfg(test)]
impl Cx {
    /// Called in `cwd` with no option but perhaps `--json`.
    pub(crate) fn plain(cwd: impl Into<PathBuf>, json: bool) -> Self {
        Self {
            cwd: cwd.into(),
            workspace: None,
            config_file: None,
            sets: Vec::new(),
            env: Environment::default(),
            clock: Arc::new(StoppedClock),
            json,
            verbose: 0,
            color: false,
        }
    }
}
