//! From the threads on which tools run to the runtime on which connections live, and back.

use std::future::Future;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::runtime::{Builder, Handle, Runtime};

use crate::contracts::{ErrorKind, ToolError};
use crate::tools::watch::Watch;

/// How often somebody who waits looks whether to stop.
const LOOK: Duration = Duration::from_millis(20);

/// A runtime of its own, started with the first connection: connections outlive the calls that made
/// them.
#[derive(Default)]
pub(super) struct Engine(Mutex<Option<Runtime>>);

impl Engine {
    fn handle(&self) -> Result<Handle, ToolError> {
        let mut runtime = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(runtime) = runtime.as_ref() {
            return Ok(runtime.handle().clone());
        }
        let started = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("mcp")
            .enable_all()
            .build()
            .map_err(|error| {
                ToolError::new(ErrorKind::Io, format!("no thread for MCP: {error}"))
            })?;
        let handle = started.handle().clone();
        *runtime = Some(started);
        Ok(handle)
    }

    /// Has `work` done there and waits for it, until `watch` says to stop: then the work is dropped.
    pub(super) fn wait<T: Send + 'static>(
        &self,
        watch: &Watch,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, ToolError> {
        let (done, ended) = sync_channel(1);
        let task = self.handle()?.spawn(async move {
            // Nobody waits any more where this fails.
            let _ = done.send(work.await);
        });
        loop {
            match ended.recv_timeout(LOOK) {
                Ok(value) => return Ok(value),
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(ToolError::new(ErrorKind::Io, "the connection's task broke"));
                }
                Err(RecvTimeoutError::Timeout) => {
                    if let Err(stop) = watch.check() {
                        task.abort();
                        return Err(stop);
                    }
                }
            }
        }
    }
}

impl Drop for Engine {
    /// Wherever the last owner is dropped, also where waiting is not allowed.
    fn drop(&mut self) {
        let runtime = self.0.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(runtime) = runtime {
            runtime.shutdown_background();
        }
    }
}
