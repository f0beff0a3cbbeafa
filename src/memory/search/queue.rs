//! What the indexing thread is asked to do.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::SyncSender;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::memory::Entry;

/// A record that is to be indexed, and what it is indexed from.
#[derive(Debug, Clone)]
pub(super) struct Job {
    pub entry: Entry,
    pub stamp: u32,
}

/// Something that is done alone, and somebody waits for the end of it.
#[derive(Debug)]
pub(super) enum Order {
    /// Erase these records from all files.
    Erase(Vec<u64>, SyncSender<Result<(), String>>),
    /// Make both indexes from these records anew.
    Rebuild(Vec<Job>, SyncSender<Result<(), String>>),
    /// Draw the graph of neighbours anew.
    Redraw(SyncSender<Result<(), String>>),
}

/// What is to be done.
#[derive(Debug, Default)]
pub(super) struct Todo {
    pub put: BTreeMap<u64, Job>,
    pub gone: BTreeSet<u64>,
    pub orders: Vec<Order>,
    /// What could not be embedded, and when it is tried again.
    later: BTreeMap<u64, Job>,
    again_at: Option<Instant>,
    pub last_seq: u64,
    /// Everything that was noticed is in the queue: once it is empty the indexes are whole.
    pub noticed: bool,
    pub stop: bool,
    busy: bool,
}

impl Todo {
    /// Takes up what is to be tried again.
    fn take_up_again(&mut self) {
        self.again_at = None;
        for (number, job) in std::mem::take(&mut self.later) {
            self.put.entry(number).or_insert(job);
        }
        // Whether everything is there is to be looked at anew.
        self.noticed = true;
    }

    fn is_empty(&self) -> bool {
        self.put.is_empty() && self.gone.is_empty() && self.orders.is_empty() && !self.noticed
    }
}

/// One turn of the thread.
#[derive(Debug)]
pub(super) struct Turn {
    pub put: Vec<Job>,
    pub gone: Vec<u64>,
    pub orders: Vec<Order>,
    pub last_seq: u64,
    /// Whether nothing that was noticed is left after it.
    pub last: bool,
}

/// Handed between those who notice and the thread that indexes. Holds at most one job per record.
#[derive(Debug, Default)]
pub(super) struct Queue {
    todo: Mutex<Todo>,
    changed: Condvar,
}

/// So many records are indexed and committed together.
const TURN_MAX: usize = 2_048;

impl Queue {
    /// Changes what is to be done.
    pub(super) fn add(&self, change: impl FnOnce(&mut Todo)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }

    /// These are tried again after a while. Nobody waits for them.
    pub(super) fn again(&self, jobs: impl Iterator<Item = Job>, after: Duration) {
        let mut todo = self.lock();
        for job in jobs {
            todo.later.insert(job.entry.number, job);
        }
        todo.again_at = Some(Instant::now() + after);
    }

    /// Whether the thread is to end.
    pub(super) fn is_stopping(&self) -> bool {
        self.lock().stop
    }

    /// How many records wait.
    pub(super) fn waiting(&self) -> usize {
        self.lock().put.len()
    }

    /// Waits for something to do, and a little longer so that more comes together; nothing at the end.
    pub(super) fn next(&self, gather: Duration) -> Option<Turn> {
        let mut todo = self.lock();
        todo.busy = false;
        self.changed.notify_all();
        while todo.is_empty() && !todo.stop {
            todo = match todo.again_at.map(|at| at.saturating_duration_since(Instant::now())) {
                None => self.changed.wait(todo).unwrap_or_else(PoisonError::into_inner),
                Some(Duration::ZERO) => {
                    todo.take_up_again();
                    todo
                }
                Some(left) => {
                    let waited = self.changed.wait_timeout(todo, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
        let until = Instant::now() + gather;
        while todo.orders.is_empty() && todo.put.len() < TURN_MAX && !todo.stop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            todo = self.changed.wait_timeout(todo, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        if todo.stop && todo.is_empty() {
            return None;
        }
        todo.busy = true;
        let rest = match todo.put.keys().nth(TURN_MAX).copied() {
            Some(first) => todo.put.split_off(&first),
            None => BTreeMap::new(),
        };
        let last = todo.noticed && rest.is_empty();
        todo.noticed &= !last;
        let put = std::mem::replace(&mut todo.put, rest).into_values().collect();
        let gone: Vec<u64> = std::mem::take(&mut todo.gone).into_iter().collect();
        gone.iter().for_each(|number| drop(todo.later.remove(number)));
        let orders = std::mem::take(&mut todo.orders);
        Some(Turn { put, gone, orders, last_seq: todo.last_seq, last })
    }

    /// Waits until everything that was asked for is done, `most` at the longest; whether it is.
    pub(super) fn wait(&self, most: Duration) -> bool {
        let until = Instant::now() + most;
        let mut todo = self.lock();
        while !todo.is_empty() || todo.busy {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            todo = self.changed.wait_timeout(todo, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    fn lock(&self) -> MutexGuard<'_, Todo> {
        self.todo.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
