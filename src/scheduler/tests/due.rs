//! What is due, also when clocks jump and processes die.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::super::due::{Act, Due, EACH_MAX, ON_TIME_MS, Rules, due, was_wrong, went_by};
use super::super::timetable::Timetable;
use crate::contracts::Timestamp;
use crate::playbook::CatchUp;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

fn at(text: &str) -> Timestamp {
    format!("2026-05-04T{text}Z").parse().unwrap()
}

fn rules(line: &str, catch_up: CatchUp, window_ms: Option<u64>) -> Rules {
    Rules { table: Timetable::new(line, "UTC").unwrap(), catch_up, window_ms }
}

/// Fired as `+07:00`, made up for as `^07:00`, missed as `-07:00`.
fn shown(found: &[Due]) -> String {
    let one = |due: &Due| {
        let sign = match &due.act {
            Act::Fire { catch_up: false } => '+',
            Act::Fire { catch_up: true } => '^',
            Act::Miss(_) => '-',
        };
        format!("{sign}{}", &due.at.to_string()[11..16])
    };
    found.iter().map(one).collect::<Vec<_>>().join(" ")
}

#[test]
fn does_what_the_rules_say_about_times_that_were_missed() {
    use CatchUp::{All, Latest, None as Nothing};
    let two_hours = Some(2 * 3_600_000);
    for (catch_up, window, last, now, expected) in [
        (Latest, None, "06:30:00", "06:59:59.999", ""),
        (Latest, None, "06:30:00", "07:00:00", "+07:00"),
        (Latest, None, "06:30:00", "07:01:00", "+07:00"),
        (Latest, None, "06:30:00", "07:01:00.001", "^07:00"),
        (Nothing, None, "06:30:00", "07:01:00.001", "-07:00"),
        (Nothing, None, "06:30:00", "09:00:30", "-07:00 -08:00 +09:00"),
        (Latest, None, "06:30:00", "09:00:30", "-07:00 -08:00 +09:00"),
        (Latest, None, "06:30:00", "09:30:00", "-07:00 -08:00 ^09:00"),
        (All, None, "06:30:00", "09:30:00", "^07:00 ^08:00 ^09:00"),
        (All, two_hours, "04:30:00", "08:30:00", "-05:00 -06:00 ^07:00 ^08:00"),
        (Latest, Some(60_000), "06:30:00", "07:20:00", "-07:00"),
        // What was seen to is not seen to again, also when the clock goes back over it.
        (All, None, "07:00:00", "07:00:00", ""),
        (All, None, "07:00:00", "06:00:00", ""),
        (All, None, "07:00:00", "08:00:00", "+08:00"),
    ] {
        let found = due(&rules("0 * * * *", catch_up, window), at(last), at(now));
        assert_eq!(shown(&found), expected, "{catch_up:?} {window:?} {last} {now}");
    }
}

#[test]
fn what_went_by_while_it_was_held_is_one_record() {
    let table = rules("* * * * *", CatchUp::All, None).table;
    for (last, until, expected) in [
        ("07:00:00", "07:00:59", None),
        ("07:00:00", "07:01:00", Some(("07:01:00", "the schedule was held"))),
        ("07:00:00", "09:00:30", Some(("09:00:00", "119 times before, from 2026-05-04T07:01:00"))),
    ] {
        let found = went_by(&table, at(last), at(until));
        let shown = found.as_ref().map(|due| (due.at, &due.act));
        let fits = match (shown, expected) {
            (Some((found, Act::Miss(why))), Some((time, part))) => {
                found == at(time) && why.contains(part)
            }
            (found, expected) => found.is_none() && expected.is_none(),
        };
        assert!(fits, "{last} {until}: {found:?}");
    }
}

#[test]
fn a_long_absence_is_bounded_and_recorded() {
    let rules = rules("* * * * *", CatchUp::All, None);
    let found = due(&rules, at("00:00:00"), at("10:00:00"));
    assert_eq!(found.len(), EACH_MAX + 1);
    let Act::Miss(why) = &found[0].act else { panic!("{:?}", found[0]) };
    // 600 minutes: 100 one by one, 499 before the one that stands for them.
    assert!(why.contains("499 times before, from 2026-05-04T00:01:00.000Z"), "{why}");
    assert_eq!(found[0].at, at("08:20:00"));
    // More than is looked at in one go: it comes to an end, step by step.
    let (mut last, now, mut goes) = (at("00:00:00"), at("00:00:00").plus_ms(90 * 86_400_000), 0);
    loop {
        let found = due(&rules, last, now);
        let Some(newest) = found.last() else { break };
        (last, goes) = (newest.at, goes + 1);
        assert!(found.len() <= EACH_MAX + 1 && goes < 10);
    }
    assert_eq!((last, goes), (now, 7));
}

#[test]
fn a_clock_that_was_far_ahead_does_not_silence_a_schedule() {
    let wrong = at("07:00:00").plus_ms(400 * 86_400_000);
    for (last, now, expected) in [
        (wrong, at("07:30:00"), true),
        (at("09:00:00"), at("07:30:00"), false),
        (at("07:00:00"), at("07:30:00"), false),
    ] {
        assert_eq!(was_wrong(last, now), expected, "{last} {now}");
    }
}

/// What is durable: the times that were seen to, and the last of them.
#[derive(Debug, Default)]
struct Kept {
    records: BTreeMap<Timestamp, Act>,
    last: Option<Timestamp>,
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// However the clock walks and wherever the process dies, each time is fired once or recorded as
    /// missed, never both and never twice.
    #[test]
    fn each_time_is_seen_to_exactly_once(
        line in prop::sample::select(vec!["*/10 * * * *", "0 * * * *", "7 */3 * * *", "* * * * *"]),
        catch_up in prop::sample::select(vec![CatchUp::None, CatchUp::Latest, CatchUp::All]),
        window in prop::option::of(prop::sample::select(vec![30 * MINUTE as u64, 4 * HOUR as u64])),
        walk in prop::collection::vec((prop_oneof![
            6 => 1_i64..90_000,
            2 => -HOUR..HOUR,
            1 => HOUR..20 * HOUR,
        ], prop::option::weighted(0.3, 0_usize..4)), 1..60),
    ) {
        let start = at("00:00:30");
        let rules = rules(line, catch_up, window);
        let (mut now, mut latest, mut kept) = (start, start, Kept::default());
        for (step, dies_after) in walk {
            now = Timestamp::from_ms(now.ms() + step).max(start);
            let gone = step > ON_TIME_MS as i64;
            latest = latest.max(now);
            let found = due(&rules, kept.last.unwrap_or(start), now);
            // A process that dies has made only the first of them durable.
            for due in found.into_iter().take(dies_after.unwrap_or(usize::MAX)) {
                prop_assert!(due.at <= now);
                if let Act::Fire { catch_up: true } = due.act {
                    prop_assert!(window.is_none_or(|window| now.since_ms(due.at) <= window));
                    prop_assert!(catch_up != CatchUp::None);
                }
                let on_time = now.since_ms(due.at) <= ON_TIME_MS;
                prop_assert_eq!(on_time, due.act == Act::Fire { catch_up: false }, "{:?} {}", due, gone);
                kept.last = Some(due.at);
                prop_assert_eq!(kept.records.insert(due.at, due.act), None, "{} was seen to twice", due.at);
            }
        }
        // Once more, undisturbed.
        for due in due(&rules, kept.last.unwrap_or(start), latest) {
            prop_assert_eq!(kept.records.insert(due.at, due.act), None);
        }
        let mut time = start;
        while let Some(next) = rules.table.next(time).filter(|next| *next <= latest) {
            let of_several = kept.records.range(next..).next().is_some_and(|(_, act)| {
                matches!(act, Act::Miss(why) if why.contains("times before"))
            });
            prop_assert!(of_several || kept.records.contains_key(&next), "{next} was lost");
            time = next;
        }
    }
}
