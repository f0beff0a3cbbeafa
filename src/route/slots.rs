//! What has to be filled in: the arguments of a tool and the inputs of a playbook, in one form.

use std::collections::BTreeSet;

use serde_json::Value;

use super::words;
use crate::playbook::{Input, InputKind};
use crate::ports::{PathAccess, ToolDescriptor};

/// A value that is wanted.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Slot {
    pub(super) name: String,
    pub(super) holds: Holds,
    pub(super) required: bool,
    /// Words that, standing beside a value, say that it is for this.
    pub(super) words: BTreeSet<String>,
}

/// What a slot holds.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Holds {
    /// A path, or several in a list.
    Path {
        /// Whether it is changed there.
        written: bool,
        /// Whether a directory will do: then the workspace itself is meant where none is named.
        directory: bool,
        /// Whether it is a list.
        many: bool,
    },
    /// An address.
    Url,
    /// A command, as a list where it takes one.
    Command {
        /// Whether it takes a list.
        list: bool,
    },
    /// Names of files with wildcards.
    Glob,
    /// A regular expression.
    Expression,
    /// A question in plain words.
    Question,
    /// A text.
    Text,
    /// One of these.
    Choice(Vec<String>),
    /// A whole number.
    Whole,
    /// `true` or `false`.
    Flag,
    /// Nothing that stands in a goal.
    Else,
}

/// The slots of a tool's arguments.
pub(super) fn of_tool(tool: &ToolDescriptor) -> Vec<Slot> {
    let required: Vec<&str> = tool
        .schema
        .get("required")
        .and_then(Value::as_array)
        .map(|names| names.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    let properties = tool.schema.get("properties").and_then(Value::as_object);
    properties
        .into_iter()
        .flatten()
        .map(|(name, schema)| Slot {
            name: name.clone(),
            holds: of_argument(tool, name, schema),
            required: required.contains(&name.as_str()),
            words: words::named(&name.replace('_', " ")),
        })
        .collect()
}

fn of_argument(tool: &ToolDescriptor, name: &str, schema: &Value) -> Holds {
    let about = schema.get("description").and_then(Value::as_str).unwrap_or_default();
    let is = |kind: &str| match schema.get("type") {
        Some(Value::String(only)) => only == kind,
        Some(Value::Array(several)) => several.iter().any(|one| one == kind),
        _ => false,
    };
    if tool.command.as_deref() == Some(name) {
        return Holds::Command { list: schema.get("type").is_none() || is("array") };
    }
    if let Some(path) = tool.paths.iter().find(|path| path.arg == name) {
        let written = path.access != PathAccess::Read;
        let directory = about.to_lowercase().contains("directory");
        return Holds::Path { written, directory, many: is("array") };
    }
    if tool.hosts.iter().any(|host| host.arg == name) {
        return if is("string") { Holds::Url } else { Holds::Else };
    }
    if let Some(choices) = choices(schema) {
        return Holds::Choice(choices);
    }
    match () {
        () if is("boolean") => Holds::Flag,
        () if is("integer") => Holds::Whole,
        () if !is("string") => Holds::Else,
        () => of_text(name, about, tool.sinks.is_empty()),
    }
}

/// What a text is for, by its name and by what is said of it. `reads` where nothing can leave through it.
fn of_text(name: &str, about: &str, reads: bool) -> Holds {
    let about = about.to_lowercase();
    match name {
        _ if about.contains("regular expression") => Holds::Expression,
        "glob" | "include" => Holds::Glob,
        "exclude" => Holds::Else,
        "query" | "question" if reads && about.contains("asked") => Holds::Question,
        _ => Holds::Text,
    }
}

fn choices(schema: &Value) -> Option<Vec<String>> {
    let texts = |values: &Vec<Value>| {
        values.iter().map(|value| value.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>()
    };
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        return texts(values);
    }
    let variants = schema.get("oneOf").and_then(Value::as_array)?;
    texts(&variants.iter().map(|it| it.get("const").cloned().unwrap_or_default()).collect())
}

/// The slots of a playbook's inputs. `written` has the templates of paths that it may write.
pub(super) fn of_playbook(inputs: &[Input], written: &[String]) -> Vec<Slot> {
    let slot = |input: &Input| Slot {
        name: input.name.clone(),
        holds: of_input(input, written),
        required: input.required && input.default.is_none(),
        words: words::named(&format!("{} {}", input.name.replace('_', " "), input.description)),
    };
    inputs.iter().map(slot).collect()
}

fn of_input(input: &Input, written: &[String]) -> Holds {
    let about = input.description.to_lowercase();
    let choices: Option<Vec<String>> =
        input.choices.iter().map(|value| value.as_str().map(str::to_owned)).collect();
    match (input.kind, choices) {
        (InputKind::String, Some(choices)) if !choices.is_empty() => Holds::Choice(choices),
        (InputKind::Path, _) => {
            let name = format!("inputs.{}", input.name);
            let written = written.iter().any(|path| path.contains(&name));
            // Where none is named, the playbook's own default counts.
            Holds::Path { written, directory: false, many: false }
        }
        (InputKind::String, _) if about.contains("regular expression") => Holds::Expression,
        (InputKind::String, _) if input.name == "glob" => Holds::Glob,
        (InputKind::String, _) if input.name == "url" => Holds::Url,
        (InputKind::String, _) => Holds::Text,
        (InputKind::Boolean, _) => Holds::Flag,
        (InputKind::Integer, _) => Holds::Whole,
        (InputKind::Number | InputKind::List | InputKind::Map, _) => {
            // Commands of playbooks are lists of words.
            let is_command = input.kind == InputKind::List && input.name == "command";
            if is_command { Holds::Command { list: true } } else { Holds::Else }
        }
    }
}
