//! The registry as a JSON Schema for editors, and as a table for people.

use std::fmt::Write as _;

use serde_json::{Map, Value as Json, json};

use super::keys::KEYS;
use super::read::PRICE_MAX;
use super::setting::size;
use super::{Key, Kind, env_name};
use crate::contracts::format_duration_ms;

/// What every entry of a list of hosts looks like; the reader knows more.
const HOST: &str = r"^(http://)?(\*\.)?[A-Za-z0-9._-]+(:[0-9]+)?$";

/// What a rate looks like.
const RATE: &str = r"^(none|[0-9]+ */ *(s|min|h|d|second|m|minute|hour|day))$";

/// What a model with its provider looks like.
const MODEL: &str = r"^(ollama|openai|scripted)/.+$";

/// The JSON Schema (2020-12) of `config/bailiwick.yaml`.
#[must_use]
pub fn json_schema() -> Json {
    let mut schema = section(&[]);
    if let Json::Object(fields) = &mut schema {
        let head = [
            ("$schema", "https://json-schema.org/draft/2020-12/schema"),
            ("title", "Configuration of a Bailiwick workspace"),
        ];
        for (index, (name, text)) in head.into_iter().enumerate() {
            fields.shift_insert(index, name.to_owned(), text.into());
        }
    }
    schema
}

/// The reference table of all keys, in Markdown.
#[must_use]
pub fn reference_table() -> String {
    let mut table = "| key | value | meaning |\n|---|---|---|\n".to_owned();
    for Key { path, kind, about, .. } in KEYS.iter() {
        // Writing to a `String` cannot fail.
        let _ = writeln!(table, "| `{path}` | {} | {about} |", range(*kind));
    }
    let _ = writeln!(table, "\nIn the environment, for example: `{}`.", env_name("limits.output"));
    table
}

fn section(parts: &[&'static str]) -> Json {
    let mut properties = Map::new();
    let mut others = Json::Bool(false);
    for word in super::lookup::words_after(parts) {
        let mut below = parts.to_vec();
        below.push(word);
        let schema = match KEYS.iter().find(|key| key.path == below.join(".")) {
            Some(key) => leaf(key),
            None => section(&below),
        };
        if word == "*" {
            others = schema;
        } else {
            properties.insert(word.to_owned(), schema);
        }
    }
    // A section with nothing in it counts as absent.
    json!({ "type": ["object", "null"], "properties": properties, "additionalProperties": others })
}

fn leaf(key: &Key) -> Json {
    let mut schema = match key.kind {
        Kind::Bool => json!({ "type": "boolean" }),
        Kind::Count(min, max) => json!({ "type": "integer", "minimum": min, "maximum": max }),
        Kind::Amount(min, max) => json!({ "type": "number", "minimum": min, "maximum": max }),
        Kind::Bytes(min, max) => json!({ "anyOf": [
            { "type": "integer", "minimum": min, "maximum": max },
            { "type": "string", "pattern": "^[0-9]+ *([KMG]i)?B$" },
        ] }),
        Kind::Duration(..) => {
            json!({ "type": "string", "pattern": "^([0-9]+(ms|s|m|h|d))+$" })
        }
        Kind::Word(words) => json!({ "enum": words }),
        Kind::Words(words) => {
            json!({ "type": "array", "items": { "enum": words }, "maxItems": 256 })
        }
        Kind::Path => json!({ "type": "string", "pattern": "^(/.*)?$" }),
        Kind::Line => json!({ "type": "string" }),
        Kind::Secret => {
            json!({ "type": "string", "pattern": "^(\\$\\{secret:[A-Za-z0-9_-]+\\})?$" })
        }
        Kind::Lines => {
            json!({ "type": "array", "items": { "type": "string" }, "maxItems": 256 })
        }
        Kind::Hosts => {
            json!({ "type": "array", "items": { "type": "string", "pattern": HOST }, "maxItems": 256 })
        }
        Kind::Addresses => json!({
            "type": "object",
            "additionalProperties": {
                "type": "array", "items": { "type": "string" }, "minItems": 1, "maxItems": 16,
            },
        }),
        Kind::Rate => json!({ "type": "string", "pattern": RATE }),
        Kind::Models => {
            json!({ "type": "array", "items": { "type": "string", "pattern": MODEL }, "maxItems": 256 })
        }
        Kind::SecretName => json!({ "type": "string", "pattern": "^[A-Za-z0-9_-]{0,64}$" }),
        Kind::Prices => json!({
            "type": "object",
            "propertyNames": { "pattern": MODEL },
            "additionalProperties": {
                "type": "object",
                "properties": {
                    "input": { "type": "number", "minimum": 0, "maximum": PRICE_MAX },
                    "output": { "type": "number", "minimum": 0, "maximum": PRICE_MAX },
                },
                "required": ["input", "output"],
                "additionalProperties": false,
            },
        }),
        Kind::Paths => {
            json!({ "type": "array", "items": { "type": "string", "pattern": "^/" }, "maxItems": 256 })
        }
    };
    if let Json::Object(fields) = &mut schema {
        let about = format!("{} ({})", key.about, range(key.kind));
        fields.insert("description".to_owned(), about.into());
    }
    schema
}

fn range(kind: Kind) -> String {
    match kind {
        Kind::Bool => "`true` or `false`".to_owned(),
        Kind::Count(min, max) if min == max => format!("{min}"),
        Kind::Count(min, max) => format!("{min} to {max}"),
        Kind::Amount(min, max) => format!("{min} to {max}"),
        Kind::Bytes(min, max) => format!("size, {} to {}", size(min), size(max)),
        Kind::Duration(min, max) => {
            format!("duration, {} to {}", format_duration_ms(min), format_duration_ms(max))
        }
        Kind::Word(words) => quoted(words),
        Kind::Words(words) => format!("list of {}", quoted(words)),
        Kind::Path => "absolute path, or empty".to_owned(),
        Kind::Paths => "list of absolute paths".to_owned(),
        Kind::Line => "text".to_owned(),
        Kind::Secret => "`${secret:NAME}`, or empty".to_owned(),
        Kind::Lines => "list of texts".to_owned(),
        Kind::Hosts => "list of hosts, each with `*.`, `:port` or `http://` as needed".to_owned(),
        Kind::Rate => "rate such as `30/min`, or `none`".to_owned(),
        Kind::Models => "list of `ollama/MODEL`, `openai/MODEL` and `scripted/FILE`".to_owned(),
        Kind::SecretName => "name of a secret, or empty".to_owned(),
        Kind::Prices => {
            "mapping from a model to `{input, output}`, US dollars for a million tokens".to_owned()
        }
        Kind::Addresses => "mapping from a host to a list of addresses".to_owned(),
    }
}

fn quoted(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    quoted.join(", ")
}
