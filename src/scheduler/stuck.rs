//! Runs that could not be driven: which of them are tried again by themselves, and when.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use tokio::time::Instant;

use super::shared::locked;
use crate::contracts::RunId;
use crate::orchestrator::RunError;
use crate::store::StoreError;

/// How long to wait before the second try; twice as long before each one after.
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// The longest wait.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// The runs that could not be driven the last time that was tried.
#[derive(Debug, Default)]
pub(super) struct StuckRuns(Mutex<HashMap<RunId, Stuck>>);

#[derive(Debug, Clone, Copy)]
struct Stuck {
    tries: u32,
    /// When it is tried again, unless that is for a person to say.
    again: Option<Instant>,
}

impl StuckRuns {
    /// Remembers a try that failed. True when it is the first one in a row.
    pub(super) fn note(&self, run: RunId, may_pass: bool, now: Instant) -> bool {
        let mut runs = locked(&self.0);
        let tries = runs.get(&run).map_or(0, |stuck| stuck.tries);
        let wait = FIRST_WAIT.saturating_mul(1_u32.checked_shl(tries).unwrap_or(u32::MAX));
        let again = may_pass.then(|| now + wait.min(WAIT_MAX));
        runs.insert(run, Stuck { tries: tries.saturating_add(1), again });
        tries == 0
    }

    /// A run could be driven. True when it could not before.
    pub(super) fn went_on(&self, run: RunId) -> bool {
        locked(&self.0).remove(&run).is_some()
    }

    /// Whether a run could not be driven the last time.
    pub(super) fn contains(&self, run: RunId) -> bool {
        locked(&self.0).contains_key(&run)
    }

    /// Those whose time to be tried again has come, each once.
    pub(super) fn due(&self, now: Instant) -> Vec<RunId> {
        let mut runs = locked(&self.0);
        let due = runs.iter_mut().filter(|(_, stuck)| stuck.again.is_some_and(|at| at <= now));
        due.map(|(run, stuck)| {
            stuck.again = None;
            *run
        })
        .collect()
    }
}

/// Whether trying again later may help with nobody doing anything about it.
pub(super) const fn may_pass(error: &RunError) -> bool {
    use StoreError::{Database, DiskFull, Io};
    matches!(error, RunError::Store(DiskFull(_) | Io { .. } | Database { .. }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_pass_is_tried_again_after_longer_and_longer_waits() {
        let (stuck, start) = (StuckRuns::default(), Instant::now());
        let run = RunId::from_uuid(uuid::Uuid::from_u128(7));
        for (number, seconds) in [1, 2, 4, 8, 16, 32, 60, 60].into_iter().enumerate() {
            assert_eq!(stuck.note(run, true, start), number == 0);
            let wait = Duration::from_secs(seconds);
            assert!(stuck.due(start + wait - Duration::from_millis(1)).is_empty(), "{seconds}");
            assert_eq!(stuck.due(start + wait), [run], "{seconds}");
            assert!(stuck.due(start + wait).is_empty(), "each once");
        }
        assert!(stuck.contains(run) && stuck.went_on(run) && !stuck.went_on(run));
        assert!(stuck.note(run, false, start) && stuck.contains(run));
        assert!(stuck.due(start + WAIT_MAX * 100).is_empty(), "that is for a person to say");
    }
}
