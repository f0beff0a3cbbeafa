//! What a planner is told of tools and of what was done, as fragments of context.

use serde_json::Value;

use super::draft::DraftStep;
use crate::ports::ToolDescriptor;
use crate::prompt::{Fragment, Kind};

/// Most tokens of the list of tools.
const TOOLS_TOKENS: usize = 6_000;
/// Most tokens of what one step answered.
pub const RESULT_TOKENS: usize = 1_200;
/// Most tokens of what is wrong with a reply.
const MISTAKE_TOKENS: usize = 800;
/// Longest argument that is shown of a step that was done, in characters.
const ARGS_CHARS_MAX: usize = 300;

/// The tools there are, a line each; those in `others` by their names.
#[must_use]
pub fn tools<'a>(
    tools: impl IntoIterator<Item = &'a ToolDescriptor>,
    others: &[String],
) -> Fragment {
    let mut lines: Vec<String> = tools.into_iter().map(line).collect();
    if !others.is_empty() {
        let names = others.join(", ");
        lines.push(format!(
            "Also there, where none of these will do, and told once you name one: {names}"
        ));
    }
    Fragment {
        kind: Kind::Tools,
        title: String::new(),
        text: lines.join("\n"),
        labels: Vec::new(),
        tokens_max: TOOLS_TOKENS,
    }
}

fn line(tool: &ToolDescriptor) -> String {
    let required: Vec<&str> = tool
        .schema
        .get("required")
        .and_then(Value::as_array)
        .map(|names| names.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    let args = tool.schema.get("properties").and_then(Value::as_object);
    let arg = |(name, schema): (&String, &Value)| {
        let open = if required.contains(&name.as_str()) { "" } else { "?" };
        let about = schema.get("description").and_then(Value::as_str).map(first_sentence);
        let about = about.map(|about| format!(" ({about})")).unwrap_or_default();
        format!("{name}{open}: {}{about}", kind(schema))
    };
    let args: Vec<String> = args.map(|args| args.iter().map(arg).collect()).unwrap_or_default();
    format!("- {}({}) — {}", tool.name, args.join(", "), first_sentence(&tool.description))
}

fn kind(schema: &Value) -> String {
    if let Some(words) = schema.get("enum").and_then(Value::as_array) {
        return words.iter().map(ToString::to_string).collect::<Vec<_>>().join("|");
    }
    match schema.get("type") {
        Some(Value::String(name)) => name.clone(),
        Some(Value::Array(names)) => {
            names.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("|")
        }
        _ => "any".to_owned(),
    }
}

fn first_sentence(text: &str) -> &str {
    let line = text.lines().next().unwrap_or_default();
    line.split_once(". ").map_or(line, |(first, _)| first).trim_end_matches('.')
}

/// What a step that was done answered: `said` is its answer or why it failed.
#[must_use]
pub fn result(step: &DraftStep, how: &str, said: &str, labels: Vec<String>) -> Fragment {
    let args: String =
        Value::Object(step.args.clone()).to_string().chars().take(ARGS_CHARS_MAX).collect();
    Fragment {
        kind: Kind::Results,
        title: format!("{} {} {how}", step.id, step.tool),
        text: format!("arguments: {args}\nanswer: {said}"),
        labels,
        tokens_max: RESULT_TOKENS,
    }
}

/// What is wrong with the last reply, and that reply.
#[must_use]
pub fn mistake(reply: &str, mistakes: &[String]) -> Fragment {
    let shown: String = reply.chars().take(MISTAKE_TOKENS).collect();
    let list = mistakes.join("\n- ");
    Fragment {
        kind: Kind::Mistake,
        title: String::new(),
        text: format!("- {list}\n\nYour answer was:\n{shown}"),
        labels: Vec::new(),
        tokens_max: MISTAKE_TOKENS,
    }
}
