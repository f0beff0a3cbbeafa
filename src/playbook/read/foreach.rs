//! `foreach:`

use super::inputs::name_rule;
use super::reader::{Context, Reader};
use super::steps::bounded;
use crate::contracts::Map;
use crate::playbook::expression::{Piece, ROOTS, is_name, split};
use crate::playbook::model::{Foreach, Over};
use crate::yaml::{Fields, Node, did_you_mean};

/// Most items at work at once.
pub(super) const PARALLEL_MAX: u64 = 64;

/// Most axes of a matrix.
const AXES_MAX: usize = 16;

/// Reads a repetition; what it goes over can see what is `outside` of it.
pub(super) fn foreach<'a>(
    reader: &mut Reader<'a>,
    node: &'a Node,
    outside: &Context,
) -> Option<Foreach> {
    let mut fields = reader.fields("`foreach`", node)?;
    let over = over(reader, &mut fields, outside);
    let name = name(reader, &mut fields, outside);
    let parallel = bounded(reader, &mut fields, "parallel", PARALLEL_MAX).unwrap_or(1);
    let most = u64::from(reader.limits.foreach_items);
    let limit = bounded(reader, &mut fields, "limit", most);
    let length = over.as_ref().and_then(written_out);
    if fields.node("limit").is_none() && over.is_some() && length.is_none() {
        let suggestion = Some(format!("add `limit: 100`, at most {most}"));
        reader.hinted(node.place, "unbounded-foreach", "`foreach` has no `limit`", suggestion);
    }
    if let Some(length) = length.filter(|length| *length as u64 > limit.map_or(most, u64::from)) {
        let message = format!("the list has {length} items, more than the limit");
        reader.error(node.place, "bad-value", message);
    }
    reader.finish("`foreach`", fields);
    let limit = limit.unwrap_or(reader.limits.foreach_items);
    Some(Foreach { over: over?, name: name?, parallel, limit })
}

fn name<'a>(reader: &mut Reader<'a>, fields: &mut Fields<'a>, outside: &Context) -> Option<String> {
    let name = fields.required_text("as", &mut reader.mistakes)?;
    let node = fields.node("as")?;
    if !is_name(name) || ROOTS.contains(&name) {
        let message = format!("`{name}` is no name for an item");
        reader.hinted(node.place, "bad-id", message, Some(name_rule()));
    } else if outside.items.iter().any(|item| item == name) {
        let message = format!("`{name}` is the item of a repetition around this one");
        let suggestion = Some("give this item another name".to_owned());
        reader.hinted(node.place, "shadowed-name", message, suggestion);
    }
    Some(name.to_owned())
}

fn over<'a>(reader: &mut Reader<'a>, fields: &mut Fields<'a>, outside: &Context) -> Option<Over> {
    let (items, axes) = (fields.node("in"), fields.node("matrix"));
    let exclude = fields.entry("exclude");
    if let (Some(entry), None) = (exclude, axes) {
        let message = "`exclude` leaves out combinations of a `matrix`, and there is none";
        reader.error(entry.place, "misplaced-key", message);
    }
    match (items, axes) {
        (Some(items), None) => {
            check_items(reader, "in", items);
            reader.template(items, outside);
            Some(Over::List(items.to_json()))
        }
        (None, Some(axes)) => matrix(reader, axes, exclude.map(|entry| &entry.value), outside),
        (Some(_), Some(axes)) => {
            let message = "`foreach` goes over `in` or over `matrix`, not both";
            reader.error(axes.place, "contradiction", message);
            None
        }
        (None, None) => {
            let message = "`foreach` needs `in` or `matrix`";
            reader.error(fields.place(), "missing-key", message);
            None
        }
    }
}

fn matrix<'a>(
    reader: &mut Reader<'a>,
    node: &'a Node,
    exclude: Option<&'a Node>,
    outside: &Context,
) -> Option<Over> {
    let Some(entries) = node.as_map() else {
        let message = format!("`matrix` must be a mapping of lists, not {}", node.kind());
        reader.error(node.place, "wrong-type", message);
        return None;
    };
    if entries.is_empty() || entries.len() > AXES_MAX {
        let message = format!("`matrix` has 1 to {AXES_MAX} axes");
        reader.error(node.place, "bad-value", message);
    }
    let mut axes = Map::new();
    for entry in entries {
        if !is_name(&entry.key) {
            let message = format!("`{}` is no name for an axis", entry.key);
            reader.hinted(entry.place, "bad-id", message, Some(name_rule()));
        }
        check_items(reader, &entry.key, &entry.value);
        reader.template(&entry.value, outside);
        axes.insert(entry.key.clone(), entry.value.to_json());
    }
    let exclude = exclude.map(|node| excluded(reader, node, &axes)).unwrap_or_default();
    Some(Over::Matrix { axes, exclude })
}

/// The combinations that are left out.
fn excluded(reader: &mut Reader<'_>, node: &Node, axes: &Map) -> Vec<Map> {
    let Some(rules) = node.as_list() else {
        let message = format!("`exclude` must be a list of mappings, not {}", node.kind());
        reader.error(node.place, "wrong-type", message);
        return Vec::new();
    };
    rules.iter().map(|rule| exclusion(reader, rule, axes)).collect()
}

fn exclusion(reader: &mut Reader<'_>, rule: &Node, axes: &Map) -> Map {
    let entries = rule.as_map().unwrap_or_default();
    if entries.is_empty() {
        let message = "what `exclude` leaves out is a mapping with at least one axis";
        reader.error(rule.place, "wrong-type", message);
    }
    for entry in entries {
        let Some(values) = axes.get(&entry.key) else {
            let message = format!("`matrix` has no axis `{}`", entry.key);
            let suggestion = did_you_mean(&entry.key, axes.keys().map(String::as_str));
            reader.hinted(entry.place, "unknown-axis", message, suggestion);
            continue;
        };
        let value = entry.value.to_json();
        let open = |value: &serde_json::Value| value.to_string().contains("${{");
        if open(&value) {
            let message = "what `exclude` leaves out is taken as it is written";
            reader.error(entry.value.place, "bad-value", message);
        } else if let Some(values) = values.as_array()
            && !values.contains(&value)
            && !values.iter().any(open)
        {
            let message = format!("the axis `{}` has no value `{value}`", entry.key);
            reader.warning(entry.value.place, "unknown-axis", message, "nothing is left out by it");
        }
    }
    entries.iter().map(|entry| (entry.key.clone(), entry.value.to_json())).collect()
}

/// How many items there are, where lists are written out.
fn written_out(over: &Over) -> Option<usize> {
    match over {
        Over::List(items) => items.as_array().map(Vec::len),
        Over::Matrix { axes, exclude } => {
            let mut lengths = axes.values().map(|values| Some(values.as_array()?.len()));
            let all = lengths.try_fold(1_usize, |all, length| Some(all.saturating_mul(length?)))?;
            let counted = exclude.is_empty() || all > AXES_MAX * 1_000;
            let rest = || over.items(serde_json::Value::Object(axes.clone())).map(|it| it.len());
            Some(if counted { all } else { rest().unwrap_or(all) })
        }
    }
}

/// Notes a list that is neither written out nor exactly one expression.
fn check_items(reader: &mut Reader<'_>, key: &str, node: &Node) {
    let lone = |text: &str| matches!(split(text).as_deref(), Ok([Piece::Expression(_)]) | Err(_));
    if node.as_list().is_none() && !node.as_text().is_some_and(lone) {
        let message = format!("`{key}` must be a list or one `${{{{ … }}}}`, not {}", node.kind());
        reader.error(node.place, "wrong-type", message);
    }
}
