//! The top of a playbook.

use super::reader::{Reader, Section};
use super::{ending, inputs, permissions, scenarios, schedule, steps};
use crate::contracts::{Budget, Hash};
use crate::playbook::model::Playbook;
use crate::yaml::{Fields, Node, Value};

/// Keys of the language that later versions run.
const LATER: [&str; 4] = ["parallel", "include", "webhook", "concurrency"];

/// Version of the language.
const SCHEMA: u64 = 1;

/// Reads a playbook. What could not be read is left out and noted as a mistake.
pub(in crate::playbook) fn document<'a>(
    reader: &mut Reader<'a>,
    hash: Hash,
    root: &'a Node,
) -> Option<Playbook> {
    if root.value == Value::Null {
        reader.error(
            root.place,
            "empty",
            "the file is empty; a playbook has `schema`, `name` and `steps`",
        );
        return None;
    }
    let mut fields = reader.fields("a playbook", root)?;
    version(reader, &mut fields);
    let name = name(reader, &mut fields);
    let description = fields.required_text("description", &mut reader.mistakes).unwrap_or_default();
    let inputs = fields.node("inputs").map(|node| inputs::inputs(reader, node)).unwrap_or_default();
    let permissions = fields
        .node("permissions")
        .map(|node| permissions::permissions(reader, node))
        .unwrap_or_default();
    let budget = match fields.node("budget") {
        Some(node) => permissions::budget(reader, node),
        None => reader.limits.budget_default.clone(),
    };
    let schedule = fields.node("schedule").and_then(|node| schedule::schedule(reader, node));
    reader.later(&mut fields, &LATER);
    let mut counter = steps::Counter::default();
    let steps = main_steps(reader, &mut fields, &mut counter);
    let mut section = |reader: &mut Reader<'a>, key: &'static str, make: fn(usize) -> Section| {
        let items = fields.list(key, &mut reader.mistakes).unwrap_or_default();
        steps::steps(reader, key, items, make, &mut counter)
    };
    let on_failure = section(reader, "on_failure", Section::OnFailure);
    let always = section(reader, "always", Section::Always);
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
        budget: Budget::clone(&budget),
        schedule,
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

fn main_steps<'a>(
    reader: &mut Reader<'a>,
    fields: &mut Fields<'a>,
    counter: &mut steps::Counter,
) -> Vec<crate::playbook::model::Step> {
    let Some(node) = fields.node("steps") else {
        reader.error(fields.place(), "missing-key", "a playbook needs `steps`");
        return Vec::new();
    };
    let items = fields.list("steps", &mut reader.mistakes).unwrap_or_default();
    if items.is_empty() && node.as_list().is_some() {
        reader.error(node.place, "empty", "`steps` is empty; a playbook has at least one step");
    }
    steps::steps(reader, "steps", items, Section::Step, counter)
}
