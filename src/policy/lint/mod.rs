//! What is wrong with rules that can be read: those that can never be about a call, never decide, or
//! say two things at once.
//!
//! Owns what is seen by looking at all rules of a set beside all tools. What is wrong with one value
//! is left to where it is read. What can never be right, whatever tools there are, is an error; what
//! hangs on the tools, layers and files there happen to be is a warning.

mod conflict;
mod hollow;
mod permission;
mod reach;

use std::collections::BTreeMap;

use super::Layer;
use super::compile::LayerRules;
use super::script::lint_literals;
use super::shadow::{shadowed, shadowed_from_above};
use crate::contracts::Diagnostic;
use crate::ports::Vocabulary;

/// Notes what is wrong with the rules of `layers`.
pub(super) fn lint(
    layers: &BTreeMap<Layer, LayerRules>,
    vocabulary: &Vocabulary,
    mistakes: &mut Vec<Diagnostic>,
) {
    for (layer, rules) in layers {
        shadowed(rules, mistakes);
        conflict::lint(rules, mistakes);
        for document in &rules.documents {
            for rule in &document.rules {
                hollow::lint(rule, mistakes);
                // Built-in rules are about tools that a program may not have; nobody can mend them.
                if *layer != Layer::BuiltIn {
                    reach::lint(rule, layers, vocabulary, mistakes);
                }
            }
        }
    }
    let documents = layers.values().flat_map(|rules| &rules.documents);
    let declared: Vec<String> = documents.flat_map(|one| one.tools.keys().cloned()).collect();
    for script in layers.values().flat_map(|rules| &rules.scripts) {
        lint_literals(script, &declared, vocabulary, mistakes);
    }
    shadowed_from_above(layers, mistakes);
    permission::lint(layers, mistakes);
}
