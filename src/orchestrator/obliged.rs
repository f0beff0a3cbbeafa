//! What the obligation `redact` means for what is written about a call: no value of an argument
//! stands in the audit log, in a question or in a reason. The call itself is kept in the journal, as a
//! text that can be forgotten.

use std::borrow::Cow;

use serde_json::Value;

use crate::contracts::{Map, Obligation};

const STRUCK: &str = "[redacted]";

/// Shorter values are not looked for in sentences: striking them out would tear words apart.
const VALUE_CHARS_MIN: usize = 4;

/// The arguments as they may be written down.
pub(super) fn arguments<'a>(args: &'a Map, obligations: &[Obligation]) -> Cow<'a, Map> {
    if !obligations.contains(&Obligation::Redact) {
        return Cow::Borrowed(args);
    }
    let struck = |name: &String| (name.clone(), Value::String(STRUCK.to_owned()));
    Cow::Owned(args.keys().map(struck).collect())
}

/// A sentence about the call as it may be written down.
pub(super) fn told<'a>(text: &'a str, args: &Map, obligations: &[Obligation]) -> Cow<'a, str> {
    if !obligations.contains(&Obligation::Redact) {
        return Cow::Borrowed(text);
    }
    let mut values = Vec::new();
    args.values().for_each(|value| texts(value, &mut values));
    // Longest first: a value may hold another.
    values.sort_by_key(|value| std::cmp::Reverse(value.len()));
    let strike = |text: String, value: &String| text.replace(value.as_str(), STRUCK);
    Cow::Owned(values.iter().fold(text.to_owned(), strike))
}

fn texts(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) if text.chars().count() >= VALUE_CHARS_MIN => found.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| texts(item, found)),
        Value::Object(map) => map.values().for_each(|item| texts(item, found)),
        Value::Number(number) if number.to_string().len() >= VALUE_CHARS_MIN => {
            found.push(number.to_string());
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn no_value_is_left_where_rules_say_so_and_every_one_elsewhere() {
        let args = json!({ "to": "ann@example.org", "n": 123_456, "deep": [{ "x": "ann@example.org, bob" }], "a": "to" });
        let args = args.as_object().unwrap();
        let text = "sends ann@example.org, bob and 123456 to ann@example.org";
        let struck = told(text, args, &[Obligation::Redact]);
        assert_eq!(struck, "sends [redacted] and [redacted] to [redacted]");
        assert_eq!(told(text, args, &[Obligation::LogFull]), text);
        let shown = serde_json::to_string(&*arguments(args, &[Obligation::Redact])).unwrap();
        assert_eq!(
            shown,
            r#"{"to":"[redacted]","n":"[redacted]","deep":"[redacted]","a":"[redacted]"}"#
        );
        assert_eq!(&*arguments(args, &[]), args);
    }
}
