//! The run-time override: what the API changes while the program runs, with names of its own.

use super::layer::Reader;
use crate::yaml::{Entry, Node, Value, did_you_mean};

/// Each name, and the keys it sets.
const NAMES: &[(&str, &[&str])] = &[
    ("tool_enabled", &["tools.enabled"]),
    ("approval_mode", &["policy.approval_mode"]),
    ("require_approval_for_risky", &["policy.require_approval_for_risky"]),
    ("max_steps_per_run", &["budget.max.steps", "budget.default.steps"]),
    ("max_retries_per_tool", &["run.max_retries_per_tool"]),
    ("dry_run_default", &["run.dry_run_default"]),
    ("prefer_sandbox", &["run.prefer_sandbox"]),
];

/// Reads `config/execution_layer_config.json`. JSON is YAML, so that mistakes have places here too.
pub(super) fn read(reader: &mut Reader<'_>, text: &str) {
    let Some(root) = reader.parse(text) else { return };
    let Some(entries) = root.as_map() else {
        if root.value != Value::Null {
            let message = format!("the override must be an object, not {}", root.kind());
            reader.mistakes.push(root.error(reader.file, "wrong-type", message));
        }
        return;
    };
    for entry in entries {
        match NAMES.iter().find(|(name, _)| *name == entry.key) {
            Some((_, paths)) => paths.iter().for_each(|path| set(reader, path, &entry.value)),
            None => reader.mistakes.push(unknown(reader.file, entry)),
        }
    }
}

fn set(reader: &mut Reader<'_>, path: &str, node: &Node) {
    let parts: Vec<&str> = path.split('.').collect();
    if super::lookup::key_of(&parts).is_some() {
        reader.leaf(&parts, node, node.place);
    } else {
        reader.section(&mut parts.into_iter().map(str::to_owned).collect(), node);
    }
}

fn unknown(file: &str, entry: &Entry) -> crate::contracts::Diagnostic {
    let message = format!("the override has no key `{}`", entry.key);
    let diagnostic = entry.place.error(file, "unknown-key", message);
    match did_you_mean(&entry.key, NAMES.iter().map(|(name, _)| *name)) {
        Some(suggestion) => diagnostic.suggest(suggestion),
        None => diagnostic,
    }
}
