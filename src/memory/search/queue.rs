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
}

/// What is to be done.
#[derive(Debug, Default)]
pub(super) struct Todo {
    pub put: BTreeMap<u64, Job>,
    pub gone: BTreeSet<u64>,
    pub orders: Vec<Order>,
    pub last_seq: u64,
    /// Everything that was noticed is in the queue: once it is empty the indexes are whole.
    pub noticed: bool,
    pub stop: bool,
    busy: bool,
}

impl Todo {
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
            todo = self.changed.wait(todo).unwrap_or_else(PoisonError::into_inner);
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
        let gone = std::mem::take(&mut todo.gone).into_iter().collect();
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
