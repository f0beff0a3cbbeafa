//! `schedule:` and `webhook:`

use super::permissions::check_secret;
use super::reader::Reader;
use crate::playbook::cron;
use crate::playbook::model::{CatchUp, Overlap, Schedule, Webhook};
use crate::yaml::Node;

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
    let overlap =
        fields.choice("overlap", &Overlap::WORDS, &mut reader.mistakes).unwrap_or_default();
    let catch_up =
        fields.choice("catch_up", &CatchUp::WORDS, &mut reader.mistakes).unwrap_or_default();
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

/// Reads how it is started over HTTP.
pub(super) fn webhook<'a>(reader: &mut Reader<'a>, node: &'a Node) -> Option<Webhook> {
    let mut fields = reader.fields("`webhook`", node)?;
    let secret = fields.required_text("secret", &mut reader.mistakes);
    if let (Some(name), Some(node)) = (secret, fields.node("secret")) {
        check_secret(reader, name, node.place);
    }
    let input = fields.text("input", &mut reader.mistakes);
    if let (Some(name), Some(node)) = (input, fields.node("input")) {
        reader.hook = Some((name.to_owned(), node.place));
    }
    reader.finish("`webhook`", fields);
    Some(Webhook { secret: secret?.to_owned(), input: input.map(str::to_owned) })
}
