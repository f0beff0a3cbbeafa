//! `permissions:` and `budget:`, the upper bounds.

use std::collections::HashSet;

use super::reader::{Context, Reader, Section, ToolUse};
use crate::contracts::{Budget, format_duration_ms};
use crate::playbook::model::Permissions;
use crate::yaml::{Fields, Node, Place};

/// What expressions in permissions can see.
fn start() -> Context {
    Context::plain(Section::Start)
}

/// Reads the permissions.
pub(super) fn permissions<'a>(reader: &mut Reader<'a>, node: &'a Node) -> Permissions {
    let Some(mut fields) = reader.fields("`permissions`", node) else {
        return Permissions::default();
    };
    let tools = texts(reader, &mut fields, "tools");
    for (tool, place) in &tools {
        let (tool, place, context) = ((*tool).to_owned(), *place, start());
        reader.uses.push(ToolUse { tool, place, args: None, context });
    }
    let read = paths(reader, &mut fields, "read");
    let write = paths(reader, &mut fields, "write");
    let network = texts(reader, &mut fields, "network");
    for (host, place) in &network {
        check_host(reader, host, *place);
    }
    let secrets = texts(reader, &mut fields, "secrets");
    for (name, place) in &secrets {
        check_secret(reader, name, *place);
    }
    reader.finish("`permissions`", fields);
    Permissions {
        tools: plain(&tools),
        read,
        write,
        network: plain(&network),
        secrets: plain(&secrets),
    }
}

fn texts<'a>(
    reader: &mut Reader<'a>,
    fields: &mut Fields<'a>,
    key: &'static str,
) -> Vec<(&'a str, Place)> {
    let texts = fields.texts(key, &mut reader.mistakes).unwrap_or_default();
    let mut seen = HashSet::new();
    for (text, place) in &texts {
        if !seen.insert(*text) {
            reader.error(*place, "duplicate", format!("`{text}` stands here twice"));
        }
    }
    texts
}

fn plain(texts: &[(&str, Place)]) -> Vec<String> {
    texts.iter().map(|(text, _)| (*text).to_owned()).collect()
}

fn paths<'a>(reader: &mut Reader<'a>, fields: &mut Fields<'a>, key: &'static str) -> Vec<String> {
    if let Some(node) = fields.node(key) {
        reader.template(node, &start());
    }
    let paths = texts(reader, fields, key);
    for (path, place) in &paths {
        if path.is_empty() || path.contains('\0') {
            reader.error(*place, "bad-value", "a path is a text that is not empty");
        }
    }
    plain(&paths)
}

fn check_host(reader: &mut Reader<'_>, host: &str, place: Place) {
    // Every host: for a playbook whose input is an address. What the rules say about it stands.
    if host == "*" {
        return;
    }
    let name = host.strip_prefix("*.").unwrap_or(host);
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    if host.len() > 253 || !name.split('.').all(label) {
        let message = format!("`{host}` is no pattern of hosts");
        let suggestion = Some(
            "write `docs.example.org` or `*.example.net`, without scheme, port or path".to_owned(),
        );
        reader.hinted(place, "bad-host", message, suggestion);
    }
}

pub(super) fn check_secret(reader: &mut Reader<'_>, name: &str, place: Place) {
    let fits = name.starts_with(|c: char| c.is_ascii_uppercase())
        && name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
    if !fits {
        let message = format!("`{name}` is no name of a secret");
        let suggestion =
            Some("names are upper-case letters, digits and `_`, such as `API_TOKEN`".to_owned());
        reader.hinted(place, "bad-name", message, suggestion);
    }
}

/// Reads the budget: what it does not state is as in the configuration.
pub(super) fn budget<'a>(reader: &mut Reader<'a>, node: &'a Node) -> Budget {
    let default = reader.limits.budget_default.clone();
    let max = reader.limits.budget_max.clone();
    let Some(mut fields) = reader.fields("`budget`", node) else { return default };
    let steps = count(reader, &mut fields, "steps", max.steps).unwrap_or(default.steps);
    let retries = count(reader, &mut fields, "retries", max.retries).unwrap_or(default.retries);
    let wall_ms = fields.duration_ms("wall", &mut reader.mistakes);
    if let (Some(ms), Some(node)) = (wall_ms.filter(|ms| *ms > max.wall_ms), fields.node("wall")) {
        over(reader, node.place, "wall", &format_duration_ms(ms), &format_duration_ms(max.wall_ms));
    }
    let tokens = fields.count("tokens", &mut reader.mistakes);
    if let (Some(count), Some(node)) =
        (tokens.filter(|count| *count > max.tokens), fields.node("tokens"))
    {
        over(reader, node.place, "tokens", &count.to_string(), &max.tokens.to_string());
    }
    let cost_usd = fields.number("cost_usd", &mut reader.mistakes);
    if let (Some(cost), Some(node)) = (cost_usd, fields.node("cost_usd")) {
        if !cost.is_finite() || cost < 0.0 {
            reader.error(node.place, "bad-value", "a cost is 0 or more");
        } else if cost > max.cost_usd {
            over(reader, node.place, "cost_usd", &cost.to_string(), &max.cost_usd.to_string());
        }
    }
    reader.finish("`budget`", fields);
    Budget {
        steps,
        retries,
        wall_ms: wall_ms.unwrap_or(default.wall_ms),
        tokens: tokens.unwrap_or(default.tokens),
        cost_usd: cost_usd.unwrap_or(default.cost_usd),
    }
}

fn count<'a>(
    reader: &mut Reader<'a>,
    fields: &mut Fields<'a>,
    key: &'static str,
    max: u32,
) -> Option<u32> {
    let count = fields.count(key, &mut reader.mistakes)?;
    let narrow = u32::try_from(count).ok().filter(|count| *count <= max);
    if let (None, Some(node)) = (narrow, fields.node(key)) {
        over(reader, node.place, key, &count.to_string(), &max.to_string());
    }
    narrow
}

fn over(reader: &mut Reader<'_>, place: Place, key: &str, given: &str, max: &str) {
    let message = format!("`{key}: {given}` is wider than configuration allows, at most {max}");
    let suggestion =
        Some(format!("write `{max}` or less, or raise `budget.max` in the configuration"));
    reader.hinted(place, "over-budget", message, suggestion);
}
