//! Lists of words from a closed set.

use crate::contracts::Diagnostic;
use crate::yaml::{Fields, Place, did_you_mean};

/// The words under `key`, each one of `known`. A single word counts as a list of one; an empty
/// list is a mistake, because it could never hold.
pub(in crate::policy) fn choices<T: Copy>(
    file: &str,
    fields: &mut Fields<'_>,
    key: &'static str,
    known: &[(&'static str, T)],
    mistakes: &mut Vec<Diagnostic>,
) -> Option<Vec<T>> {
    let texts = fields.texts(key, mistakes)?;
    if texts.is_empty() {
        let message = format!("`{key}` is an empty list: it could never hold");
        mistakes.push(fields.place().error(file, "empty-list", message));
        return None;
    }
    Some(
        texts
            .into_iter()
            .filter_map(|(text, place)| one_of(file, key, text, place, known, mistakes))
            .collect(),
    )
}

/// The value of the word `text`.
pub(in crate::policy) fn one_of<T: Copy>(
    file: &str,
    key: &str,
    text: &str,
    place: Place,
    known: &[(&'static str, T)],
    mistakes: &mut Vec<Diagnostic>,
) -> Option<T> {
    if let Some((_, value)) = known.iter().find(|(word, _)| *word == text) {
        return Some(*value);
    }
    let words: Vec<&str> = known.iter().map(|(word, _)| *word).collect();
    let message = format!("`{text}` is not a value of `{key}`: expected {}", words.join(", "));
    let diagnostic = place.error(file, "bad-value", message);
    mistakes.push(match did_you_mean(text, words) {
        Some(suggestion) => diagnostic.suggest(suggestion),
        None => diagnostic,
    });
    None
}
