//! Rules that can never decide anything.

use super::compile::LayerRules;
use super::rule::Rule;
use crate::contracts::{Diagnostic, Effect};

/// Notes each rule that another one, which denies the same tools whatever they do, makes idle.
pub(super) fn shadowed(layer: &LayerRules, mistakes: &mut Vec<Diagnostic>) {
    let rules: Vec<&Rule> = layer.documents.iter().flat_map(|document| &document.rules).collect();
    let walls = rules.iter().filter(|rule| rule.effect == Effect::Deny && rule.when.is_none());
    for wall in walls {
        for rule in rules.iter().filter(|rule| rule.effect != Effect::Deny && covers(wall, rule)) {
            let message = format!(
                "`{}` can never decide: `{}` ({}:{}) denies every call that it is about",
                rule.id, wall.id, wall.file, wall.place.line,
            );
            mistakes.push(rule.place.error(&rule.file, "shadowed", message).as_warning());
        }
    }
}

fn covers(wall: &Rule, rule: &Rule) -> bool {
    let same_profiles = wall.profiles.is_none() || wall.profiles == rule.profiles;
    same_profiles
        && match (&wall.on, &rule.on) {
            (None, _) => true,
            (Some(wall), Some(rule)) => wall.covers(rule),
            (Some(_), None) => false,
        }
}
