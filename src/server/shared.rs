//! What all requests share.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex};

use tokio::sync::Semaphore;

use super::body::Rooms;
use super::guard::Guard;
use super::options::{
    BODIES_BYTES_MAX, BODIES_OF_STRANGERS_BYTES_MAX, SecretOf, ServerOptions, ServerParts, WORK_MAX,
};
use super::problem::Problem;
use super::sse::Hub;
use crate::contracts::{ApprovalId, Timestamp};
use crate::orchestrator::Services;
use crate::scheduler::{Engine, LivePlaybooks};
use crate::store::{Reader, StoreError};

/// Shared by all requests of a server.
pub(super) struct Shared {
    pub engine: Engine,
    pub services: Arc<Services>,
    pub playbooks: Arc<LivePlaybooks>,
    pub secret_of: SecretOf,
    pub hub: Hub,
    pub guard: Guard,
    pub body_bytes_max: u64,
    /// Room for the bodies of those who have the token.
    pub bodies: Rooms,
    /// Room for the bodies of everybody else.
    pub bodies_of_strangers: Rooms,
    /// Streams of events that may still begin.
    pub streams: Arc<Semaphore>,
    /// Requests that may still be worked on.
    pub work: Arc<Semaphore>,
    /// Keys of requests that are being worked on.
    pub keys_at_work: Mutex<BTreeSet<(String, String)>>,
    /// Answers to questions that callers made use of.
    pub redeemed: Mutex<BTreeSet<ApprovalId>>,
    /// `/openapi.json`, made once.
    pub openapi: String,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

impl Shared {
    pub(super) fn new(options: &ServerOptions, parts: ServerParts) -> Self {
        let hub = Hub::new(&parts.services.store);
        let connections = options.connections_max as usize;
        // An eighth of the connections is kept for everything else.
        let streams = connections - connections / 8;
        Self {
            engine: parts.engine,
            services: parts.services,
            playbooks: parts.playbooks,
            secret_of: parts.secret_of,
            hub,
            guard: Guard::new(options.tokens.clone(), &options.hosts),
            body_bytes_max: options.body_bytes_max,
            // The largest body always fits.
            bodies: Rooms::new(BODIES_BYTES_MAX.max(options.body_bytes_max)),
            bodies_of_strangers: Rooms::new(
                BODIES_OF_STRANGERS_BYTES_MAX.max(options.body_bytes_max),
            ),
            streams: Arc::new(Semaphore::new(streams)),
            work: Arc::new(Semaphore::new(WORK_MAX)),
            keys_at_work: Mutex::default(),
            redeemed: Mutex::default(),
            openapi: super::openapi::document().to_string(),
        }
    }

    /// What time it is.
    pub(super) fn now(&self) -> Timestamp {
        self.services.clock.now()
    }

    /// Reads the store on a thread that may wait.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Reader) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, Problem> {
        let reader = self.services.store.reader().clone();
        self.blocking(move || work(&reader)).await?.map_err(Problem::from)
    }

    /// Works on a thread that may wait.
    pub(super) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Problem> {
        tokio::task::spawn_blocking(work).await.map_err(|error| Problem::internal(&error))
    }
}
