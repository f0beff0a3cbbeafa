//! `schedules show`.

use std::io::Write;

use chrono::DateTime;
use chrono_tz::Tz;

use super::super::{CliError, Cx, Exit, output};
use crate::contracts::Timestamp;
use crate::contracts::views::{FireView, ScheduleDetail};

/// Shows a schedule with its next and last times.
///
/// # Errors
/// When the answer cannot be written.
pub(super) fn run(shown: &ScheduleDetail, cx: &Cx, out: &mut dyn Write) -> Result<Exit, CliError> {
    if cx.json {
        output::json(out, shown)?;
        return Ok(Exit::Done);
    }
    output::line(out, text(shown))?;
    Ok(Exit::Done)
}

fn text(shown: &ScheduleDetail) -> String {
    let ScheduleDetail { schedule: it, next, fires } = shown;
    let state = match (&it.refused, it.paused) {
        (Some(why), _) => format!("refused: {why}"),
        (None, true) => "paused".to_owned(),
        (None, false) => "on".to_owned(),
    };
    let mut lines = vec![
        format!("{} ({}): {state}", it.name, it.schedule_id),
        format!("  when    {} in {}", it.cron, it.timezone),
        format!("  starts  {}", it.playbook.as_deref().unwrap_or("a job of the program itself")),
        format!("  overlap {}, catch up {}", it.overlap, it.catch_up),
    ];
    let both = |at: Timestamp| format!("{at}  {}", there(at, &it.timezone));
    lines.extend(next.iter().map(|at| format!("  next    {}", both(*at))));
    for FireView { due_at, state, run_id, reason, .. } in fires {
        let run = run_id.map(|run| format!("  {run}")).unwrap_or_default();
        let why = reason.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
        lines.push(format!("  {state:7} {}{run}{why}", both(*due_at)));
    }
    lines.join("\n")
}

/// What the clocks of a time zone show at a moment; nothing for a zone that is not known here.
pub(super) fn there(at: Timestamp, zone: &str) -> String {
    let (utc, zone) = (DateTime::from_timestamp_millis(at.ms()), zone.parse::<Tz>());
    match (utc, zone) {
        (Some(utc), Ok(zone)) => utc.with_timezone(&zone).format("%a %F %R %Z").to_string(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_told_as_the_clocks_of_the_zone_show_it() {
        for (at, zone, expected) in [
            ("2026-01-05T06:00:00.000Z", "Europe/Berlin", "Mon 2026-01-05 07:00 CET"),
            ("2026-07-06T05:00:00.000Z", "Europe/Berlin", "Mon 2026-07-06 07:00 CEST"),
            ("2026-07-06T05:00:00.000Z", "UTC", "Mon 2026-07-06 05:00 UTC"),
            ("2026-07-06T05:00:00.000Z", "Nowhere", ""),
        ] {
            assert_eq!(there(at.parse().unwrap(), zone), expected);
        }
    }
}
