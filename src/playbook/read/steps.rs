//! Lists of steps.

use std::collections::HashMap;

use super::action::action;
use super::inputs::name_rule;
use super::reader::{Context, Reader, Section};
use super::retry::retry;
use crate::contracts::CallEffect;
use crate::playbook::expression::{Piece, ROOTS, is_name, split};
use crate::playbook::model::{Action, Foreach, Step};
use crate::yaml::{Fields, Node, Place};

/// Keys of the language that later versions run.
const LATER: [&str; 7] = ["needs", "parallel", "call", "block", "rescue", "always", "include"];

/// Most items at work at once.
const PARALLEL_MAX: u64 = 64;

const EFFECTS: [(&str, CallEffect); 4] = [
    ("read", CallEffect::Read),
    ("idempotent", CallEffect::Idempotent),
    ("non_idempotent", CallEffect::NonIdempotent),
    ("irreversible", CallEffect::Irreversible),
];

/// What the sections of a playbook share.
#[derive(Debug, Default)]
pub(super) struct Counter {
    ids: HashMap<String, Place>,
    steps: u32,
}

/// Reads the steps of the section `key`.
pub(super) fn steps<'a>(
    reader: &mut Reader<'a>,
    key: &str,
    nodes: &'a [Node],
    section: fn(usize) -> Section,
    counter: &mut Counter,
) -> Vec<Step> {
    let mut steps = Vec::new();
    for (index, node) in nodes.iter().enumerate() {
        counter.steps = counter.steps.saturating_add(1);
        if counter.steps == reader.limits.steps.saturating_add(1) {
            let message = format!("more than {} steps", reader.limits.steps);
            reader.error(node.place, "too-many-steps", message);
        }
        if counter.steps <= reader.limits.steps {
            steps.extend(step(reader, key, index, node, section, counter));
        }
    }
    steps
}

fn step<'a>(
    reader: &mut Reader<'a>,
    key: &str,
    index: usize,
    node: &'a Node,
    section: fn(usize) -> Section,
    counter: &mut Counter,
) -> Option<Step> {
    let mut fields = reader.fields("a step", node)?;
    let id = id(reader, &mut fields, key, index, counter);
    reader.ids.push((section(index), id.clone()));
    let name = fields.text("name", &mut reader.mistakes).map(str::to_owned);
    let outside = Context { section: section(index), item: None };
    let foreach = fields.node("foreach").map(|node| (node, foreach(reader, node, &outside)));
    let item = foreach.as_ref().and_then(|(_, foreach)| foreach.as_ref()).map(|f| f.name.clone());
    let inside = Context { section: section(index), item };
    let condition = fields.node("if").and_then(|node| reader.expression(node, &outside));
    let later = reader.later(&mut fields, &LATER);
    let action = action(reader, &mut fields, &inside, later);
    let timeout_ms = timeout(reader, &mut fields);
    let retry_node = fields.node("retry");
    let retry = retry_node.map(|node| retry(reader, node)).unwrap_or_default();
    let continue_on_error =
        fields.boolean("continue_on_error", &mut reader.mistakes).unwrap_or_default();
    let effect = effect(reader, &mut fields, action.as_ref());
    let labels = fields.texts("labels", &mut reader.mistakes).unwrap_or_default();
    let labels = labels.into_iter().map(|(label, _)| label.to_owned()).collect();
    misplaced(reader, &mut fields, action.as_ref());
    reader.finish("a step", fields);
    let foreach = foreach.and_then(|(_, foreach)| foreach);
    let (place, action) = (node.place, action?);
    Some(Step {
        id,
        name,
        place,
        action,
        condition,
        foreach,
        timeout_ms,
        retry,
        continue_on_error,
        effect,
        labels,
    })
}

/// A playbook knows whether doing its call twice is like doing it once. That the call changes
/// nothing is the tool's to say: what is read only is repeated, and done in a dry run.
fn effect<'a>(
    reader: &mut Reader<'a>,
    fields: &mut Fields<'a>,
    action: Option<&Action>,
) -> Option<CallEffect> {
    let effect = fields.choice("effect", &EFFECTS, &mut reader.mistakes)?;
    let Some(Action::Tool { tool, .. }) = action else { return Some(effect) };
    let own = reader.vocabulary.get(tool).map(|tool| tool.effect)?;
    if let (CallEffect::Read, Some(node)) = (effect, fields.node("effect"))
        && own != CallEffect::Read
    {
        let message = format!("`{tool}` does more than read, and a playbook cannot say otherwise");
        let suggestion = "write `effect: idempotent` if doing it twice is like doing it once";
        reader.hinted(node.place, "not-read", message, Some(suggestion.to_owned()));
    }
    Some(effect)
}

fn id<'a>(
    reader: &mut Reader<'a>,
    fields: &mut Fields<'a>,
    key: &str,
    index: usize,
    counter: &mut Counter,
) -> String {
    let Some(node) = fields.node("id") else {
        if key == "steps" {
            let suggestion = Some("add `id: a_name`".to_owned());
            reader.hinted(fields.place(), "missing-key", "a step needs `id`", suggestion);
        }
        return format!("{key}[{index}]");
    };
    let Some(id) = fields.text("id", &mut reader.mistakes) else {
        return format!("{key}[{index}]");
    };
    if !is_name(id) {
        reader.hinted(node.place, "bad-id", format!("`{id}` is no id"), Some(name_rule()));
    }
    if let Some(first) = counter.ids.get(id) {
        let message = format!("the id `{id}` is taken by the step in line {}", first.line);
        reader.error(node.place, "duplicate-id", message);
    } else {
        counter.ids.insert(id.to_owned(), node.place);
    }
    id.to_owned()
}

fn timeout<'a>(reader: &mut Reader<'a>, fields: &mut Fields<'a>) -> Option<u64> {
    let timeout_ms = fields.duration_ms("timeout", &mut reader.mistakes)?;
    if let (0, Some(node)) = (timeout_ms, fields.node("timeout")) {
        reader.error(node.place, "bad-duration", "a time-out is longer than 0");
    }
    Some(timeout_ms)
}

fn foreach<'a>(reader: &mut Reader<'a>, node: &'a Node, outside: &Context) -> Option<Foreach> {
    let mut fields = reader.fields("`foreach`", node)?;
    let items = fields.node("in");
    match items {
        Some(items) => {
            check_items(reader, items);
            reader.template(items, outside);
        }
        None => reader.error(node.place, "missing-key", "`foreach` needs `in`"),
    }
    let name = fields.required_text("as", &mut reader.mistakes);
    if let (Some(name), Some(node)) = (name, fields.node("as"))
        && (!is_name(name) || ROOTS.contains(&name))
    {
        reader.hinted(
            node.place,
            "bad-id",
            format!("`{name}` is no name for an item"),
            Some(name_rule()),
        );
    }
    let parallel = bounded(reader, &mut fields, "parallel", PARALLEL_MAX).unwrap_or(1);
    let most = u64::from(reader.limits.foreach_items);
    let limit = bounded(reader, &mut fields, "limit", most);
    let listed = items.and_then(Node::as_list).map(<[Node]>::len);
    if fields.node("limit").is_none() && listed.is_none() {
        let suggestion = Some(format!("add `limit: 100`, at most {most}"));
        reader.hinted(node.place, "unbounded-foreach", "`foreach` has no `limit`", suggestion);
    }
    if let Some(length) = listed.filter(|length| *length as u64 > limit.map_or(most, u64::from)) {
        reader.error(
            node.place,
            "bad-value",
            format!("the list has {length} items, more than the limit"),
        );
    }
    reader.finish("`foreach`", fields);
    let limit = limit.unwrap_or(reader.limits.foreach_items);
    Some(Foreach { items: items?.to_json(), name: name?.to_owned(), parallel, limit })
}

/// Notes a list that is neither written out nor exactly one expression.
fn check_items(reader: &mut Reader<'_>, node: &Node) {
    let lone = |text: &str| matches!(split(text).as_deref(), Ok([Piece::Expression(_)]) | Err(_));
    if node.as_list().is_none() && !node.as_text().is_some_and(lone) {
        let message = format!("`in` must be a list or one `${{{{ … }}}}`, not {}", node.kind());
        reader.error(node.place, "wrong-type", message);
    }
}

/// The whole number under `key`, from 1 to `most`.
pub(super) fn bounded<'a>(
    reader: &mut Reader<'a>,
    fields: &mut Fields<'a>,
    key: &'static str,
    most: u64,
) -> Option<u32> {
    let count = fields.count(key, &mut reader.mistakes)?;
    if let (false, Some(node)) = ((1..=most).contains(&count), fields.node(key)) {
        reader.error(node.place, "bad-value", format!("`{key}` is from 1 to {most}"));
        return None;
    }
    u32::try_from(count).ok()
}

/// Notes keys that mean nothing for what the step does.
fn misplaced<'a>(reader: &mut Reader<'a>, fields: &mut Fields<'a>, action: Option<&Action>) {
    let (what, keys): (&str, &[&'static str]) = match action {
        Some(Action::Tool { .. }) => {
            ("a step that calls a tool", &["tools", "max_steps", "on_no_model"])
        }
        Some(Action::Goal { .. }) => ("a step with a goal", &["args", "effect"]),
        Some(Action::Approval { .. }) => (
            "an approval",
            &[
                "args",
                "tools",
                "max_steps",
                "on_no_model",
                "foreach",
                "retry",
                "timeout",
                "effect",
                "labels",
            ],
        ),
        None => return,
    };
    for key in keys {
        if let Some(entry) = fields.entry(key) {
            reader.error(entry.place, "misplaced-key", format!("`{key}` means nothing for {what}"));
        }
    }
}
