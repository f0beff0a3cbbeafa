//! When lines come round, also where clocks change.

use super::super::timetable::Timetable;
use crate::contracts::Timestamp;
use proptest::prelude::*;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn table(line: &str, zone: &str) -> Timetable {
    Timetable::new(line, zone).unwrap()
}

/// The next times after `from`, as texts without seconds.
fn times(line: &str, zone: &str, from: &str, count: usize) -> Vec<String> {
    let table = table(line, zone);
    let mut now = at(from);
    let mut found = Vec::new();
    for _ in 0..count {
        now = table.next(now).unwrap();
        found.push(now.to_string()[5..16].to_owned());
    }
    found
}

#[test]
fn lines_come_round_where_the_clocks_go_forward() {
    // Berlin: 2026-03-29 02:00 +01:00 becomes 03:00 +02:00, at 01:00 UTC.
    let night = "2026-03-28T22:00:00Z";
    for (line, expected) in [
        // 02:30 does not happen: it counts when the clocks go forward, and the day after as ever.
        ("30 2 * * *", ["03-29T01:00", "03-30T00:30", "03-31T00:30"]),
        // What is due at the same moment is one time.
        ("0,30 2 * * *", ["03-29T01:00", "03-30T00:00", "03-30T00:30"]),
        ("0 1-4 * * *", ["03-29T00:00", "03-29T01:00", "03-29T02:00"]),
        ("0 3 * * *", ["03-29T01:00", "03-30T01:00", "03-31T01:00"]),
        // By elapsed time: every thirty minutes, every hour.
        ("*/30 * 29 3 *", ["03-28T23:00", "03-28T23:30", "03-29T00:00"]),
        ("@daily", ["03-28T23:00", "03-29T22:00", "03-30T22:00"]),
    ] {
        assert_eq!(times(line, "Europe/Berlin", night, 3), expected, "{line}");
    }
    let hourly = times("15 * * * *", "Europe/Berlin", "2026-03-29T00:00:00Z", 3);
    assert_eq!(hourly, ["03-29T00:15", "03-29T01:15", "03-29T02:15"]);
}

#[test]
fn lines_come_round_where_the_clocks_go_back() {
    // Berlin: 2026-10-25 03:00 +02:00 becomes 02:00 +01:00, at 01:00 UTC.
    let night = "2026-10-24T23:30:00Z";
    for (line, expected) in [
        // 02:30 happens twice and counts the first time.
        ("30 2 * * *", ["10-25T00:30", "10-26T01:30", "10-27T01:30"]),
        ("0,30 2 * * *", ["10-25T00:00", "10-25T00:30", "10-26T01:00"]),
        ("0 1-4 * * *", ["10-25T00:00", "10-25T02:00", "10-25T03:00"]),
        ("0 3 * * *", ["10-25T02:00", "10-26T02:00", "10-27T02:00"]),
        // By elapsed time, twice.
        ("30 * * * *", ["10-25T00:30", "10-25T01:30", "10-25T02:30"]),
        ("*/30 * * * *", ["10-25T00:00", "10-25T00:30", "10-25T01:00"]),
    ] {
        assert_eq!(times(line, "Europe/Berlin", night, 3), expected, "{line}");
    }
    // Asked in the middle of the hour that happens again.
    let again = times("30 2 * * *", "Europe/Berlin", "2026-10-25T00:45:00Z", 1);
    assert_eq!(again, ["10-26T01:30"]);
    let again = times("50 2 * * *", "Europe/Berlin", "2026-10-25T01:10:00Z", 1);
    assert_eq!(again, ["10-26T01:50"]);
}

#[test]
fn lines_come_round_in_odd_zones() {
    for (line, zone, from, expected) in [
        // Half an hour of summer time.
        ("15 2 * * *", "Australia/Lord_Howe", "2026-10-03T12:00:00Z", "10-03T15:30"),
        // A whole day that did not happen.
        ("0 9 30 12 *", "Pacific/Apia", "2011-12-29T12:00:00Z", "12-30T10:00"),
        ("0 7 * * MON-FRI", "UTC", "2026-05-02T00:00:00Z", "05-04T07:00"),
        ("0 0 29 2 *", "UTC", "2026-01-01T00:00:00Z", "02-29T00:00"),
        ("0 0 L * *", "UTC", "2026-02-10T00:00:00Z", "02-28T00:00"),
        // A day of the month or a day of the week, when both are named.
        ("0 0 13 * FRI", "UTC", "2026-05-09T00:00:00Z", "05-13T00:00"),
        ("59 23 * * *", "America/New_York", "2026-05-01T03:58:59.999Z", "05-01T03:59"),
        ("59 23 * * *", "America/New_York", "2026-05-01T03:59:00.000Z", "05-02T03:59"),
        ("* * * * *", "UTC", "2026-05-01T03:59:00.001Z", "05-01T04:00"),
    ] {
        assert_eq!(times(line, zone, from, 1), [expected], "{line} {zone}");
    }
}

#[test]
fn zones_and_lines_that_do_not_exist_are_refused_with_what_was_meant() {
    for (line, zone, field, suggestion) in [
        ("0 7 * * *", "Europe/Berln", "timezone", Some("`Europe/Berlin`")),
        ("0 7 * * *", "berlin", "timezone", Some("`Europe/Berlin`")),
        ("0 7 * * *", "utc", "timezone", Some("`UTC`")),
        ("0 7 * * *", "", "timezone", None),
        ("0 25 * * *", "UTC", "cron", None),
    ] {
        let errors = Timetable::new(line, zone).unwrap_err();
        assert_eq!(errors.len(), 1, "{line} {zone}");
        assert_eq!(errors[0].field, field, "{errors:?}");
        let given = errors[0].suggestion.as_deref();
        assert_eq!(given.is_some(), suggestion.is_some(), "{errors:?}");
        assert!(suggestion.is_none_or(|it| given.unwrap().contains(it)), "{errors:?}");
    }
    assert_eq!(Timetable::new("x", "y").unwrap_err().len(), 2);
}

/// What a wall clock shows, minute by minute: the slow and obvious way to the same times.
fn by_looking_at_the_clock(line: &str, zone: chrono_tz::Tz, from: i64, minutes: i64) -> Vec<i64> {
    use chrono::{DateTime, Offset, TimeZone, Timelike, Utc};
    let cron = crate::playbook::parse_cron(line).unwrap();
    let elapsed = line.split(' ').nth(1) == Some("*");
    let shown = |minute: i64| {
        let at = DateTime::<Utc>::from_timestamp(minute * 60, 0).unwrap().naive_utc();
        at + chrono::Duration::seconds(i64::from(
            zone.offset_from_utc_datetime(&at).fix().local_minus_utc(),
        ))
    };
    let matches = |local: &chrono::NaiveDateTime| {
        assert_eq!(local.second(), 0);
        cron.is_time_matching(&local.and_utc()).unwrap()
    };
    let mut found = Vec::new();
    // Wall-clock times that were shown before this moment.
    let mut seen = shown(from - 60 * 26);
    for minute in from - 60 * 26..=from + minutes {
        let local = shown(minute);
        let due = if elapsed {
            matches(&local)
        } else {
            let mut due = false;
            while seen < local {
                seen += chrono::Duration::minutes(1);
                due |= matches(&seen);
            }
            due
        };
        if due && minute > from {
            found.push(minute);
        }
    }
    found
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn every_time_is_the_one_a_clock_on_the_wall_would_show(
        zone in prop::sample::select(vec![
            "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Santiago",
            "Africa/Cairo", "UTC", "Asia/Kathmandu", "America/St_Johns",
        ]),
        line in prop::sample::select(vec![
            "30 2 * * *", "*/20 * * * *", "0 * * * *", "15,45 1-3 * * *", "0 0 * * *", "*/7 0 * * *",
            "0 */2 * * *", "10 * * * SUN", "59 23 * * *",
        ]),
        change in 0_usize..4,
        offset in -900_i64..900,
    ) {
        // Around nights on which clocks change somewhere.
        let nights = ["2026-03-29T01:00:00Z", "2026-10-25T01:00:00Z", "2026-04-05T03:00:00Z", "2026-11-01T06:00:00Z"];
        let from = at(nights[change]).ms() / 60_000 + offset;
        let minutes = 60 * 30;
        let expected = by_looking_at_the_clock(line, zone.parse().unwrap(), from, minutes);
        let table = table(line, zone);
        let (mut now, mut found) = (Timestamp::from_ms(from * 60_000), Vec::new());
        while let Some(next) = table.next(now).filter(|next| next.ms() / 60_000 <= from + minutes) {
            prop_assert!(next > now);
            found.push(next.ms() / 60_000);
            now = next;
        }
        prop_assert_eq!(found, expected);
    }
}
