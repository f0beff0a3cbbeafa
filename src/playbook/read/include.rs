//! `- include: fragments/x.yaml` as an entry of a list of steps.

use super::fragments::{FRAGMENTS_MAX, fault};
use super::reader::Reader;
use super::source::Source;
use super::steps::{Home, entries};
use crate::playbook::model::Step;
use crate::yaml::{Node, did_you_mean};

/// Deepest nesting of fragments.
const DEPTH_MAX: usize = 4;

/// Version of the language.
const SCHEMA: u64 = 1;

/// Reads the steps of the fragment that `node` includes, where it stands.
pub(super) fn include<'a>(
    reader: &mut Reader<'a>,
    node: &'a Node,
    home: &Home,
    steps: &mut Vec<Step>,
) {
    let Some(mut fields) = reader.fields("an include", node) else { return };
    let path = fields.required_text("include", &mut reader.mistakes);
    let at = fields.node("include").map_or(node.place, |node| node.place);
    reader.finish("an include", fields);
    let Some(path) = path else { return };
    if let Some(why) = fault(path) {
        let suggestion = Some("write a path below `playbooks/`, such as `fragments/x.yaml`".into());
        return reader.hinted(at, "bad-include", format!("`{path}` {why}"), suggestion);
    }
    if reader.including.iter().any(|open| open == path) {
        let chain: Vec<&str> = reader.including.iter().map(String::as_str).chain([path]).collect();
        let message = format!("fragments include one another: {}", chain.join(", "));
        return reader.error(at, "include-cycle", message);
    }
    if reader.including.len() >= DEPTH_MAX {
        let message = format!("fragments include one another more than {DEPTH_MAX} deep");
        return reader.error(at, "too-deep", message);
    }
    reader.includes += 1;
    let found = reader.fragments.get(path).filter(|_| reader.includes <= FRAGMENTS_MAX);
    let fragment = match found {
        Some(Ok(fragment)) => fragment,
        Some(Err(why)) => {
            let message = format!("there is no fragment `{path}`: {why}");
            return reader.error(at, "unknown-fragment", message);
        }
        None => {
            let message = format!("more than {FRAGMENTS_MAX} includes");
            return reader.error(at, "too-many-includes", message);
        }
    };
    match &fragment.root {
        Ok(root) => {
            reader.including.push(path.to_owned());
            let before = reader.enter(&fragment.file, Source::new(&fragment.text));
            inside(reader, root, home, steps);
            reader.leave(before);
            reader.including.pop();
        }
        Err(mistakes) => reader.mistakes.extend(mistakes.iter().cloned()),
    }
}

fn inside<'a>(reader: &mut Reader<'a>, root: &'a Node, home: &Home, steps: &mut Vec<Step>) {
    if root.get("name").is_some() {
        let message = "this is a playbook and no fragment: a fragment has `schema` and `steps`";
        let suggestion = Some("run it as a step of its own with `call`".to_owned());
        return reader.hinted(root.place, "not-a-fragment", message, suggestion);
    }
    let Some(mut fields) = reader.fields("a fragment", root) else { return };
    if let Some(version) = fields.count("schema", &mut reader.mistakes).filter(|v| *v != SCHEMA) {
        let message = format!("schema {version} is not known; this version reads schema {SCHEMA}");
        reader.error(fields.place(), "unknown-schema", message);
    } else if fields.node("schema").is_none() {
        let suggestion = Some(format!("begin the file with `schema: {SCHEMA}`"));
        let message = "a fragment needs `schema`";
        reader.hinted(fields.place(), "missing-key", message, suggestion);
    }
    let nodes = match fields.node("steps") {
        Some(_) => fields.list("steps", &mut reader.mistakes),
        None => {
            let keys = root.as_map().unwrap_or_default().iter().map(|entry| entry.key.as_str());
            let near = keys.clone().find(|key| did_you_mean(key, ["steps"]).is_some());
            let suggestion = near.map(|key| format!("write `steps` for `{key}`"));
            reader.hinted(root.place, "missing-key", "a fragment needs `steps`", suggestion);
            None
        }
    };
    let nodes = nodes.unwrap_or_default();
    if nodes.is_empty() && fields.node("steps").is_some_and(|node| node.as_list().is_some()) {
        reader.error(root.place, "empty", "a fragment has at least one step");
    }
    entries(reader, nodes, home, steps);
    reader.finish("a fragment", fields);
}
