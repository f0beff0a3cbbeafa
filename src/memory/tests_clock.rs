//! A clock for tests: each look is a millisecond later, and no two ids or salts are the same.

use std::sync::atomic::{AtomicU64, Ordering};

use uuid::Uuid;

use crate::contracts::Timestamp;
use crate::ports::Clock;

/// 2026-05-01T00:00:00.000Z.
const BEGINNING_MS: i64 = 1_777_593_600_000;

#[derive(Debug, Default)]
pub(crate) struct Ticking(AtomicU64);

impl Ticking {
    fn next(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }
}

impl Clock for Ticking {
    fn now(&self) -> Timestamp {
        Timestamp::from_ms(BEGINNING_MS).plus_ms(self.next())
    }

    fn uuid(&self) -> Uuid {
        // Two clocks over one log must not give the same ids.
        let place = std::ptr::from_ref(self).addr() as u128;
        Uuid::from_u128((place << 64) | u128::from(self.next()))
    }

    fn salt(&self) -> [u8; 32] {
        *blake3::hash(self.uuid().as_bytes()).as_bytes()
    }
}
