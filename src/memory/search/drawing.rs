//! The thread that draws the graph of neighbours, so that nobody waits for it who need not.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;

use super::engine::Shared;
use crate::memory::contained::contained;
use crate::memory::vector::VectorSearch;

/// Whether a graph is being drawn, and by whom.
#[derive(Debug, Default)]
pub(super) struct Drawing {
    busy: Mutex<bool>,
    changed: Condvar,
    stopped: AtomicBool,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Drawing {
    /// Waits until none is being drawn.
    pub(super) fn wait(&self) {
        let mut busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
        while *busy {
            busy = self.changed.wait(busy).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Gives up the one that is being drawn, and any further one.
    pub(super) fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // What may panic in it is caught; there is nobody left to tell of more.
            let _: Result<(), _> = thread.join();
        }
    }

    fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    fn set_busy(&self, now: bool) {
        *self.busy.lock().unwrap_or_else(PoisonError::into_inner) = now;
        self.changed.notify_all();
    }
}

/// Begins to draw a graph if there should be one. Who asks one thing and ends does not begin, unless a graph is
/// to be used in any case: it would seldom come to its end.
pub(super) fn begin(shared: &Arc<Shared>) {
    let settings = &shared.settings;
    let ends_soon = settings.waits && settings.vector != VectorSearch::Hnsw;
    let wanted = shared.vectors.as_ref().is_some_and(|it| it.wants_graph());
    if !settings.writes || ends_soon || !wanted || shared.drawing.is_stopped() {
        return;
    }
    let mut busy = shared.drawing.busy.lock().unwrap_or_else(PoisonError::into_inner);
    if std::mem::replace(&mut *busy, true) {
        return;
    }
    drop(busy);
    let own = Arc::clone(shared);
    let spawned = std::thread::Builder::new().name("memory graph".to_owned()).spawn(move || {
        let drawn = contained("drawing the graph", || draw(&own));
        // Whoever waits must not wait for a thread that is gone.
        own.drawing.set_busy(false);
        if let Err(why) = drawn {
            tracing::warn!("{why}");
        }
    });
    let mut thread = shared.drawing.thread.lock().unwrap_or_else(PoisonError::into_inner);
    match spawned {
        Ok(handle) => *thread = Some(handle),
        Err(_) => shared.drawing.set_busy(false),
    }
}

/// Draws until the graph is of what there is.
fn draw(shared: &Shared) {
    let Some(vectors) = &shared.vectors else { return };
    while vectors.wants_graph() && !shared.drawing.is_stopped() {
        let drawn = vectors.draw_graph(|| shared.drawing.is_stopped());
        if let Err(error) = drawn {
            // It is in use; only the next start has to draw it again.
            tracing::warn!(%error, "the graph of neighbours cannot be written");
            return;
        }
    }
}
