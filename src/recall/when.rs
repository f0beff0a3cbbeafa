//! Times that a question names: dates, months, years, and words such as "last week".

use jiff::ToSpan;
use jiff::civil::{Date, date};

use crate::contracts::Timestamp;

use super::calendar::{DAYS, MONTHS};
use super::question::words;

/// A time that a question means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// From the first until before the second.
    Span(Timestamp, Timestamp),
    /// A month of any year, 1 to 12.
    Month(i8),
}

/// What is told on a day often happened some days before; so long after a span it counts a little.
const AFTERWARDS_MS: u64 = 7 * 86_400_000;

impl When {
    /// How well a time fits, 0 to 1.
    #[must_use]
    pub fn fits(self, time: Timestamp) -> f32 {
        match self {
            Self::Span(from, to) if from <= time && time < to => 1.0,
            Self::Span(_, to) if to <= time && time.since_ms(to) < AFTERWARDS_MS => 0.5,
            Self::Span(..) => 0.0,
            Self::Month(month) => f32::from(u8::from(civil(time).month() == month)),
        }
    }
}

/// The times that `text` names; "yesterday" is the day before `now`, in UTC.
#[must_use]
pub fn times_in(text: &str, now: Timestamp) -> Vec<When> {
    let words: Vec<String> = words(text).map(|(_, word)| word.to_lowercase()).collect();
    let word = |at: usize| words.get(at).map(String::as_str);
    let today = civil(now);
    let mut found = Vec::new();
    let mut at = 0;
    while at < words.len() {
        let (when, used) = dated(&word, at)
            .or_else(|| relative(&word, at, today))
            .map_or((None, 1), |(when, used)| (Some(when), used));
        found.extend(when);
        at += used;
    }
    found
}

/// A date that begins at word `at`, and of how many words it is.
fn dated<'a>(word: &impl Fn(usize) -> Option<&'a str>, at: usize) -> Option<(When, usize)> {
    let day = |at: usize| -> Option<i8> {
        let text = word(at)?;
        let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        digits.parse().ok().filter(|day| (1..=31).contains(day))
    };
    let year = |at: usize| -> Option<i16> {
        word(at)?.parse().ok().filter(|year| (1900..2200).contains(year))
    };
    if let (Some(y), Some(m), Some(d)) = (year(at), number(word(at + 1)), day(at + 2)) {
        return Some((one_day(y, m, d)?, 3)); // 2026-05-01
    }
    if let (Some(d), Some(m)) = (day(at), month(word(at + 1))) {
        let (y, used) = (year(at + 2)?, 3);
        return Some((one_day(y, m, d)?, used)); // 1 May 2026
    }
    if let Some(m) = month(word(at)) {
        if let (Some(d), Some(y)) = (day(at + 1), year(at + 2)) {
            return Some((one_day(y, m, d)?, 3)); // May 1, 2026
        }
        if let Some(y) = year(at + 1) {
            return Some((one_month(y, m)?, 2)); // May 2026
        }
        // "may" is a verb more often than a month.
        let before = at.checked_sub(1).and_then(word);
        let said = m != 5 || matches!(before, Some("in" | "since" | "last" | "during" | "of"));
        return said.then_some((When::Month(m), 1));
    }
    let y = year(at)?;
    Some((span(Date::new(y, 1, 1).ok()?, Date::new(y.checked_add(1)?, 1, 1).ok()?)?, 1))
}

/// A time told from today that begins at word `at`.
fn relative<'a>(
    word: &impl Fn(usize) -> Option<&'a str>,
    at: usize,
    today: Date,
) -> Option<(When, usize)> {
    let monday =
        today.checked_sub(i64::from(today.weekday().to_monday_zero_offset()).days()).ok()?;
    let first = today.first_of_month();
    let new_year = today.first_of_year();
    let days = |from: Date, count: i64| span(from, from.checked_add(count.days()).ok()?);
    let when = match (word(at)?, word(at + 1), word(at + 2)) {
        ("today", ..) => (days(today, 1)?, 1),
        ("yesterday", ..) => (days(today.yesterday().ok()?, 1)?, 1),
        ("this", Some("week"), _) => (days(monday, 7)?, 2),
        ("this", Some("month"), _) => (span(first, first.checked_add(1.month()).ok()?)?, 2),
        ("this", Some("year"), _) => (span(new_year, new_year.checked_add(1.year()).ok()?)?, 2),
        ("last", Some("week"), _) => (days(monday.checked_sub(7.days()).ok()?, 7)?, 2),
        ("last", Some("month"), _) => (span(first.checked_sub(1.month()).ok()?, first)?, 2),
        ("last", Some("year"), _) => (span(new_year.checked_sub(1.year()).ok()?, new_year)?, 2),
        ("last", Some(day), _) => {
            let wanted = DAYS.iter().position(|name| *name == day)?;
            let back =
                i64::from(today.weekday().to_monday_zero_offset()) - i64::try_from(wanted).ok()?;
            let back = if back <= 0 { back + 7 } else { back };
            (days(today.checked_sub(back.days()).ok()?, 1)?, 2)
        }
        (count, Some(unit), Some("ago")) => (ago(count, unit, today)?, 3),
        _ => return None,
    };
    Some(when)
}

fn ago(count: &str, unit: &str, today: Date) -> Option<When> {
    let count = match count {
        "a" | "an" | "one" => 1,
        "two" => 2,
        "three" => 3,
        other => other.parse::<i64>().ok().filter(|count| *count <= 1_000)?,
    };
    let (back, width) = match unit.trim_end_matches('s') {
        "day" => (count.days(), 1),
        "week" => (count.weeks(), 7),
        "month" => (count.months(), 31),
        "year" => (count.years(), 365),
        _ => return None,
    };
    let middle = today.checked_sub(back).ok()?;
    let from = middle.checked_sub((width / 2).days()).ok()?;
    span(from, from.checked_add(width.days()).ok()?)
}

fn number(word: Option<&str>) -> Option<i8> {
    word?.parse().ok().filter(|month| (1..=12).contains(month))
}

fn month(word: Option<&str>) -> Option<i8> {
    let word = word?;
    let place = MONTHS.iter().position(|name| {
        *name == word || (word.len() == 3 && name.starts_with(word) && word != "mar")
    })?;
    i8::try_from(place + 1).ok()
}

fn one_day(year: i16, month: i8, day: i8) -> Option<When> {
    let day = Date::new(year, month, day).ok()?;
    span(day, day.tomorrow().ok()?)
}

fn one_month(year: i16, month: i8) -> Option<When> {
    let first = Date::new(year, month, 1).ok()?;
    span(first, first.checked_add(1.month()).ok()?)
}

fn span(from: Date, to: Date) -> Option<When> {
    let at = |day: Date| {
        let time = day.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
        Some(Timestamp::from_ms(time.timestamp().as_millisecond()))
    };
    Some(When::Span(at(from)?, at(to)?))
}

fn civil(time: Timestamp) -> Date {
    jiff::Timestamp::from_millisecond(time.ms())
        .map_or(date(1970, 1, 1), |time| time.to_zoned(jiff::tz::TimeZone::UTC).date())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn times_are_found_in_questions() {
        let now = at("2026-05-13T09:00:00Z"); // a Wednesday
        for (text, from, to) in [
            ("what happened on 2026-04-01?", "2026-04-01", "2026-04-02"),
            ("what happened on 1st April 2026?", "2026-04-01", "2026-04-02"),
            ("on April 1, 2026", "2026-04-01", "2026-04-02"),
            ("in April 2026", "2026-04-01", "2026-05-01"),
            ("in 2025", "2025-01-01", "2026-01-01"),
            ("what did I do yesterday", "2026-05-12", "2026-05-13"),
            ("last week's meeting", "2026-05-04", "2026-05-11"),
            ("last month", "2026-04-01", "2026-05-01"),
            ("last Wednesday", "2026-05-06", "2026-05-07"),
            ("last Tuesday", "2026-05-12", "2026-05-13"),
            ("three days ago", "2026-05-10", "2026-05-11"),
            ("2 weeks ago", "2026-04-26", "2026-05-03"),
        ] {
            let whole = |day: &str| at(&format!("{day}T00:00:00Z"));
            assert_eq!(times_in(text, now), [When::Span(whole(from), whole(to))], "{text}");
        }
    }

    #[test]
    fn a_month_alone_is_of_any_year_and_may_is_mostly_a_verb() {
        let now = at("2026-05-13T09:00:00Z");
        for (text, found) in [
            ("in June", vec![When::Month(6)]),
            ("what may be done", vec![]),
            ("in May", vec![When::Month(5)]),
            ("route 66 to 12345", vec![]),
        ] {
            assert_eq!(times_in(text, now), found, "{text}");
        }
    }

    #[test]
    fn what_is_told_soon_after_fits_a_little() {
        let when = When::Span(at("2026-05-01T00:00:00Z"), at("2026-05-02T00:00:00Z"));
        for (time, fits) in [
            ("2026-05-01T12:00:00Z", 1.0),
            ("2026-05-05T12:00:00Z", 0.5),
            ("2026-05-15T12:00:00Z", 0.0),
            ("2026-04-30T12:00:00Z", 0.0),
        ] {
            assert!((when.fits(at(time)) - fits).abs() < f32::EPSILON, "{time}");
        }
    }
}
