//! `host: [patterns]` and `host_class: [classes]`.

use std::fmt;

use super::words::one_of;
use crate::contracts::Diagnostic;
use crate::policy::case::Case;
use crate::policy::host::host_matches;
use crate::policy::truth::{Reading, Truth};
use crate::policy::{HostClass, HostFact};
use crate::yaml::{Node, Place};

/// What a host must be.
#[derive(Debug, Clone)]
pub(in crate::policy) enum HostIs {
    /// Named by one of these patterns.
    Named(Vec<String>),
    /// In one of these networks.
    Class(Vec<HostClass>),
}

/// What to write instead of a text that is no pattern of hosts.
pub(in crate::policy) const HOST_HELP: &str =
    "write a host such as `docs.example.org`, or `*.example.org`";

/// Whether `text` is `*`, a host, or `*.` and a host.
pub(in crate::policy) fn is_host_pattern(text: &str) -> bool {
    let name = text.strip_prefix("*.").unwrap_or(text);
    let sound = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
    text == "*" || (!name.is_empty() && name.chars().all(sound))
}

impl HostIs {
    pub(super) fn named(
        file: &str,
        texts: Vec<(&str, Place)>,
        mistakes: &mut Vec<Diagnostic>,
    ) -> Self {
        let mut patterns = Vec::new();
        for (text, place) in texts {
            if is_host_pattern(text) {
                patterns.push(text.to_ascii_lowercase());
            } else {
                let message = format!("`{text}` is no host pattern");
                mistakes.push(place.error(file, "bad-host", message).suggest(HOST_HELP));
            }
        }
        Self::Named(patterns)
    }

    pub(super) fn class(
        file: &str,
        node: &Node,
        texts: Vec<(&str, Place)>,
        mistakes: &mut Vec<Diagnostic>,
    ) -> Self {
        if texts.is_empty() {
            mistakes.push(node.error(file, "empty-list", "`host_class` is an empty list"));
        }
        let one =
            |(text, place)| one_of(file, "host_class", text, place, &HostClass::WORDS, mistakes);
        Self::Class(texts.into_iter().filter_map(one).collect())
    }

    pub(super) fn holds(&self, case: &Case<'_>, reading: Reading) -> Truth {
        let missing = case.hosts_missing();
        reading.over(&case.request.hosts, missing, |host| Truth::of(self.fits(host)))
    }

    fn fits(&self, host: &HostFact) -> bool {
        match self {
            Self::Named(patterns) => {
                patterns.iter().any(|pattern| host_matches(pattern, &host.name))
            }
            Self::Class(classes) => classes.contains(&host.class),
        }
    }

    pub(super) fn found(case: &Case<'_>) -> String {
        let each = case.request.hosts.iter();
        let hosts: Vec<_> =
            each.map(|host| format!("`{}` ({})", host.name, host.class.as_str())).collect();
        if hosts.is_empty() { "no host".to_owned() } else { hosts.join(", ") }
    }
}

impl fmt::Display for HostIs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(patterns) => write!(f, "a host named {}", patterns.join(" or ")),
            Self::Class(classes) => {
                let words: Vec<_> = classes.iter().map(|class| class.as_str()).collect();
                write!(f, "a host of class {}", words.join(" or "))
            }
        }
    }
}
