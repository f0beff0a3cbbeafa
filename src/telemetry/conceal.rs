//! Striking declared secrets out of JSON values, and telling which ones stood there.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Redactor;
use super::disguise::undisguised;

impl Redactor {
    /// Strikes every declared secret out of the texts of `value`, keys included, and gives their names.
    /// A text that hides one in a notation of which there is no telling what to strike out is
    /// replaced as a whole. One that is spread over several texts is found where they stand side by
    /// side, and then all of them are replaced.
    pub fn conceal(&self, value: &mut Value) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        if self.is_empty() {
            return names;
        }
        self.conceal_within(value, &mut names);
        let mut whole = String::new();
        append(value, &mut whole);
        let spread = self.held(&whole);
        if let Some(first) = spread.first().filter(|_| !whole.contains("${secret:")) {
            *value = Value::String(format!("${{secret:{first}}}"));
            names.extend(spread);
        }
        names
    }

    /// The same of one text.
    pub fn conceal_text(&self, text: &mut String) -> BTreeSet<String> {
        if self.is_empty() {
            return BTreeSet::new();
        }
        let names = self.held(text);
        let Some(first) = names.first() else { return names };
        let struck = self.known(text).into_owned();
        *text = if self.held(&struck).is_empty() { struck } else { format!("${{secret:{first}}}") };
        names
    }

    fn conceal_within(&self, value: &mut Value, names: &mut BTreeSet<String>) {
        match value {
            Value::String(text) => names.extend(self.conceal_text(text)),
            Value::Array(items) => {
                items.iter_mut().for_each(|item| self.conceal_within(item, names));
            }
            Value::Object(map) => {
                for (mut key, mut item) in std::mem::take(map) {
                    names.extend(self.conceal_text(&mut key));
                    self.conceal_within(&mut item, names);
                    map.insert(key, item);
                }
            }
            _ => {}
        }
    }

    /// The names of the secrets that `text` holds in any notation.
    fn held(&self, text: &str) -> BTreeSet<String> {
        let plain = undisguised(text);
        plain.iter().flat_map(|bytes| self.names(&String::from_utf8_lossy(bytes))).collect()
    }
}

/// The texts of `value`, one after another.
fn append(value: &Value, whole: &mut String) {
    match value {
        Value::String(text) => whole.push_str(text),
        Value::Array(items) => items.iter().for_each(|item| append(item, whole)),
        Value::Object(map) => map.values().for_each(|item| append(item, whole)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use data_encoding::{BASE64, HEXLOWER};
    use serde_json::json;

    use super::*;

    const SECRET: &str = "hunter2-hunter2";

    #[test]
    fn strikes_a_secret_out_wherever_it_stands_and_names_it() {
        let base64 = BASE64.encode(format!("me:{SECRET}").as_bytes());
        let hex = HEXLOWER.encode(SECRET.as_bytes());
        let percent: String = SECRET.bytes().map(|byte| format!("%{byte:02x}")).collect();
        for (mut value, expected) in [
            (
                json!({"a": [format!("x {SECRET} y"), 1]}),
                Some(json!({"a": ["x ${secret:DB} y", 1]})),
            ),
            (json!({SECRET: 1}), Some(json!({"${secret:DB}": 1}))),
            (json!(format!("Basic {base64}")), None),
            (json!(hex), None),
            (json!(format!("?p={percent}")), None),
            (json!([["hunter2", "-hun"], "ter2"]), None),
        ] {
            let names = Redactor::new([("DB", SECRET)]).conceal(&mut value);
            assert_eq!(names, BTreeSet::from(["DB".to_owned()]), "{value}");
            if let Some(expected) = expected {
                assert_eq!(value, expected);
            }
            let text = value.to_string();
            assert!(
                Redactor::new([("DB", SECRET)]).conceal_text(&mut text.clone()).is_empty(),
                "{text}"
            );
        }
    }

    #[test]
    fn leaves_everything_else_as_it_is() {
        let redactor = Redactor::new([("DB", SECRET)]);
        let mut value =
            json!({"a": "sk-looks-like-one-0123456789abcdefghij", "b": [null, 1.5, "hunter2"]});
        let before = value.clone();
        assert!(redactor.conceal(&mut value).is_empty());
        assert_eq!(value, before);
        assert!(Redactor::default().conceal(&mut json!(SECRET)).is_empty());
    }
}
