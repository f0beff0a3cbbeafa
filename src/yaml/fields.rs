//! Reading a mapping field by field, collecting every mistake instead of stopping at the first.

use super::{Entry, Node, Place, Value, did_you_mean};
use crate::contracts::{Diagnostic, parse_duration_ms};

/// The fields of one mapping. Each reader notes a mistake and answers `None` when a value is of
/// the wrong kind; [`Fields::finish`] notes the keys nobody asked for.
#[derive(Debug)]
pub struct Fields<'a> {
    file: &'a str,
    what: &'a str,
    place: Place,
    entries: &'a [Entry],
    known: Vec<&'static str>,
}

impl<'a> Fields<'a> {
    /// The fields of `node`, which is `what` in messages, such as `a step`. A node that is no
    /// mapping is a mistake and `None`.
    pub fn of(
        file: &'a str,
        what: &'a str,
        node: &'a Node,
        mistakes: &mut Vec<Diagnostic>,
    ) -> Option<Self> {
        if let Some(entries) = node.as_map() {
            return Some(Self { file, what, place: node.place, entries, known: Vec::new() });
        }
        let message = format!("{what} must be a mapping, not {}", node.kind());
        mistakes.push(node.error(file, "wrong-type", message));
        None
    }

    /// Where the mapping begins.
    #[must_use]
    pub const fn place(&self) -> Place {
        self.place
    }

    /// The node under `key`, whatever it is. A key with nothing behind it counts as absent.
    pub fn node(&mut self, key: &'static str) -> Option<&'a Node> {
        self.entry(key).map(|entry| &entry.value).filter(|node| node.value != Value::Null)
    }

    /// The entry with `key`, for the key's place.
    pub fn entry(&mut self, key: &'static str) -> Option<&'a Entry> {
        self.known.push(key);
        self.entries.iter().find(|entry| entry.key == key)
    }

    /// The text under `key`.
    pub fn text(&mut self, key: &'static str, mistakes: &mut Vec<Diagnostic>) -> Option<&'a str> {
        let node = self.node(key)?;
        match &node.value {
            Value::Text { text, .. } => Some(text),
            _ => {
                self.wrong(key, "a text", node, mistakes);
                None
            }
        }
    }

    /// The text under `key`, which must be there.
    pub fn required_text(
        &mut self,
        key: &'static str,
        mistakes: &mut Vec<Diagnostic>,
    ) -> Option<&'a str> {
        if self.node(key).is_none() {
            let message = format!("{} needs `{key}`", self.what);
            mistakes.push(self.place.error(self.file, "missing-key", message));
        }
        self.text(key, mistakes)
    }

    /// The boolean under `key`. `yes`, `no`, `on` and `off` are mistakes that say what to write.
    pub fn boolean(&mut self, key: &'static str, mistakes: &mut Vec<Diagnostic>) -> Option<bool> {
        let node = self.node(key)?;
        match &node.value {
            Value::Bool(value) => Some(*value),
            _ => {
                self.wrong_kind(key, "`true` or `false`", node, mistakes);
                None
            }
        }
    }

    /// The whole number under `key`, at least 0.
    pub fn count(&mut self, key: &'static str, mistakes: &mut Vec<Diagnostic>) -> Option<u64> {
        let node = self.node(key)?;
        match &node.value {
            Value::Int(number) => {
                let count = u64::try_from(*number).ok();
                if count.is_none() {
                    let message = format!(
                        "`{key}` must be a whole number, 0 or more: {number} is less than 0"
                    );
                    mistakes.push(node.error(self.file, "bad-value", message));
                }
                count
            }
            _ => {
                self.wrong_kind(key, "a whole number, 0 or more", node, mistakes);
                None
            }
        }
    }

    /// The number under `key`.
    pub fn number(&mut self, key: &'static str, mistakes: &mut Vec<Diagnostic>) -> Option<f64> {
        let node = self.node(key)?;
        match &node.value {
            #[allow(clippy::cast_precision_loss, reason = "numbers in files are small")]
            Value::Int(number) => Some(*number as f64),
            Value::Float { number, .. } => Some(*number),
            _ => {
                self.wrong_kind(key, "a number", node, mistakes);
                None
            }
        }
    }

    /// The duration under `key`, in milliseconds.
    pub fn duration_ms(
        &mut self,
        key: &'static str,
        mistakes: &mut Vec<Diagnostic>,
    ) -> Option<u64> {
        let node = self.node(key)?;
        let Some(text) = node.as_text() else {
            self.wrong_kind(key, "a duration such as `90s`", node, mistakes);
            return None;
        };
        match parse_duration_ms(text) {
            Ok(ms) => Some(ms),
            Err(error) => {
                mistakes.push(node.error(self.file, "bad-duration", error.to_string()));
                None
            }
        }
    }

    /// The list under `key`.
    pub fn list(
        &mut self,
        key: &'static str,
        mistakes: &mut Vec<Diagnostic>,
    ) -> Option<&'a [Node]> {
        let node = self.node(key)?;
        let items = node.as_list();
        if items.is_none() {
            self.wrong_kind(key, "a list", node, mistakes);
        }
        items
    }

    /// The list of texts under `key`, with their places. A single text counts as a list of one.
    pub fn texts(
        &mut self,
        key: &'static str,
        mistakes: &mut Vec<Diagnostic>,
    ) -> Option<Vec<(&'a str, Place)>> {
        let node = self.node(key)?;
        if let Some(text) = node.as_text() {
            return Some(vec![(text, node.place)]);
        }
        let Some(items) = node.as_list() else {
            self.wrong(key, "a list of texts", node, mistakes);
            return None;
        };
        let mut texts = Vec::with_capacity(items.len());
        for item in items {
            match item.as_text() {
                Some(text) => texts.push((text, item.place)),
                None => self.wrong(key, "a list of texts", item, mistakes),
            }
        }
        Some(texts)
    }

    /// One of the words in `choices` under `key`.
    pub fn choice<T: Copy>(
        &mut self,
        key: &'static str,
        choices: &[(&str, T)],
        mistakes: &mut Vec<Diagnostic>,
    ) -> Option<T> {
        let node = self.node(key)?;
        let text = self.text(key, mistakes)?;
        if let Some((_, value)) = choices.iter().find(|(word, _)| *word == text) {
            return Some(*value);
        }
        let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
        let message = format!("`{text}` is not a value of `{key}`: expected {}", words.join(", "));
        mistakes.push(with(node.error(self.file, "bad-value", message), did_you_mean(text, words)));
        None
    }

    /// The keys that readers asked for so far.
    #[must_use]
    pub fn known(&self) -> &[&'static str] {
        &self.known
    }

    /// Notes every key that no reader asked for.
    pub fn finish(self, mistakes: &mut Vec<Diagnostic>) {
        for entry in self.entries.iter().filter(|entry| !self.known.contains(&entry.key.as_str())) {
            let message = format!("{} has no key `{}`", self.what, entry.key);
            let diagnostic = entry.place.error(self.file, "unknown-key", message);
            mistakes.push(with(diagnostic, did_you_mean(&entry.key, self.known.iter().copied())));
        }
    }

    /// A value of the wrong kind, where a text would do.
    fn wrong(&self, key: &str, expected: &str, node: &Node, mistakes: &mut Vec<Diagnostic>) {
        let quoted = matches!(node.value, Value::Int(_) | Value::Bool(_))
            .then(|| "put it in quotes to make it a text".to_owned());
        mistakes.push(with(self.wrong_type(key, expected, node), quoted.or_else(|| trap(node))));
    }

    /// A value of the wrong kind, where a text would be wrong as well.
    fn wrong_kind(&self, key: &str, expected: &str, node: &Node, mistakes: &mut Vec<Diagnostic>) {
        mistakes.push(with(self.wrong_type(key, expected, node), trap(node)));
    }

    fn wrong_type(&self, key: &str, expected: &str, node: &Node) -> Diagnostic {
        let message = format!("`{key}` must be {expected}, not {}", node.kind());
        node.error(self.file, "wrong-type", message)
    }
}

fn with(diagnostic: Diagnostic, suggestion: Option<String>) -> Diagnostic {
    match suggestion {
        Some(suggestion) => diagnostic.suggest(suggestion),
        None => diagnostic,
    }
}

/// What to write instead of a value that YAML reads otherwise than people expect.
fn trap(node: &Node) -> Option<String> {
    match &node.value {
        Value::Text { text, plain: true } => match text.to_ascii_lowercase().as_str() {
            "yes" | "on" | "y" => Some(format!("`{text}` is a text in YAML 1.2: write `true`")),
            "no" | "off" | "n" => Some(format!("`{text}` is a text in YAML 1.2: write `false`")),
            _ => None,
        },
        Value::Float { text, .. } => Some(format!("`{text}` is a number with a fraction in YAML")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::{Limits, parse};

    fn mistake(text: &str, read: impl FnOnce(&mut Fields<'_>, &mut Vec<Diagnostic>)) -> String {
        let node = parse("f", text, Limits::default()).unwrap();
        let mut mistakes = Vec::new();
        let mut fields = Fields::of("f", "a step", &node, &mut mistakes).unwrap();
        read(&mut fields, &mut mistakes);
        let [mistake] = mistakes.as_slice() else { panic!("{text}: {mistakes:?}") };
        let suggestion = mistake.suggestion.as_deref().unwrap_or("-");
        format!("{}; {suggestion}", mistake.message)
    }

    #[test]
    fn says_what_is_wrong_with_a_number() {
        let count = |text: &str| {
            mistake(text, |fields, mistakes| {
                fields.count("n", mistakes);
            })
        };
        let must = "`n` must be a whole number, 0 or more";
        assert_eq!(count("n: -1"), format!("{must}: -1 is less than 0; -"));
        assert_eq!(count("n: true"), format!("{must}, not a boolean; -"));
        let fraction = "`1.5` is a number with a fraction in YAML";
        assert_eq!(count("n: 1.5"), format!("{must}, not a number; {fraction}"));
    }

    #[test]
    fn quotes_are_recommended_only_where_a_text_is_wanted() {
        let quotes = "put it in quotes to make it a text";
        let text = mistake("n: 1", |fields, mistakes| {
            fields.text("n", mistakes);
        });
        assert_eq!(text, format!("`n` must be a text, not a whole number; {quotes}"));
        let list = mistake("n: 1", |fields, mistakes| {
            fields.list("n", mistakes);
        });
        assert_eq!(list, "`n` must be a list, not a whole number; -");
        let duration = mistake("n: 1", |fields, mistakes| {
            fields.duration_ms("n", mistakes);
        });
        assert_eq!(duration, "`n` must be a duration such as `90s`, not a whole number; -");
    }
}
