//! JSON to Rhai's values and back, without loss.

use rhai::{Array, Dynamic, FLOAT, INT, ImmutableString, Map};
use serde_json::{Number, Value};

/// `value` for use in an expression.
pub(super) fn to_dynamic(value: &Value) -> Dynamic {
    match value {
        Value::Null => Dynamic::UNIT,
        Value::Bool(value) => Dynamic::from(*value),
        Value::Number(number) => from_number(number),
        Value::String(text) => Dynamic::from(text.clone()),
        Value::Array(items) => Dynamic::from_array(items.iter().map(to_dynamic).collect()),
        Value::Object(map) => Dynamic::from_map(
            map.iter().map(|(key, value)| (key.as_str().into(), to_dynamic(value))).collect(),
        ),
    }
}

fn from_number(number: &Number) -> Dynamic {
    if let Some(whole) = number.as_i64() {
        Dynamic::from(whole)
    } else if let Some(whole) = number.as_u64() {
        Dynamic::from(whole)
    } else {
        number.as_f64().map_or(Dynamic::UNIT, Dynamic::from)
    }
}

/// A value that came out of an expression.
///
/// # Errors
/// The name of the value's kind, when JSON has no such value.
pub(super) fn to_json(value: Dynamic) -> Result<Value, String> {
    if value.is_unit() {
        return Ok(Value::Null);
    }
    if let Some(value) = value.clone().try_cast::<bool>() {
        return Ok(Value::Bool(value));
    }
    if let Some(whole) = value.clone().try_cast::<INT>() {
        return Ok(Value::from(whole));
    }
    if let Some(whole) = value.clone().try_cast::<u64>() {
        return Ok(Value::from(whole));
    }
    if let Some(number) = value.clone().try_cast::<FLOAT>() {
        return Number::from_f64(number)
            .map(Value::Number)
            .ok_or_else(|| format!("`{number}`, which is no number"));
    }
    if let Some(text) = value.clone().try_cast::<ImmutableString>() {
        return Ok(Value::String(text.into_owned()));
    }
    if value.is_array() {
        let items = value.try_cast::<Array>().unwrap_or_default();
        return items.into_iter().map(to_json).collect::<Result<_, _>>().map(Value::Array);
    }
    let kind = value.type_name().to_owned();
    let map = value.try_cast::<Map>().ok_or(kind)?;
    map.into_iter()
        .map(|(key, value)| Ok((key.to_string(), to_json(value)?)))
        .collect::<Result<_, _>>()
        .map(Value::Object)
}

/// `value` as it stands in a text: texts as they are, everything else as JSON. Nothing has no
/// text.
pub(super) fn to_text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}
