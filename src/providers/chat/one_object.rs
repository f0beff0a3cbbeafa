//! A schema of alternatives as one object. `OpenAI`'s protocol takes an object and nothing else at the root of what
//! a reply has to fit.

use serde_json::{Map, Value, json};

/// `schema`, or where it is a choice between objects one that takes what any of them takes and wants what all want.
pub(super) fn one_object(schema: &Value) -> Value {
    let Some(choices) = schema.get("anyOf").and_then(Value::as_array) else {
        return schema.clone();
    };
    let mut properties: Map<String, Value> = Map::new();
    for (name, form) in
        choices.iter().filter_map(|choice| choice.get("properties")?.as_object()).flatten()
    {
        match properties.get_mut(name) {
            None => _ = properties.insert(name.clone(), form.clone()),
            Some(known) if known == form => {}
            Some(known) => *known = either(known, form),
        }
    }
    let wanted = |choice: &Value, name: &str| {
        let required = choice.get("required").and_then(Value::as_array);
        required.is_some_and(|names| names.iter().any(|it| it == name))
    };
    let required: Vec<&String> = properties
        .keys()
        .filter(|name| choices.iter().all(|choice| wanted(choice, name)))
        .collect();
    json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
}

fn either(one: &Value, other: &Value) -> Value {
    let mut forms = match one.get("anyOf").and_then(Value::as_array) {
        Some(forms) => forms.clone(),
        None => vec![one.clone()],
    };
    if !forms.contains(other) {
        forms.push(other.clone());
    }
    json!({ "anyOf": forms })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_becomes_an_object_that_takes_each_of_them() {
        let object = |properties: Value, required: Value| json!({ "type": "object", "properties": properties, "required": required });
        let on = object(
            json!({ "done": { "const": false }, "steps": { "type": "array" } }),
            json!(["done", "steps"]),
        );
        let end = object(
            json!({ "done": { "const": true }, "answer": { "type": "string" } }),
            json!(["done", "answer"]),
        );
        let one = one_object(&json!({ "anyOf": [on, end] }));
        assert_eq!(one["type"], "object");
        assert_eq!(one["required"], json!(["done"]));
        let holds = jsonschema::validator_for(&one).unwrap();
        for reply in [json!({ "done": false, "steps": [] }), json!({ "done": true, "answer": "a" })]
        {
            assert!(holds.is_valid(&reply), "{reply}");
        }
        for reply in [json!({ "steps": [] }), json!({ "done": 1 }), json!({ "done": true, "x": 1 })]
        {
            assert!(!holds.is_valid(&reply), "{reply}");
        }
        // Anything else goes as it is.
        assert_eq!(one_object(&on), on);
    }
}
