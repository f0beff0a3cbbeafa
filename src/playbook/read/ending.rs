//! `verify:`, `outputs:` and `remember:`

use super::reader::{Context, Reader, Section};
use crate::contracts::{Area, Map};
use crate::playbook::model::Remember;
use crate::yaml::{Fields, Node};

const AREAS: [(&str, Area); 4] = [
    ("main", Area::Main),
    ("fragments", Area::Fragments),
    ("solutions", Area::Solutions),
    ("instruments", Area::Instruments),
];

/// Reads what must hold for the run to succeed.
pub(super) fn verify<'a>(reader: &mut Reader<'a>, fields: &mut Fields<'a>) -> Vec<String> {
    let context = Context::plain(Section::Verify);
    let nodes = fields.list("verify", &mut reader.mistakes).unwrap_or_default();
    nodes.iter().filter_map(|node| reader.expression(node, &context)).collect()
}

/// Reads what the playbook answers.
pub(super) fn outputs<'a>(reader: &mut Reader<'a>, fields: &mut Fields<'a>) -> Map {
    let Some(node) = fields.node("outputs") else { return Map::new() };
    let Some(entries) = node.as_map() else {
        let message = format!("`outputs` must be a mapping, not {}", node.kind());
        reader.error(node.place, "wrong-type", message);
        return Map::new();
    };
    reader.template(node, &Context::plain(Section::End));
    entries.iter().map(|entry| (entry.key.clone(), entry.value.to_json())).collect()
}

/// Reads what it remembers.
pub(super) fn remember<'a>(reader: &mut Reader<'a>, fields: &mut Fields<'a>) -> Vec<Remember> {
    let nodes = fields.list("remember", &mut reader.mistakes).unwrap_or_default();
    nodes.iter().filter_map(|node| memory(reader, node)).collect()
}

fn memory<'a>(reader: &mut Reader<'a>, node: &'a Node) -> Option<Remember> {
    let mut fields = reader.fields("a memory", node)?;
    let area = fields.choice("area", &AREAS, &mut reader.mistakes);
    if fields.node("area").is_none() {
        reader.error(node.place, "missing-key", "a memory needs `area`");
    }
    let text = fields.required_text("text", &mut reader.mistakes);
    if let Some(node) = fields.node("text") {
        reader.template(node, &Context::plain(Section::End));
    }
    let tags = fields.texts("tags", &mut reader.mistakes).unwrap_or_default();
    let optional = fields.boolean("optional", &mut reader.mistakes).unwrap_or_default();
    reader.finish("a memory", fields);
    let tags = tags.into_iter().map(|(tag, _)| tag.to_owned()).collect();
    Some(Remember { area: area?, text: text?.to_owned(), tags, optional })
}
