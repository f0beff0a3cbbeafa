//! Tools of other programs, declared in a file for `policy serve --tools`.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::cli::CliError;
use crate::contracts::{CallEffect, Map, Risk};
use crate::ports::{Category, HostArg, PathArg, ToolDescriptor, Vocabulary};

/// Largest file, in bytes.
const FILE_BYTES_MAX: u64 = 4 << 20;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    tools: Vec<RawTool>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTool {
    name: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    schema: Option<Value>,
    /// A tool about which nothing is said counts as the worst.
    #[serde(default = "high")]
    risk: Risk,
    #[serde(default)]
    output_trust: Trust,
    #[serde(default)]
    sinks: Vec<String>,
    /// Fields of its results whose values can be trusted although the rest cannot.
    #[serde(default)]
    trusted_fields: Vec<String>,
    /// Words of a person who wants such a call.
    #[serde(default)]
    asked_by: Vec<String>,
    #[serde(default)]
    category: Option<Category>,
    #[serde(default = "non_idempotent")]
    effect: CallEffect,
    #[serde(default)]
    sends_network: bool,
    #[serde(default)]
    paths: Vec<PathArg>,
    #[serde(default)]
    hosts: Vec<String>,
    #[serde(default)]
    command: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Trust {
    Trusted,
    #[default]
    Untrusted,
}

const fn high() -> Risk {
    Risk::High
}

const fn non_idempotent() -> CallEffect {
    CallEffect::NonIdempotent
}

/// The tools of `path` beside those of `own`, which they replace by name. YAML or JSON: a list of
/// tools, or a mapping with `tools`.
pub(super) fn read(path: &Path, own: &Vocabulary) -> Result<Vocabulary, CliError> {
    let shown = path.display();
    let bad =
        |error: &dyn std::fmt::Display| CliError::usage(format!("cannot use `{shown}`: {error}"));
    let size = std::fs::metadata(path).map_err(|error| bad(&error))?.len();
    if size > FILE_BYTES_MAX {
        return Err(bad(&format!("it has more than {FILE_BYTES_MAX} bytes")));
    }
    let text = std::fs::read_to_string(path).map_err(|error| bad(&error))?;
    let value: serde_yaml::Value = serde_yaml::from_str(&text).map_err(|error| bad(&error))?;
    let raw: Vec<RawTool> = if value.is_sequence() {
        serde_yaml::from_value(value).map_err(|error| bad(&error))?
    } else {
        serde_yaml::from_value::<Document>(value).map_err(|error| bad(&error))?.tools
    };
    let mut tools: BTreeMap<String, ToolDescriptor> =
        own.tools().map(|tool| (tool.name.clone(), tool.as_ref().clone())).collect();
    for tool in raw {
        if let Some(schema) = &tool.schema {
            jsonschema::validator_for(schema)
                .map_err(|error| bad(&format!("the schema of `{}`: {error}", tool.name)))?;
        }
        tools.insert(tool.name.clone(), tool.described());
    }
    Ok(Vocabulary::new(tools.into_values()))
}

impl RawTool {
    fn described(self) -> ToolDescriptor {
        let labels = match self.output_trust {
            Trust::Trusted => Vec::new(),
            Trust::Untrusted => vec![format!("untrusted:{}", self.name)],
        };
        ToolDescriptor {
            sends_network: self.sends_network || self.category == Some(Category::ExternalComms),
            labels,
            aliases: Vec::new(),
            description: self.description,
            risk: self.risk,
            effect: self.effect,
            undoable: false,
            category: self.category,
            schema: self.schema.unwrap_or_else(|| json!({ "type": "object" })),
            output_schema: json!({}),
            paths: self.paths,
            paths_within: None,
            hosts: self.hosts.into_iter().map(|arg| HostArg { arg }).collect(),
            command: self.command,
            sinks: self.sinks,
            trusted_fields: self.trusted_fields,
            asked_by: self.asked_by,
            asks_person: false,
            names_only: false,
            timeout_ms: 0,
            profile: String::new(),
            enabled: true,
            name: self.name,
        }
    }
}

/// Why `args` do not fit the tool's schema; unknown arguments never do.
pub(super) fn misfit(tool: &ToolDescriptor, args: &Map) -> Option<String> {
    if let Some(known) = tool.schema.get("properties").and_then(Value::as_object)
        && let Some(unknown) = args.keys().find(|arg| !known.contains_key(*arg))
    {
        return Some(format!("`{}` has no argument `{unknown}`", tool.name));
    }
    let validator = match jsonschema::validator_for(&tool.schema) {
        Ok(validator) => validator,
        Err(error) => {
            return Some(format!("the schema of `{}` cannot be used: {error}", tool.name));
        }
    };
    let args = Value::Object(args.clone());
    let error = validator.iter_errors(&args).next()?;
    Some(format!("the arguments do not fit `{}`: {error}", tool.name))
}
