//! The stopwatch that ends scripts which do not end by themselves. Deciding knows no clock.

use std::sync::LazyLock;
use std::time::Instant;

/// Milliseconds since the program first asked; never goes back.
pub(super) fn elapsed_ms() -> u64 {
    #[allow(clippy::disallowed_methods, reason = "measures how long a script takes")]
    static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);
    u64::try_from(BEGAN.elapsed().as_millis()).unwrap_or(u64::MAX)
}
