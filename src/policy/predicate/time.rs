//! `time: {between, days, timezone}`. A time is what a clock on a wall of the zone shows
//! then, also where clocks change.

use std::fmt;

use chrono::{DateTime, Datelike, Timelike, Utc};
use chrono_tz::{TZ_VARIANTS, Tz};

use super::choices;
use crate::contracts::{Diagnostic, Timestamp};
use crate::policy::case::Case;
use crate::policy::truth::Truth;
use crate::yaml::{Fields, Node, did_you_mean};

pub(in crate::policy) const DAYS: [(&str, u8); 7] =
    [("mon", 0), ("tue", 1), ("wed", 2), ("thu", 3), ("fri", 4), ("sat", 5), ("sun", 6)];

/// When it must be.
#[derive(Debug, Clone)]
pub(in crate::policy) struct TimeIs {
    /// Minutes of the day: from, inclusive, and to, exclusive. May go past midnight.
    between: Option<(i64, i64)>,
    /// Days from Monday, 0.
    days: Option<Vec<u8>>,
    zone: Tz,
}

impl TimeIs {
    pub(super) fn read(file: &str, node: &Node, mistakes: &mut Vec<Diagnostic>) -> Option<Self> {
        let mut fields = Fields::of(file, "`time`", node, mistakes)?;
        let between = fields.node("between").and_then(|node| between(file, node, mistakes));
        let days = choices(file, &mut fields, "days", &DAYS, mistakes);
        let zone = fields.node("timezone").zip(fields.text("timezone", mistakes));
        let zone = zone.map_or(Some(Tz::UTC), |(node, name)| zone_of(file, node, name, mistakes));
        fields.finish(mistakes);
        if between.is_none() && days.is_none() {
            let message = "`time` names nothing: give it `between` or `days`";
            mistakes.push(node.error(file, "empty-predicate", message));
        }
        Some(Self { between, days, zone: zone? })
    }

    pub(super) fn holds(&self, case: &Case<'_>) -> Truth {
        let Some((minute, day)) = self.on_the_wall(case.request.now) else { return Truth::Unknown };
        let in_time = self.between.is_none_or(|(from, to)| {
            if from <= to { from <= minute && minute < to } else { minute >= from || minute < to }
        });
        let on_day = self.days.as_ref().is_none_or(|days| days.contains(&day));
        Truth::of(in_time && on_day)
    }

    /// The minute of the day, and the day from Monday, 0; `None` for a time that no calendar has.
    fn on_the_wall(&self, now: Timestamp) -> Option<(i64, u8)> {
        let now = DateTime::<Utc>::from_timestamp_millis(now.ms())?.with_timezone(&self.zone);
        let day = u8::try_from(now.weekday().num_days_from_monday()).ok()?;
        Some((i64::from(now.hour() * 60 + now.minute()), day))
    }

    pub(super) fn found(case: &Case<'_>) -> String {
        format!("the time {}", case.request.now)
    }
}

fn zone_of(file: &str, node: &Node, name: &str, mistakes: &mut Vec<Diagnostic>) -> Option<Tz> {
    if let Ok(zone) = name.parse::<Tz>() {
        return Some(zone);
    }
    let names = || TZ_VARIANTS.iter().map(|zone| zone.name());
    // `Berlin` means `Europe/Berlin`.
    let city = |known: &&str| {
        let last = known.rsplit('/').next().unwrap_or_default();
        known.eq_ignore_ascii_case(name) || last.eq_ignore_ascii_case(name)
    };
    let near = names().find(city).map(|known| format!("did you mean `{known}`?"));
    let message = format!("there is no time zone `{}`", name.escape_debug());
    let mistake = node.error(file, "bad-value", message);
    mistakes.push(match near.or_else(|| did_you_mean(name, names())) {
        Some(like) => mistake.suggest(like),
        None => mistake,
    });
    None
}

fn between(file: &str, node: &Node, mistakes: &mut Vec<Diagnostic>) -> Option<(i64, i64)> {
    let times: Vec<i64> = node
        .as_list()
        .unwrap_or_default()
        .iter()
        .filter_map(|item| item.as_text().and_then(minute_of_day))
        .collect();
    if let (2, [from, to]) = (node.as_list().map_or(0, <[_]>::len), times.as_slice()) {
        return Some((*from, *to));
    }
    let message = "`between` takes two times of day";
    let help = "write `between: [\"08:00\", \"18:00\"]`, with quotes";
    mistakes.push(node.error(file, "bad-value", message).suggest(help));
    None
}

fn minute_of_day(text: &str) -> Option<i64> {
    let (hours, minutes) = text.split_once(':')?;
    let sound = hours.len() == 2 && minutes.len() == 2;
    let (hours, minutes): (i64, i64) = (hours.parse().ok()?, minutes.parse().ok()?);
    let fits = (0..24).contains(&hours) && (0..60).contains(&minutes);
    (sound && (fits || (hours, minutes) == (24, 0))).then_some(hours * 60 + minutes)
}

impl fmt::Display for TimeIs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a time")?;
        if let Some((from, to)) = self.between {
            let (a, b, c, d) = (from / 60, from % 60, to / 60, to % 60);
            write!(f, " between {a:02}:{b:02} and {c:02}:{d:02}")?;
        }
        if let Some(days) = &self.days {
            let named = DAYS.iter().filter(|(_, day)| days.contains(day)).map(|(word, _)| *word);
            write!(f, " on {}", named.collect::<Vec<_>>().join(", "))?;
        }
        write!(f, " in {}", self.zone.name())
    }
}
