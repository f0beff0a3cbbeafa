//! `schedule:`

use super::reader::Reader;
use crate::playbook::cron;
use crate::playbook::model::{CatchUp, Overlap, Schedule};
use crate::yaml::Node;

const OVERLAPS: [(&str, Overlap); 3] = [
    ("skip", Overlap::Skip),
    ("queue", Overlap::Queue),
    ("cancel_previous", Overlap::CancelPrevious),
];

const CATCH_UPS: [(&str, CatchUp); 3] =
    [("none", CatchUp::None), ("latest", CatchUp::Latest), ("all", CatchUp::All)];

/// Reads a schedule.
pub(super) fn schedule<'a>(reader: &mut Reader<'a>, node: &'a Node) -> Option<Schedule> {
    let mut fields = reader.fields("`schedule`", node)?;
    let cron = fields.required_text("cron", &mut reader.mistakes).unwrap_or_default();
    if let (Some(node), Err(why)) =
        (fields.node("cron").filter(|node| node.as_text().is_some()), cron::check(cron))
    {
        reader.error(node.place, "bad-cron", why);
    }
    let timezone = fields.text("timezone", &mut reader.mistakes);
    let zone_fits = |zone: &str| {
        !zone.is_empty()
            && zone.len() <= 64
            && zone.bytes().all(|b| b.is_ascii_alphanumeric() || b"/_+-".contains(&b))
    };
    if let (Some(false), Some(node)) = (timezone.map(zone_fits), fields.node("timezone")) {
        let message = format!("`{}` is no time zone", timezone.unwrap_or_default());
        let suggestion = Some("write an IANA name such as `Europe/Berlin` or `UTC`".to_owned());
        reader.hinted(node.place, "bad-timezone", message, suggestion);
    }
    let overlap = fields.choice("overlap", &OVERLAPS, &mut reader.mistakes).unwrap_or_default();
    let catch_up = fields.choice("catch_up", &CATCH_UPS, &mut reader.mistakes).unwrap_or_default();
    let window_ms = fields.duration_ms("window", &mut reader.mistakes);
    reader.finish("`schedule`", fields);
    Some(Schedule {
        cron: cron.to_owned(),
        timezone: timezone.unwrap_or("UTC").to_owned(),
        overlap,
        catch_up,
        window_ms,
    })
}
