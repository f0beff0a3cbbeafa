//! The system's clock and randomness: the one place that asks for them.

use uuid::Uuid;

use crate::contracts::Timestamp;
use crate::ports::Clock;

/// Asks the system.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods, reason = "this is the way in for time")]
    fn now(&self) -> Timestamp {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let ms = since.map_or(0, |since| since.as_millis());
        Timestamp::from_ms(i64::try_from(ms).unwrap_or(i64::MAX))
    }

    #[allow(clippy::disallowed_methods, reason = "this is the way in for ids")]
    fn uuid(&self) -> Uuid {
        Uuid::now_v7()
    }

    fn salt(&self) -> [u8; 32] {
        // Two version-4 UUIDs carry 244 random bits from the system's generator.
        let mut hasher = blake3::Hasher::new();
        hasher.update(Uuid::new_v4().as_bytes());
        hasher.update(Uuid::new_v4().as_bytes());
        *hasher.finalize().as_bytes()
    }
}
