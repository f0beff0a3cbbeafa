//! `label: [LABELS]`, or `label: {ARGUMENT: [LABELS]}`.

use std::fmt;

use crate::contracts::Diagnostic;
use crate::policy::case::Case;
use crate::policy::truth::Truth;
use crate::yaml::Node;

/// Where an argument's value must have come from.
#[derive(Debug, Clone)]
pub(in crate::policy) struct LabelIs {
    /// The argument; any where it is absent.
    arg: Option<String>,
    labels: Vec<String>,
}

impl LabelIs {
    pub(super) fn read(file: &str, node: &Node, mistakes: &mut Vec<Diagnostic>) -> Vec<Self> {
        if let Some(entries) = node.as_map() {
            let each = entries.iter().map(|entry| {
                let labels = labels(file, &entry.value, mistakes);
                Self { arg: Some(entry.key.clone()), labels }
            });
            return each.collect();
        }
        vec![Self { arg: None, labels: labels(file, node, mistakes) }]
    }

    pub(super) fn holds(&self, case: &Case<'_>) -> Truth {
        let args = case.request.labels.iter();
        let looked_at =
            args.filter(|(arg, _)| self.arg.as_ref().is_none_or(|wanted| wanted == *arg));
        Truth::any(looked_at.map(|(_, found)| {
            Truth::of(
                found.iter().any(|label| self.labels.iter().any(|wanted| names(wanted, label))),
            )
        }))
    }

    pub(super) fn found(case: &Case<'_>) -> String {
        let labels = case.request.labels.iter().filter(|(_, labels)| !labels.is_empty());
        let each: Vec<_> =
            labels.map(|(arg, labels)| format!("`{arg}` from {}", labels.join(", "))).collect();
        if each.is_empty() { "no labels".to_owned() } else { each.join("; ") }
    }
}

/// `untrusted` names `untrusted` and `untrusted:web`, not `untrustedly`.
pub(in crate::policy) fn names(wanted: &str, label: &str) -> bool {
    label.strip_prefix(wanted).is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
}

fn labels(file: &str, node: &Node, mistakes: &mut Vec<Diagnostic>) -> Vec<String> {
    let items = match node.as_list() {
        Some(items) => items,
        None => std::slice::from_ref(node),
    };
    let texts: Vec<String> = items.iter().filter_map(Node::as_text).map(str::to_owned).collect();
    if texts.is_empty() || texts.len() < items.len() {
        let message = "`label` takes labels, such as `untrusted` or `untrusted:web`";
        mistakes.push(node.error(file, "wrong-type", message));
    }
    texts
}

impl fmt::Display for LabelIs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let labels = self.labels.join(" or ");
        match &self.arg {
            Some(arg) => write!(f, "argument `{arg}` from {labels}"),
            None => write!(f, "an argument from {labels}"),
        }
    }
}
