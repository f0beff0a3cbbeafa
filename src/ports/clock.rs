//! Time and randomness, the only way in.

use uuid::Uuid;

use crate::contracts::Timestamp;

/// Where times, ids and salts come from. The real one asks the system; tests replay a sequence.
pub trait Clock: Send + Sync {
    /// The time now.
    fn now(&self) -> Timestamp;

    /// A fresh UUIDv7.
    fn uuid(&self) -> Uuid;

    /// 32 random bytes.
    fn salt(&self) -> [u8; 32];
}
