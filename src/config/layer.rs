//! One layer: the settings that one source gives, each with where it stands.

use super::key::Key;
use super::lookup;
use super::renamed::renamed;
use super::{Origin, Setting, read};
use crate::contracts::Diagnostic;
use crate::yaml::{self, Entry, Node, Place, Value, did_you_mean};

/// Bounds of a configuration file.
const YAML_LIMITS: yaml::Limits = yaml::Limits { bytes: 1 << 20, depth: 16, nodes: 20_000 };
/// Longest name of a tool or profile, in bytes.
const NAME_BYTES_MAX: usize = 128;

/// One setting of a layer.
#[derive(Debug, Clone)]
pub(super) struct Given {
    /// The key with its names put in.
    pub(super) path: String,
    pub(super) key: &'static Key,
    pub(super) setting: Setting,
    pub(super) origin: Origin,
    pub(super) file: String,
    pub(super) place: Place,
}

/// Reads settings of one source and collects every mistake.
pub(super) struct Reader<'a> {
    pub(super) file: &'a str,
    pub(super) origin: &'a dyn Fn(Place) -> Origin,
    pub(super) given: Vec<Given>,
    pub(super) mistakes: Vec<Diagnostic>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(file: &'a str, origin: &'a dyn Fn(Place) -> Origin) -> Self {
        Self { file, origin, given: Vec::new(), mistakes: Vec::new() }
    }

    /// The document's root, if it can be read at all.
    pub(super) fn parse(&mut self, text: &str) -> Option<Node> {
        match yaml::parse(self.file, text, YAML_LIMITS) {
            Ok(node) => Some(node),
            Err(mistakes) => {
                self.mistakes.extend(mistakes);
                None
            }
        }
    }

    /// Everything in a file of the reference's shape.
    pub(super) fn document(&mut self, text: &str) {
        if let Some(root) = self.parse(text) {
            self.section(&mut Vec::new(), &root);
        }
    }

    /// Everything under `parts`. A section with nothing in it counts as absent.
    pub(super) fn section(&mut self, parts: &mut Vec<String>, node: &Node) {
        if node.value == Value::Null {
            return;
        }
        let Some(entries) = node.as_map() else {
            let what = section_name(parts);
            let message = format!("{what} must be a mapping, not {}", node.kind());
            self.mistakes.push(node.error(self.file, "wrong-type", message));
            return;
        };
        for entry in entries {
            parts.push(entry.key.clone());
            self.entry(parts, entry);
            parts.pop();
        }
    }

    fn entry(&mut self, parts: &mut Vec<String>, entry: &Entry) {
        let words: Vec<&str> = parts.iter().map(String::as_str).collect();
        if let Some(unknown) = unknown(&words) {
            self.mistakes.push(unknown.at(self.file, entry.place));
        } else if lookup::key_of(&words).is_some() {
            self.leaf(&words, &entry.value, entry.place);
        } else {
            self.section(parts, &entry.value);
        }
    }

    /// The setting of the key that `words` name, which must exist.
    pub(super) fn leaf(&mut self, words: &[&str], node: &Node, place: Place) {
        let path = words.join(".");
        let Some(key) = lookup::key_of(words) else {
            let unknown = unknown(words).unwrap_or_else(|| Unknown::section(&path));
            self.mistakes.push(unknown.at(self.file, place));
            return;
        };
        match read::setting(self.file, &path, key.kind, node) {
            Ok(setting) => {
                let (origin, file) = ((self.origin)(place), self.file.to_owned());
                self.given.push(Given { path, key, setting, origin, file, place });
            }
            Err(mistake) => self.mistakes.push(mistake),
        }
    }

    /// The setting of `path`, written in one line of text: a variable or a flag.
    pub(super) fn text(&mut self, words: &[&str], text: &str, place: Place) {
        let before = self.mistakes.len();
        if let Some(node) = self.parse(text) {
            self.leaf(words, &node, place);
        }
        // The text has one line of its own; what a person looks for is the line it was given in.
        for mistake in self.mistakes.iter_mut().skip(before) {
            (mistake.line, mistake.column) = (place.line, place.column);
        }
    }
}

/// A key that does not exist.
pub(super) struct Unknown {
    message: String,
    suggestion: Option<String>,
}

impl Unknown {
    fn section(path: &str) -> Self {
        let message = format!("`{path}` is a section: name a key in it");
        Self { message, suggestion: None }
    }

    pub(super) fn at(self, file: &str, place: Place) -> Diagnostic {
        let diagnostic = place.error(file, "unknown-key", self.message);
        match self.suggestion {
            Some(suggestion) => diagnostic.suggest(suggestion),
            None => diagnostic,
        }
    }
}

/// What is wrong with the last of `words`, if nothing begins like this.
fn unknown(words: &[&str]) -> Option<Unknown> {
    for (index, word) in words.iter().enumerate() {
        let (before, through) = (words.get(..index)?, words.get(..=index)?);
        let known = lookup::words_after(before);
        let named = known.contains(&"*");
        if named && !is_name(word) {
            let message = format!(
                "`{}` is no name: letters, digits, `_`, `-`, `:` and `/`, at most {NAME_BYTES_MAX}",
                word.escape_debug()
            );
            return Some(Unknown { message, suggestion: None });
        }
        if !named && !known.contains(word) {
            let message =
                format!("{} has no key `{}`", section_name(before), through.last().unwrap_or(word));
            let suggestion = renamed(words).or_else(|| did_you_mean(word, known));
            return Some(Unknown { message, suggestion });
        }
    }
    None
}

fn is_name(word: &str) -> bool {
    word.len() <= NAME_BYTES_MAX
        && word.starts_with(|c: char| c.is_ascii_alphanumeric())
        && word.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | ':' | '/'))
}

fn section_name<T: AsRef<str>>(parts: &[T]) -> String {
    if parts.is_empty() {
        return "the configuration".to_owned();
    }
    let parts: Vec<&str> = parts.iter().map(AsRef::as_ref).collect();
    format!("`{}`", parts.join("."))
}
