//! The rules in force, kept up with their files.
//!
//! Whoever decides reads one pointer. The work of an edit is done beside it, by the thread of a
//! [`PolicyWatch`](super::PolicyWatch) or by whoever calls [`LivePolicy::refresh`].

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use tokio::sync::watch;

use super::layers::{LayerDirs, layer_dirs};
use super::published::{InForce, PolicyStanding};
use super::reload::{Gate, Reloader, Taken};
use super::snapshot::{LayerDir, Signature};
use crate::contracts::{Diagnostic, Hash};
use crate::policy::{Options, PolicySet};
use crate::ports::Vocabulary;

/// Hears what became of an edit, once each.
pub type OnReload = Arc<dyn Fn(&Reload) + Send + Sync>;

/// What became of an edit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reload {
    /// The set in force from now on.
    pub hash: Hash,
    /// The set in force before; the same when nothing of the edit was taken.
    pub previous: Hash,
    /// What is wrong with the files as they are now; empty when all of them are in force.
    pub errors: Vec<Diagnostic>,
    /// How long looking at it took.
    pub took: Duration,
}

/// The rules in force. Shared between threads.
pub struct LivePolicy {
    in_force: ArcSwap<InForce>,
    /// Whether a thread keeps the rules up, so that deciding need not look.
    watched: AtomicBool,
    changes: watch::Sender<Hash>,
    listener: ArcSwap<Option<OnReload>>,
    dirs: Vec<LayerDir>,
    reloader: Mutex<Reloader>,
}

impl std::fmt::Debug for LivePolicy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LivePolicy").field("dirs", &self.dirs).finish_non_exhaustive()
    }
}

impl LivePolicy {
    /// Reads the rules. Mistakes in files of the workspace are no failure: its last good rules
    /// decide, and where there are none the built-in ones; see [`LivePolicy::errors`]. What is good
    /// is kept in `state_dir` for the next start, and then only tightens until `policies/` is sound.
    ///
    /// # Errors
    /// With the mistakes of the system's or the user's files: without them, less might be refused
    /// than they wish, and no copy of them is kept where a workspace could change it.
    pub fn open(
        dirs: &LayerDirs,
        state_dir: Option<&Path>,
        vocabulary: Vocabulary,
        options: Options,
    ) -> Result<Self, Vec<Diagnostic>> {
        Self::open_gated(dirs, state_dir, vocabulary, options, None)
    }

    /// As [`LivePolicy::open`]; `gate` may refuse an edit that was made since the rules were kept, and
    /// those that follow.
    ///
    /// # Errors
    /// As [`LivePolicy::open`].
    pub fn open_gated(
        dirs: &LayerDirs,
        state_dir: Option<&Path>,
        vocabulary: Vocabulary,
        options: Options,
        gate: Option<Gate>,
    ) -> Result<Self, Vec<Diagnostic>> {
        let layers = layer_dirs(dirs);
        let signing = dirs.signing.clone();
        let (mut reloader, mut errors) =
            Reloader::new(layers.clone(), signing, state_dir, vocabulary, options);
        if let Some(gate) = gate {
            reloader.set_gate(gate);
        }
        let taken = reloader.reload();
        errors.extend(taken.errors);
        let set = match taken.set {
            Some(set) if !taken.lost => set,
            _ => return Err(errors),
        };
        Ok(Self {
            changes: watch::Sender::new(set.hash()),
            in_force: ArcSwap::from_pointee(InForce::first(set, errors)),
            watched: AtomicBool::new(false),
            listener: ArcSwap::from_pointee(None),
            dirs: layers,
            reloader: Mutex::new(reloader),
        })
    }

    /// The rules in force now. While a [`PolicyWatch`](super::PolicyWatch) keeps them up this waits for
    /// nothing, and an edit counts within a second; else every call looks whether a file changed.
    #[must_use]
    pub fn current(&self) -> Arc<PolicySet> {
        if !self.watched.load(Ordering::Acquire) {
            self.refresh();
        }
        Arc::clone(&self.in_force.load().set)
    }

    /// Looks at the files now: what was edited before counts when this returns. Blocks.
    pub fn refresh(&self) {
        let mut reloader = self.lock();
        if reloader.is_changed() {
            self.reload(&mut reloader);
        }
    }

    /// What is wrong with the files as they are now; empty when all of them are in force.
    #[must_use]
    pub fn errors(&self) -> Vec<Diagnostic> {
        self.in_force.load().errors.clone()
    }

    /// How the rules stand.
    #[must_use]
    pub fn standing(&self) -> PolicyStanding {
        self.in_force.load().standing()
    }

    /// The hash of the rules in force, and when it changes.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<Hash> {
        self.changes.subscribe()
    }

    /// Tells `listener` of every edit from now on, from whichever thread takes it over or refuses it.
    pub fn on_reload(&self, listener: OnReload) {
        self.listener.store(Arc::new(Some(listener)));
    }

    /// The rules that are good, as if the workspace were trusted: what other rules are compared with.
    ///
    /// # Errors
    /// When they do not fit this program.
    pub fn as_trusted(&self) -> Result<PolicySet, Vec<Diagnostic>> {
        self.lock().as_trusted()
    }

    /// Lets `gate` refuse edits from now on.
    pub fn set_gate(&self, gate: Gate) {
        self.lock().set_gate(gate);
    }

    /// Decides by other configuration from now on, such as another approval mode.
    pub fn reconfigure(&self, options: Options) {
        let mut reloader = self.lock();
        reloader.set_options(options);
        self.reload(&mut reloader);
    }

    /// Decides about other tools from now on. Rules that do not fit them stay as they were last good.
    pub fn set_vocabulary(&self, vocabulary: Vocabulary) {
        let mut reloader = self.lock();
        reloader.set_vocabulary(vocabulary);
        self.reload(&mut reloader);
    }

    pub(super) fn set_watched(&self, watched: bool) {
        self.watched.store(watched, Ordering::Release);
    }

    pub(super) fn dirs(&self) -> &[LayerDir] {
        &self.dirs
    }

    /// The files as they are now, if they are not those that were looked at last.
    pub(super) fn changed(&self) -> Option<Signature> {
        self.lock().changed()
    }

    fn reload(&self, reloader: &mut Reloader) {
        let began = Instant::now();
        let before = self.in_force.load_full();
        let Taken { set, errors, .. } = reloader.reload();
        let next = InForce::next(&before, set, errors);
        let reload = Reload {
            hash: next.set.hash(),
            previous: before.set.hash(),
            errors: next.errors.clone(),
            took: began.elapsed(),
        };
        self.in_force.store(Arc::new(next));
        if reload.hash == reload.previous && reload.errors == before.errors {
            return;
        }
        tell(&reload);
        if let Some(listener) = self.listener.load().as_ref() {
            listener(&reload);
        }
        self.changes.send_if_modified(|known| std::mem::replace(known, reload.hash) != reload.hash);
    }

    fn lock(&self) -> MutexGuard<'_, Reloader> {
        // What a panicking thread left is whole: it is replaced field by field, and read again.
        self.reloader.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Says what became of an edit, for whoever reads the log.
fn tell(reload: &Reload) {
    let Reload { hash, previous, errors, .. } = reload;
    match errors.first() {
        Some(Diagnostic { file, line, message, .. }) => {
            let more = errors.len() - 1;
            tracing::warn!(
                "policies: {file}:{line}: {message} (and {more} more mistakes); what was good last decides"
            );
        }
        None if previous != hash => {
            tracing::info!("policies: an edit is in force: {previous} -> {hash}");
        }
        None => tracing::info!("policies: the mistakes are mended"),
    }
}
