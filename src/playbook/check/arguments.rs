//! Tools and their arguments, against the tools' own schemas.

use jsonschema::error::ValidationErrorKind;
use serde_json::{Value as Json, json};

use crate::playbook::expression::{Evaluator, Piece, split};
use crate::playbook::model::{InputKind, Playbook};
use crate::playbook::read::{Reader, ToolUse};
use crate::ports::ToolDescriptor;
use crate::yaml::{Node, Place, Value, did_you_mean};

/// Checks every tool that is named and every argument that is given.
pub(in crate::playbook) fn arguments(reader: &mut Reader<'_>, playbook: &Playbook) {
    for used in std::mem::take(&mut reader.uses) {
        if reader.is_full() {
            return;
        }
        reader.look_at(used.context.file);
        let Some(tool) = reader.vocabulary.get(&used.tool).cloned() else {
            let suggestion = did_you_mean(&used.tool, reader.vocabulary.names()).or_else(|| {
                let names: Vec<&str> = reader.vocabulary.tools().map(|t| t.name.as_str()).collect();
                Some(format!("there are {}", names.join(", ")))
            });
            let message = format!("there is no tool `{}`", used.tool);
            reader.hinted(used.place, "unknown-tool", message, suggestion);
            continue;
        };
        permitted(reader, playbook, &used);
        if let Some(args) = used.args.as_ref().filter(|args| args.as_map().is_some()) {
            names(reader, &used, &tool, args);
            values(reader, playbook, &tool, args);
            super::shell(reader, playbook, &used, &tool, args);
        }
    }
}

/// Notes a tool that is used and not among the permissions.
fn permitted(reader: &mut Reader<'_>, playbook: &Playbook, used: &ToolUse) {
    let named = used.context.section == crate::playbook::read::Section::Start;
    if !named && !playbook.permissions.tools.contains(&used.tool) {
        let message = format!("`{}` is not among the playbook's permissions", used.tool);
        let suggestion = Some(format!("add `{}` to `permissions.tools`", used.tool));
        reader.hinted(used.place, "not-permitted", message, suggestion);
    }
}

fn properties(tool: &ToolDescriptor) -> Vec<&str> {
    let properties = tool.schema.get("properties").and_then(Json::as_object);
    properties.map(|map| map.keys().map(String::as_str).collect()).unwrap_or_default()
}

fn names(reader: &mut Reader<'_>, used: &ToolUse, tool: &ToolDescriptor, args: &Node) {
    let known = properties(tool);
    let given = args.as_map().unwrap_or_default();
    for entry in given.iter().filter(|entry| !known.contains(&entry.key.as_str())) {
        let message = format!("`{}` has no argument `{}`", used.tool, entry.key);
        let suggestion = did_you_mean(&entry.key, known.iter().copied())
            .or_else(|| Some(format!("it takes {}", known.join(", "))));
        reader.hinted(entry.place, "unknown-argument", message, suggestion);
    }
    let required = tool.schema.get("required").and_then(Json::as_array).into_iter().flatten();
    for name in required.filter_map(Json::as_str) {
        if !given.iter().any(|entry| entry.key == name) {
            let message = format!("`{}` needs the argument `{name}`", used.tool);
            reader.error(used.place, "missing-argument", message);
        }
    }
}

/// A value of each argument to hold against the schema, and what is not known yet.
struct Sample {
    value: Json,
    /// JSON pointers of texts with expressions in them, each with whether it is one expression
    /// and nothing else, so that it may become anything.
    open: Vec<(String, bool)>,
}

fn values(reader: &mut Reader<'_>, playbook: &Playbook, tool: &ToolDescriptor, args: &Node) {
    for entry in args.as_map().unwrap_or_default() {
        let Some(schema) = tool.schema.get("properties").and_then(|all| all.get(&entry.key)) else {
            continue;
        };
        if let Some(kind) = known_kind(&reader.evaluator, playbook, &entry.value) {
            if !takes(schema, kind) {
                let message =
                    format!("`{}` takes {}, not a {kind}", entry.key, allowed(schema).join(" or "));
                reader.error(entry.value.place, "wrong-type", message);
            }
            continue;
        }
        let mut sample = Sample { value: Json::Null, open: Vec::new() };
        sample.value = fill(&entry.value, "", &mut sample.open);
        against(reader, &entry.key, &entry.value, schema, &tool.schema, &sample);
        patterns(reader, &entry.key, schema, &entry.value);
    }
}

fn fill(node: &Node, pointer: &str, open: &mut Vec<(String, bool)>) -> Json {
    match &node.value {
        Value::Text { text, .. } => {
            let pieces = split(text).unwrap_or_default();
            if pieces.iter().any(|piece| matches!(piece, Piece::Expression(_))) {
                open.push((pointer.to_owned(), pieces.len() == 1));
            }
            Json::String(text.clone())
        }
        Value::List(items) => items
            .iter()
            .enumerate()
            .map(|(index, item)| fill(item, &format!("{pointer}/{index}"), open))
            .collect(),
        Value::Map(entries) => entries
            .iter()
            .map(|entry| {
                (entry.key.clone(), fill(&entry.value, &format!("{pointer}/{}", entry.key), open))
            })
            .collect::<serde_json::Map<_, _>>()
            .into(),
        _ => node.to_json(),
    }
}

/// Holds literal values against the schema. What the run will know is left to the run.
fn against(
    reader: &mut Reader<'_>,
    name: &str,
    node: &Node,
    schema: &Json,
    whole: &Json,
    sample: &Sample,
) {
    let mut schema = schema.clone();
    if let (Some(defs), Some(map)) = (whole.get("$defs"), schema.as_object_mut()) {
        map.insert("$defs".to_owned(), defs.clone());
    }
    let Ok(validator) = jsonschema::validator_for(&schema) else {
        let message = format!("the schema of the argument `{name}` cannot be read");
        return reader.error(node.place, "bad-schema", message);
    };
    for error in validator.iter_errors(&sample.value) {
        let pointer = error.instance_path().as_str();
        let kind = matches!(error.kind(), ValidationErrorKind::Type { .. });
        let unknown = |(open, lone): &(String, bool)| match kind {
            true => open == pointer && *lone,
            false => open.starts_with(pointer),
        };
        if sample.open.iter().any(unknown) {
            continue;
        }
        let (place, trap) = find(node, pointer);
        let message = format!("`{name}`: {}", one_line(&error.to_string()));
        reader.hinted(place, "wrong-type", message, trap);
    }
}

/// The place of what `pointer` names, and what to write where YAML reads it otherwise than meant.
fn find(node: &Node, pointer: &str) -> (Place, Option<String>) {
    let mut at = node;
    for part in pointer.split('/').skip(1) {
        let next = match &at.value {
            Value::List(items) => part.parse().ok().and_then(|index: usize| items.get(index)),
            _ => at.get(part),
        };
        match next {
            Some(next) => at = next,
            None => break,
        }
    }
    let trap = match &at.value {
        Value::Text { text, plain: true } if is_switch(text) => {
            Some(format!("`{text}` is a text in YAML 1.2: write `true` or `false`"))
        }
        Value::Float { text, .. } => Some(format!(
            "`{text}` is a number with a fraction: put it in quotes, or write a whole number"
        )),
        Value::Int(_) | Value::Bool(_) => Some("put it in quotes to make it a text".to_owned()),
        _ => None,
    };
    (at.place, trap)
}

fn is_switch(text: &str) -> bool {
    ["yes", "no", "on", "off"].contains(&text.to_ascii_lowercase().as_str())
}

/// The JSON type of a lone expression, where it is known before the run.
pub(super) fn known_kind(
    evaluator: &Evaluator,
    playbook: &Playbook,
    node: &Node,
) -> Option<&'static str> {
    let pieces = split(node.as_text()?).ok()?;
    let [Piece::Expression(expression)] = pieces.as_slice() else { return None };
    let facts = evaluator.facts(expression).ok().filter(|facts| facts.is_path)?;
    let path = facts.paths.first()?;
    match (path.root.as_str(), path.names.as_slice()) {
        ("inputs", [name]) => {
            let input = playbook.inputs.iter().find(|input| input.name == *name)?;
            (input.required || input.default.is_some()).then_some(match input.kind {
                InputKind::String | InputKind::Path => "string",
                InputKind::Boolean => "boolean",
                InputKind::Integer => "integer",
                InputKind::Number => "number",
                InputKind::List => "array",
                InputKind::Map => "object",
            })
        }
        ("steps", [_, property]) => match property.as_str() {
            "ok" | "skipped" => Some("boolean"),
            "attempts" => Some("integer"),
            "artifacts" => Some("array"),
            _ => None,
        },
        _ => None,
    }
}

/// The JSON types a schema names; empty when it does not say.
fn allowed(schema: &Json) -> Vec<&str> {
    let branches =
        ["anyOf", "oneOf"].iter().filter_map(|key| schema.get(key)?.as_array()).flatten();
    match schema.get("type") {
        Some(Json::String(name)) => vec![name],
        Some(Json::Array(names)) => names.iter().filter_map(Json::as_str).collect(),
        _ => branches.flat_map(allowed).collect(),
    }
}

fn takes(schema: &Json, kind: &str) -> bool {
    let allowed = allowed(schema);
    allowed.is_empty()
        || allowed.contains(&kind)
        || (kind == "integer" && allowed.contains(&"number"))
        || (kind == "number" && allowed.contains(&"integer"))
}

/// Checks regular expressions and globs that are written out.
fn patterns(reader: &mut Reader<'_>, name: &str, schema: &Json, node: &Node) {
    let Some(text) = node.as_text().filter(|text| !text.contains("${{")) else { return };
    let format = schema.get("format").cloned().unwrap_or_else(|| json!(name));
    match format.as_str() {
        Some("regex" | "pattern") => {
            if let Err(error) = regex::Regex::new(text) {
                reader.error(node.place, "bad-regex", one_line(&error.to_string()));
            }
        }
        Some("glob") => {
            if let Err(error) = globset::Glob::new(text) {
                reader.error(node.place, "bad-glob", one_line(&error.to_string()));
            }
        }
        _ => {}
    }
}

/// The last line of a message, which says what is wrong; the others draw it.
pub(super) fn one_line(message: &str) -> String {
    let last = message.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default().trim();
    let mut line: String = last.trim_start_matches("error: ").chars().take(200).collect();
    if line.len() < last.len() && !last.starts_with("error: ") {
        line.push('…');
    }
    line
}
