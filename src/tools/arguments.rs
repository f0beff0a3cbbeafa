//! Whether arguments fit a tool: which one does not, why, and what was probably meant.

use jsonschema::ValidationError;
use jsonschema::error::ValidationErrorKind;
use serde_json::Value;

use super::registry::Entry;
use super::toolbox::Toolbox;
use crate::contracts::{ErrorKind, Map, ToolError};
use crate::yaml::did_you_mean;

/// Most mistakes told at once.
const MISTAKES_MAX: usize = 5;

impl Toolbox {
    /// Checks `args` against the schema of the tool that answers to `tool`, and what its schema
    /// cannot say. Before policy, and again before the tool runs.
    ///
    /// # Errors
    /// `unknown_tool` for a name that no tool answers to; `bad_arguments` naming each argument that
    /// does not fit; `unavailable` for a tool whose declaration is broken.
    pub fn check_args(&self, tool: &str, args: &Map) -> Result<(), ToolError> {
        let entry = self.entry_of(tool).ok_or_else(|| unknown_tool(self, tool))?;
        check(tool, entry, args)
    }
}

fn check(tool: &str, entry: &Entry, args: &Map) -> Result<(), ToolError> {
    let bad = |message: String| ToolError::new(ErrorKind::BadArguments, message);
    let validator = entry.validator.as_ref().map_err(|broken| {
        bad(format!("the schema of `{tool}` is broken, so nothing can be checked: {broken}"))
    })?;
    let instance = Value::Object(args.clone());
    let mistakes: Vec<String> =
        validator.iter_errors(&instance).take(MISTAKES_MAX).map(|e| mistake(entry, &e)).collect();
    if !mistakes.is_empty() {
        return Err(bad(format!("`{}`: {}", entry.descriptor.name, mistakes.join("; "))));
    }
    entry.tool.check(args).map_err(|error| ToolError {
        message: format!("`{}`: {}", entry.descriptor.name, error.message),
        ..error
    })
}

/// The refusal of a name that no tool answers to.
pub(super) fn unknown_tool(toolbox: &Toolbox, name: &str) -> ToolError {
    if let Some(why) = toolbox.absent(name) {
        return ToolError::new(ErrorKind::Unavailable, why);
    }
    let vocabulary = toolbox.vocabulary();
    let hint = did_you_mean(name, vocabulary.names())
        .unwrap_or_else(|| "`bailiwick tools ls` lists them".to_owned());
    let name: String = name.chars().take(100).flat_map(char::escape_default).collect();
    ToolError::new(ErrorKind::UnknownTool, format!("there is no tool `{name}`; {hint}"))
}

fn mistake(entry: &Entry, error: &ValidationError<'_>) -> String {
    let known = || entry.descriptor.schema.get("properties").and_then(Value::as_object);
    let at = place(&error.instance_path().to_string());
    match error.kind() {
        ValidationErrorKind::AdditionalProperties { unexpected } => {
            let names = known().into_iter().flat_map(|keys| keys.keys().map(String::as_str));
            let names: Vec<&str> = names.collect();
            unknown(unexpected, &names)
        }
        ValidationErrorKind::Required { property } => {
            format!("argument `{}` is missing", property.as_str().unwrap_or_default())
        }
        ValidationErrorKind::Type { .. } => {
            format!("{at} is {}: {}", kind_of(error.instance()), masked(error))
        }
        _ => format!("{at}: {}", masked(error)),
    }
}

/// What is wrong, without the value: it may be long, or a secret.
fn masked(error: &ValidationError<'_>) -> String {
    error.masked_with("it").to_string()
}

fn unknown(unexpected: &[String], known: &[&str]) -> String {
    let each = |name: &String| {
        let hint = did_you_mean(name, known.iter().copied())
            .unwrap_or_else(|| format!("it takes `{}`", known.join("`, `")));
        format!("argument `{}` is not known; {hint}", name.escape_debug())
    };
    unexpected.iter().take(MISTAKES_MAX).map(each).collect::<Vec<_>>().join("; ")
}

/// `argument `a`` or `argument `a`, item 3`, from a JSON pointer.
fn place(pointer: &str) -> String {
    let mut parts = pointer.split('/').skip(1);
    let Some(first) = parts.next() else { return "the arguments".to_owned() };
    let mut text = format!("argument `{first}`");
    for part in parts {
        match part.parse::<u64>() {
            Ok(index) => text.push_str(&format!(", item {}", index.saturating_add(1))),
            Err(_) => text.push_str(&format!(", `{}`", part.escape_debug())),
        }
    }
    text
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null (leave it out instead)",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refusal(tool: &str, args: Value) -> ToolError {
        Toolbox::default().check_args(tool, args.as_object().unwrap()).unwrap_err()
    }

    #[test]
    fn says_which_argument_why_and_what_was_meant() {
        for (tool, args, expect) in [
            ("read_text", json!({"pth": "x", "path": "y"}), "did you mean `path`?"),
            ("read_text", json!({}), "argument `path` is missing"),
            ("read_text", json!({"path": 3}), "argument `path` is a number"),
            ("read_text", json!({"path": null}), "leave it out"),
            ("read_text", json!({"path": "a", "max_bytes": -1}), "argument `max_bytes`"),
            ("list_dir", json!({"path": "a", "depth": 65}), "argument `depth`"),
            ("list_dir", json!({"path": "a", "depth": 0}), "argument `depth`"),
            ("list_dir", json!({"path": "a", "zzz": 1}), "it takes `path`, `depth`, `limit`"),
            ("write_text", json!({"path": "a", "text": "b", "mode": "appendd"}), "`mode`"),
            ("shell_exec", json!({"command": ["a", 2]}), "argument `command`"),
            ("shell_exec", json!({"command": []}), "`command`"),
            ("filesystem_read", json!({}), "`read_text`: argument `path` is missing"),
        ] {
            let error = refusal(tool, args.clone());
            assert_eq!(error.kind, ErrorKind::BadArguments, "{tool} {args}");
            assert!(error.message.contains(expect), "{tool} {args}: {}", error.message);
        }
    }

    #[test]
    fn an_unknown_tool_is_named_and_one_near_it_suggested() {
        let error = refusal("raed_text", json!({}));
        assert_eq!(error.kind, ErrorKind::UnknownTool);
        assert!(error.message.contains("did you mean `read_text`?"), "{}", error.message);
        assert!(!refusal("a\x1b[2J", json!({})).message.contains('\x1b'));
    }

    #[test]
    fn a_refusal_does_not_repeat_the_value() {
        let error = refusal("write_text", json!({"path": "a", "text": ["hunter2"]}));
        assert!(!error.message.contains("hunter2"), "{}", error.message);
        assert!(
            error.message.contains("argument `text` is a list: it is not"),
            "{}",
            error.message
        );
    }

    #[test]
    fn fitting_arguments_pass() {
        for (tool, args) in [
            ("read_text", json!({"path": "x"})),
            ("list_dir", json!({"path": "x", "depth": 64, "limit": 1})),
            ("shell_exec", json!({"command": "ls -l"})),
            ("shell_exec", json!({"command": ["ls"], "env": {"A": "b"}, "stdin": "x"})),
        ] {
            let checked = Toolbox::default().check_args(tool, args.as_object().unwrap());
            assert_eq!(checked, Ok(()), "{tool} {args}");
        }
    }
}
