//! From text to tree, with a limit on everything.

use std::collections::{HashMap, hash_map};

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span};

use super::{Entry, Node, Place, Value};
use crate::contracts::Diagnostic;

/// Bounds of a document.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Largest file, in bytes.
    pub bytes: usize,
    /// Deepest nesting.
    pub depth: usize,
    /// Most values, those that aliases repeat included.
    pub nodes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { bytes: 1 << 20, depth: 32, nodes: 100_000 }
    }
}

/// Reads one document. An empty file is [`Value::Null`].
///
/// # Errors
/// Every duplicate key and repeated document, or the first mistake that stops reading: broken
/// syntax, a tab as indentation, a limit met.
pub fn parse(file: &str, text: &str, limits: Limits) -> Result<Node, Vec<Diagnostic>> {
    if text.len() > limits.bytes {
        let message =
            format!("the file has {} bytes; at most {} are read", text.len(), limits.bytes);
        return Err(vec![Diagnostic::error("too-large", message, file, 1, 1)]);
    }
    let mut builder = Builder::new(file, limits);
    for event in Parser::new_from_str(text) {
        let step = match event {
            Ok((event, span)) => builder.take(event, place(span)),
            Err(error) => Err(syntax(file, text, &error)),
        };
        if let Err(diagnostic) = step {
            builder.mistakes.push(diagnostic);
            return Err(builder.mistakes);
        }
    }
    builder.finish()
}

/// A half-built list or mapping.
enum Open {
    List {
        place: Place,
        anchor: usize,
        items: Vec<Node>,
    },
    Map {
        place: Place,
        anchor: usize,
        entries: Vec<Entry>,
        key: Option<(String, Place)>,
        /// Where each key stood first.
        first: HashMap<String, Place>,
    },
}

struct Builder<'a> {
    file: &'a str,
    limits: Limits,
    open: Vec<Open>,
    root: Option<Node>,
    anchors: HashMap<usize, (Node, usize)>,
    nodes: usize,
    mistakes: Vec<Diagnostic>,
}

impl<'a> Builder<'a> {
    fn new(file: &'a str, limits: Limits) -> Self {
        let (open, anchors, mistakes) = (Vec::new(), HashMap::new(), Vec::new());
        Self { file, limits, open, root: None, anchors, nodes: 0, mistakes }
    }

    fn finish(self) -> Result<Node, Vec<Diagnostic>> {
        if !self.mistakes.is_empty() {
            return Err(self.mistakes);
        }
        let empty = Node { place: Place { line: 1, column: 1 }, value: Value::Null };
        Ok(self.root.unwrap_or(empty))
    }

    fn take(&mut self, event: Event<'_>, place: Place) -> Result<(), Diagnostic> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let texted =
                    tag.is_some_and(|tag| tag.is_yaml_core_schema() && tag.suffix == "str");
                let value = scalar(&text, style, texted);
                self.value(Node { place, value }, anchor, 1)
            }
            Event::SequenceStart(anchor, _) => {
                self.nest(place, Open::List { place, anchor, items: Vec::new() })
            }
            Event::MappingStart(anchor, _) => {
                let (entries, first) = (Vec::new(), HashMap::new());
                self.nest(place, Open::Map { place, anchor, entries, key: None, first })
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(),
            Event::Alias(anchor) => self.alias(anchor, place),
            Event::DocumentStart(_) if self.root.is_some() => Err(place.error(
                self.file,
                "second-document",
                "a second document begins here; one is read",
            )),
            _ => Ok(()),
        }
    }

    fn nest(&mut self, place: Place, open: Open) -> Result<(), Diagnostic> {
        if self.open.len() >= self.limits.depth {
            let message = format!("nested deeper than {} levels", self.limits.depth);
            return Err(place.error(self.file, "too-deep", message));
        }
        if let Some(Open::Map { key: None, .. }) = self.open.last() {
            return Err(place.error(self.file, "complex-key", "a key must be a text"));
        }
        self.open.push(open);
        Ok(())
    }

    fn close(&mut self) -> Result<(), Diagnostic> {
        match self.open.pop() {
            Some(Open::List { place, anchor, items }) => {
                self.value(Node { place, value: Value::List(items) }, anchor, 1)
            }
            Some(Open::Map { place, anchor, entries, .. }) => {
                self.value(Node { place, value: Value::Map(entries) }, anchor, 1)
            }
            None => Ok(()),
        }
    }

    fn alias(&mut self, anchor: usize, place: Place) -> Result<(), Diagnostic> {
        let Some((node, size)) = self.anchors.get(&anchor) else {
            return Err(place.error(
                self.file,
                "unknown-alias",
                "no anchor with this name stands before it",
            ));
        };
        let (node, size) = (Node { place, value: node.value.clone() }, *size);
        self.value(node, 0, size)
    }

    /// Puts a finished value where it belongs: as a key, into what is open, or as the root.
    fn value(&mut self, node: Node, anchor: usize, size: usize) -> Result<(), Diagnostic> {
        self.nodes += size;
        if self.nodes > self.limits.nodes {
            let message = format!("more than {} values, repeated ones included", self.limits.nodes);
            return Err(node.error(self.file, "too-many-values", message));
        }
        if anchor != 0 {
            self.anchors.insert(anchor, (node.clone(), count(&node)));
        }
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some(Open::List { items, .. }) => items.push(node),
            Some(Open::Map { entries, key, .. }) => match key.take() {
                Some((key, place)) => entries.push(Entry { key, place, value: node }),
                None => return self.key(node),
            },
        }
        Ok(())
    }

    fn key(&mut self, node: Node) -> Result<(), Diagnostic> {
        let text = match node.value {
            Value::Text { text, .. } | Value::Float { text, .. } => text,
            Value::Bool(value) => value.to_string(),
            Value::Int(value) => value.to_string(),
            Value::Null => "null".to_owned(),
            Value::List(_) | Value::Map(_) => {
                return Err(node.place.error(self.file, "complex-key", "a key must be a text"));
            }
        };
        if let Some(Open::Map { key, first, .. }) = self.open.last_mut() {
            match first.entry(text.clone()) {
                hash_map::Entry::Vacant(new) => {
                    new.insert(node.place);
                }
                hash_map::Entry::Occupied(first) => {
                    let line = first.get().line;
                    let message = format!("`{text}` stands here twice; first in line {line}");
                    self.mistakes.push(node.place.error(self.file, "duplicate-key", message));
                }
            }
            *key = Some((text, node.place));
        }
        Ok(())
    }
}

fn place(span: Span) -> Place {
    let narrow = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    Place { line: narrow(span.start.line()), column: narrow(span.start.col() + 1) }
}

fn syntax(file: &str, text: &str, error: &ScanError) -> Diagnostic {
    let marker = error.marker();
    let narrow = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    match tab(text, marker.line(), error.info()) {
        Some((line, column)) => {
            Diagnostic::error("yaml-syntax", error.info(), file, narrow(line), narrow(column))
                .suggest("indent with spaces; YAML does not take tabs")
        }
        None => {
            let (line, column) = (narrow(marker.line()), narrow(marker.col() + 1));
            Diagnostic::error("yaml-syntax", error.info(), file, line, column)
        }
    }
}

/// Line and column of the tab that indents the line of a mistake. A value without quotes may go on in
/// the next line, and the mistake is then noted where the value ends: the tab comes after it.
fn tab(text: &str, line: usize, info: &str) -> Option<(usize, usize)> {
    let indent = |line: &str| {
        let spaces = line.chars().take_while(|c| *c == ' ').count();
        (line.chars().nth(spaces) == Some('\t')).then_some(spaces + 1)
    };
    let mut lines = (1_usize..).zip(text.lines()).skip(line.saturating_sub(1));
    let (number, here) = lines.next()?;
    if let Some(column) = indent(here) {
        return Some((number, column));
    }
    if !info.contains("tab") {
        return None;
    }
    lines.find_map(|(number, line)| indent(line).map(|column| (number, column)))
}

fn count(node: &Node) -> usize {
    1 + match &node.value {
        Value::List(items) => items.iter().map(count).sum(),
        Value::Map(entries) => entries.iter().map(|entry| 1 + count(&entry.value)).sum(),
        _ => 0,
    }
}

fn scalar(text: &str, style: ScalarStyle, texted: bool) -> Value {
    let plain = style == ScalarStyle::Plain;
    if !plain || texted {
        return Value::Text { text: text.to_owned(), plain: false };
    }
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        _ => number(text).unwrap_or_else(|| Value::Text { text: text.to_owned(), plain: true }),
    }
}

fn number(text: &str) -> Option<Value> {
    let digits = text.trim_start_matches(['+', '-']);
    if let Some(hex) = text.strip_prefix("0x") {
        return i64::from_str_radix(hex, 16).ok().map(Value::Int);
    }
    if let Some(octal) = text.strip_prefix("0o") {
        return i64::from_str_radix(octal, 8).ok().map(Value::Int);
    }
    if !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    if let Ok(whole) = text.parse() {
        return Some(Value::Int(whole));
    }
    let number: f64 = text.parse().ok()?;
    number.is_finite().then(|| Value::Float { number, text: text.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_keys_in_one_mapping_are_read_up_to_the_limit() {
        let text = |keys: usize| (0..keys).map(|key| format!("key{key:06}: 1234\n")).collect();
        let (fits, many): (String, String) = (text(49_999), text(50_000));
        let limits = Limits::default();
        assert!(many.len() < limits.bytes);
        let Ok(Node { value: Value::Map(entries), .. }) = parse("f", &fits, limits) else {
            panic!("99,999 values are not too many");
        };
        assert_eq!(entries.len(), 49_999);
        let mistakes = parse("f", &many, limits).unwrap_err();
        assert_eq!(mistakes[0].code, "too-many-values");
    }

    #[test]
    fn a_key_that_stands_thrice_is_named_twice_with_its_first_place() {
        let mistakes =
            parse("f", "a: 1\n1: 2\na: 3\n\"1\": 4\na: { a: 5 }\n", Limits::default()).unwrap_err();
        let found: Vec<(u32, bool)> =
            mistakes.iter().map(|m| (m.line, m.message.contains("first in line 1"))).collect();
        assert_eq!(found, [(3, true), (4, false), (5, true)]);
    }

    #[test]
    fn a_tab_as_indentation_is_shown_where_it_stands() {
        for (text, line, column) in [
            ("schema: 1\n\tname: x", 2, 1),
            ("schema: 1\n\n\tname: x", 3, 1),
            ("a:\n\tb: 1", 2, 1),
            ("a:\n  b: 1\n  \tc: 2", 3, 3),
            ("a:\n  - x\n\t- y", 3, 1),
            ("a: |\n\tx", 2, 1),
        ] {
            let mistakes = parse("f", text, Limits::default()).unwrap_err();
            let mistake = &mistakes[0];
            assert_eq!((mistake.line, mistake.column), (line, column), "{text:?}: {mistake:?}");
            let suggestion = mistake.suggestion.as_deref();
            assert_eq!(suggestion, Some("indent with spaces; YAML does not take tabs"), "{text:?}");
        }
    }

    #[test]
    fn a_mistake_that_is_no_tab_is_not_called_one() {
        for text in ["a: [1\nb: 2", "a: \"x", "a: 1\n b: 2\nc:\n- \"\tx\""] {
            let mistakes = parse("f", text, Limits::default()).unwrap_err();
            assert_eq!(mistakes[0].suggestion, None, "{text:?}: {mistakes:?}");
        }
    }
}
