//! Two rules of one layer about the same calls that say different things.

use std::collections::BTreeMap;

use crate::contracts::Diagnostic;
use crate::policy::compile::LayerRules;
use crate::policy::rule::Rule;

/// What a rule is about, in words that are the same for the same.
type About = (Vec<&'static str>, String, String);

/// Notes each rule whose calls are those of an earlier one with another effect: the stricter of the
/// two always decides, so the other one says nothing.
pub(super) fn lint(layer: &LayerRules, mistakes: &mut Vec<Diagnostic>) {
    let mut first: BTreeMap<About, &Rule> = BTreeMap::new();
    for rule in layer.documents.iter().flat_map(|document| &document.rules) {
        let part = |key| rule.node.get(key).map(|node| node.to_json().to_string());
        let about = (
            rule.profile_words(),
            part("on").unwrap_or_default(),
            part("when").unwrap_or_default(),
        );
        let Some(other) = first.get(&about) else {
            first.insert(about, rule);
            continue;
        };
        if other.effect == rule.effect {
            continue;
        }
        let (one, two) = (other.effect.as_str(), rule.effect.as_str());
        let (file, line) = (&other.file, other.place.line);
        let message = format!(
            "`{}` says {two} about the calls of which `{}` ({file}:{line}) says {one}: the stricter one always decides",
            rule.id, other.id,
        );
        let help = "keep one of them, or narrow one with `when`";
        let warning = rule.place.error(&rule.file, "contradictory", message).as_warning();
        mistakes.push(warning.suggest(help));
    }
}
