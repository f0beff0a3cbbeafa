//! `arg: {NAME: {equals, one_of, matches, gt, lt}}`.

use std::fmt;

use regex::Regex;
use serde_json::Value;

use crate::contracts::{Diagnostic, Map};
use crate::policy::case::Case;
use crate::policy::truth::Truth;
use crate::yaml::{Entry, Fields, Node};

/// Largest compiled pattern, in bytes.
const PATTERN_BYTES_MAX: usize = 1 << 20;

/// What an argument must be.
#[derive(Debug, Clone)]
pub(in crate::policy) struct ArgIs {
    name: String,
    equals: Option<Value>,
    one_of: Option<Vec<Value>>,
    matches: Option<Regex>,
    gt: Option<f64>,
    lt: Option<f64>,
}

impl ArgIs {
    pub(super) fn read(file: &str, entry: &Entry, mistakes: &mut Vec<Diagnostic>) -> Option<Self> {
        let what = format!("argument `{}`", entry.key);
        let mut fields = Fields::of(file, &what, &entry.value, mistakes)?;
        let equals = fields.node("equals").map(Node::to_json);
        let items = fields.list("one_of", mistakes);
        let one_of = items.map(|items| items.iter().map(Node::to_json).collect());
        let node = fields.node("matches");
        let text = fields.text("matches", mistakes);
        let matches = node.zip(text).and_then(|(node, text)| pattern(file, node, text, mistakes));
        let gt = fields.number("gt", mistakes);
        let lt = fields.number("lt", mistakes);
        fields.finish(mistakes);
        let this = Self { name: entry.key.clone(), equals, one_of, matches, gt, lt };
        if this.is_empty() && text.is_none() {
            let message = format!(
                "{what} names nothing: give it `equals`, `one_of`, `matches`, `gt` or `lt`"
            );
            mistakes.push(entry.place.error(file, "empty-predicate", message));
        }
        Some(this)
    }

    const fn is_empty(&self) -> bool {
        self.equals.is_none()
            && self.one_of.is_none()
            && self.matches.is_none()
            && self.gt.is_none()
            && self.lt.is_none()
    }

    /// An argument that is absent meets nothing.
    pub(super) fn holds(&self, case: &Case<'_>) -> Truth {
        let unknown = case.request.unknown.iter().any(|arg| {
            self.name
                .strip_prefix(arg.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        });
        if unknown {
            return Truth::Unknown;
        }
        Truth::of(find(&case.request.args, &self.name).is_some_and(|value| self.fits(value)))
    }

    fn fits(&self, value: &Value) -> bool {
        self.equals.as_ref().is_none_or(|wanted| same(wanted, value))
            && self.one_of.as_ref().is_none_or(|all| all.iter().any(|wanted| same(wanted, value)))
            && self.matches.as_ref().is_none_or(|pattern| is_match(pattern, value))
            && self.gt.is_none_or(|bound| value.as_f64().is_some_and(|number| number > bound))
            && self.lt.is_none_or(|bound| value.as_f64().is_some_and(|number| number < bound))
    }

    pub(super) fn found(&self, case: &Case<'_>) -> String {
        match find(&case.request.args, &self.name) {
            None => format!("no argument `{}`", self.name),
            Some(value) => format!("`{}` is `{}`", self.name, short(&value.to_string())),
        }
    }
}

/// The argument `name`, or the value inside of one that a name such as `mail.to.0` leads to.
fn find<'a>(args: &'a Map, name: &str) -> Option<&'a Value> {
    if let Some(value) = args.get(name) {
        return Some(value);
    }
    let mut parts = name.split('.');
    let first = args.get(parts.next()?)?;
    parts.try_fold(first, |value, part| match value {
        Value::Object(map) => map.get(part),
        Value::Array(items) => items.get(part.parse::<usize>().ok()?),
        _ => None,
    })
}

/// Numbers are the same when they are equal, however they are written.
fn same(wanted: &Value, value: &Value) -> bool {
    match (wanted.as_f64(), value.as_f64()) {
        (Some(a), Some(b)) => a.total_cmp(&b).is_eq(),
        _ => wanted == value,
    }
}

/// A list meets a pattern when one of its texts does.
fn is_match(pattern: &Regex, value: &Value) -> bool {
    match value {
        Value::String(text) => pattern.is_match(text),
        Value::Array(items) => items.iter().any(|item| is_match(pattern, item)),
        Value::Null => false,
        other => pattern.is_match(&other.to_string()),
    }
}

/// `text` as a regular expression; one that is none is a mistake.
pub(super) fn pattern(
    file: &str,
    node: &Node,
    text: &str,
    mistakes: &mut Vec<Diagnostic>,
) -> Option<Regex> {
    match regex::RegexBuilder::new(text).size_limit(PATTERN_BYTES_MAX).build() {
        Ok(pattern) => Some(pattern),
        Err(error) => {
            let why = error.to_string();
            let why = why.lines().last().unwrap_or_default().trim_start_matches("error: ");
            let message = format!("`{text}` is no regular expression: {why}");
            mistakes.push(node.error(file, "bad-regex", message));
            None
        }
    }
}

fn short(text: &str) -> String {
    match text.char_indices().nth(80) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text.to_owned(),
    }
}

impl fmt::Display for ArgIs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "argument `{}`", self.name)?;
        if let Some(value) = &self.equals {
            write!(f, " equal to {value}")?;
        }
        if let Some(values) = &self.one_of {
            let values: Vec<_> = values.iter().map(Value::to_string).collect();
            write!(f, " one of {}", values.join(", "))?;
        }
        if let Some(pattern) = &self.matches {
            write!(f, " matching `{pattern}`")?;
        }
        if let Some(bound) = self.gt {
            write!(f, " above {bound}")?;
        }
        if let Some(bound) = self.lt {
            write!(f, " below {bound}")?;
        }
        Ok(())
    }
}
