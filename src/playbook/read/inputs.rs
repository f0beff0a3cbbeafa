//! `inputs:`

use serde_json::Value as Json;

use super::reader::Reader;
use crate::playbook::expression::ROOTS;
use crate::playbook::expression::is_name;
use crate::playbook::model::{Input, InputKind};
use crate::yaml::{Entry, Fields, Node};

/// Reads the inputs, in the order they are written.
pub(super) fn inputs<'a>(reader: &mut Reader<'a>, node: &'a Node) -> Vec<Input> {
    let Some(entries) = node.as_map() else {
        let message = format!("`inputs` must be a mapping, not {}", node.kind());
        reader.error(node.place, "wrong-type", message);
        return Vec::new();
    };
    entries.iter().filter_map(|entry| input(reader, entry)).collect()
}

fn input<'a>(reader: &mut Reader<'a>, entry: &'a Entry) -> Option<Input> {
    if !is_name(&entry.key) {
        let message = format!("`{}` is no name for an input", entry.key);
        reader.hinted(entry.place, "bad-id", message, Some(name_rule()));
    }
    reader.inputs.push(entry.key.clone());
    let mut fields = reader.fields("an input", &entry.value)?;
    let kind = fields.choice("type", &InputKind::ALL, &mut reader.mistakes);
    if fields.node("type").is_none() {
        let suggestion = Some("add `type: string`, or another type".to_owned());
        let message = format!("input `{}` needs `type`", entry.key);
        reader.hinted(entry.place, "missing-key", message, suggestion);
    }
    let kind = kind.unwrap_or(InputKind::String);
    let typed = fields.node("type").is_some();
    let choices = choices(reader, &mut fields, kind, typed);
    let default = fields.node("default").map(|node| (node, node.to_json()));
    if let (Some((node, value)), true) = (&default, typed) {
        fits(reader, node, kind, value);
        if !choices.is_empty() && !choices.contains(value) {
            reader.error(node.place, "bad-value", format!("`{value}` is not one of the choices"));
        }
    }
    let stated = fields.boolean("required", &mut reader.mistakes);
    if let (Some(true), Some((node, _))) = (stated, &default) {
        let message = "an input that is required has no use for a default";
        reader.hinted(
            node.place,
            "contradiction",
            message,
            Some("remove one of the two".to_owned()),
        );
    }
    let description =
        fields.text("description", &mut reader.mistakes).unwrap_or_default().to_owned();
    reader.finish("an input", fields);
    let required = stated.unwrap_or(default.is_none());
    let default = default.map(|(_, value)| value);
    Some(Input { name: entry.key.clone(), kind, description, default, required, choices })
}

fn choices<'a>(
    reader: &mut Reader<'a>,
    fields: &mut Fields<'a>,
    kind: InputKind,
    typed: bool,
) -> Vec<Json> {
    let nodes = fields.list("choices", &mut reader.mistakes).unwrap_or_default();
    let mut choices = Vec::with_capacity(nodes.len());
    for node in nodes {
        let value = node.to_json();
        if typed {
            fits(reader, node, kind, &value);
        }
        choices.push(value);
    }
    choices
}

/// Notes a value that is not of its input's kind, or that looks like an expression.
fn fits(reader: &mut Reader<'_>, node: &Node, kind: InputKind, value: &Json) {
    if !kind.takes(value) {
        let message = format!("`{value}` is not of type `{}`", kind.as_str());
        reader.error(node.place, "wrong-type", message);
    } else if value.to_string().contains("${{") {
        let message = "a default is taken as it is written; expressions in it are not evaluated";
        reader.error(node.place, "bad-value", message);
    }
}

/// What names must look like.
pub(super) fn name_rule() -> String {
    format!(
        "names are lower-case letters, digits and `_`, a letter first, and no words of the \
         expression language such as `call`, `match`, `new`; {} are taken",
        ROOTS.join(", ")
    )
}
