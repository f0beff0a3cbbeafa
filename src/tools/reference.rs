//! The reference of all tools as a page for people, made from their descriptions.

use std::fmt::Write;

use serde_json::Value;

use crate::contracts::{CallEffect, Risk, format_duration_ms};
use crate::ports::ToolDescriptor;

const HEAD: &str = "\
# Tools

Made from the tools' own descriptions by a test: `BLESS=1 cargo test --lib tools::reference`.

Paths are relative to the workspace or absolute; what a call may touch is what policy granted it,
and the files that govern the runner are written by no tool. A tool that cannot do what it was asked
answers `ok: false` with an `error` of one of the kinds that playbooks can name in `retry.on`.

An answer larger than the cap (`limits.output`) is cut and says `truncated`; all of it, up to 64 MiB of JSON,
is the artifact `output.json`. What a tool itself cuts is kept as well, up to 16 MiB: the file of
`read_text`, `stdout` and `stderr` of a command beyond its profile's `output`, the patch of `git_diff`, what
readers of documents and pages found (`output.json`, as far as the `output` of their profile reaches). What
the call asked to leave out (`max_bytes`, `limit`) is not; the result's `logs` say how to go on, such as
with `offset: 200`.
";

/// The reference of every tool, as Markdown.
#[must_use]
pub fn reference() -> String {
    let mut page = HEAD.to_owned();
    for tool in super::vocabulary().tools() {
        page.push('\n');
        page.push_str(&describe(tool));
    }
    page
}

/// One tool's part of the reference, as Markdown.
#[must_use]
pub fn describe(tool: &ToolDescriptor) -> String {
    let mut text = format!("## `{}`\n\n{}\n\n", tool.name, tool.description);
    let mut line = |what: &str, value: &str| {
        // Writing to a `String` cannot fail.
        let _ = writeln!(text, "- {what}: {value}");
    };
    if !tool.aliases.is_empty() {
        line("also called", &code_list(&tool.aliases));
    }
    line("risk", risk(tool.risk));
    line("effect", effect(tool.effect));
    if tool.effect != CallEffect::Read {
        line("undo", if tool.undoable { "yes" } else { "cannot be undone" });
    }
    line("time-out", &format_duration_ms(tool.timeout_ms));
    if !tool.profile.is_empty() {
        line("sandbox profile", &format!("`{}`", tool.profile));
    }
    if !tool.enabled {
        line("off", "unless configuration says otherwise");
    }
    text.push_str("\n| argument | type | default | |\n|---|---|---|---|\n");
    text.push_str(&rows(&tool.schema, true));
    text.push_str("\n| `data` | type | |\n|---|---|---|\n");
    text.push_str(&rows(&tool.output_schema, false));
    text
}

fn code_list(words: &[String]) -> String {
    format!("`{}`", words.join("`, `"))
}

const fn risk(risk: Risk) -> &'static str {
    match risk {
        Risk::Low => "low",
        Risk::Medium => "medium",
        Risk::High => "high",
    }
}

const fn effect(effect: CallEffect) -> &'static str {
    match effect {
        CallEffect::Read => "read (changes nothing)",
        CallEffect::Idempotent => "idempotent (twice is the same as once)",
        CallEffect::NonIdempotent => "non-idempotent (never repeated by itself)",
        CallEffect::Irreversible => "irreversible (never repeated by itself, cannot be undone)",
    }
}

/// A row for each property; those of arguments say what happens when they are left out.
fn rows(schema: &Value, arguments: bool) -> String {
    let required: Vec<&str> = schema
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let mut rows = String::new();
    let properties = schema.get("properties").and_then(Value::as_object);
    for (name, property) in properties.into_iter().flatten() {
        let text = property.get("description").and_then(Value::as_str).unwrap_or_default();
        let text = text.replace('\n', " ").replace('|', "\\|");
        let kind = kind(property);
        let left_out = match property.get("default") {
            _ if required.contains(&name.as_str()) => "required".to_owned(),
            Some(Value::Object(empty)) if empty.is_empty() => String::new(),
            Some(value) => format!("`{value}`"),
            None => String::new(),
        };
        let middle = if arguments { format!(" {left_out} |") } else { String::new() };
        rows.push_str(&format!("| `{name}` | {kind} |{middle} {text} |\n"));
    }
    rows
}

/// A type in words: `integer 1–64`, `list of {path, kind}`, `` `create` or `append` ``.
fn kind(schema: &Value) -> String {
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        let words: Vec<String> =
            values.iter().filter_map(Value::as_str).map(|word| format!("`{word}`")).collect();
        return words.join(" or ");
    }
    match schema.get("type") {
        Some(Value::String(name)) => one_kind(name, schema),
        Some(Value::Array(names)) => {
            let names = names.iter().filter_map(Value::as_str);
            names.map(|name| one_kind(name, schema)).collect::<Vec<_>>().join(" or ")
        }
        _ => "any".to_owned(),
    }
}

fn one_kind(name: &str, schema: &Value) -> String {
    match name {
        "array" => format!("list of {}", schema.get("items").map_or("any".to_owned(), kind)),
        "object" => match schema.get("properties").and_then(Value::as_object) {
            Some(fields) => {
                let fields: Vec<&str> = fields.keys().map(String::as_str).collect();
                format!("`{{{}}}`", fields.join(", "))
            }
            None => "object".to_owned(),
        },
        "string" => "text".to_owned(),
        "integer" => match (schema.get("minimum"), schema.get("maximum")) {
            (Some(low), Some(high)) => format!("integer {low}–{high}"),
            _ => "integer".to_owned(),
        },
        other => other.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_as_the_tools_are() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/tools.md");
        #[allow(clippy::disallowed_methods, reason = "a test that can rewrite what it checks")]
        if std::env::var("BLESS").is_ok() {
            std::fs::write(path, reference()).unwrap();
        }
        let page = std::fs::read_to_string(path).unwrap();
        let hint = "docs/tools.md has drifted: BLESS=1 cargo test --lib tools::reference";
        assert!(page == reference(), "{hint}");
    }

    #[test]
    fn every_tool_and_argument_is_in_it() {
        let page = reference();
        for tool in crate::tools::vocabulary().tools() {
            assert!(page.contains(&format!("## `{}`\n", tool.name)));
            for arg in tool.schema["properties"].as_object().unwrap().keys() {
                assert!(page.contains(&format!("| `{arg}` | ")), "{}.{arg}", tool.name);
            }
        }
        assert!(!page.contains("| any |"), "a type is not described");
    }
}
