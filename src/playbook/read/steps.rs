//! Lists of steps.

use super::action::action;
use super::block::Owner;
use super::foreach::foreach;
use super::include::include;
use super::inputs::name_rule;
use super::misplaced::misplaced;
use super::reader::{Context, Reader, Section};
use super::retry::retry;
use super::tree::Part;
use crate::contracts::CallEffect;
use crate::playbook::expression::is_name;
use crate::playbook::model::{Action, Step};
use crate::yaml::{Fields, Node, Place};

const EFFECTS: [(&str, CallEffect); 4] = [
    ("read", CallEffect::Read),
    ("idempotent", CallEffect::Idempotent),
    ("non_idempotent", CallEffect::NonIdempotent),
    ("irreversible", CallEffect::Irreversible),
];

/// The list that steps stand in.
#[derive(Debug)]
pub(super) struct Home {
    /// The list in the tree.
    pub(super) list: usize,
    /// What generated ids begin with, such as `on_failure`.
    pub(super) key: String,
    /// Whether each step needs a name of its own.
    pub(super) named: bool,
    /// The names of the items around.
    pub(super) items: Vec<String>,
    /// How many blocks are around.
    pub(super) depth: u32,
}

/// Reads the steps of a list of the playbook itself, called `key`.
pub(super) fn steps<'a>(
    reader: &mut Reader<'a>,
    key: &str,
    part: Part,
    nodes: &'a [Node],
) -> Vec<Step> {
    let home = Home {
        list: reader.tree.open(None, part),
        key: key.to_owned(),
        named: part == Part::Main,
        items: Vec::new(),
        depth: 0,
    };
    let mut steps = Vec::new();
    entries(reader, nodes, &home, &mut steps);
    steps
}

/// Reads entries of a list: steps, and fragments with steps.
pub(super) fn entries<'a>(
    reader: &mut Reader<'a>,
    nodes: &'a [Node],
    home: &Home,
    steps: &mut Vec<Step>,
) {
    for node in nodes {
        if node.get("include").is_some() {
            include(reader, node, home, steps);
            continue;
        }
        reader.counter = reader.counter.saturating_add(1);
        if reader.counter == reader.limits.steps.saturating_add(1) {
            let message = format!("more than {} steps", reader.limits.steps);
            reader.error(node.place, "too-many-steps", message);
        }
        if reader.counter <= reader.limits.steps {
            steps.extend(step(reader, node, home));
        }
    }
}

fn step<'a>(reader: &mut Reader<'a>, node: &'a Node, home: &Home) -> Option<Step> {
    let mut fields = reader.fields("a step", node)?;
    let id = id(reader, &mut fields, home);
    let file = reader.current();
    let index = reader.tree.add(home.list, id.clone(), file, node.place);
    let name = fields.text("name", &mut reader.mistakes).map(str::to_owned);
    let needs = needs(reader, &mut fields, index);
    let outside = Context { file, section: Section::Step(index), items: home.items.clone() };
    let repeats = fields.node("foreach");
    let foreach = repeats.and_then(|node| foreach(reader, node, &outside));
    let mut inside = outside.clone();
    // The name counts also where the rest of the repetition could not be read.
    let item = repeats.and_then(|node| node.get("as")?.as_text());
    inside.items.extend(item.map(str::to_owned));
    if let Some(known) = reader.tree.steps.get_mut(index) {
        known.repeats = repeats.is_some();
    }
    let condition = fields.node("if").and_then(|node| reader.expression(node, &outside));
    let owner = Owner { step: index, id: &id, home };
    let action = action(reader, &mut fields, &inside, owner);
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
    Some(Step {
        id,
        needs,
        name,
        place: node.place,
        fragment: (file != 0).then(|| reader.file_at(file).to_owned()),
        action: action?,
        condition,
        foreach,
        timeout_ms,
        retry,
        continue_on_error,
        effect,
        labels,
    })
}

/// Reads what a step needs; whether there are such steps is looked at when all are read.
fn needs<'a>(reader: &mut Reader<'a>, fields: &mut Fields<'a>, index: usize) -> Vec<String> {
    let texts = fields.texts("needs", &mut reader.mistakes).unwrap_or_default();
    let mut needs: Vec<(String, Place)> = Vec::new();
    let mut seen = std::collections::HashSet::new();
    for (id, place) in texts {
        if !seen.insert(id) {
            reader.error(place, "duplicate", format!("`{id}` stands here twice"));
        } else {
            needs.push((id.to_owned(), place));
        }
    }
    let ids = needs.iter().map(|(id, _)| id.clone()).collect();
    if let Some(known) = reader.tree.steps.get_mut(index) {
        known.needs = needs;
    }
    ids
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

fn id<'a>(reader: &mut Reader<'a>, fields: &mut Fields<'a>, home: &Home) -> String {
    let position = reader.tree.lists.get(home.list).map_or(0, |list| list.steps.len());
    let generated = format!("{}[{position}]", home.key);
    let Some(node) = fields.node("id") else {
        if home.named {
            let suggestion = Some("add `id: a_name`".to_owned());
            reader.hinted(fields.place(), "missing-key", "a step needs `id`", suggestion);
        }
        return generated;
    };
    let Some(id) = fields.text("id", &mut reader.mistakes) else { return generated };
    if !is_name(id) {
        reader.hinted(node.place, "bad-id", format!("`{id}` is no id"), Some(name_rule()));
    }
    let taken = reader.tree.find(id).and_then(|index| reader.tree.step(index));
    if let Some((file, line)) = taken.map(|first| (first.file, first.place.line)) {
        let there = match reader.file_at(file) {
            file if file == reader.file => String::new(),
            file => format!(" of `{file}`"),
        };
        let message = format!("the id `{id}` is taken by the step in line {line}{there}");
        reader.error(node.place, "duplicate-id", message);
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
