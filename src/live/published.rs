//! What is in force, as everybody sees it: replaced whole, read without waiting.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::contracts::{Diagnostic, Hash};
use crate::policy::PolicySet;

/// Most mistakes that are kept to be shown; a hostile file has as many as it likes.
const ERRORS_MAX: usize = 100;
/// Longest message of a mistake, in characters.
const MESSAGE_CHARS_MAX: usize = 1_000;

/// The rules in force and what is wrong with the files.
#[derive(Debug)]
pub(super) struct InForce {
    pub(super) set: Arc<PolicySet>,
    pub(super) errors: Vec<Diagnostic>,
    /// Since when the set is in force.
    since: Instant,
    /// Since when files are not in force.
    stale: Option<Instant>,
}

/// How the rules stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyStanding {
    /// The set in force.
    pub hash: Hash,
    /// How many mistakes keep files out of force.
    pub errors: usize,
    /// For how long the set has been in force in this process.
    pub age: Duration,
    /// For how long what was good last decides in place of files; `None` when all files are in force.
    pub stale: Option<Duration>,
}

impl InForce {
    pub(super) fn first(set: Arc<PolicySet>, errors: Vec<Diagnostic>) -> Self {
        let now = Instant::now();
        let stale = (!errors.is_empty()).then_some(now);
        Self { set, errors: bounded(errors), since: now, stale }
    }

    /// What follows: another set, if there is one, and the mistakes as they are now.
    pub(super) fn next(&self, set: Option<Arc<PolicySet>>, errors: Vec<Diagnostic>) -> Self {
        let now = Instant::now();
        let set = set.unwrap_or_else(|| Arc::clone(&self.set));
        let since = if set.hash() == self.set.hash() { self.since } else { now };
        let stale = (!errors.is_empty()).then(|| self.stale.unwrap_or(now));
        Self { set, errors: bounded(errors), since, stale }
    }

    pub(super) fn standing(&self) -> PolicyStanding {
        PolicyStanding {
            hash: self.set.hash(),
            errors: self.errors.len(),
            age: self.since.elapsed(),
            stale: self.stale.map(|since| since.elapsed()),
        }
    }
}

fn bounded(mut errors: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let more = errors.len().saturating_sub(ERRORS_MAX);
    errors.truncate(ERRORS_MAX);
    for error in &mut errors {
        cut(&mut error.message);
        error.suggestion.iter_mut().for_each(cut);
        cut(&mut error.file);
    }
    if let Some(last) = errors.last().filter(|_| more > 0) {
        let message = format!("there are {more} more mistakes");
        errors.push(Diagnostic::error("more", message, &last.file.clone(), 1, 1));
    }
    errors
}

fn cut(text: &mut String) {
    if let Some((at, _)) = text.char_indices().nth(MESSAGE_CHARS_MAX) {
        text.truncate(at);
        text.push('…');
    }
}

#[cfg(test)]
mod tests {
    use super::{ERRORS_MAX, MESSAGE_CHARS_MAX, bounded};
    use crate::contracts::Diagnostic;

    #[test]
    fn mistakes_are_few_and_short_however_many_there_are() {
        let long = "ü".repeat(5_000);
        let all = vec![Diagnostic::error("x", long, "policies/a.yaml", 1, 1); 10_000];
        let kept = bounded(all);
        assert_eq!(kept.len(), ERRORS_MAX + 1);
        assert_eq!(kept[0].message.chars().count(), MESSAGE_CHARS_MAX + 1);
        assert_eq!(kept[ERRORS_MAX].message, "there are 9900 more mistakes");
        let one = vec![Diagnostic::error("x", "short", "a", 1, 1)];
        assert_eq!(bounded(one.clone()), one);
    }
}
