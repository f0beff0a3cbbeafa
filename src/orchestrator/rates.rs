//! How often tools are called: a bucket for each tool, and one for each provider.
//!
//! A bucket is one moment: the one at which it would be full of calls that came at exactly its rate. A
//! call moves it by the time of one call; it has to wait while the moment lies more than a period ahead.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::config::{Rate, RateConfig};
use crate::contracts::{ErrorKind, RunId, ToolError};
use crate::ports::Cancel;

/// How often a call that waits for its turn looks whether it is to stop.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// The provider of tools that are inside the program.
const BUILT_IN: &str = "built-in";

/// What bounds a call, and how long it would have to wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Full {
    /// Which bucket, in words.
    pub what: String,
    /// The rate.
    pub rate: String,
    /// Until there is room for one call.
    pub wait: Duration,
}

impl Full {
    /// The wait in whole seconds, at least one.
    #[must_use]
    pub fn retry_after_s(&self) -> u64 {
        let rest = u64::from(self.wait.subsec_nanos() > 0);
        self.wait.as_secs().saturating_add(rest).max(1)
    }
}

impl std::fmt::Display for Full {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (what, rate, seconds) = (&self.what, &self.rate, self.retry_after_s());
        write!(f, "{what} may be called {rate}, and was: there is room again in {seconds} s")
    }
}

/// The buckets of this process. They outlive nothing.
#[derive(Debug, Default)]
pub struct Rates(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// When each bucket would be full.
    buckets: BTreeMap<String, Instant>,
    /// Runs whose next call has taken its room already.
    prepaid: BTreeSet<RunId>,
}

impl Rates {
    /// Takes room for one call of `tool`, in all of its buckets or in none.
    ///
    /// # Errors
    /// The bucket that has none, and the longest wait.
    pub fn take(&self, config: &RateConfig, tool: &str) -> Result<(), Full> {
        self.take_at(config, tool, Instant::now())
    }

    fn take_at(&self, config: &RateConfig, tool: &str, now: Instant) -> Result<(), Full> {
        let mut inner = self.lock();
        let bounds = bounds(config, tool);
        let mut moved = Vec::with_capacity(bounds.len());
        let mut full: Option<Full> = None;
        for (what, rate) in bounds {
            let period = Duration::from_millis(rate.per_ms);
            let each = period / rate.count.max(1);
            let at = inner.buckets.get(&what).copied().unwrap_or(now).max(now);
            let ahead = at.duration_since(now).saturating_add(each);
            match ahead.checked_sub(period).filter(|wait| !wait.is_zero()) {
                // Of several that are full the longest wait counts.
                Some(wait) if full.as_ref().is_none_or(|known| known.wait < wait) => {
                    full = Some(Full { what, rate: rate.to_string(), wait });
                }
                Some(_) => {}
                None => moved.push((what, at + each)),
            }
        }
        if let Some(full) = full {
            return Err(full);
        }
        inner.buckets.extend(moved);
        Ok(())
    }

    /// Notes that the next call of a run has its room.
    pub fn prepay(&self, run: RunId) {
        self.lock().prepaid.insert(run);
    }

    /// Forgets what was noted, because no call is made.
    pub fn settle(&self, run: RunId) -> bool {
        self.lock().prepaid.remove(&run)
    }

    /// Waits for room for one call, as long as the configuration lets it.
    ///
    /// # Errors
    /// `rate_limited`, which may be retried.
    pub(super) async fn turn(
        &self,
        config: &RateConfig,
        (run, tool): (RunId, &str),
        cancel: &Cancel,
    ) -> Result<(), ToolError> {
        if self.settle(run) {
            return Ok(());
        }
        let until = Instant::now() + Duration::from_millis(config.wait_ms);
        loop {
            let Err(full) = self.take(config, tool) else { return Ok(()) };
            let now = Instant::now();
            if now + full.wait > until {
                return Err(ToolError::retryable(ErrorKind::RateLimited, full.to_string()));
            }
            if cancel.is_requested() {
                // What was stopped is told so where it would begin.
                return Ok(());
            }
            sleep(full.wait.min(LOOK_EVERY)).await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What bounds calls of `tool`, each by its name in words.
fn bounds(config: &RateConfig, tool: &str) -> Vec<(String, Rate)> {
    let own = config.tools.get(tool).copied().unwrap_or(config.default);
    let provider = provider_of(tool);
    let shared = config.providers.get(provider).copied().flatten();
    let own = own.map(|rate| (format!("`{tool}`"), rate));
    let shared = shared.map(|rate| (format!("everything of `{provider}`"), rate));
    own.into_iter().chain(shared).collect()
}

/// Who provides a tool: `mcp:files` of `mcp:files/read`.
fn provider_of(tool: &str) -> &str {
    tool.rsplit_once('/').map_or(BUILT_IN, |(provider, _)| provider)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(tools: &[(&str, &str)], providers: &[(&str, &str)], wait_ms: u64) -> RateConfig {
        let read = |all: &[(&str, &str)]| {
            let rate = |text: &str| Rate::parse(text).unwrap();
            all.iter().map(|(name, text)| ((*name).to_owned(), rate(text))).collect()
        };
        RateConfig { default: None, wait_ms, tools: read(tools), providers: read(providers) }
    }

    #[test]
    fn lets_a_burst_through_and_then_one_at_a_time() {
        let (rates, config) = (Rates::default(), config(&[("a", "3/min")], &[], 0));
        let now = Instant::now();
        for _ in 0..3 {
            rates.take_at(&config, "a", now).unwrap();
        }
        let full = rates.take_at(&config, "a", now).unwrap_err();
        assert_eq!((full.wait, full.retry_after_s()), (Duration::from_secs(20), 20));
        assert!(full.to_string().contains("`a` may be called 3/min"), "{full}");
        let later = now + Duration::from_secs(20);
        rates.take_at(&config, "a", later).unwrap();
        assert!(rates.take_at(&config, "a", later).is_err());
        // After a rest of a whole period the burst is there again, and not more.
        let rested = later + Duration::from_secs(600);
        for _ in 0..3 {
            rates.take_at(&config, "a", rested).unwrap();
        }
        assert!(rates.take_at(&config, "a", rested).is_err());
        rates.take_at(&config, "b", rested).unwrap();
    }

    #[test]
    fn tools_of_a_provider_share_its_bucket_and_a_refusal_takes_nothing() {
        let providers = [("mcp:files", "2/min")];
        let config = config(&[("mcp:files/read", "1/min")], &providers, 0);
        let (rates, now) = (Rates::default(), Instant::now());
        rates.take_at(&config, "mcp:files/read", now).unwrap();
        for _ in 0..5 {
            let full = rates.take_at(&config, "mcp:files/read", now).unwrap_err();
            assert_eq!(full.what, "`mcp:files/read`");
        }
        rates.take_at(&config, "mcp:files/write", now).unwrap();
        let full = rates.take_at(&config, "mcp:files/write", now).unwrap_err();
        assert_eq!(full.what, "everything of `mcp:files`");
        rates.take_at(&config, "mcp:other/write", now).unwrap();
        rates.take_at(&config, "read_text", now).unwrap();
    }

    #[tokio::test]
    async fn a_call_waits_for_its_turn_and_fails_where_that_takes_too_long() {
        let rates = Rates::default();
        let (quick, slow) =
            (config(&[("a", "20/s")], &[], 5_000), config(&[("b", "1/h")], &[], 50));
        let run = RunId::from_uuid(uuid::Uuid::from_u128(1));
        let cancel = Cancel::default();
        for _ in 0..21 {
            rates.turn(&quick, (run, "a"), &cancel).await.unwrap();
        }
        rates.turn(&slow, (run, "b"), &cancel).await.unwrap();
        let error = rates.turn(&slow, (run, "b"), &cancel).await.unwrap_err();
        assert_eq!((error.kind, error.retryable), (ErrorKind::RateLimited, true));
        // What was paid for counts once.
        rates.prepay(run);
        rates.turn(&slow, (run, "b"), &cancel).await.unwrap();
        assert!(rates.turn(&slow, (run, "b"), &cancel).await.is_err());
    }
}
