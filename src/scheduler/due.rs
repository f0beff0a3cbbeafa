//! What a schedule wants done now: a function of its rules, of what was seen to before, and of the time.

use std::collections::VecDeque;

use super::timetable::Timetable;
use crate::contracts::{Timestamp, format_duration_ms};
use crate::playbook::CatchUp;

/// A time that is seen to within this long was not missed, in milliseconds: ticks come every second, and
/// a busy machine is late.
pub(super) const ON_TIME_MS: u64 = 60_000;

/// Times that are looked at one by one, and so the most that are made up for at once. Older ones are
/// recorded as missed together.
pub(super) const EACH_MAX: usize = 100;

/// Times that are looked at in one go; what is left is looked at in the next.
const LOOKED_AT_MAX: u32 = 20_000;

/// A clock that was further ahead than this was wrong, in milliseconds.
const WRONG_CLOCK_MS: u64 = 86_400_000;

/// Why times are missed that are too many to look at one by one.
const ABSENT: &str = "nobody was there for a long time";

/// Why times are missed that went by while a schedule was held.
const HELD: &str = "the schedule was held";

/// What a schedule goes by.
#[derive(Debug, Clone)]
pub(super) struct Rules {
    /// When it comes round.
    pub table: Timetable,
    /// What happens about times that were missed.
    pub catch_up: CatchUp,
    /// How long a missed time is worth making up for, in milliseconds.
    pub window_ms: Option<u64>,
}

/// What is to be done about a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Act {
    /// Start it.
    Fire {
        /// Whether it makes up for a time that was missed.
        catch_up: bool,
    },
    /// Record that nothing was started, and why.
    Miss(String),
}

/// A time and what is to be done about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Due {
    /// When.
    pub at: Timestamp,
    /// What.
    pub act: Act,
}

/// Everything that is due, in order. Each is to be made durable before the next; `last_due` is the last
/// one that was, or when the schedule was made.
pub(super) fn due(rules: &Rules, last_due: Timestamp, now: Timestamp) -> Vec<Due> {
    let mut since = last_due;
    let mut each = VecDeque::with_capacity(EACH_MAX);
    let mut older = Older::default();
    for _ in 0..LOOKED_AT_MAX {
        let Some(at) = rules.table.next(since).filter(|at| *at <= now) else {
            return decide(rules, &older, &each, now);
        };
        since = at;
        each.push_back(at);
        if each.len() > EACH_MAX {
            older.take(each.pop_front());
        }
    }
    // There is more: whatever was found is older than what is looked at one by one.
    each.into_iter().for_each(|at| older.take(Some(at)));
    older.missed(ABSENT).into_iter().collect()
}

/// One record for all times after `last_due` and up to `until`, which went by while the schedule was
/// held; of more than are looked at in one go, the oldest.
pub(super) fn went_by(table: &Timetable, last_due: Timestamp, until: Timestamp) -> Option<Due> {
    let (mut since, mut times) = (last_due, Older::default());
    for _ in 0..LOOKED_AT_MAX {
        let Some(at) = table.next(since).filter(|at| *at <= until) else { break };
        since = at;
        times.take(Some(at));
    }
    times.missed(HELD)
}

/// Whether the clock was so far ahead when `last_due` was seen to that it must have been wrong: times
/// are then to be seen to from now on. Less than that, and the clock shows the same hours again.
pub(super) fn was_wrong(last_due: Timestamp, now: Timestamp) -> bool {
    last_due.since_ms(now) > WRONG_CLOCK_MS
}

fn decide(rules: &Rules, older: &Older, each: &VecDeque<Timestamp>, now: Timestamp) -> Vec<Due> {
    let newest = each.back().copied();
    let one = |at: &Timestamp| Due { at: *at, act: act(rules, *at, newest == Some(*at), now) };
    older.missed(ABSENT).into_iter().chain(each.iter().map(one)).collect()
}

fn act(rules: &Rules, at: Timestamp, newest: bool, now: Timestamp) -> Act {
    let late = now.since_ms(at);
    if late <= ON_TIME_MS {
        return Act::Fire { catch_up: false };
    }
    if let Some(window) = rules.window_ms.filter(|window| late > *window) {
        let window = format_duration_ms(window);
        return Act::Miss(format!("nobody was there, and its window of {window} is over"));
    }
    match rules.catch_up {
        CatchUp::None => Act::Miss("nobody was there".to_owned()),
        CatchUp::Latest if !newest => {
            Act::Miss("nobody was there; a later time is seen to instead".to_owned())
        }
        CatchUp::Latest | CatchUp::All => Act::Fire { catch_up: true },
    }
}

/// Times too many to look at one by one.
#[derive(Debug, Default)]
struct Older {
    first: Option<Timestamp>,
    last: Option<Timestamp>,
    count: u32,
}

impl Older {
    fn take(&mut self, at: Option<Timestamp>) {
        self.first = self.first.or(at);
        self.last = at.or(self.last);
        self.count = self.count.saturating_add(1);
    }

    /// One record for all of them, at the last.
    fn missed(&self, why: &str) -> Option<Due> {
        let (first, last) = (self.first?, self.last?);
        let reason = match self.count.saturating_sub(1) {
            0 => why.to_owned(),
            before => format!("{why}; so it was {before} times before, from {first} on"),
        };
        Some(Due { at: last, act: Act::Miss(reason) })
    }
}
