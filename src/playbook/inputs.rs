//! Inputs as a user gave them, made into the values a run starts with.

use serde_json::Value;

use super::model::{Input, InputKind, Playbook};
use crate::contracts::Map;
use crate::yaml::did_you_mean;

/// Why inputs cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InputError {
    /// It was not given and has no default.
    #[error("the input `{name}` ({kind}) is missing: give it with `--input {name}=…`")]
    Missing {
        /// Its name.
        name: String,
        /// Its type.
        kind: &'static str,
    },
    /// The playbook has no such input.
    #[error("there is no input `{name}`{}", suggestion.as_ref().map(|s| format!("; {s}")).unwrap_or_default())]
    Unknown {
        /// The name that was given.
        name: String,
        /// What may have been meant.
        suggestion: Option<String>,
    },
    /// The value is not of the input's type.
    #[error("the input `{name}` is of type {kind}, which `{value}` is not{hint}")]
    WrongType {
        /// Its name.
        name: String,
        /// Its type.
        kind: &'static str,
        /// What was given.
        value: String,
        /// What to write.
        hint: &'static str,
    },
    /// The value is not one of the choices.
    #[error("the input `{name}` is one of {choices}, not `{value}`")]
    NotAChoice {
        /// Its name.
        name: String,
        /// What was given.
        value: String,
        /// What may be given.
        choices: String,
    },
}

/// The playbook's inputs, in its order: what was given, else the default, else nothing where the
/// input is not required. A text given for an input of another type is read as that type, so that
/// `--input strict=true` works; nothing in it is evaluated.
///
/// # Errors
/// Every mistake, not only the first.
pub fn resolve_inputs(playbook: &Playbook, given: &Map) -> Result<Map, Vec<InputError>> {
    let mut errors = Vec::new();
    let names = || playbook.inputs.iter().map(|input| input.name.as_str());
    for name in given.keys().filter(|name| !names().any(|known| known == *name)) {
        let suggestion = did_you_mean(name, names()).or_else(|| known(playbook));
        errors.push(InputError::Unknown { name: name.clone(), suggestion });
    }
    let mut inputs = Map::new();
    for input in &playbook.inputs {
        let value = match (given.get(&input.name), &input.default) {
            (Some(value), _) => read(input, value),
            (None, Some(default)) => Ok(default.clone()),
            (None, None) if input.required => {
                Err(InputError::Missing { name: input.name.clone(), kind: input.kind.as_str() })
            }
            (None, None) => Ok(Value::Null),
        };
        match value {
            Ok(value) => {
                inputs.insert(input.name.clone(), value);
            }
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() { Ok(inputs) } else { Err(errors) }
}

fn known(playbook: &Playbook) -> Option<String> {
    let names: Vec<&str> = playbook.inputs.iter().map(|input| input.name.as_str()).collect();
    Some(match names.as_slice() {
        [] => format!("`{}` takes no inputs", playbook.name),
        names => format!("`{}` takes {}", playbook.name, names.join(", ")),
    })
}

fn read(input: &Input, given: &Value) -> Result<Value, InputError> {
    let coerced = match given {
        Value::String(text) => coerce(input.kind, text),
        other => Some(other.clone()),
    };
    let shown = || given.as_str().map_or_else(|| given.to_string(), str::to_owned);
    let Some(value) = coerced.filter(|value| input.kind.takes(value)) else {
        let (name, kind) = (input.name.clone(), input.kind.as_str());
        return Err(InputError::WrongType { name, kind, value: shown(), hint: hint(input.kind) });
    };
    if input.choices.is_empty() || input.choices.contains(&value) {
        return Ok(value);
    }
    let choices: Vec<String> = input.choices.iter().map(Value::to_string).collect();
    let (name, choices) = (input.name.clone(), choices.join(", "));
    Err(InputError::NotAChoice { name, value: shown(), choices })
}

/// The value that `text` means for an input of this kind.
fn coerce(kind: InputKind, text: &str) -> Option<Value> {
    match kind {
        InputKind::String | InputKind::Path => Some(Value::String(text.to_owned())),
        InputKind::Boolean => match text {
            "true" => Some(Value::Bool(true)),
            "false" => Some(Value::Bool(false)),
            _ => None,
        },
        InputKind::Integer | InputKind::Number | InputKind::List | InputKind::Map => {
            serde_json::from_str(text).ok()
        }
    }
}

const fn hint(kind: InputKind) -> &'static str {
    match kind {
        InputKind::Boolean => "; write `true` or `false`",
        InputKind::List => "; write a JSON list such as `[\"cargo\", \"test\"]`",
        InputKind::Map => "; write a JSON object such as `{\"key\": \"value\"}`",
        InputKind::Path => "; write a path that is not empty",
        InputKind::String | InputKind::Integer | InputKind::Number => "",
    }
}
