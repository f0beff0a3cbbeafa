//! The thread that keeps rules up with their files, so that nobody who decides has to look.
//!
//! The system says when a directory changes (`notify`); once a second the thread looks by itself as
//! well, for file systems that say nothing and for directories that were replaced.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use notify::{RecommendedWatcher, RecursiveMode, Watcher};

use super::LivePolicy;
use super::snapshot::{LayerDir, Signature, directory};

/// How often the thread looks, whatever the system says.
const POLL: Duration = Duration::from_millis(500);
/// An edit is taken over once nothing changed for so long: half of a file is no edit.
const STILL: Duration = Duration::from_millis(20);
/// How often an edit is waited for to be still; a directory that always changes is read as it is.
const STILL_TRIES: u32 = 10;
/// The longest rest after an edit that took long to look at.
const REST_MAX: Duration = Duration::from_millis(250);
/// How long the end waits for an edit that is being looked at.
const END_PATIENCE: Duration = Duration::from_secs(5);
/// How often the end looks whether the thread is through.
const END_POLL: Duration = Duration::from_millis(2);

/// Keeps a [`LivePolicy`] up with its files until it is dropped.
#[derive(Debug)]
pub struct PolicyWatch {
    policy: Arc<LivePolicy>,
    stop: Arc<AtomicBool>,
    wake: SyncSender<()>,
    thread: Option<JoinHandle<()>>,
}

impl PolicyWatch {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(policy: Arc<LivePolicy>) -> std::io::Result<Self> {
        // One message says everything: that there is something to look at.
        let (wake, woken) = sync_channel(1);
        let mut eyes = Eyes::new(wake.clone());
        eyes.follow(policy.dirs());
        // What was edited since the rules were read counts before anybody stops looking.
        policy.refresh();
        let stop = Arc::new(AtomicBool::new(false));
        let (watched, stopped) = (Arc::clone(&policy), Arc::clone(&stop));
        let work = move || watch(&watched, &mut eyes, &woken, &stopped);
        let thread = thread::Builder::new().name("policy-watch".to_owned()).spawn(work)?;
        policy.set_watched(true);
        Ok(Self { policy, stop, wake, thread: Some(thread) })
    }
}

impl Drop for PolicyWatch {
    fn drop(&mut self) {
        self.policy.set_watched(false);
        self.stop.store(true, Ordering::Release);
        // A full channel wakes it just as well, and a thread that is gone needs no waking.
        let _ = self.wake.try_send(());
        let Some(thread) = self.thread.take() else { return };
        let until = Instant::now() + END_PATIENCE;
        while !thread.is_finished() {
            if Instant::now() >= until {
                tracing::warn!("an edit of the rules is still being looked at; it is left alone");
                return;
            }
            thread::sleep(END_POLL);
        }
        if thread.join().is_err() {
            tracing::error!("the thread that watched the rules broke");
        }
    }
}

fn watch(policy: &LivePolicy, eyes: &mut Eyes, woken: &Receiver<()>, stop: &AtomicBool) {
    loop {
        let told = match woken.recv_timeout(POLL) {
            Ok(()) => true,
            Err(RecvTimeoutError::Timeout) => false,
            Err(RecvTimeoutError::Disconnected) => return,
        };
        if stop.load(Ordering::Acquire) {
            return;
        }
        eyes.follow(policy.dirs());
        let began = Instant::now();
        if let Some(seen) = policy.changed() {
            wait_until_still(policy, seen);
            policy.refresh();
        }
        if told {
            // Whoever keeps writing gets no more than half of this thread.
            thread::sleep(began.elapsed().clamp(STILL, REST_MAX));
        }
    }
}

/// Waits until nothing changes any more, for a while.
fn wait_until_still(policy: &LivePolicy, mut seen: Signature) {
    for _ in 0..STILL_TRIES {
        thread::sleep(STILL);
        match policy.changed() {
            Some(now) if now != seen => seen = now,
            // Still, or as it was before.
            _ => return,
        }
    }
}

/// What the system tells about directories.
struct Eyes {
    watcher: Option<RecommendedWatcher>,
    /// The directories that are watched, and which ones they were when that began.
    on: Vec<(PathBuf, (u64, u64))>,
}

impl Eyes {
    /// Where the system tells nothing, looking once in a while has to do.
    fn new(wake: SyncSender<()>) -> Self {
        let tell = move |_event: notify::Result<notify::Event>| {
            // A full channel says it already; a closed one is the end.
            let _ = wake.try_send(());
        };
        let watcher = notify::recommended_watcher(tell);
        if let Err(error) = &watcher {
            tracing::warn!(
                "rules are looked at twice a second, for the system cannot watch: {error}"
            );
        }
        Self { watcher: watcher.ok(), on: Vec::new() }
    }

    /// Watches the directories that are there now; one that was replaced is another.
    fn follow(&mut self, dirs: &[LayerDir]) {
        let Some(watcher) = &mut self.watcher else { return };
        for dir in dirs {
            let now = directory(dir);
            let known = self.on.iter().find(|(path, _)| *path == dir.path).map(|(_, id)| *id);
            if known == now {
                continue;
            }
            self.on.retain(|(path, _)| *path != dir.path);
            if known.is_some()
                && let Err(error) = watcher.unwatch(&dir.path)
            {
                // The directory is gone, and the watch with it.
                tracing::debug!("`{}` is watched no longer: {error}", dir.path.display());
            }
            let Some(id) = now else { continue };
            match watcher.watch(&dir.path, RecursiveMode::NonRecursive) {
                Ok(()) => self.on.push((dir.path.clone(), id)),
                Err(error) => {
                    tracing::debug!("`{}` cannot be watched: {error}", dir.path.display());
                }
            }
        }
    }
}
