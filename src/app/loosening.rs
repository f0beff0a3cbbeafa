//! The gate before an edit of the workspace's rules (`policy.backtest`): what it would newly allow of what
//! was decided before has to be accepted by somebody.

use std::path::Path;
use std::sync::Arc;

use crate::contracts::{Diagnostic, Timestamp, format_duration_ms};
use crate::live::{Edit, Gate, accepted};
use crate::orchestrator::{Backtest, Flip, Flips, Kind, SystemClock, backtest};
use crate::ports::Clock;
use crate::store::{Reader, StoreError};

/// Most decisions that are named.
const NAMED: usize = 3;

/// Refuses edits that allow what was not allowed in the last `back_ms` milliseconds; `None` when nobody
/// wants that.
pub(super) fn gate(state_dir: &Path, back_ms: u64) -> Option<Gate> {
    let state_dir = state_dir.to_owned();
    let ask = move |edit: &Edit<'_>| match judged(&state_dir, back_ms, edit) {
        Ok(flips) if flips.is_accepted() => Vec::new(),
        Ok(flips) => vec![loosens(&flips, back_ms)],
        Err(why) => vec![mistake(format!(
            "whether it allows more than was allowed before cannot be told: {why}"
        ))],
    };
    (back_ms > 0).then(|| Arc::new(ask) as Gate)
}

fn judged(state_dir: &Path, back_ms: u64, edit: &Edit<'_>) -> Result<Flips, String> {
    let journal = match Reader::open(state_dir) {
        Ok(journal) => journal,
        // Nothing was ever decided here.
        Err(StoreError::NoState(_)) => return Ok(Flips::default()),
        Err(error) => return Err(error.to_string()),
    };
    let accepted = accepted(state_dir, edit.files)
        .map_err(|error| format!("what was accepted cannot be read: {error}"))?;
    let back_ms = i64::try_from(back_ms).unwrap_or(i64::MAX);
    let since = Timestamp::from_ms(SystemClock.now().ms().saturating_sub(back_ms));
    let (old, new, limit) = (edit.before, edit.after, NAMED);
    backtest(&journal, Backtest { old, new, since, accepted: &accepted, limit })
        .map_err(|error| error.to_string())
}

fn loosens(flips: &Flips, back_ms: u64) -> Diagnostic {
    let count = flips.count(Kind::NewlyAllowed);
    let named = flips.flips.get(&Kind::NewlyAllowed).map_or(&[][..], Vec::as_slice);
    let each = named.iter().map(|flip| {
        let Flip { call_id, tool, .. } = flip;
        format!("`{tool}` ({call_id}) by {}", flip.allowing().join(", "))
    });
    let (each, back) = (each.collect::<Vec<_>>().join("; "), format_duration_ms(back_ms));
    mistake(format!(
        "it allows {count} of the calls that were not allowed in the last {back} (`policy.backtest`): \
         {each}"
    ))
    .suggest(
        "see all: `bailiwick policy backtest --candidate policies`; to take it over, accept each by its \
         rule or its call: `--accept NAME … --write`",
    )
}

fn mistake(message: String) -> Diagnostic {
    Diagnostic::error("backtest", message, "policies/", 1, 1)
}
