//! `label: [LABELS]`, or `label: {ARGUMENT: [LABELS]}`; `label: {sink: [LABELS]}` looks at every argument
//! through which something can leave or be aimed. `{ARGUMENT: {only: [LABELS]}}` holds when every part of the
//! value came from one of these, so that what is found nowhere does not pass.

use std::fmt;

use serde_json::Value;

use crate::contracts::Diagnostic;
use crate::policy::Request;
use crate::policy::case::Case;
use crate::policy::truth::Truth;
use crate::yaml::{Fields, Node};

/// Where an argument's value must have come from.
#[derive(Debug, Clone)]
pub(in crate::policy) struct LabelIs {
    of: Of,
    labels: Vec<String>,
    /// Whether it must have come from nowhere else.
    only: bool,
}

/// Which arguments are looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Of {
    Any,
    Sinks,
    One(String),
}

/// The word for every argument that is a sink.
const SINK: &str = "sink";

impl LabelIs {
    pub(super) fn read(file: &str, node: &Node, mistakes: &mut Vec<Diagnostic>) -> Vec<Self> {
        if let Some(entries) = node.as_map() {
            let each = entries.iter().map(|entry| {
                let (labels, only) = wanted(file, &entry.value, mistakes);
                let of = match entry.key.as_str() {
                    SINK => Of::Sinks,
                    arg => Of::One(arg.to_owned()),
                };
                Self { of, labels, only }
            });
            return each.collect();
        }
        vec![Self { of: Of::Any, labels: labels(file, node, mistakes), only: false }]
    }

    pub(super) fn holds(&self, case: &Case<'_>) -> Truth {
        if self.only {
            return self.holds_only(case);
        }
        let looked_at = case.request.labels.iter().filter(|(arg, _)| match &self.of {
            Of::Any => true,
            Of::Sinks => case.sinks().any(|sink| sink == *arg),
            Of::One(wanted) => wanted == *arg,
        });
        Truth::any(looked_at.map(|(_, found)| {
            Truth::of(
                found.iter().any(|label| self.labels.iter().any(|wanted| names(wanted, label))),
            )
        }))
    }

    fn holds_only(&self, case: &Case<'_>) -> Truth {
        let request = case.request;
        let only = |arg: &str| match request.is_unknown(arg) {
            true => Truth::Unknown,
            false => Truth::of(came_only_from(request, arg, &self.labels)),
        };
        match &self.of {
            Of::One(arg) => only(arg),
            Of::Sinks => Truth::all(case.sinks().map(only)),
            Of::Any => Truth::all(request.args.keys().map(|arg| only(arg))),
        }
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

/// Whether every part of argument `arg` came from one of `wanted`. An argument that is absent, empty
/// or a mere yes or no came from nowhere else either; one without any label did.
pub(in crate::policy) fn came_only_from(request: &Request, arg: &str, wanted: &[String]) -> bool {
    if request.args.get(arg).is_none_or(says_nothing) {
        return true;
    }
    let found = request.labels.get(arg).map_or(&[][..], Vec::as_slice);
    !found.is_empty() && found.iter().all(|label| wanted.iter().any(|wanted| names(wanted, label)))
}

fn says_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(_) => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(items) => items.iter().all(says_nothing),
        Value::Object(map) => map.values().all(says_nothing),
        Value::Number(_) => false,
    }
}

/// The labels of one entry, and whether no other ones may be there.
fn wanted(file: &str, node: &Node, mistakes: &mut Vec<Diagnostic>) -> (Vec<String>, bool) {
    if node.as_map().is_none() {
        return (labels(file, node, mistakes), false);
    }
    let Some(mut fields) = Fields::of(file, "`label`", node, mistakes) else {
        return (Vec::new(), true);
    };
    let only = fields.node("only");
    fields.finish(mistakes);
    // Without `only` there are no labels, which is a mistake that `labels` names.
    (labels(file, only.unwrap_or(node), mistakes), true)
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
        let labels = if self.only { format!("{labels} only") } else { labels };
        match &self.of {
            Of::One(arg) => write!(f, "argument `{arg}` from {labels}"),
            Of::Sinks => write!(f, "a sink from {labels}"),
            Of::Any => write!(f, "an argument from {labels}"),
        }
    }
}
