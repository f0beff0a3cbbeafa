//! `tools:` in a file of rules: what tools are, for policy.

use std::collections::BTreeMap;

use serde_json::json;

use super::predicate::choices;
use super::vocabulary::{CATEGORIES, RISKS};
use crate::contracts::{CallEffect, Diagnostic, Risk};
use crate::ports::{Category, HostArg, PathAccess, PathArg, ToolDescriptor};
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
}

impl Terms {
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
            sinks: fields
                .texts("sinks", mistakes)
                .unwrap_or_default()
                .into_iter()
                .map(|(text, _)| text.to_owned())
                .collect(),
            scripts_may_allow: fields.boolean("scripts_may_allow", mistakes),
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
    }

    /// What `other`, which is not trusted, tightens. `own` is the tool's own risk.
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

/// Reads `tools:`.
pub(super) fn read_tools(
    file: &str,
    node: &Node,
    mistakes: &mut Vec<Diagnostic>,
) -> BTreeMap<String, Terms> {
    let Some(entries) = node.as_map() else {
        let message = "`tools` must be a mapping from a tool's name to what it is";
        mistakes.push(node.error(file, "wrong-type", message));
        return BTreeMap::new();
    };
    let read = entries.iter().filter_map(|entry| {
        Terms::read(file, &entry.value, mistakes).map(|terms| (entry.key.clone(), terms))
    });
    read.collect()
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
        category: terms.category,
        schema: json!({ "type": "object" }),
        output_schema: json!({}),
        paths: if command { vec![workdir] } else { Vec::new() },
        hosts: Vec::<HostArg>::new(),
        command: command.then(|| "command".to_owned()),
        sinks: terms.sinks.clone(),
        labels: Vec::new(),
        sends_network: false,
        timeout_ms: 0,
        profile: String::new(),
        enabled: true,
    }
}
