//! Sessions of browsers: a page exchanges the token for a cookie that scripts cannot read, and for a
//! proof that only our own pages can send. Kept in memory: a restart ends them.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::guard::Caller;

/// How long a session lasts, in milliseconds.
pub(super) const SESSION_MS: i64 = 12 * 60 * 60 * 1_000;
/// Most sessions; the oldest ends when one more begins.
const SESSIONS_MAX: usize = 256;

/// A session that has begun.
#[derive(Debug, Clone)]
pub(super) struct Begun {
    /// The value of the cookie.
    pub cookie: String,
    /// The proof for changes.
    pub csrf: String,
}

/// Sessions by the hash of their cookie: looking one up tells nothing about others.
#[derive(Debug, Default)]
pub(super) struct Sessions(Mutex<BTreeMap<[u8; 32], Session>>);

#[derive(Debug)]
struct Session {
    csrf: String,
    caller: Caller,
    ends_ms: i64,
}

impl Sessions {
    /// Begins a session of `caller` with two random values.
    pub(super) fn begin(
        &self,
        caller: Caller,
        cookie: [u8; 32],
        csrf: [u8; 32],
        now_ms: i64,
    ) -> Begun {
        let begun = Begun {
            cookie: data_encoding::HEXLOWER.encode(&cookie),
            csrf: data_encoding::HEXLOWER.encode(&csrf),
        };
        let ends_ms = now_ms.saturating_add(SESSION_MS);
        let mut sessions = self.lock();
        sessions.retain(|_, session| session.ends_ms > now_ms);
        if sessions.len() >= SESSIONS_MAX {
            let oldest = sessions.iter().min_by_key(|(_, session)| session.ends_ms);
            if let Some(key) = oldest.map(|(key, _)| *key) {
                sessions.remove(&key);
            }
        }
        sessions.insert(key(&begun.cookie), Session { csrf: begun.csrf.clone(), caller, ends_ms });
        begun
    }

    /// The proof of a session that has not ended, and whose it is.
    pub(super) fn find(&self, cookie: &str, now_ms: i64) -> Option<(String, Caller)> {
        let sessions = self.lock();
        let session = sessions.get(&key(cookie))?;
        (session.ends_ms > now_ms).then(|| (session.csrf.clone(), session.caller.clone()))
    }

    /// Ends a session.
    pub(super) fn end(&self, cookie: &str) {
        self.lock().remove(&key(cookie));
    }

    // Nothing panics while holding the lock, and the map is sound between any two statements.
    fn lock(&self) -> MutexGuard<'_, BTreeMap<[u8; 32], Session>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key(cookie: &str) -> [u8; 32] {
    *blake3::hash(cookie.as_bytes()).as_bytes()
}
