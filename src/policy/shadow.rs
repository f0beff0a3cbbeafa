//! Rules that can never decide anything, because another one denies all that they are about.

use std::collections::{BTreeMap, BTreeSet};

use super::Layer;
use super::compile::LayerRules;
use super::rule::Rule;
use crate::contracts::{Diagnostic, Effect};

/// Most pairs of rules that are compared: sets are small, and hostile files are not waited for.
const PAIRS_MAX: usize = 400_000;

/// Notes each rule that another one of its layer, which denies the same tools whatever they do, makes
/// idle.
pub(super) fn shadowed(layer: &LayerRules, mistakes: &mut Vec<Diagnostic>) {
    compare(&walls(layer), layer, "shadowed", mistakes);
}

/// Notes each `allow` that a layer above makes idle: a lower one never loosens it.
pub(super) fn shadowed_from_above(
    layers: &BTreeMap<Layer, LayerRules>,
    mistakes: &mut Vec<Diagnostic>,
) {
    let mut above: Vec<&Rule> = Vec::new();
    for (_, rules) in layers.iter().filter(|(layer, _)| **layer != Layer::BuiltIn) {
        compare(&above, rules, "idle-allow", mistakes);
        above.extend(walls(rules));
    }
}

/// The rules that deny whatever their tools do; of several that say the same, the first.
fn walls(layer: &LayerRules) -> Vec<&Rule> {
    let mut seen = BTreeSet::new();
    let rules = layer.documents.iter().flat_map(|document| &document.rules);
    rules
        .filter(|rule| rule.effect == Effect::Deny && rule.when.is_none())
        .filter(|rule| {
            let on = rule.node.get("on").map(|on| on.to_json().to_string());
            seen.insert((rule.profile_words(), on))
        })
        .collect()
}

fn compare(walls: &[&Rule], layer: &LayerRules, code: &str, mistakes: &mut Vec<Diagnostic>) {
    let rules = layer.documents.iter().flat_map(|document| &document.rules);
    let weaker = rules.filter(|rule| match code {
        "idle-allow" => rule.effect == Effect::Allow,
        _ => rule.effect != Effect::Deny,
    });
    let mut pairs = 0;
    for rule in weaker {
        pairs += walls.len();
        if pairs > PAIRS_MAX {
            return;
        }
        let Some(wall) = walls.iter().find(|wall| covers(wall, rule)) else { continue };
        let (id, file, line) = (&wall.id, &wall.file, wall.place.line);
        let message = format!(
            "`{}` can never decide: `{id}` ({file}:{line}) denies every call that it is about",
            rule.id,
        );
        let warning = rule.place.error(&rule.file, code, message).as_warning();
        mistakes.push(warning.suggest("remove one of the two, or narrow the other with `when`"));
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
