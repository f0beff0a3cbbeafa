//! The top of a playbook.

use super::block::{PARALLEL, idle_parallel};
use super::foreach::PARALLEL_MAX;
use super::reader::{Context, Reader, Section};
use super::steps::bounded;
use super::tree::Part;
use super::{ending, inputs, permissions, scenarios, schedule, steps};
use crate::contracts::{Budget, Hash};
use crate::playbook::model::{Permissions, Playbook, Step};
use crate::yaml::{Fields, Node, Value};

/// Most runs of one playbook at work at once.
const CONCURRENCY_MAX: u64 = 1_000;

/// Version of the language.
const SCHEMA: u64 = 1;

/// Reads a playbook. What could not be read is left out and noted as a mistake.
pub(in crate::playbook) fn document<'a>(
    reader: &mut Reader<'a>,
    hash: Hash,
    root: &'a Node,
) -> Option<Playbook> {
    if root.value == Value::Null {
        let message = "the file is empty; a playbook has `schema`, `name` and `steps`";
        reader.error(root.place, "empty", message);
        return None;
    }
    let mut fields = reader.fields("a playbook", root)?;
    version(reader, &mut fields);
    let name = name(reader, &mut fields);
    let description = fields.required_text("description", &mut reader.mistakes).unwrap_or_default();
    let inputs = fields.node("inputs").map(|node| inputs::inputs(reader, node)).unwrap_or_default();
    let (permissions, budget) = bounds(reader, &mut fields);
    let schedule = fields.node("schedule").and_then(|node| schedule::schedule(reader, node));
    let webhook = fields.node("webhook").and_then(|node| schedule::webhook(reader, node));
    let concurrency = bounded(reader, &mut fields, "concurrency", CONCURRENCY_MAX);
    let goal = goal(reader, &mut fields);
    let (steps, parallel) = main_steps(reader, &mut fields);
    let on_failure = handlers(reader, &mut fields, "on_failure", Part::Rescue);
    let always = handlers(reader, &mut fields, "always", Part::Always);
    let verify = ending::verify(reader, &mut fields);
    let outputs = ending::outputs(reader, &mut fields);
    let remember = ending::remember(reader, &mut fields);
    let scenarios = scenarios::scenarios(reader, &mut fields);
    reader.finish("a playbook", fields);
    Some(Playbook {
        name: name.to_owned(),
        description: description.to_owned(),
        file: reader.file.to_owned(),
        hash,
        inputs,
        permissions,
        budget,
        schedule,
        webhook,
        concurrency,
        parallel,
        goal,
        steps,
        on_failure,
        always,
        verify,
        outputs,
        remember,
        scenarios,
    })
}

fn version(reader: &mut Reader<'_>, fields: &mut Fields<'_>) {
    let Some(node) = fields.node("schema") else {
        let suggestion = Some(format!("begin the file with `schema: {SCHEMA}`"));
        return reader.hinted(
            fields.place(),
            "missing-key",
            "a playbook needs `schema`",
            suggestion,
        );
    };
    if let Some(version) = fields.count("schema", &mut reader.mistakes).filter(|v| *v != SCHEMA) {
        let message = format!("schema {version} is not known; this version reads schema {SCHEMA}");
        reader.error(node.place, "unknown-schema", message);
    }
}

fn name<'a>(reader: &mut Reader<'a>, fields: &mut Fields<'a>) -> &'a str {
    let Some(name) = fields.required_text("name", &mut reader.mistakes) else { return "" };
    let fits = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.len() <= 64
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_.".contains(&b));
    if let (false, Some(node)) = (fits, fields.node("name")) {
        let message = format!(
            "`{name}` is no name of a playbook: lower-case letters, digits, `-`, `_` and `.`, a letter first, at most 64"
        );
        reader.error(node.place, "bad-name", message);
    }
    name
}

fn misplaced_include(reader: &mut Reader<'_>, fields: &mut Fields<'_>) {
    if let Some(entry) = fields.entry("include") {
        let message = "a fragment is included where its steps shall stand";
        let suggestion = "write `- include: fragments/x.yaml` as an entry of a list of steps";
        reader.hinted(entry.place, "misplaced-key", message, Some(suggestion.to_owned()));
    }
}

/// The most that it may touch and spend.
fn bounds<'a>(reader: &mut Reader<'a>, fields: &mut Fields<'a>) -> (Permissions, Budget) {
    let permissions = fields.node("permissions");
    let permissions =
        permissions.map(|node| permissions::permissions(reader, node)).unwrap_or_default();
    let budget = match fields.node("budget") {
        Some(node) => permissions::budget(reader, node),
        None => reader.limits.budget_default.clone(),
    };
    (permissions, budget)
}

/// The steps of `on_failure` or `always`.
fn handlers<'a>(
    reader: &mut Reader<'a>,
    fields: &mut Fields<'a>,
    key: &'static str,
    part: Part,
) -> Vec<Step> {
    let items = fields.list(key, &mut reader.mistakes).unwrap_or_default();
    steps::steps(reader, key, part, items)
}

/// The steps, and how many of them may be at work at once where they are a graph.
fn main_steps<'a>(reader: &mut Reader<'a>, fields: &mut Fields<'a>) -> (Vec<Step>, u32) {
    let parallel = bounded(reader, fields, "parallel", PARALLEL_MAX);
    misplaced_include(reader, fields);
    let steps = sequence(reader, fields);
    if parallel.is_some() && !steps.iter().any(|step| !step.needs.is_empty()) {
        idle_parallel(reader, fields);
    }
    (steps, parallel.unwrap_or(PARALLEL))
}

/// The goal of a playbook whose steps a planner finds.
fn goal<'a>(reader: &mut Reader<'a>, fields: &mut Fields<'a>) -> Option<String> {
    let node = fields.node("goal")?;
    let goal = fields.text("goal", &mut reader.mistakes)?;
    reader.template(node, &Context::plain(Section::Start));
    if goal.trim().is_empty() {
        reader.error(node.place, "bad-value", "a goal says something");
    }
    if fields.node("steps").is_some() {
        let message = "a playbook has `steps` or a `goal`; a step may have a goal of its own";
        reader.error(node.place, "contradiction", message);
    }
    Some(goal.to_owned())
}

fn sequence<'a>(reader: &mut Reader<'a>, fields: &mut Fields<'a>) -> Vec<Step> {
    let Some(node) = fields.node("steps") else {
        if fields.node("goal").is_none() {
            reader.error(fields.place(), "missing-key", "a playbook needs `steps`, or a `goal`");
        }
        return Vec::new();
    };
    let items = fields.list("steps", &mut reader.mistakes).unwrap_or_default();
    if items.is_empty() && node.as_list().is_some() {
        reader.error(node.place, "empty", "`steps` is empty; a playbook has at least one step");
    }
    steps::steps(reader, "steps", Part::Main, items)
}
