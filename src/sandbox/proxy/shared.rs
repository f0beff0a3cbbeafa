//! What the threads of one proxy share: the end, the sockets that it closes, and what was refused.

use std::collections::BTreeMap;
use std::io;
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::gate::Gate;
use super::limits::{CONNECTIONS_MAX, Times};
use super::refusal::{Refusal, Refusals};

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) gate: Gate,
    pub(super) times: Times,
    stopping: AtomicBool,
    open: Mutex<Open>,
    room: Condvar,
    refusals: Mutex<Refusals>,
}

#[derive(Debug, Default)]
struct Open {
    connections: usize,
    next: u64,
    streams: BTreeMap<u64, Arc<TcpStream>>,
}

impl Shared {
    pub(super) fn new(gate: Gate, times: Times) -> Self {
        Self {
            gate,
            times,
            stopping: AtomicBool::new(false),
            open: Mutex::default(),
            room: Condvar::new(),
            refusals: Mutex::default(),
        }
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }

    /// Ends every read and write that is under way, and lets none begin.
    pub(super) fn stop(&self) {
        let open = held(&self.open);
        self.stopping.store(true, Ordering::SeqCst);
        for stream in open.streams.values() {
            // One that is closed already is what is wanted.
            let _ = stream.shutdown(Shutdown::Both);
        }
        self.room.notify_all();
    }

    /// Waits until there is room for one connection more, and takes it; `false` when it is over.
    pub(super) fn take_room(&self) -> bool {
        let mut open = held(&self.open);
        while open.connections >= CONNECTIONS_MAX && !self.is_stopping() {
            open = self.room.wait(open).unwrap_or_else(PoisonError::into_inner);
        }
        open.connections += 1;
        !self.is_stopping()
    }

    pub(super) fn give_room(&self) {
        let mut open = held(&self.open);
        open.connections = open.connections.saturating_sub(1);
        self.room.notify_all();
    }

    /// Has `stream` closed when it is over, as long as the guard lives; `None` when it is over.
    pub(super) fn watch(&self, stream: &Arc<TcpStream>) -> Option<Watched<'_>> {
        let mut open = held(&self.open);
        if self.is_stopping() {
            return None;
        }
        let number = open.next;
        open.next += 1;
        open.streams.insert(number, Arc::clone(stream));
        Some(Watched { shared: self, number })
    }

    /// Keeps a refusal for the logs; what fails because it is over is none.
    pub(super) fn note(&self, refusal: &Refusal) {
        if !self.is_stopping() {
            held(&self.refusals).note(refusal);
        }
    }

    pub(super) fn refused(&self) -> Vec<String> {
        held(&self.refusals).lines()
    }
}

/// What is behind the lock, also when a thread died with it: every change is complete in itself.
fn held<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A socket that is closed when it is over.
#[derive(Debug)]
pub(super) struct Watched<'a> {
    shared: &'a Shared,
    number: u64,
}

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        held(&self.shared.open).streams.remove(&self.number);
    }
}

/// When bytes last went through a connection, in either direction.
#[derive(Debug)]
pub(super) struct Activity {
    start: Instant,
    last_ms: AtomicU64,
    idle: Duration,
}

impl Activity {
    pub(super) fn new(idle: Duration) -> Self {
        Self { start: Instant::now(), last_ms: AtomicU64::new(0), idle }
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    pub(super) fn touch(&self) {
        self.last_ms.store(self.now_ms(), Ordering::Relaxed);
    }

    pub(super) fn is_idle(&self) -> bool {
        let since = self.now_ms().saturating_sub(self.last_ms.load(Ordering::Relaxed));
        Duration::from_millis(since) >= self.idle
    }

    /// How long one read waits before it looks whether the other direction is at work.
    fn tick(&self) -> Duration {
        (self.idle / 4).max(Duration::from_millis(1))
    }

    /// Sets the time-outs of `stream` so that reads and writes on it end.
    pub(super) fn pace(&self, stream: &TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(self.tick()))?;
        stream.set_write_timeout(Some(self.idle))
    }
}
