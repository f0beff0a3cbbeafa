//! Whether and when a failed call is tried again.

use super::program::{Backoff, Retry, Step};
use super::state::{Node, Phase, RunState};

/// The wait in milliseconds before the next try, or `None` when there is none. Only calls that may
/// be repeated without asking anybody are; non-idempotent ones never.
pub(super) fn delay_ms(state: &RunState, step: &Step, path: &str, node: &Node) -> Option<u64> {
    let Phase::Returned { ok: false, kind: Some(kind), retryable } = node.phase else {
        return None;
    };
    let retry = &step.retry;
    let repeatable = node.call.is_some_and(|call| call.effect.is_repeatable());
    let worth = if retry.on.is_empty() { retryable } else { retry.on.contains(&kind) };
    let tries = node.attempt.saturating_sub(node.base);
    let retries = state.used.retries.saturating_add(state.lent.retries);
    let left = tries < retry.attempts && retries < state.budget.retries;
    (repeatable && worth && left).then(|| backoff_ms(retry, path, tries))
}

/// Grows with each try up to `max_ms`; up to a quarter is taken off, the same for the same path and
/// try, so that many steps that failed together do not come back together.
fn backoff_ms(retry: &Retry, path: &str, attempt: u32) -> u64 {
    let factor = match retry.backoff {
        Backoff::Constant => 1,
        Backoff::Exponential => 1_u64.checked_shl(attempt.saturating_sub(1)).unwrap_or(u64::MAX),
    };
    let full = retry.initial_ms.saturating_mul(factor).min(retry.max_ms);
    let spread = full / 4;
    let digest = blake3::hash(format!("{path} {attempt}").as_bytes());
    let fraction = u64::from(digest.as_bytes().first().copied().unwrap_or(0));
    full - spread * fraction / 256
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_the_longest_and_are_the_same_each_time() {
        let retry = Retry { attempts: 9, initial_ms: 1_000, max_ms: 8_000, ..Retry::default() };
        for (attempt, full) in [(1, 1_000), (2, 2_000), (4, 8_000), (9, 8_000), (80, 8_000)] {
            let wait = backoff_ms(&retry, "checks", attempt);
            assert!(wait <= full && wait >= full - full / 4, "attempt {attempt}: {wait}");
            assert_eq!(wait, backoff_ms(&retry, "checks", attempt));
        }
    }
}
