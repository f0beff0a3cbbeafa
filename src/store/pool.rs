//! A few connections for readers, opened when first needed and lent out one at a time.

use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;

use super::connection;
use super::error::StoreError;

/// Most connections; more readers wait.
const CONNECTIONS_MAX: usize = 4;

#[derive(Debug)]
pub(super) struct Pool {
    path: PathBuf,
    state: Mutex<State>,
    returned: Condvar,
}

#[derive(Debug, Default)]
struct State {
    idle: Vec<Connection>,
    lent: usize,
}

impl Pool {
    pub(super) fn new(path: PathBuf) -> Arc<Self> {
        Arc::new(Self { path, state: Mutex::default(), returned: Condvar::new() })
    }

    /// Runs `work` with a connection.
    pub(super) fn with<T>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut place = self.place();
        let db = match place.idle.take() {
            Some(db) => db,
            None => connection::reader(&self.path)?,
        };
        let done = work(&db);
        // A connection that is inside a transaction, or met trouble, is not lent again.
        let trouble = matches!(done, Err(StoreError::Database { .. } | StoreError::Corrupt { .. }));
        if !trouble && db.is_autocommit() {
            place.idle = Some(db);
        }
        done
    }

    /// Waits until fewer than [`CONNECTIONS_MAX`] are lent out.
    fn place(&self) -> Place<'_> {
        let mut state = self.lock();
        while state.lent >= CONNECTIONS_MAX {
            state = self.returned.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.lent += 1;
        Place { pool: self, idle: state.idle.pop() }
    }

    // Nothing panics while holding the lock, and the state is sound between any two statements.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One of the places, given back when dropped, with the connection if it is still good.
struct Place<'a> {
    pool: &'a Pool,
    idle: Option<Connection>,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut state = self.pool.lock();
        state.lent -= 1;
        state.idle.extend(self.idle.take());
        self.pool.returned.notify_one();
    }
}
