//! A tool's schema as a model is held to it: what servers make grammars of, and nothing that they refuse.

use serde_json::{Map, Value, json};

/// Longest bound of a text or list that is told: servers refuse those from 2,000 on, and a grammar grows with it.
const BOUND_MAX: u64 = 1_000;
/// How deep definitions are put in where they are named; below that anything goes.
const DEPTH_MAX: usize = 8;
/// What an argument looks like that takes from a step before.
const TAKEN: &str = "^[$][{][{] steps[.][a-z0-9_]{1,20}[.]data[A-Za-z0-9_.-]{0,80} [}][}]$";
/// What a grammar is made of, beside what holds other schemas. The rest is checked when the reply is there.
const KEPT: [&str; 8] =
    ["type", "enum", "const", "required", "minItems", "maxItems", "minLength", "maxLength"];

/// The arguments of a tool. Those that are no text may be what a step before answered.
pub(super) fn arguments(schema: &Value) -> Value {
    let mut narrowed = narrowed(schema, schema, 0);
    if let Some(properties) = narrowed.get_mut("properties").and_then(Value::as_object_mut) {
        for form in properties.values_mut().filter(|form| !takes_texts(form)) {
            let own = form.take();
            *form = json!({ "anyOf": [own, { "type": "string", "pattern": TAKEN }] });
        }
    }
    narrowed
}

fn takes_texts(form: &Value) -> bool {
    match form.get("type") {
        Some(Value::String(name)) => name == "string",
        Some(Value::Array(names)) => names.iter().any(|name| name == "string"),
        // Anything, texts as well.
        _ => form.as_object().is_none_or(Map::is_empty),
    }
}

/// `schema`, a part of `root`, to which its references lead.
fn narrowed(schema: &Value, root: &Value, depth: usize) -> Value {
    let Some(schema) = schema.as_object() else { return json!({}) };
    if let Some(named) = schema.get("$ref") {
        let target = named.as_str().and_then(|named| root.pointer(named.strip_prefix('#')?));
        return match target {
            Some(target) if depth < DEPTH_MAX => narrowed(target, root, depth + 1),
            _ => json!({}),
        };
    }
    if depth >= DEPTH_MAX {
        return json!({});
    }
    let within = |form: &Value| narrowed(form, root, depth + 1);
    let mut kept = Map::new();
    for (key, value) in schema {
        let value = match (key.as_str(), value) {
            ("properties", Value::Object(forms)) => Value::Object(
                forms.iter().map(|(name, form)| (name.clone(), within(form))).collect(),
            ),
            ("anyOf" | "oneOf", Value::Array(forms)) => forms.iter().map(within).collect(),
            ("items", form) => within(form),
            ("additionalProperties", Value::Bool(_)) => value.clone(),
            ("additionalProperties", form) => within(form),
            (key, _) if KEPT.contains(&key) => value.clone(),
            _ => continue,
        };
        kept.insert(key.clone(), value);
    }
    kept.retain(|_, value| value.as_u64().is_none_or(|bound| bound <= BOUND_MAX));
    Value::Object(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_servers_refuse_is_left_to_the_check_of_the_reply() {
        let schema = json!({
            "type": "object",
            "$defs": {
                "place": { "type": "object", "properties": { "x": { "type": "integer" } }, "required": ["x"] },
                "tree": { "type": "array", "items": { "$ref": "#/$defs/tree" } },
            },
            "properties": {
                "text": { "type": "string", "maxLength": 4_194_304, "minLength": 1, "pattern": "(?i)a|^b" },
                "at": { "$ref": "#/$defs/place" },
                "tree": { "$ref": "#/$defs/tree" },
                "gone": { "$ref": "#/$defs/gone" },
                "many": { "type": "array", "items": { "type": "string" }, "maxItems": 5_000 },
                "any": {},
            },
            "required": ["text"],
            "additionalProperties": false,
        });
        let narrowed = arguments(&schema);
        let text = narrowed.to_string();
        for gone in ["$ref", "$defs", "4194304", "5000", "(?i)"] {
            assert!(!text.contains(gone), "{gone}: {text}");
        }
        assert_eq!(narrowed["properties"]["text"], json!({ "type": "string", "minLength": 1 }));
        let holds = jsonschema::validator_for(&narrowed).unwrap();
        for (args, fits) in [
            (json!({ "text": "a", "at": { "x": 1 }, "tree": [[]], "gone": 1, "any": [1] }), true),
            (json!({ "text": "a", "at": "${{ steps.s1.data.place }}" }), true),
            (json!({ "text": "a", "at": "there" }), false),
            (json!({ "text": "a", "at": {} }), false),
            (json!({ "at": { "x": 1 } }), false),
            (json!({ "text": "a", "more": 1 }), false),
        ] {
            assert_eq!(holds.is_valid(&args), fits, "{args}");
        }
    }
}
