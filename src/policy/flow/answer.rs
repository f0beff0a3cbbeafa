//! What a tool answered, parted into what can be trusted and what cannot.

use serde::de::IgnoredAny;
use serde_yaml::Value;

use super::words::unescaped;

/// The texts of one answer.
#[derive(Debug, Default)]
pub(super) struct Parts {
    /// Values that are trusted, each as a whole: a name in a directory says nothing about the words in
    /// it, which whoever chose the name wrote.
    pub(super) entries: Vec<String>,
    /// Plain text that is trusted.
    pub(super) trusted: Vec<String>,
    /// What is not.
    pub(super) other: Vec<String>,
}

impl Parts {
    /// The texts of an answer of which the fields `trusted` can be trusted and nothing else. An answer
    /// that is no YAML and no JSON, or has a key twice, has no fields.
    pub(super) fn of(text: &str, trusted: &[String]) -> Self {
        let mut parts = Self::default();
        match structured(text).filter(|_| !trusted.is_empty()) {
            Some(value) => parts.read(&value, trusted, false),
            None => parts.other.push(unescaped(text)),
        }
        parts
    }

    /// The texts of an answer that can be trusted.
    pub(super) fn of_trusted(text: &str) -> Self {
        let mut parts = Self::default();
        match structured(text) {
            Some(value) => parts.read(&value, &[], true),
            None => parts.trusted.push(unescaped(text)),
        }
        parts
    }

    fn read(&mut self, value: &Value, fields: &[String], trusted: bool) {
        match value {
            Value::Null | Value::Bool(_) => {}
            Value::Number(number) => self.text(number.to_string(), trusted),
            Value::String(text) => self.text(text.clone(), trusted),
            Value::Sequence(items) => {
                items.iter().for_each(|item| self.read(item, fields, trusted))
            }
            Value::Mapping(entries) => {
                for (key, value) in entries {
                    let name = key.as_str();
                    let named = name.is_some_and(|name| fields.iter().any(|field| field == name));
                    self.read(key, fields, trusted);
                    self.read(value, fields, trusted || named);
                }
            }
            Value::Tagged(tagged) => self.read(&tagged.value, fields, trusted),
        }
    }

    fn text(&mut self, text: String, trusted: bool) {
        if trusted { &mut self.entries } else { &mut self.other }.push(text);
    }
}

/// The answer as data. What opens like a list or a mapping must be JSON: Python writes texts inside of
/// those so that whoever wrote the text can end it and add fields of their own.
fn structured(text: &str) -> Option<Value> {
    let flow = text.trim_start().starts_with(['{', '[']);
    if flow && serde_json::from_str::<IgnoredAny>(text).is_err() {
        return None;
    }
    let value: Value = serde_yaml::from_str(text).ok()?;
    (value.is_mapping() || value.is_sequence()).then_some(value)
}
