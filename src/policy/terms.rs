//! `tools:` in a file of rules: what tools are, for policy.

use std::collections::BTreeMap;

use serde_json::json;

use super::arguments::unknown_arguments;
use super::predicate::choices;
use super::vocabulary::{CATEGORIES, RISKS};
use crate::contracts::{CallEffect, Diagnostic, Risk};
use crate::ports::{Category, HostArg, PathAccess, PathArg, ToolDescriptor, Vocabulary};
use crate::yaml::{Fields, Node};

const TRUST: [(&str, bool); 2] = [("trusted", true), ("untrusted", false)];

/// What rules say about one tool; `None` leaves it as the tool says itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Terms {
    pub(super) enabled: Option<bool>,
    pub(super) risk: Option<Risk>,
    pub(super) category: Option<Category>,
    pub(super) trusted_output: Option<bool>,
    pub(super) sinks: Vec<String>,
    pub(super) scripts_may_allow: Option<bool>,
    /// Fields of its results whose values can be trusted although the rest cannot.
    pub(super) trusted_fields: Vec<String>,
    /// Words of a person who wants such a call.
    pub(super) asked_by: Vec<String>,
}

impl Terms {
    /// What is said of a tool of which nothing is said.
    pub(super) const UNSAID: &'static Self = &Self {
        enabled: None,
        risk: None,
        category: None,
        trusted_output: None,
        sinks: Vec::new(),
        scripts_may_allow: None,
        trusted_fields: Vec::new(),
        asked_by: Vec::new(),
    };

    fn read(file: &str, node: &Node, mistakes: &mut Vec<Diagnostic>) -> Option<Self> {
        let mut fields = Fields::of(file, "a tool", node, mistakes)?;
        let one = |values: Option<Vec<_>>| values.and_then(|values| values.first().copied());
        let terms = Self {
            enabled: fields.boolean("enabled", mistakes),
            risk: one(choices(file, &mut fields, "risk", &RISKS, mistakes)),
            category: choices(file, &mut fields, "category", &CATEGORIES, mistakes)
                .and_then(|values| values.first().copied()),
            trusted_output: choices(file, &mut fields, "output_trust", &TRUST, mistakes)
                .and_then(|values| values.first().copied()),
            sinks: names("sinks", &mut fields, mistakes),
            scripts_may_allow: fields.boolean("scripts_may_allow", mistakes),
            trusted_fields: names("trusted_fields", &mut fields, mistakes),
            asked_by: names("asked_by", &mut fields, mistakes),
        };
        fields.finish(mistakes);
        Some(terms)
    }

    /// What `other`, of a higher layer, says over this.
    pub(super) fn replaced_by(&mut self, other: &Self) {
        self.enabled = other.enabled.or(self.enabled);
        self.risk = other.risk.or(self.risk);
        self.category = other.category.or(self.category);
        self.trusted_output = other.trusted_output.or(self.trusted_output);
        self.scripts_may_allow = other.scripts_may_allow.or(self.scripts_may_allow);
        self.sinks.extend(other.sinks.iter().cloned());
        self.trusted_fields.extend(other.trusted_fields.iter().cloned());
        self.asked_by.extend(other.asked_by.iter().cloned());
    }

    /// What `other`, which is not trusted, tightens. `own` is the tool's own risk. More fields to
    /// trust and more words that ask would loosen: they do not count.
    pub(super) fn tightened_by(&mut self, other: &Self, own: Option<Risk>) {
        if other.enabled == Some(false) {
            self.enabled = Some(false);
        }
        let current = self.risk.or(own);
        if other.risk > current {
            self.risk = other.risk;
        }
        self.category = self.category.or(other.category);
        if other.trusted_output == Some(false) {
            self.trusted_output = Some(false);
        }
        if other.scripts_may_allow == Some(false) {
            self.scripts_may_allow = Some(false);
        }
        self.sinks.extend(other.sinks.iter().cloned());
    }
}

fn names(
    key: &'static str,
    fields: &mut Fields<'_>,
    mistakes: &mut Vec<Diagnostic>,
) -> Vec<String> {
    let texts = fields.texts(key, mistakes).unwrap_or_default();
    texts.into_iter().map(|(text, _)| text.to_owned()).collect()
}

/// Reads `tools:`.
pub(super) fn read_tools(
    file: &str,
    node: &Node,
    vocabulary: &Vocabulary,
    mistakes: &mut Vec<Diagnostic>,
) -> BTreeMap<String, Terms> {
    let Some(entries) = node.as_map() else {
        let message = "`tools` must be a mapping from a tool's name to what it is";
        mistakes.push(node.error(file, "wrong-type", message));
        return BTreeMap::new();
    };
    let read = entries.iter().filter_map(|entry| {
        if let Some(tool) = vocabulary.get(&entry.key) {
            sinks(file, tool, &entry.value, mistakes);
        }
        Terms::read(file, &entry.value, mistakes).map(|terms| (entry.key.clone(), terms))
    });
    read.collect()
}

/// A sink that the tool has no argument for guards nothing.
fn sinks(file: &str, tool: &ToolDescriptor, node: &Node, mistakes: &mut Vec<Diagnostic>) {
    let items = node.get("sinks").and_then(Node::as_list).unwrap_or_default();
    let args: Vec<_> =
        items.iter().filter_map(|item| Some((item.as_text()?.to_owned(), item.place))).collect();
    let mut unknown = Vec::new();
    unknown_arguments(file, tool, &args, &mut unknown);
    mistakes.extend(unknown.into_iter().map(Diagnostic::as_warning));
}

/// A tool that only rules speak of: for their examples.
pub(super) fn stand_in(name: &str, terms: &Terms) -> ToolDescriptor {
    let command = matches!(name, "shell_exec" | "run_sandboxed" | "sandbox_worker_run");
    let workdir = PathArg { arg: "workdir".to_owned(), access: PathAccess::Read };
    ToolDescriptor {
        name: name.to_owned(),
        aliases: Vec::new(),
        description: String::new(),
        risk: terms.risk.unwrap_or(Risk::High),
        effect: CallEffect::NonIdempotent,
        undoable: false,
        category: terms.category,
        schema: json!({ "type": "object" }),
        output_schema: json!({}),
        paths: if command { vec![workdir] } else { Vec::new() },
        paths_within: None,
        hosts: Vec::<HostArg>::new(),
        command: command.then(|| "command".to_owned()),
        sinks: terms.sinks.clone(),
        trusted_fields: terms.trusted_fields.clone(),
        asked_by: terms.asked_by.clone(),
        labels: Vec::new(),
        sends_network: false,
        asks_person: false,
        names_only: false,
        timeout_ms: 0,
        profile: String::new(),
        enabled: true,
    }
}
