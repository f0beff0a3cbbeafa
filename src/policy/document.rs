//! One YAML file of rules.

use std::collections::BTreeMap;

use super::example::Stage;
use super::predicate::choices;
use super::rule::{Around, Rule};
use super::terms::read_tools;
use super::vocabulary::PROFILES;
use super::{Options, Source, Terms};
use crate::contracts::Diagnostic;
use crate::ports::Vocabulary;
use crate::yaml::{Fields, Limits, Node, Value, parse};

/// The version of the format.
const SCHEMA: u64 = 1;

/// What a file says.
#[derive(Debug, Clone, Default)]
pub(super) struct Document {
    pub(super) rules: Vec<Rule>,
    pub(super) tools: BTreeMap<String, Terms>,
}

/// Reads a file of rules and tries the examples; notes every mistake.
pub(super) fn read(
    source: &Source,
    vocabulary: &Vocabulary,
    options: &Options,
    mistakes: &mut Vec<Diagnostic>,
) -> Document {
    let file = source.path.as_str();
    let Some(text) = text(source, mistakes) else { return Document::default() };
    let root = match parse(file, text, Limits::default()) {
        Ok(root) => root,
        Err(found) => {
            mistakes.extend(found);
            return Document::default();
        }
    };
    if root.value == Value::Null {
        return Document::default();
    }
    let Some(mut fields) = Fields::of(file, "a policy file", &root, mistakes) else {
        return Document::default();
    };
    schema(file, &root, &mut fields, mistakes);
    let profiles = choices(file, &mut fields, "profiles", &PROFILES, mistakes);
    let tools = fields.node("tools").map(|node| read_tools(file, node, vocabulary, mistakes));
    let tools = tools.unwrap_or_default();
    let declared: Vec<String> = tools.keys().cloned().collect();
    let around = Around { source, vocabulary, declared: &declared, profiles: profiles.as_deref() };
    let stage = Stage { file, layer: source.layer, vocabulary, terms: &tools, options };
    let nodes = fields.list("rules", mistakes).unwrap_or_default();
    let rules = nodes.iter().filter_map(|node| rule(&around, &stage, node, mistakes)).collect();
    fields.finish(mistakes);
    Document { rules, tools }
}

/// The content as text; anything but UTF-8 is a mistake with its place.
pub(super) fn text<'a>(source: &'a Source, mistakes: &mut Vec<Diagnostic>) -> Option<&'a str> {
    match std::str::from_utf8(&source.bytes) {
        Ok(text) => Some(text),
        Err(error) => {
            let before = source.bytes.get(..error.valid_up_to()).unwrap_or_default();
            let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
            let message = "the file is not UTF-8 text";
            let line = u32::try_from(line).unwrap_or(u32::MAX);
            mistakes.push(Diagnostic::error("not-utf8", message, &source.path, line, 1));
            None
        }
    }
}

fn rule(
    around: &Around<'_>,
    stage: &Stage<'_>,
    node: &Node,
    mistakes: &mut Vec<Diagnostic>,
) -> Option<Rule> {
    let mut fields = Fields::of(&around.source.path, "a rule", node, mistakes)?;
    let before = mistakes.len();
    let mut rule = Rule::read(around, &mut fields, node, mistakes);
    let sound = mistakes
        .iter()
        .skip(before)
        .all(|found| found.severity != crate::contracts::Severity::Error);
    match &mut rule {
        // A rule with mistakes would fail its examples for reasons that are named already.
        Some(rule) if sound => rule.examples = stage.try_all(rule, &mut fields, mistakes),
        _ => {
            fields.node("match");
            fields.node("not_match");
        }
    }
    fields.finish(mistakes);
    rule
}

pub(super) fn schema(
    file: &str,
    root: &Node,
    fields: &mut Fields<'_>,
    mistakes: &mut Vec<Diagnostic>,
) {
    match fields.count("schema", mistakes) {
        Some(SCHEMA) => {}
        Some(other) => {
            let message = format!("`schema: {other}` is not known: this version reads {SCHEMA}");
            mistakes.push(root.error(file, "bad-schema", message));
        }
        None if fields.node("schema").is_none() => {
            let message = format!("a policy file needs `schema: {SCHEMA}`");
            mistakes.push(root.error(file, "missing-key", message));
        }
        None => {}
    }
}
