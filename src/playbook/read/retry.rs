//! `retry:`

use super::reader::Reader;
use crate::agent::program::{Backoff, Retry};
use crate::contracts::ErrorKind;
use crate::yaml::{Node, did_you_mean};

/// Most tries of one call.
const ATTEMPTS_MAX: u64 = 100;

/// The kinds of failure another try could mend.
const KINDS: [ErrorKind; 13] = [
    ErrorKind::NotFound,
    ErrorKind::Conflict,
    ErrorKind::Forbidden,
    ErrorKind::TooLarge,
    ErrorKind::Timeout,
    ErrorKind::Unavailable,
    ErrorKind::RateLimited,
    ErrorKind::ExitStatus,
    ErrorKind::Signal,
    ErrorKind::Sandbox,
    ErrorKind::Io,
    ErrorKind::BadContent,
    ErrorKind::BadOutput,
];

/// Reads when to try again.
pub(super) fn retry<'a>(reader: &mut Reader<'a>, node: &'a Node) -> Retry {
    let default = Retry::default();
    let Some(mut fields) = reader.fields("`retry`", node) else { return default };
    let attempts = fields.count("attempts", &mut reader.mistakes);
    if fields.node("attempts").is_none() {
        reader.error(fields.place(), "missing-key", "`retry` needs `attempts`");
    }
    if let (Some(count), Some(node)) = (attempts, fields.node("attempts"))
        && !(1..=ATTEMPTS_MAX).contains(&count)
    {
        let message = format!("`attempts` is from 1 to {ATTEMPTS_MAX}, the first try included");
        reader.error(node.place, "bad-value", message);
    }
    let backoffs = [("exponential", Backoff::Exponential), ("constant", Backoff::Constant)];
    let backoff =
        fields.choice("backoff", &backoffs, &mut reader.mistakes).unwrap_or(default.backoff);
    let initial_ms =
        fields.duration_ms("initial", &mut reader.mistakes).unwrap_or(default.initial_ms);
    let max_ms =
        fields.duration_ms("max", &mut reader.mistakes).unwrap_or(default.max_ms.max(initial_ms));
    if let (true, Some(node)) = (max_ms < initial_ms, fields.node("max")) {
        reader.error(node.place, "contradiction", "`max` is shorter than `initial`");
    }
    let mut on = Vec::new();
    for (word, place) in fields.texts("on", &mut reader.mistakes).unwrap_or_default() {
        match KINDS.iter().find(|kind| kind.as_str() == word) {
            Some(kind) => on.push(*kind),
            None => {
                let words = KINDS.iter().map(|kind| kind.as_str());
                let known: Vec<&str> = words.clone().collect();
                let message = format!(
                    "`{word}` is no failure to try again after; there are {}",
                    known.join(", ")
                );
                reader.hinted(place, "bad-value", message, did_you_mean(word, words));
            }
        }
    }
    reader.finish("`retry`", fields);
    let attempts = attempts.and_then(|count| u32::try_from(count).ok()).unwrap_or(default.attempts);
    // The first try is no retry.
    let attempts = attempts.min(reader.limits.retries_per_call.saturating_add(1));
    Retry { attempts, backoff, initial_ms, max_ms, on }
}
