//! Scripts that call `allow` where no file of rules lets them.

use std::collections::BTreeMap;

use crate::contracts::Diagnostic;
use crate::policy::Layer;
use crate::policy::compile::LayerRules;

/// Notes each script that calls `allow` although no tool says `scripts_may_allow: true`.
pub(super) fn lint(layers: &BTreeMap<Layer, LayerRules>, mistakes: &mut Vec<Diagnostic>) {
    let documents = layers.values().flat_map(|layer| &layer.documents);
    let mut terms = documents.flat_map(|document| document.tools.values());
    if terms.any(|terms| terms.scripts_may_allow == Some(true)) {
        return;
    }
    for script in layers.values().flat_map(|layer| &layer.scripts) {
        if let Some(place) = script.allows {
            let message = "no file of rules lets a script allow anything: this call denies";
            let help = "write `tools: { NAME: { scripts_may_allow: true } }` in a file of rules";
            let warning = place.error(&script.file, "allow-not-permitted", message);
            mistakes.push(warning.as_warning().suggest(help));
        }
    }
}
