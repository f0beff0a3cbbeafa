//! What the parts of an engine share.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, Semaphore};

use super::direct::CALLS_MAX;
use super::disk::Disk;
use super::engine::EngineParts;
use super::stuck::StuckRuns;
use super::vet::Vetted;
use crate::contracts::{EventBody, IncidentId, IncidentRaised, RunId, ScheduleId, Timestamp};
use crate::orchestrator::{RunError, Services};

/// Most warnings that are kept; a new one beyond that is only logged.
const WARNINGS_MAX: usize = 100;

/// Runs that may be told something at once; more wait.
const TELLING_MAX: usize = 64;

/// The state directory, from the root of the workspace.
const STATE_DIR: &str = ".bailiwick";

/// The audit file, from the root of the workspace.
const AUDIT_FILE: &str = "logs/tools_audit.jsonl";

/// Everything that workers, clock and callers share.
pub(super) struct Shared {
    pub parts: EngineParts,
    /// There may be something to claim.
    pub work: Notify,
    /// Whether nothing new is taken.
    draining: AtomicBool,
    /// Space for what must not fail.
    pub disk: Disk,
    /// Runs that an earlier process worked on and that were not taken up here yet.
    pub inherited: Mutex<HashSet<RunId>>,
    /// Runs that somebody else drives here and that have work again: looked at when they are free.
    pub later: Mutex<BTreeSet<RunId>>,
    /// Runs that could not be driven.
    pub stuck: StuckRuns,
    /// Whether a schedule's run would ask or be denied, by its playbook and the rules.
    pub vetted: Mutex<HashMap<ScheduleId, Vetted>>,
    /// Runs that may be told something at once.
    pub telling: Arc<Semaphore>,
    /// Direct calls that may still begin.
    pub calling: Arc<Semaphore>,
    /// One thing at a time is done about schedules: the clock's tick, or what a person wants.
    pub schedules: Mutex<()>,
    /// One job of the program itself is done at a time.
    pub job: Mutex<()>,
    warnings: Mutex<BTreeMap<String, String>>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("parts", &self.parts).finish_non_exhaustive()
    }
}

impl Shared {
    pub(super) fn new(parts: EngineParts) -> Self {
        let disk = Disk::new(
            parts.services.root.join(STATE_DIR),
            parts.services.config().queue.free_disk_bytes,
        );
        Self {
            parts,
            work: Notify::new(),
            draining: AtomicBool::new(false),
            disk,
            inherited: Mutex::default(),
            later: Mutex::default(),
            stuck: StuckRuns::default(),
            vetted: Mutex::default(),
            telling: Arc::new(Semaphore::new(TELLING_MAX)),
            calling: Arc::new(Semaphore::new(CALLS_MAX)),
            schedules: Mutex::default(),
            job: Mutex::default(),
            warnings: Mutex::default(),
        }
    }

    pub(super) fn services(&self) -> &Arc<Services> {
        &self.parts.services
    }

    pub(super) fn now(&self) -> Timestamp {
        self.services().clock.now()
    }

    /// Waits for what runs are being told.
    pub(super) async fn all_told(&self) {
        let all = u32::try_from(TELLING_MAX).unwrap_or(u32::MAX);
        // Never closed.
        drop(self.telling.acquire_many(all).await);
    }

    pub(super) fn audit_file(&self) -> PathBuf {
        self.services().root.join(AUDIT_FILE)
    }

    pub(super) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::SeqCst)
    }

    pub(super) fn drain(&self) {
        self.draining.store(true, Ordering::SeqCst);
    }

    /// Says something that people should know until [`Shared::settled`] is called with the same name.
    pub(super) fn warn(&self, name: &str, message: String) {
        let mut warnings = locked(&self.warnings);
        if warnings.get(name) == Some(&message) {
            return;
        }
        tracing::warn!("{message}");
        if warnings.len() < WARNINGS_MAX || warnings.contains_key(name) {
            warnings.insert(name.to_owned(), message);
        }
    }

    /// A warning is no longer true.
    pub(super) fn settled(&self, name: &str) {
        locked(&self.warnings).remove(name);
    }

    pub(super) fn warnings(&self) -> Vec<String> {
        locked(&self.warnings).values().cloned().collect()
    }

    /// Journals something that a person must look at. Blocks.
    pub(super) fn incident(&self, kind: &str, run_id: Option<RunId>, message: String) {
        tracing::error!("{kind}: {message}");
        let services = self.services();
        let raised = IncidentRaised {
            incident_id: IncidentId::from_uuid(services.clock.uuid()),
            kind: kind.to_owned(),
            run_id,
            message,
        };
        let bodies = vec![EventBody::IncidentRaised(raised)];
        match services.store.append_system(bodies, services.clock.now()) {
            Ok(_) => self.settled("incidents"),
            Err(error) => {
                self.warn("incidents", format!("an incident could not be journalled: {error}"));
            }
        }
    }
}

/// A lock whose holder never breaks what it guards, even when it panics.
pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs blocking work on a thread that may wait.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, RunError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| RunError::Worker(error.to_string()))
}
