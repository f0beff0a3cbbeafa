//! Conditions that can never hold, whatever the call: found by looking at what is written.

use crate::contracts::Diagnostic;
use crate::policy::rule::Rule;
use crate::policy::vocabulary::PROFILES;
use crate::yaml::{Entry, Node, Value};

/// Notes each part of `when` that can never hold. Under `not` it always holds, which is as odd, and
/// is left to the examples.
pub(super) fn lint(rule: &Rule, mistakes: &mut Vec<Diagnostic>) {
    if let Some(when) = rule.node.get("when") {
        condition(rule, when, mistakes);
    }
}

fn condition(rule: &Rule, when: &Node, mistakes: &mut Vec<Diagnostic>) {
    for Entry { key, value, .. } in when.as_map().unwrap_or_default() {
        match key.as_str() {
            "all" | "any" => {
                for part in value.as_list().unwrap_or_default() {
                    condition(rule, part, mistakes);
                }
            }
            "time" => window(rule, value, mistakes),
            "run" | "arg" => {
                for entry in value.as_map().unwrap_or_default() {
                    bounds(rule, &entry.key, &entry.value, mistakes);
                }
            }
            "profile" => profile(rule, value, mistakes),
            _ => {}
        }
    }
}

/// A day that ends when it begins.
fn window(rule: &Rule, time: &Node, mistakes: &mut Vec<Diagnostic>) {
    let Some(node) = time.get("between") else { return };
    let texts: Vec<&str> =
        node.as_list().unwrap_or_default().iter().filter_map(Node::as_text).collect();
    if let [from, to] = texts.as_slice()
        && from == to
    {
        let message = format!("this time is empty: it begins and ends at {from}");
        let help = "write `[\"00:00\", \"24:00\"]` for the whole day";
        mistakes.push(node.error(&rule.file, "empty-window", message).suggest(help));
    }
}

/// A number above one bound and below another one that is no higher.
fn bounds(rule: &Rule, name: &str, node: &Node, mistakes: &mut Vec<Diagnostic>) {
    let number = |key| match &node.get(key)?.value {
        #[allow(clippy::cast_precision_loss, reason = "numbers in files are small")]
        Value::Int(number) => Some(*number as f64),
        Value::Float { number, .. } => Some(*number),
        _ => None,
    };
    if let Some((gt, lt)) = number("gt").zip(number("lt"))
        && gt >= lt
    {
        let message = format!("nothing is above {gt} and below {lt}: `{name}` never is");
        mistakes.push(node.error(&rule.file, "never-holds", message));
    }
}

/// A profile in which the file of the rule is not in force.
fn profile(rule: &Rule, node: &Node, mistakes: &mut Vec<Diagnostic>) {
    let Some(profiles) = &rule.profiles else { return };
    let items = node.as_list().unwrap_or(std::slice::from_ref(node));
    let in_force = |item: &Node| {
        let word = item.as_text().unwrap_or_default();
        profiles.iter().any(|profile| crate::policy::vocabulary::word(&PROFILES, profile) == word)
    };
    if !items.iter().any(in_force) {
        let words: Vec<&str> = profiles.iter().map(|profile| profile.as_str()).collect();
        let message =
            format!("this file is in force in {} only, where this never holds", words.join(", "));
        let help = "remove the condition, or change `profiles` of the file";
        mistakes.push(node.error(&rule.file, "never-holds", message).suggest(help));
    }
}
