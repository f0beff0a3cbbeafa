//! What the readers of a file share: where mistakes go, and what names must exist.

use std::collections::BTreeSet;

use jsonschema::Validator;
use serde_json::{Value as Json, json};

use super::Profiles;
use crate::contracts::Diagnostic;
use crate::yaml::{Fields, Node, Place, did_you_mean};

/// A place in a file.
#[derive(Debug, Clone)]
pub(super) struct Spot {
    file: String,
    place: Place,
}

impl Spot {
    /// The beginning of `file`.
    pub(super) fn top(file: &str) -> Self {
        Self { file: file.to_owned(), place: Place { line: 1, column: 1 } }
    }

    /// A mistake here.
    pub(super) fn with(self, code: &str, message: String) -> Diagnostic {
        self.place.error(&self.file, code, message)
    }
}

/// One file being read.
pub(super) struct Around<'a> {
    file: &'a str,
    pub(super) profiles: &'a Profiles,
    pub(super) found: Vec<Diagnostic>,
}

impl<'a> Around<'a> {
    pub(super) const fn new(file: &'a str, profiles: &'a Profiles) -> Self {
        Self { file, profiles, found: Vec::new() }
    }

    pub(super) fn spot(&self, place: Place) -> Spot {
        Spot { file: self.file.to_owned(), place }
    }

    pub(super) fn mistake(&mut self, place: Place, code: &str, message: String) {
        self.found.push(place.error(self.file, code, message));
    }

    /// A JSON Schema and what checks by it; nothing outside of it may be named.
    pub(super) fn schema(&mut self, key: &str, node: &Node) -> (Json, Option<Validator>) {
        if node.as_map().is_none() {
            let message = format!("`{key}` is a JSON Schema: a mapping, not {}", node.kind());
            self.mistake(node.place, "wrong-type", message);
            return (json!({}), None);
        }
        let schema = node.to_json();
        match jsonschema::validator_for(&schema) {
            Ok(validator) => (schema, Some(validator)),
            Err(error) => {
                let message = format!("`{key}` is no JSON Schema: {}", error.masked());
                self.mistake(node.place, "bad-schema", message);
                (json!({}), None)
            }
        }
    }

    /// A list of arguments under `key`, each of which must be one.
    pub(super) fn arguments(
        &mut self,
        fields: &mut Fields<'_>,
        key: &'static str,
        known: &BTreeSet<String>,
    ) -> Option<Vec<String>> {
        let texts = fields.texts(key, &mut self.found)?;
        for (text, place) in &texts {
            self.known_argument(key, text, *place, known);
        }
        Some(texts.into_iter().map(|(text, _)| text.to_owned()).collect())
    }

    /// Notes an argument that `schema` does not have: policy would never see it.
    pub(super) fn known_argument(
        &mut self,
        key: &str,
        argument: &str,
        place: Place,
        known: &BTreeSet<String>,
    ) {
        if known.contains(argument) {
            return;
        }
        let message =
            format!("`{key}` names `{}`, which `schema` does not have", argument.escape_debug());
        let mistake = place.error(self.file, "unknown-argument", message);
        self.found.push(match did_you_mean(argument, known.iter().map(String::as_str)) {
            Some(like) => mistake.suggest(like),
            None => mistake,
        });
    }
}
