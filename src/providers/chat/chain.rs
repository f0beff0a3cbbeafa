//! Several models, asked one after the other until one answers: tries and waits, a limit of questions in a
//! time, and a breaker that leaves a provider alone which failed again and again.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::exchange::pause;
use crate::ports::{Cancel, Model, ModelError, Prompt, Reply};

/// A question that has less time left than this is not asked any more.
const LEAST: Duration = Duration::from_millis(100);

/// How patient a chain is with each of its models.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Tries of one question, the first included; at least 1.
    pub attempts: u32,
    /// The wait before the second try; each further one is twice as long.
    pub first_wait: Duration,
    /// The longest wait. A provider that asks for a longer one is passed over.
    pub longest_wait: Duration,
    /// So many failures in a row and it is left alone.
    pub failures_max: u32,
    /// For so long.
    pub rest: Duration,
    /// Questions a minute; 0 for as many as come.
    pub per_minute: u32,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            attempts: 3,
            first_wait: Duration::from_millis(500),
            longest_wait: Duration::from_secs(30),
            failures_max: 5,
            rest: Duration::from_secs(30),
            per_minute: 0,
        }
    }
}

/// Models in the order in which they are asked.
pub struct Chain {
    links: Vec<Link>,
    patience: Patience,
    name: String,
}

impl std::fmt::Debug for Chain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Chain").field("name", &self.name).finish_non_exhaustive()
    }
}

struct Link {
    model: Arc<dyn Model>,
    record: Mutex<Record>,
}

/// What is known of a provider.
#[derive(Debug, Default)]
struct Record {
    failures: u32,
    /// Left alone until then.
    rests_until: Option<Instant>,
    /// When it was asked during the last minute.
    asked: VecDeque<Instant>,
}

impl Chain {
    /// The models of `models`, the first first.
    #[must_use]
    pub fn new(models: Vec<Arc<dyn Model>>, patience: Patience) -> Self {
        let name = models.iter().map(|model| model.name()).collect::<Vec<_>>().join(", then ");
        let links = models
            .into_iter()
            .map(|model| Link { model, record: Mutex::new(Record::default()) })
            .collect();
        Self { links, patience, name }
    }
}

impl Model for Chain {
    fn name(&self) -> &str {
        &self.name
    }

    fn ask(
        &self,
        prompt: &Prompt,
        hear: &mut dyn FnMut(&str),
        cancel: &Cancel,
    ) -> Result<Reply, ModelError> {
        let mut turn = Turn { until: Instant::now() + prompt.wall, prompt, hear, cancel };
        let mut last = None;
        for link in &self.links {
            match link.ask(&mut turn, &self.patience) {
                Ok(reply) => return Ok(reply),
                Err(error @ (ModelError::Cancelled | ModelError::TimedOut { .. })) => {
                    return Err(error);
                }
                Err(error) => {
                    tracing::debug!("{error}");
                    last = Some(error);
                }
            }
        }
        Err(last.unwrap_or_else(|| ModelError::Unavailable {
            model: "model".to_owned(),
            reason: "none is configured; see `models.chat` in docs/models.md".to_owned(),
            retry_after: None,
        }))
    }
}

/// One question on its way through a chain.
struct Turn<'a> {
    until: Instant,
    prompt: &'a Prompt,
    hear: &'a mut dyn FnMut(&str),
    cancel: &'a Cancel,
}

impl Turn<'_> {
    fn left(&self) -> Duration {
        self.until.saturating_duration_since(Instant::now())
    }

    fn timed_out(&self, model: &dyn Model) -> ModelError {
        ModelError::TimedOut { model: model.name().to_owned(), seconds: self.prompt.wall.as_secs() }
    }

    /// Waits, unless that would take the whole time or somebody asks to stop.
    fn wait(&self, wait: Duration, model: &dyn Model) -> Result<(), ModelError> {
        if wait + LEAST > self.left() {
            return Err(self.timed_out(model));
        }
        if pause(wait, self.cancel) { Ok(()) } else { Err(ModelError::Cancelled) }
    }
}

impl Link {
    fn ask(&self, turn: &mut Turn<'_>, patience: &Patience) -> Result<Reply, ModelError> {
        let model = self.model.as_ref();
        let mut wait = patience.first_wait;
        let mut attempt = 1;
        loop {
            self.admit(turn, patience)?;
            let asked = self.ask_once(turn);
            self.note(asked.is_ok(), patience);
            let error = match asked {
                Ok(reply) => return Ok(reply),
                Err(error) => error,
            };
            let wanted = match &error {
                ModelError::Unavailable { retry_after, .. } => retry_after.unwrap_or(wait),
                _ => wait,
            };
            if !error.may_pass() || attempt >= patience.attempts || wanted > patience.longest_wait {
                return Err(error);
            }
            turn.wait(wanted, model)?;
            wait = (wait * 2).min(patience.longest_wait);
            attempt += 1;
        }
    }

    fn ask_once(&self, turn: &mut Turn<'_>) -> Result<Reply, ModelError> {
        let wall = turn.left();
        if wall < LEAST {
            return Err(turn.timed_out(self.model.as_ref()));
        }
        let prompt = Prompt { wall, ..turn.prompt.clone() };
        self.model.ask(&prompt, turn.hear, turn.cancel)
    }

    /// Whether it may be asked now; waits for its turn where there is a limit.
    fn admit(&self, turn: &Turn<'_>, patience: &Patience) -> Result<(), ModelError> {
        loop {
            let wait = {
                let mut record = self.record.lock().unwrap_or_else(PoisonError::into_inner);
                let now = Instant::now();
                if let Some(until) = record.rests_until.filter(|until| now < *until) {
                    let left = until.duration_since(now);
                    return Err(ModelError::Unavailable {
                        model: self.model.name().to_owned(),
                        reason: format!(
                            "it failed {} times in a row and is left alone for {} s more",
                            record.failures,
                            left.as_secs() + 1
                        ),
                        retry_after: Some(left),
                    });
                }
                record.wait_for_turn(now, patience.per_minute)
            };
            match wait {
                None => return Ok(()),
                Some(wait) => turn.wait(wait, self.model.as_ref())?,
            }
        }
    }

    fn note(&self, answered: bool, patience: &Patience) {
        let mut record = self.record.lock().unwrap_or_else(PoisonError::into_inner);
        if answered {
            record.failures = 0;
            record.rests_until = None;
            return;
        }
        record.failures = record.failures.saturating_add(1);
        if record.failures >= patience.failures_max {
            record.rests_until = Some(Instant::now() + patience.rest);
        }
    }
}

impl Record {
    /// Takes a turn, or says how long there is none.
    fn wait_for_turn(&mut self, now: Instant, per_minute: u32) -> Option<Duration> {
        const MINUTE: Duration = Duration::from_secs(60);
        if per_minute == 0 {
            return None;
        }
        while self.asked.front().is_some_and(|at| now.duration_since(*at) >= MINUTE) {
            self.asked.pop_front();
        }
        if self.asked.len() < usize::try_from(per_minute).unwrap_or(usize::MAX) {
            self.asked.push_back(now);
            return None;
        }
        self.asked.front().map(|first| MINUTE.saturating_sub(now.duration_since(*first)))
    }
}
