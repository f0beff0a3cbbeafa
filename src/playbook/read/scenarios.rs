//! `scenarios:`

use std::collections::BTreeMap;

use super::reader::Reader;
use crate::contracts::{ErrorKind, Map, Outcome};
use crate::playbook::scenario::{Expect, Scenario, Script, ScriptedError, ScriptedResult};
use crate::yaml::{Fields, Node};

const OUTCOMES: [(&str, Outcome); 4] = [
    ("succeeded", Outcome::Succeeded),
    ("failed", Outcome::Failed),
    ("cancelled", Outcome::Cancelled),
    ("denied", Outcome::Denied),
];

/// Reads the playbook's own tests.
pub(super) fn scenarios<'a>(reader: &mut Reader<'a>, fields: &mut Fields<'a>) -> Vec<Scenario> {
    let nodes = fields.list("scenarios", &mut reader.mistakes).unwrap_or_default();
    nodes.iter().filter_map(|node| scenario(reader, node)).collect()
}

fn scenario<'a>(reader: &mut Reader<'a>, node: &'a Node) -> Option<Scenario> {
    let mut fields = reader.fields("a scenario", node)?;
    let name = fields.required_text("name", &mut reader.mistakes);
    let inputs = mapping(reader, &mut fields, "inputs");
    let place = fields.node("inputs").map_or(node.place, |node| node.place);
    reader.given.push((inputs.clone(), place));
    let mut results = BTreeMap::new();
    if let Some(node) = fields.node("results") {
        match node.as_map() {
            Some(entries) => {
                for entry in entries {
                    reader.named.push((entry.key.clone(), entry.place));
                    results.extend(script(reader, &entry.value).map(|r| (entry.key.clone(), r)));
                }
            }
            None => reader.error(
                node.place,
                "wrong-type",
                format!("`results` must be a mapping, not {}", node.kind()),
            ),
        }
    }
    let expect = fields.node("expect").map(|node| expect(reader, node));
    if expect.is_none() {
        reader.error(node.place, "missing-key", "a scenario needs `expect`");
    }
    reader.finish("a scenario", fields);
    Some(Scenario { name: name?.to_owned(), inputs, results, expect: expect?? })
}

fn mapping<'a>(reader: &mut Reader<'a>, fields: &mut Fields<'a>, key: &'static str) -> Map {
    match fields.node(key).map(|node| (node, node.to_json())) {
        None => Map::new(),
        Some((_, serde_json::Value::Object(map))) => map,
        Some((node, _)) => {
            let message = format!("`{key}` must be a mapping, not {}", node.kind());
            reader.error(node.place, "wrong-type", message);
            Map::new()
        }
    }
}

/// One answer, or a list of them: the first time, the second time, and so on.
fn script<'a>(reader: &mut Reader<'a>, node: &'a Node) -> Option<Script> {
    let Some(nodes) = node.as_list() else {
        return result(reader, node).and_then(|result| Script::new(vec![result]));
    };
    if nodes.is_empty() {
        reader.error(node.place, "empty", "a list of scripted results has at least one");
    }
    Script::new(nodes.iter().filter_map(|node| result(reader, node)).collect())
}

fn result<'a>(reader: &mut Reader<'a>, node: &'a Node) -> Option<ScriptedResult> {
    let mut fields = reader.fields("a scripted result", node)?;
    let ok = fields.boolean("ok", &mut reader.mistakes);
    let data = fields.node("data").map(Node::to_json);
    let error = fields.node("error").and_then(|node| error(reader, node));
    if fields.node("ok").is_none() {
        reader.error(node.place, "missing-key", "a scripted result needs `ok`");
    }
    if let (Some(true), Some(entry)) = (ok, fields.entry("error")) {
        reader.error(entry.place, "contradiction", "a result that is `ok` has no error");
    }
    let comment = fields.text("comment", &mut reader.mistakes).map(str::to_owned);
    if let (Some(true), Some(entry)) = (ok, fields.entry("comment")) {
        let message = "a comment is what a person writes who says no";
        reader.error(entry.place, "contradiction", message);
    }
    reader.finish("a scripted result", fields);
    Some(ScriptedResult { ok: ok?, data, error, comment })
}

fn error<'a>(reader: &mut Reader<'a>, node: &'a Node) -> Option<ScriptedError> {
    let mut fields = reader.fields("a scripted error", node)?;
    let word = fields.required_text("kind", &mut reader.mistakes);
    let kind = word.and_then(|word| serde_json::from_value::<ErrorKind>(word.into()).ok());
    if let (Some(word), None, Some(node)) = (word, kind, fields.node("kind")) {
        reader.error(
            node.place,
            "bad-value",
            format!("`{word}` is no kind of failure, such as `timeout`"),
        );
    }
    let message = fields.text("message", &mut reader.mistakes).unwrap_or("scripted").to_owned();
    reader.finish("a scripted error", fields);
    Some(ScriptedError { kind: kind?, message })
}

fn expect<'a>(reader: &mut Reader<'a>, node: &'a Node) -> Option<Expect> {
    let mut fields = reader.fields("`expect`", node)?;
    let ran = fields.texts("ran", &mut reader.mistakes);
    let named = ran.iter().flatten().map(|(id, place)| ((*id).to_owned(), *place));
    reader.named.extend(named);
    let ran = ran.map(|ran| ran.into_iter().map(|(id, _)| id.to_owned()).collect());
    let outcome = fields.choice("outcome", &OUTCOMES, &mut reader.mistakes);
    if fields.node("outcome").is_none() {
        reader.error(node.place, "missing-key", "`expect` needs `outcome`");
    }
    let outputs = mapping(reader, &mut fields, "outputs");
    reader.finish("`expect`", fields);
    Some(Expect { ran, outcome: outcome?, outputs })
}
