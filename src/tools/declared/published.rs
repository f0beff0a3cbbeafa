//! The JSON Schema of a file in `config/tools/`, for editors.

use serde_json::{Value, json};

use super::file::{ACCESS, EFFECTS, RISKS, TRUST};

fn words<T>(choices: &[(&str, T)]) -> Vec<String> {
    choices.iter().map(|(word, _)| (*word).to_owned()).collect()
}

/// The schema (2020-12). The reader knows more, such as which sandbox profiles there are.
#[must_use]
pub fn json_schema() -> Value {
    let argument_list = json!({ "type": "array", "items": { "type": "string" } });
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A process tool of a Bailiwick workspace",
        "type": "object",
        "properties": {
            "name": {
                "type": "string", "pattern": "^[a-z][a-z0-9_]{0,63}$",
                "description": "what it is called by; rules may also say `process:NAME`",
            },
            "description": {
                "type": "string", "minLength": 1, "maxLength": 2000,
                "description": "what it does, in a sentence",
            },
            "schema": {
                "type": "object",
                "description": "JSON Schema of the arguments; unknown ones are refused unless it says otherwise",
            },
            "output_schema": { "type": "object", "description": "JSON Schema of the answer" },
            "risk": { "enum": words(&RISKS), "description": "how much harm it can do; high when absent" },
            "effect": {
                "enum": words(&EFFECTS),
                "description": "what may be done about a call that a crash cut off; non_idempotent when absent",
            },
            "output_trust": {
                "enum": words(&TRUST),
                "description": "whether what it answers was written by strangers; untrusted when absent",
            },
            "sinks": {
                "type": "array", "items": { "type": "string" },
                "description": "arguments through which something can leave or be aimed",
            },
            "paths": {
                "type": "object", "additionalProperties": { "enum": words(&ACCESS) },
                "description": "arguments that name files, and what is done with them",
            },
            "hosts": argument_list,
            "command": {
                "type": "array", "items": { "type": "string", "maxLength": 4096 },
                "minItems": 1, "maxItems": 64,
                "description": "program and arguments; no shell reads them",
            },
            "profile": { "type": "string", "description": "sandbox profile; shell_exec when absent" },
            "timeout": {
                "type": "string", "pattern": "^([0-9]+(ms|s|m|h|d))+$",
                "description": "how long a call may take, from 100ms to 1d; 1m when absent",
            },
        },
        "required": ["name", "description", "command"],
        "additionalProperties": false,
    })
}
