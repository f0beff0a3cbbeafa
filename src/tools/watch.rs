//! Whether a tool may go on: nobody asked it to stop and its time is not over.

use std::time::{Duration, Instant};

use crate::contracts::{ErrorKind, ToolError};
use crate::ports::Cancel;

/// Asked by every loop that can take long.
#[derive(Debug)]
pub(super) struct Watch {
    cancel: Cancel,
    started: Instant,
    wall: Duration,
}

impl Watch {
    /// Starts now, for `wall_ms` milliseconds.
    pub(super) fn start(cancel: Cancel, wall_ms: u64) -> Self {
        Self { cancel, started: Instant::now(), wall: Duration::from_millis(wall_ms) }
    }

    /// Fails once it is time to stop.
    pub(super) fn check(&self) -> Result<(), ToolError> {
        if self.cancel.is_requested() {
            return Err(ToolError::new(ErrorKind::Cancelled, "stopped, as somebody asked"));
        }
        if self.started.elapsed() > self.wall {
            let ms = self.wall.as_millis();
            let message = format!("stopped: it took longer than {ms} ms");
            return Err(ToolError::retryable(ErrorKind::Timeout, message));
        }
        Ok(())
    }
}
