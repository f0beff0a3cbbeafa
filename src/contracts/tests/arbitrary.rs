//! Any document that a schema allows.

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::strategy::Union;
use serde_json::{Map, Value, json};

use crate::contracts::Timestamp;

type Fields = Map<String, Value>;

/// Any document of `schema`, which is a root with its definitions.
pub(super) fn document(schema: &Value) -> BoxedStrategy<Value> {
    let none = json!({});
    of(schema, schema.get("$defs").unwrap_or(&none))
}

fn of(schema: &Value, defs: &Value) -> BoxedStrategy<Value> {
    let Value::Object(fields) = schema else { return anything() };
    if let Some(name) = fields.get("$ref").and_then(Value::as_str) {
        return of(&defs[name.strip_prefix("#/$defs/").unwrap()], defs);
    }
    if let Some(word) = fields.get("const") {
        return Just(word.clone()).boxed();
    }
    if let Some(words) = fields.get("enum").and_then(Value::as_array) {
        return proptest::sample::select(words.clone()).boxed();
    }
    for choice in ["oneOf", "anyOf"] {
        if let Some(schemas) = fields.get(choice).and_then(Value::as_array) {
            return Union::new(schemas.iter().map(|schema| of(schema, defs))).boxed();
        }
    }
    match fields.get("type") {
        None => anything(),
        Some(Value::Array(types)) => {
            Union::new(types.iter().map(|name| typed(name.as_str().unwrap(), fields, defs))).boxed()
        }
        Some(name) => typed(name.as_str().unwrap(), fields, defs),
    }
}

fn typed(name: &str, fields: &Fields, defs: &Value) -> BoxedStrategy<Value> {
    match name {
        "null" => Just(Value::Null).boxed(),
        "boolean" => any::<bool>().prop_map(Value::from).boxed(),
        "integer" => integer(fields),
        "number" if fields.get("format") == Some(&json!("float")) => any::<f32>()
            .prop_filter("finite", |number| number.is_finite())
            .prop_map(Value::from)
            .boxed(),
        "number" => any::<f64>()
            .prop_filter("finite", |number| number.is_finite())
            .prop_map(Value::from)
            .boxed(),
        "string" => string(fields),
        "array" => vec(of(&fields["items"], defs), 0..3).prop_map(Value::from).boxed(),
        "object" => object(fields, defs),
        other => panic!("the generator does not know the type `{other}`: teach it"),
    }
}

fn integer(fields: &Fields) -> BoxedStrategy<Value> {
    let max = match fields.get("format").and_then(Value::as_str) {
        Some("uint8") => u64::from(u8::MAX),
        Some("uint32") => u64::from(u32::MAX),
        Some("uint64" | "uint") => u64::MAX,
        other => panic!("the generator does not know the format {other:?}: teach it"),
    };
    let bound = |name: &str| fields.get(name).and_then(Value::as_u64);
    let (min, max) = (bound("minimum").unwrap_or(0), bound("maximum").unwrap_or(max).min(max));
    (min..=max).prop_map(Value::from).boxed()
}

fn string(fields: &Fields) -> BoxedStrategy<Value> {
    if let Some(pattern) = fields.get("pattern").and_then(Value::as_str) {
        let inner = pattern.trim_start_matches('^').trim_end_matches('$');
        return proptest::string::string_regex(inner).unwrap().prop_map(Value::from).boxed();
    }
    match fields.get("format").and_then(Value::as_str) {
        Some("date-time") => (0..4_102_444_800_000_i64)
            .prop_map(|ms| Timestamp::from_ms(ms).to_string().into())
            .boxed(),
        None => ".{0,12}".prop_map(Value::from).boxed(),
        Some(other) => panic!("the generator does not know the format `{other}`: teach it"),
    }
}

fn object(fields: &Fields, defs: &Value) -> BoxedStrategy<Value> {
    let required = fields.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
    let properties =
        fields.get("properties").and_then(Value::as_object).cloned().unwrap_or_default();
    let mut known: BoxedStrategy<Fields> = Just(Fields::new()).boxed();
    for (name, schema) in properties {
        let value = of(&schema, defs);
        let value = if required.contains(&json!(name)) {
            value.prop_map(Some).boxed()
        } else {
            proptest::option::of(value).boxed()
        };
        known = (known, value)
            .prop_map(move |(mut object, value)| {
                object.extend(value.map(|value| (name.clone(), value)));
                object
            })
            .boxed();
    }
    match fields.get("additionalProperties") {
        Some(Value::Bool(false)) => known.prop_map(Value::from).boxed(),
        None if fields.contains_key("properties") => known.prop_map(Value::from).boxed(),
        others => {
            let schema = others.cloned().unwrap_or(Value::Bool(true));
            btree_map("[a-z]{1,6}", of(&schema, defs), 0..3)
                .prop_map(|entries| entries.into_iter().collect::<Fields>().into())
                .boxed()
        }
    }
}

/// Any JSON, as arguments and results hold it.
fn anything() -> BoxedStrategy<Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_filter("finite", |n| n.is_finite()).prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(Value::from),
            btree_map(".{0,4}", inner, 0..3)
                .prop_map(|entries| entries.into_iter().collect::<Fields>().into()),
        ]
    })
    .boxed()
}
