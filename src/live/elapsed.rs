//! Clocks: the stopwatch that ends scripts which do not end by themselves, for deciding knows none; the
//! work of a thread; the time by which files are stamped.

use std::sync::LazyLock;
use std::time::{Duration, Instant, SystemTime};

use rustix::time::{ClockId, clock_gettime};

/// Milliseconds since the program first asked; never goes back.
pub(super) fn elapsed_ms() -> u64 {
    #[allow(clippy::disallowed_methods, reason = "measures how long a script takes")]
    static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);
    u64::try_from(BEGAN.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// The time, as the stamps of files tell it.
#[allow(clippy::disallowed_methods, reason = "is compared with stamps of files")]
pub(super) fn wall_clock() -> SystemTime {
    SystemTime::now()
}

/// How long this thread has worked. What a busy machine keeps it waiting is not its own.
pub(super) fn worked() -> Duration {
    // It runs from zero, so no part is ever negative.
    let spent = clock_gettime(ClockId::ThreadCPUTime);
    let seconds = u64::try_from(spent.tv_sec).unwrap_or_default();
    let nanos = u32::try_from(spent.tv_nsec).unwrap_or_default();
    Duration::new(seconds, nanos)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::worked;

    #[test]
    fn work_counts_and_waiting_does_not() {
        let began = worked();
        std::thread::sleep(Duration::from_millis(60));
        assert!(worked() - began < Duration::from_millis(50));
        let until = Instant::now() + Duration::from_secs(10);
        while worked() - began < Duration::from_millis(5) {
            assert!(Instant::now() < until, "work does not count");
        }
    }
}
