//! The five fields of a cron line: minute, hour, day of month, month, day of week; or a nickname.
//!
//! Owns the syntax. When a line fires is the scheduler's business. Our own check comes first, because
//! it names the field; what it takes is handed to the library that the scheduler counts with, so that
//! no line passes here and fails there.

use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};

/// What a field may hold.
struct Field {
    name: &'static str,
    low: u32,
    high: u32,
    names: &'static [&'static str],
}

const MONTHS: [&str; 12] =
    ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const DAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

const FIELDS: [Field; 5] = [
    Field { name: "minute", low: 0, high: 59, names: &[] },
    Field { name: "hour", low: 0, high: 23, names: &[] },
    Field { name: "day of month", low: 1, high: 31, names: &[] },
    Field { name: "month", low: 1, high: 12, names: &MONTHS },
    Field { name: "day of week", low: 0, high: 7, names: &DAYS },
];

/// Lines with names of their own.
pub const NICKNAMES: [&str; 6] =
    ["@yearly", "@annually", "@monthly", "@weekly", "@daily", "@hourly"];

/// Longest line, in bytes: every minute of an hour can be listed.
const LINE_BYTES_MAX: usize = 200;

/// The year in which the search for a line's first time begins: before a leap year that is followed by
/// seven others which are none is never further than eight years ahead.
const SEARCHED_FROM: (i32, u32, u32) = (2024, 1, 1);

/// Reads a cron line.
///
/// # Errors
/// Which field is wrong and why, or that there is no such day.
pub fn parse(line: &str) -> Result<Cron, String> {
    if line.len() > LINE_BYTES_MAX {
        return Err(format!("a cron line has at most {LINE_BYTES_MAX} characters"));
    }
    check_fields(line)?;
    let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
    let cron = parser.parse(line).map_err(|error| format!("`{line}` is no cron line: {error}"))?;
    let (year, month, day) = SEARCHED_FROM;
    let start = chrono::NaiveDate::from_ymd_opt(year, month, day)
        .and_then(|date| date.and_hms_opt(0, 0, 0))
        .map(|time| time.and_utc());
    match start.map(|start| cron.find_next_occurrence(&start, true)) {
        Some(Ok(_)) => Ok(cron),
        _ => Err(format!("`{line}` never comes: there is no such day")),
    }
}

/// Checks a cron line.
///
/// # Errors
/// As [`parse`].
pub fn check(line: &str) -> Result<(), String> {
    parse(line).map(drop)
}

fn check_fields(line: &str) -> Result<(), String> {
    let nickname = line.trim();
    if NICKNAMES.contains(&nickname) {
        return Ok(());
    }
    if nickname.starts_with('@') {
        let known = NICKNAMES.join(", ");
        return Err(format!("`{nickname}` is no cron line; the names are {known}"));
    }
    let parts: Vec<&str> = line.split_whitespace().collect();
    if parts.len() != FIELDS.len() {
        let names: Vec<&str> = FIELDS.iter().map(|field| field.name).collect();
        let (given, names) = (parts.len(), names.join(", "));
        return Err(format!("`{line}` has {given} fields; a cron line has five: {names}"));
    }
    for (field, part) in FIELDS.iter().zip(parts) {
        let alone = !part.contains(',');
        for item in part.split(',') {
            field.item(item).map_err(|why| format!("`{item}` is no {}: {why}", field.name))?;
            if item == "*" && !alone {
                return Err(format!("`{part}` is no {}: `*` stands alone", field.name));
            }
        }
    }
    Ok(())
}

impl Field {
    fn item(&self, item: &str) -> Result<(), String> {
        if let Some(taken) = self.special(item) {
            return taken;
        }
        let (range, step) = match item.split_once('/') {
            Some((range, step)) => (range, Some(step)),
            None => (item, None),
        };
        if let Some(step) = step {
            let step: u32 = digits(step).ok_or("a step is a whole number")?;
            if step == 0 || step > self.high {
                return Err(format!("a step is from 1 to {}", self.high));
            }
        }
        if range == "*" {
            return Ok(());
        }
        match range.split_once('-') {
            None if step.is_some() => Err("a step follows `*` or a range".to_owned()),
            None => self.number(range).map(|_| ()),
            Some((from, to)) => {
                let (from, to) = (self.number(from)?, self.last(to)?);
                if from > to { Err(format!("{from} is after {to}")) } else { Ok(()) }
            }
        }
    }

    /// `L`, `15W`, `5L`, `5#2`: the last day, the working day nearest to one, the last and the second
    /// Friday. `None` for anything else.
    fn special(&self, item: &str) -> Option<Result<(), String>> {
        let upper = item.to_ascii_uppercase();
        let day = |text: &str| self.number(text).map(drop);
        match self.name {
            "day of month" if upper == "L" => Some(Ok(())),
            "day of month" => upper.strip_suffix('W').map(day),
            "day of week" => {
                if let Some((week_day, nth)) = upper.split_once('#') {
                    let known = digits(nth).is_some_and(|nth| (1..=5).contains(&nth));
                    let known = if known { Ok(()) } else { Err("write #1 to #5".to_owned()) };
                    return Some(day(week_day).and(known));
                }
                // A name is no number that ends with L.
                upper.strip_suffix('L').filter(|text| digits(text).is_some()).map(day)
            }
            _ => None,
        }
    }

    /// The end of a range, where Sunday comes after Saturday.
    fn last(&self, text: &str) -> Result<u32, String> {
        if self.high == 7 && text.eq_ignore_ascii_case("SUN") { Ok(7) } else { self.number(text) }
    }

    fn number(&self, text: &str) -> Result<u32, String> {
        let named = self.names.iter().position(|name| name.eq_ignore_ascii_case(text));
        let number = match named.and_then(|index| u32::try_from(index).ok()) {
            Some(index) => Some(index + self.low),
            None => digits(text),
        };
        number
            .filter(|number| (self.low..=self.high).contains(number))
            .ok_or_else(|| format!("write {} to {}", self.low, self.high))
    }
}

/// A whole number written with digits only.
fn digits(text: &str) -> Option<u32> {
    let plain = !text.is_empty() && text.len() <= 4 && text.bytes().all(|b| b.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::check;

    #[test]
    fn takes_cron_lines() {
        for line in [
            "0 7 * * MON-FRI",
            "*/5 * * * *",
            "0,30 8-18/2 1 JAN,jul 0",
            "59 23 31 12 7",
            "  0   0 * * * ",
            "@daily",
            "@hourly",
            "0 0 L * *",
            "0 0 15W * *",
            "0 9 * * 5#2",
            "0 9 * * 5L",
            "0 0 * * FRI-SUN",
            "0 0 29 2 *",
        ] {
            assert_eq!(check(line), Ok(()), "{line}");
        }
    }

    #[test]
    fn says_which_field_is_wrong() {
        for (line, part) in [
            ("", "0 fields"),
            ("* * * *", "4 fields"),
            ("0 0 * * * *", "6 fields"),
            ("60 * * * *", "minute"),
            ("0 24 * * *", "hour"),
            ("0 0 0 * *", "day of month"),
            ("0 0 * 13 *", "month"),
            ("0 0 * * 8", "day of week"),
            ("0 0 * * FRY", "day of week"),
            ("*/0 * * * *", "step"),
            ("5/2 * * * *", "step"),
            ("9-3 * * * *", "9 is after 3"),
            ("a * * * *", "minute"),
            ("+5 * * * *", "minute"),
            ("1,,2 * * * *", "minute"),
            ("@dayly", "@daily"),
            ("0 0 31 2 *", "no such day"),
            ("0 0 L-1 * *", "day of month"),
            ("L * * * *", "minute"),
            ("0 0 * * 5#6", "#1 to #5"),
            ("0 0 32W * *", "day of month"),
            ("0 0 ? * *", "day of month"),
            ("0 0 * * +1", "day of week"),
            ("0 0 * * FRI-MON", "after"),
            ("-1 * * * *", "minute"),
        ] {
            let error = check(line).unwrap_err();
            assert!(error.contains(part), "{line}: {error}");
        }
    }

    #[test]
    fn a_line_is_of_a_bounded_length() {
        let minutes: Vec<String> = (0..60).map(|minute| minute.to_string()).collect();
        assert_eq!(check(&format!("{} * * * *", minutes.join(","))), Ok(()));
        for line in
            [format!("{}0 0 * * *", "0,".repeat(20_000)), " ".repeat(40_000), "@".repeat(201)]
        {
            let error = check(&line).unwrap_err();
            assert!(error.contains("at most 200") && error.len() < 100, "{error}");
        }
    }

    #[test]
    fn every_value_and_some_besides_is_refused() {
        for line in ["*,0 * * * *", "0,* * * * *", "0 0 *,L * *", "0 0 * * *,MON"] {
            assert!(check(line).unwrap_err().contains("stands alone"), "{line}");
        }
    }

    proptest! {
        /// What our own check of the fields takes, the library takes.
        #[test]
        fn no_line_passes_the_fields_and_fails_the_library(
            minute in "[0-9*/,-]{1,5}",
            hour in "[0-9*/,-]{1,5}",
            day in "(\\*|[0-9]{1,2}|[0-9]{1,2}-[0-9]{1,2}(/[0-9])?|L|[0-9]{1,2}W)",
            month in "(\\*|[0-9]{1,2}|JAN|feb-MAR|[A-Z]{3})",
            week_day in "(\\*|[0-9]|MON-fri|FRI-SUN|SUN-MON|SUN|[0-9]#[0-9]|[0-9]L|[A-Z]{3})",
        ) {
            let line = format!("{minute} {hour} {day} {month} {week_day}");
            if super::check_fields(&line).is_ok() {
                let taken = super::parse(&line);
                let never = taken.as_ref().is_err_and(|why| why.contains("never comes"));
                prop_assert!(taken.is_ok() || never, "{line}: {taken:?}");
            }
        }
    }
}
