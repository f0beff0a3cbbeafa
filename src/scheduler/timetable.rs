//! When a cron line comes round in a time zone, also where clocks change.
//!
//! A line whose hour is `*` goes by elapsed time: it comes round every hour that passes, so twice at a
//! wall-clock hour that happens twice, and never at one that does not happen. Every other line names
//! wall-clock times, and each comes round exactly once: one that happens twice the first time, one
//! that does not happen at the moment in which the clocks go forward.

use chrono::{DateTime, Duration, MappedLocalTime, NaiveDateTime, Offset, TimeZone, Utc};
use chrono_tz::{TZ_VARIANTS, Tz};
use croner::Cron;

use super::FieldError;
use crate::contracts::Timestamp;
use crate::playbook::parse_cron;
use crate::yaml::did_you_mean;

/// Longest time without a name: a zone that once left out a whole day.
const GAP_MINUTES_MAX: i64 = 26 * 60;

/// Changes of the clocks are looked for this far ahead, even where the next time is further.
const NEAR: Duration = Duration::hours(3);

/// Wall-clock times looked at before giving up; far more than stand in an hour that happens twice.
const LOOKED_AT_MAX: usize = 5_000;

/// A cron line in a time zone.
#[derive(Debug, Clone)]
pub(super) struct Timetable {
    cron: Cron,
    zone: Tz,
    elapsed: bool,
}

impl Timetable {
    /// Reads a line and a zone.
    ///
    /// # Errors
    /// What is wrong with which of the two.
    pub(super) fn new(line: &str, zone: &str) -> Result<Self, Vec<FieldError>> {
        let cron = parse_cron(line).map_err(|why| FieldError::new("cron", why));
        let zone = time_zone(zone);
        match (cron, zone) {
            (Ok(cron), Ok(zone)) => Ok(Self { cron, zone, elapsed: goes_by_hours(line) }),
            (cron, zone) => Err(cron.err().into_iter().chain(zone.err()).collect()),
        }
    }

    /// The first time after `after`; `None` when there is none that can be written.
    pub(super) fn next(&self, after: Timestamp) -> Option<Timestamp> {
        let after = DateTime::<Utc>::from_timestamp_millis(after.ms())?;
        let next = if self.elapsed { self.next_elapsed(after) } else { self.next_named(after) }?;
        Some(Timestamp::from_ms(next.timestamp_millis()))
    }

    /// Wall-clock times in order, each at the one moment it counts: the first later than `after`.
    fn next_named(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let mut from = (self.local(after), true);
        for _ in 0..LOOKED_AT_MAX {
            let named = self.next_local(from.0, from.1)?;
            let moment = self.moment(named)?;
            if moment > after {
                return Some(moment);
            }
            from = (named, false);
        }
        None
    }

    /// The moment at which a wall-clock time counts.
    fn moment(&self, named: NaiveDateTime) -> Option<DateTime<Utc>> {
        let mut local = named;
        for _ in 0..=GAP_MINUTES_MAX {
            match self.zone.from_local_datetime(&local) {
                MappedLocalTime::Single(moment) | MappedLocalTime::Ambiguous(moment, _) => {
                    return Some(moment.to_utc());
                }
                MappedLocalTime::None => local = local.checked_add_signed(Duration::minutes(1))?,
            }
        }
        None
    }

    /// Goes from one change of the clocks to the next, so that in between the wall clock only adds.
    fn next_elapsed(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let (mut since, mut inclusive) = (after, false);
        for _ in 0..LOOKED_AT_MAX {
            let offset = self.offset(since);
            let named = self.next_local(self.local(since), inclusive)?;
            let moment = named.and_utc().checked_sub_signed(offset)?;
            let near = moment.min(since.checked_add_signed(NEAR)?);
            let changed = [near, moment].into_iter().find(|at| self.offset(*at) != offset);
            match changed {
                None => return Some(moment),
                Some(at) => (since, inclusive) = (self.change(since, at), true),
            }
        }
        None
    }

    /// The moment between `before` and `after` from which on the clocks show something else.
    fn change(&self, before: DateTime<Utc>, after: DateTime<Utc>) -> DateTime<Utc> {
        let offset = self.offset(before);
        let (mut low, mut high) = (before.timestamp(), after.timestamp());
        while low + 1 < high {
            let middle = low + (high - low) / 2;
            let at = DateTime::<Utc>::from_timestamp(middle, 0).unwrap_or(after);
            if self.offset(at) == offset { low = middle } else { high = middle }
        }
        DateTime::<Utc>::from_timestamp(high, 0).unwrap_or(after)
    }

    fn offset(&self, at: DateTime<Utc>) -> Duration {
        let seconds = self.zone.offset_from_utc_datetime(&at.naive_utc()).fix().local_minus_utc();
        Duration::seconds(i64::from(seconds))
    }

    fn local(&self, at: DateTime<Utc>) -> NaiveDateTime {
        at.naive_utc() + self.offset(at)
    }

    /// The next wall-clock time of the line, as if clocks never changed.
    fn next_local(&self, from: NaiveDateTime, inclusive: bool) -> Option<NaiveDateTime> {
        // Milliseconds are no part of a line: within a second that has begun, only a later one counts.
        let whole = DateTime::<Utc>::from_timestamp(from.and_utc().timestamp(), 0)?;
        let begun = from.and_utc() > whole;
        let found = self.cron.find_next_occurrence(&whole, inclusive && !begun);
        found.ok().map(|found| found.naive_utc())
    }
}

/// Whether the hour of a line is `*`.
fn goes_by_hours(line: &str) -> bool {
    let line = line.trim();
    line.eq_ignore_ascii_case("@hourly") || line.split_whitespace().nth(1) == Some("*")
}

/// A time zone by its IANA name.
fn time_zone(name: &str) -> Result<Tz, FieldError> {
    name.parse::<Tz>().map_err(|_| {
        let names = || TZ_VARIANTS.iter().map(|zone| zone.name());
        let other_case = names().find(|known| known.eq_ignore_ascii_case(name));
        // `Berlin` means `Europe/Berlin`.
        let city = names().find(|known| {
            known.rsplit('/').next().is_some_and(|city| city.eq_ignore_ascii_case(name))
        });
        let near = other_case.or(city).map(|known| format!("did you mean `{known}`?"));
        FieldError {
            field: "timezone".to_owned(),
            message: format!("there is no time zone `{}`", name.escape_debug()),
            suggestion: near.or_else(|| did_you_mean(name, names())),
        }
    })
}
