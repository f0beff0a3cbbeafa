//! What the process counts about itself, for `GET /metrics`.
//!
//! One [`Metrics`] is made per process and shared by everybody who has something to count; nothing
//! is global. Labels take values from fixed lists only: no name that comes from outside becomes one, so
//! that the page stays small whatever happens. What can be looked up when somebody asks is not
//! counted along: it comes as [`Gauges`].

mod numbers;
mod text;

use std::sync::atomic::{AtomicU64, Ordering};

use numbers::{Counters, Histogram};
use text::{Kind, Text};

use crate::contracts::{Effect, Hash, Outcome, Profile};

/// The content type of the page.
pub const METRICS_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Bounds of the time that deciding takes, in microseconds.
const DECISION_US: [u64; 12] =
    [50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 50_000, 100_000, 500_000, 1_000_000];
/// Bounds of the time that taking over an edit takes, in milliseconds.
const RELOAD_MS: [u64; 8] = [10, 25, 50, 100, 250, 1_000, 2_500, 10_000];

/// What people answer.
const YES: &str = "yes";
const NO: &str = "no";

/// What became of an edit of the rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReloadOutcome {
    /// It is in force.
    Taken,
    /// It is not: what was good last decides.
    Refused,
}

impl ReloadOutcome {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Taken => "taken",
            Self::Refused => "refused",
        }
    }
}

/// Everything that is counted while the process runs.
#[derive(Debug)]
pub struct Metrics {
    decisions: Counters<4>,
    decision_us: Histogram<12>,
    scripts_failed: AtomicU64,
    trial_differed: Counters<4>,
    reloads: Counters<2>,
    reload_ms: Histogram<8>,
    approvals_asked: AtomicU64,
    approvals_answered: Counters<2>,
    runs: Counters<4>,
}

impl Default for Metrics {
    fn default() -> Self {
        let effects = [Effect::Allow, Effect::Ask, Effect::Deny, Effect::Depends];
        let outcomes = [Outcome::Succeeded, Outcome::Failed, Outcome::Cancelled, Outcome::Denied];
        let reloads = [ReloadOutcome::Taken, ReloadOutcome::Refused];
        Self {
            decisions: Counters::new("effect", effects.map(Effect::as_str)),
            decision_us: Histogram::new(DECISION_US),
            scripts_failed: AtomicU64::new(0),
            trial_differed: Counters::new("effect", effects.map(Effect::as_str)),
            reloads: Counters::new("outcome", reloads.map(ReloadOutcome::as_str)),
            reload_ms: Histogram::new(RELOAD_MS),
            approvals_asked: AtomicU64::new(0),
            approvals_answered: Counters::new("answer", [YES, NO]),
            runs: Counters::new("outcome", outcomes.map(Outcome::as_str)),
        }
    }
}

/// What is so at the moment when somebody asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gauges {
    /// The set of rules in force.
    pub policy_hash: Hash,
    /// Which set it is.
    pub profile: Profile,
    /// How many mistakes keep files out of force.
    pub policy_errors: u64,
    /// How many mistakes keep the rules on trial from being asked.
    pub trial_errors: u64,
    /// For how long the set has been in force here, in milliseconds.
    pub policy_age_ms: u64,
    /// For how long files are not in force, in milliseconds; 0 when all of them are.
    pub policy_stale_ms: u64,
    /// Questions that nobody has answered.
    pub approvals_open: u64,
    /// Runs that wait for their turn.
    pub queue_waiting: u64,
    /// Runs at work.
    pub queue_running: u64,
    /// Clients that follow events.
    pub stream_clients: u64,
    /// The newest number given to an event of the journal.
    pub journal_events: u64,
    /// Whether the store writes.
    pub store_writes: bool,
}

impl Metrics {
    /// A call was decided, in so many microseconds.
    pub fn policy_decided(&self, effect: Effect, micros: u64) {
        self.decisions.add(effect.as_str());
        self.decision_us.add(micros);
    }

    /// So many rules in scripts broke off or met a limit while a call was decided, which denied it.
    pub fn scripts_failed(&self, count: u64) {
        self.scripts_failed.fetch_add(count, Ordering::Relaxed);
    }

    /// The rules on trial said `effect` where those in force said something else.
    pub fn trial_differed(&self, effect: Effect) {
        self.trial_differed.add(effect.as_str());
    }

    /// An edit was looked at, in so many milliseconds.
    pub fn policy_reloaded(&self, outcome: ReloadOutcome, millis: u64) {
        self.reloads.add(outcome.as_str());
        self.reload_ms.add(millis);
    }

    /// A person is asked. Asking anew is another question.
    pub fn approval_asked(&self) {
        self.approvals_asked.fetch_add(1, Ordering::Relaxed);
    }

    /// Somebody answered; where several have to, each answer counts.
    pub fn approval_answered(&self, yes: bool) {
        self.approvals_answered.add(if yes { YES } else { NO });
    }

    /// A run ended.
    pub fn run_ended(&self, outcome: Outcome) {
        self.runs.add(outcome.as_str());
    }

    /// The page for Prometheus.
    #[must_use]
    pub fn text(&self, now: &Gauges) -> String {
        let mut text = Text::default();
        text.family("bailiwick_build_info", Kind::Gauge, "The program.");
        text.sample("bailiwick_build_info", &[("version", env!("CARGO_PKG_VERSION"))], 1);
        self.policy(&mut text, now);
        self.work(&mut text, now);
        text.into_string()
    }

    fn policy(&self, text: &mut Text, now: &Gauges) {
        let name = "bailiwick_policy_decisions_total";
        self.decisions.write(text, name, "Decisions by effect, repeated ones included.");
        let name = "bailiwick_policy_decision_microseconds";
        self.decision_us.write(text, name, "How long deciding took, facts included.");
        let failed = self.scripts_failed.load(Ordering::Relaxed);
        let help = "Rules in scripts that broke off or met a limit, which denies.";
        text.one("bailiwick_policy_script_failures_total", Kind::Counter, help, failed);
        let name = "bailiwick_policy_trial_differences_total";
        let help = "Decisions that the rules on trial would have made otherwise, by their effect.";
        self.trial_differed.write(text, name, help);
        let help = "Mistakes that keep the rules on trial from being asked.";
        text.one("bailiwick_policy_trial_errors", Kind::Gauge, help, now.trial_errors);
        let name = "bailiwick_policy_reloads_total";
        self.reloads.write(text, name, "Edits of rules by what became of them.");
        let name = "bailiwick_policy_reload_milliseconds";
        self.reload_ms.write(text, name, "How long looking at an edit took.");
        let name = "bailiwick_policy_info";
        text.family(name, Kind::Gauge, "The rules in force.");
        let (hash, profile) = (now.policy_hash.to_string(), now.profile.as_str());
        text.sample(name, &[("hash", &hash), ("profile", profile)], 1);
        let help = "For how long these rules have been in force in this process.";
        text.one("bailiwick_policy_age_seconds", Kind::Gauge, help, seconds(now.policy_age_ms));
        let help = "Mistakes that keep files of rules out of force.";
        text.one("bailiwick_policy_errors", Kind::Gauge, help, now.policy_errors);
        let help = "For how long what was good last decides in place of the files; 0 when they do.";
        text.one("bailiwick_policy_stale_seconds", Kind::Gauge, help, seconds(now.policy_stale_ms));
    }

    fn work(&self, text: &mut Text, now: &Gauges) {
        let help = "Questions that nobody has answered.";
        text.one("bailiwick_approvals_open", Kind::Gauge, help, now.approvals_open);
        let asked = self.approvals_asked.load(Ordering::Relaxed);
        let help = "Questions that runs asked here, those asked anew included.";
        text.one("bailiwick_approvals_asked_total", Kind::Counter, help, asked);
        let name = "bailiwick_approvals_answered_total";
        self.approvals_answered.write(text, name, "Answers of people to runs here.");
        let name = "bailiwick_queue_runs";
        text.family(name, Kind::Gauge, "Runs that wait for their turn, and runs at work.");
        text.sample(name, &[("state", "waiting")], now.queue_waiting);
        text.sample(name, &[("state", "running")], now.queue_running);
        self.runs.write(text, "bailiwick_runs_total", "Runs that ended here, by outcome.");
        let help = "Clients that follow events.";
        text.one("bailiwick_event_stream_clients", Kind::Gauge, help, now.stream_clients);
        let help = "Events of the journal, those of earlier processes included.";
        text.one("bailiwick_journal_events_total", Kind::Counter, help, now.journal_events);
        let help = "Whether the store writes; 0 after a write that could not be made durable.";
        text.one("bailiwick_store_writes", Kind::Gauge, help, u8::from(now.store_writes));
    }
}

/// Milliseconds as seconds, in decimals without rounding.
fn seconds(ms: u64) -> String {
    format!("{}.{:03}", ms / 1_000, ms % 1_000)
}

#[cfg(test)]
mod tests {
    use super::{Gauges, Metrics, ReloadOutcome, seconds};
    use crate::contracts::{Effect, Hash, Outcome, Profile};

    fn gauges() -> Gauges {
        Gauges {
            policy_hash: Hash::ZERO,
            profile: Profile::Workspace,
            policy_errors: 2,
            trial_errors: 1,
            policy_age_ms: 61_007,
            policy_stale_ms: 1_500,
            approvals_open: 3,
            queue_waiting: 4,
            queue_running: 1,
            stream_clients: 5,
            journal_events: 77,
            store_writes: true,
        }
    }

    #[test]
    fn the_page_says_what_was_counted_and_what_is_so() {
        let metrics = Metrics::default();
        metrics.policy_decided(Effect::Deny, 300);
        metrics.scripts_failed(2);
        metrics.trial_differed(Effect::Ask);
        metrics.policy_reloaded(ReloadOutcome::Refused, 12);
        metrics.run_ended(Outcome::Cancelled);
        metrics.approval_asked();
        metrics.approval_answered(false);
        let page = metrics.text(&gauges());
        for line in [
            "bailiwick_policy_decisions_total{effect=\"deny\"} 1",
            "bailiwick_policy_decisions_total{effect=\"allow\"} 0",
            "bailiwick_policy_decision_microseconds_bucket{le=\"250\"} 0",
            "bailiwick_policy_decision_microseconds_bucket{le=\"500\"} 1",
            "bailiwick_policy_script_failures_total 2",
            "bailiwick_policy_trial_differences_total{effect=\"ask\"} 1",
            "bailiwick_policy_trial_errors 1",
            "bailiwick_policy_reloads_total{outcome=\"refused\"} 1",
            "bailiwick_policy_reload_milliseconds_sum 12",
            "bailiwick_policy_age_seconds 61.007",
            "bailiwick_policy_stale_seconds 1.500",
            "bailiwick_approvals_open 3",
            "bailiwick_approvals_asked_total 1",
            "bailiwick_approvals_answered_total{answer=\"no\"} 1",
            "bailiwick_approvals_answered_total{answer=\"yes\"} 0",
            "bailiwick_queue_runs{state=\"waiting\"} 4",
            "bailiwick_runs_total{outcome=\"cancelled\"} 1",
            "bailiwick_event_stream_clients 5",
            "bailiwick_journal_events_total 77",
            "bailiwick_store_writes 1",
        ] {
            assert!(page.lines().any(|it| it == line), "`{line}` is not in:\n{page}");
        }
    }

    #[test]
    fn every_family_is_announced_once_and_before_its_samples() {
        let page = Metrics::default().text(&gauges());
        let mut announced: Vec<&str> = Vec::new();
        for line in page.lines() {
            if let Some(rest) = line.strip_prefix("# TYPE ") {
                let name = rest.split(' ').next().unwrap();
                assert!(!announced.contains(&name), "{name} twice");
                announced.push(name);
            } else if !line.starts_with('#') {
                let family = announced.last().expect("a family");
                assert!(line.starts_with(family), "`{line}` under {family}");
            }
        }
        assert!(announced.len() > 12, "{announced:?}");
        assert!(page.ends_with('\n'));
    }

    #[test]
    fn times_are_seconds_without_rounding() {
        for (ms, shown) in [(0, "0.000"), (1_500, "1.500"), (999, "0.999")] {
            assert_eq!(seconds(ms), shown);
        }
    }
}
