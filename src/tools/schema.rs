//! JSON Schemas of typed arguments and results, in the plain form that people and models read.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::Value;

/// The schema of `T`: everything in one place, without names and formats of Rust types. An optional
/// argument is left out, not null.
pub(super) fn of<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    let mut schema = settings.into_generator().into_root_schema_for::<T>().to_value();
    if let Value::Object(root) = &mut schema {
        root.remove("title");
        root.remove("description");
    }
    plain(&mut schema);
    schema
}

fn plain(schema: &mut Value) {
    match schema {
        Value::Object(keys) => {
            if keys.get("format").and_then(Value::as_str).is_some_and(is_rust_integer) {
                keys.remove("format");
            }
            keys.values_mut().for_each(plain);
        }
        Value::Array(items) => items.iter_mut().for_each(plain),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn is_rust_integer(format: &str) -> bool {
    format.trim_start_matches('u').starts_with("int")
}

/// Takes `null` out of the properties of an arguments schema, those of arguments inside of arguments too.
pub(super) fn without_null(mut schema: Value) -> Value {
    strip(&mut schema);
    schema
}

fn strip(schema: &mut Value) {
    match schema {
        Value::Object(keys) => {
            let properties = keys.get_mut("properties").and_then(Value::as_object_mut);
            properties.into_iter().flat_map(serde_json::Map::values_mut).for_each(strip_one);
            keys.values_mut().for_each(strip);
        }
        Value::Array(items) => items.iter_mut().for_each(strip),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn strip_one(property: &mut Value) {
    let Some(keys) = property.as_object_mut() else { return };
    if let Some(Value::Array(types)) = keys.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            keys.insert("type".to_owned(), only);
        }
    }
    if keys.get("default") == Some(&Value::Null) {
        keys.remove("default");
    }
}
