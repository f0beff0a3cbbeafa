//! `time: {between, days, timezone}`. Times are UTC: no time-zone database is on board.

use std::fmt;

use super::choices;
use crate::contracts::Diagnostic;
use crate::policy::case::Case;
use crate::policy::truth::Truth;
use crate::yaml::{Fields, Node};

const DAYS: [(&str, u8); 7] =
    [("mon", 0), ("tue", 1), ("wed", 2), ("thu", 3), ("fri", 4), ("sat", 5), ("sun", 6)];

const MINUTES_PER_DAY: i64 = 24 * 60;

/// When it must be.
#[derive(Debug, Clone)]
pub(in crate::policy) struct TimeIs {
    /// Minutes of the day: from, inclusive, and to, exclusive. May go past midnight.
    between: Option<(i64, i64)>,
    /// Days from Monday, 0.
    days: Option<Vec<u8>>,
}

impl TimeIs {
    pub(super) fn read(file: &str, node: &Node, mistakes: &mut Vec<Diagnostic>) -> Option<Self> {
        let mut fields = Fields::of(file, "`time`", node, mistakes)?;
        let between = fields.node("between").and_then(|node| between(file, node, mistakes));
        let days = choices(file, &mut fields, "days", &DAYS, mistakes);
        let zone_node = fields.node("timezone");
        let zone = fields.text("timezone", mistakes);
        fields.finish(mistakes);
        if let Some((node, zone)) = zone_node.zip(zone).filter(|(_, zone)| *zone != "UTC") {
            let message = format!("`timezone: {zone}` is not supported yet: times are UTC");
            mistakes.push(node.error(file, "bad-value", message).suggest("write `timezone: UTC`"));
        }
        if between.is_none() && days.is_none() {
            let message = "`time` names nothing: give it `between` or `days`";
            mistakes.push(node.error(file, "empty-predicate", message));
        }
        Some(Self { between, days })
    }

    pub(super) fn holds(&self, case: &Case<'_>) -> Truth {
        let minutes = case.request.now.ms().div_euclid(60_000);
        let minute = minutes.rem_euclid(MINUTES_PER_DAY);
        // 1970-01-01 was a Thursday.
        let day = (minutes.div_euclid(MINUTES_PER_DAY) + 3).rem_euclid(7);
        let in_time = self.between.is_none_or(|(from, to)| {
            if from <= to { from <= minute && minute < to } else { minute >= from || minute < to }
        });
        let on_day =
            self.days.as_ref().is_none_or(|days| days.iter().any(|d| i64::from(*d) == day));
        Truth::of(in_time && on_day)
    }

    pub(super) fn found(case: &Case<'_>) -> String {
        format!("the time {}", case.request.now)
    }
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
            write!(f, " between {a:02}:{b:02} and {c:02}:{d:02} UTC")?;
        }
        if let Some(days) = &self.days {
            let named = DAYS.iter().filter(|(_, day)| days.contains(day)).map(|(word, _)| *word);
            write!(f, " on {}", named.collect::<Vec<_>>().join(", "))?;
        }
        Ok(())
    }
}
