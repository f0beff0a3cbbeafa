//! Command-line clients of services that others use too: clouds, clusters, forges, vaults.
//!
//! Such a client has hundreds of verbs, and new ones every month. So what looks is listed, and
//! everything else counts as a change. The first word that is known decides: names of regions,
//! profiles and groups may stand before the verb.

use super::deed::is_destroying;
use super::fact::{Deed, Leaf};
use super::table::{CHANGES, CHANGES_BEGINNINGS, LOOKS, LOOKS_BEGINNINGS, SERVICES, Service};
use super::words::Sorted;

/// How many words are looked at.
const WORDS_MAX: usize = 6;

/// Flags with which nothing is done.
const DRY: [&str; 9] = [
    "dry-run",
    "dryrun",
    "help",
    "version",
    "noop",
    "syntax-check",
    "list-tasks",
    "list-hosts",
    "list-tags",
];

/// Notes that `leaf` changes something that others use.
pub(super) fn note(leaf: &mut Leaf, sorted: &Sorted) {
    if changes(leaf, sorted) == Some(true) {
        leaf.note(Deed::Change);
    }
}

/// Whether `leaf` is a client that only looks.
pub(super) fn looks(leaf: &Leaf, sorted: &Sorted) -> bool {
    changes(leaf, sorted) == Some(false)
}

/// Whether only something is shown or tried.
pub(super) fn is_dry(sorted: &Sorted) -> bool {
    // `--version 3` of a client that is given a verb is a version of what it changes.
    let dry = |flag: &&str| sorted.has(flag) && (*flag != "version" || sorted.operands.is_empty());
    DRY.iter().any(dry)
        && sorted
            .value("dry-run")
            .is_none_or(|value| !value.open && !matches!(value.text.as_str(), "none" | "false"))
}

/// `None` for a program that is no such client.
fn changes(leaf: &Leaf, sorted: &Sorted) -> Option<bool> {
    let service = SERVICES.iter().find(|service| service.names.contains(&leaf.program.as_str()))?;
    if is_dry(sorted) || leaf.program.starts_with("ansible") && sorted.has("check") {
        return Some(false);
    }
    let words = || leaf.positional.iter().take(WORDS_MAX).map(String::as_str);
    if words().next().is_none() {
        return Some(service.bare && !leaf.flags.is_empty());
    }
    if leaf.program.starts_with('g') && words().any(|word| word == "api") {
        return Some(writes_api(sorted));
    }
    let found = words().find_map(|word| verb(service, word));
    Some(found != Some(Verb::Looks) || leaf.program == "gsutil" && sorted.has("d"))
}

/// `gh api` and `glab api` write with a method, and whenever they are given fields.
fn writes_api(sorted: &Sorted) -> bool {
    let method = sorted.value("method").map(|word| word.text.to_ascii_uppercase());
    match method.as_deref() {
        Some(method) => !matches!(method, "GET" | "HEAD"),
        None => ["force", "F", "field", "raw-field", "input"].iter().any(|flag| sorted.has(flag)),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verb {
    Looks,
    Changes,
}

/// What a word says; `None` for a name.
fn verb(service: &Service, word: &str) -> Option<Verb> {
    if service.calm.contains(&word) {
        return Some(Verb::Looks);
    }
    // `gh label list`: a thing there, and a verb of `kubectl`.
    if word.contains('/') || word.len() > 60 || word == "label" && service.names.contains(&"gh") {
        return None;
    }
    // `config:set` is the `set` of `config`.
    let part = word.rsplit(':').next().unwrap_or_default();
    let begins = |starts: &[&str]| starts.iter().any(|start| part.starts_with(start));
    if LOOKS.contains(&part) || begins(LOOKS_BEGINNINGS) {
        Some(Verb::Looks)
    } else if CHANGES.contains(&part) || begins(CHANGES_BEGINNINGS) || is_destroying(part) {
        Some(Verb::Changes)
    } else {
        None
    }
}
