//! Rules that no call of any tool there is can ever meet.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::contracts::{Diagnostic, Risk};
use crate::policy::arguments::names_of;
use crate::policy::compile::LayerRules;
use crate::policy::rule::Rule;
use crate::policy::vocabulary::{CATEGORIES, RISKS, word};
use crate::policy::{Layer, Terms};
use crate::ports::{Category, ToolDescriptor, Vocabulary};
use crate::yaml::{Entry, Node, Place, did_you_mean};

/// Looks at the tools that `rule` is about, and notes what none of them can meet. A tool that files
/// only speak of may be anything, so nothing is said about rules that may be about one.
pub(super) fn lint(
    rule: &Rule,
    layers: &BTreeMap<Layer, LayerRules>,
    vocabulary: &Vocabulary,
    mistakes: &mut Vec<Diagnostic>,
) {
    let said = said(layers);
    let foreign = said.keys().any(|name| {
        vocabulary.get(name).is_none() && rule.on.as_ref().is_none_or(|on| on.names(&[name]))
    });
    if foreign {
        return;
    }
    let all: Vec<Known> = vocabulary.tools().map(|tool| Known::of(tool, &said)).collect();
    let named: Vec<&Known> = all.iter().filter(|tool| tool.is_named_by(rule)).collect();
    if named.is_empty() {
        no_tool(rule, mistakes);
        return;
    }
    let on = rule.on.as_ref();
    let met: Vec<&Known> = named
        .into_iter()
        .filter(|tool| {
            on.is_none_or(|on| {
                on.may_fit(tool.risks.as_slice(), &tool.categories, tool.tool.effect)
            })
        })
        .collect();
    if met.is_empty() {
        let message = format!("`{}` can never match: no tool it names is of that kind", rule.id);
        let at = rule.node.get("on").map_or(rule.place, |on| on.place);
        let help = "`bailiwick tools ls` shows risk, category and effect of each tool";
        mistakes.push(unreachable(rule, at, message).suggest(help));
        return;
    }
    if let Some(when) = rule.node.get("when") {
        let look = Look { rule, tools: &met };
        look.condition(when, mistakes);
    }
}

/// What files say about tools, of all layers.
fn said(layers: &BTreeMap<Layer, LayerRules>) -> BTreeMap<&str, Vec<&Terms>> {
    let mut said: BTreeMap<&str, Vec<&Terms>> = BTreeMap::new();
    let documents = layers.values().flat_map(|layer| &layer.documents);
    for (name, terms) in documents.flat_map(|document| &document.tools) {
        said.entry(name).or_default().push(terms);
    }
    said
}

/// A tool that is there, with everything files say it may be.
struct Known {
    tool: Arc<ToolDescriptor>,
    risks: Vec<Risk>,
    categories: Vec<Category>,
}

impl Known {
    fn of(tool: &Arc<ToolDescriptor>, said: &BTreeMap<&str, Vec<&Terms>>) -> Self {
        let names = std::iter::once(&tool.name).chain(&tool.aliases);
        let terms: Vec<&Terms> =
            names.flat_map(|name| said.get(name.as_str()).into_iter().flatten().copied()).collect();
        let mut risks = vec![tool.risk];
        risks.extend(terms.iter().filter_map(|terms| terms.risk));
        let mut categories: Vec<Category> = tool.category.into_iter().collect();
        categories.extend(terms.iter().filter_map(|terms| terms.category));
        Self { tool: Arc::clone(tool), risks, categories }
    }

    fn is_named_by(&self, rule: &Rule) -> bool {
        let names: Vec<&str> = std::iter::once(&self.tool.name)
            .chain(&self.tool.aliases)
            .map(String::as_str)
            .collect();
        rule.on.as_ref().is_none_or(|on| on.names(&names))
    }
}

/// No tool has a name that the rule is about. Plain names are said to be unknown where they stand.
fn no_tool(rule: &Rule, mistakes: &mut Vec<Diagnostic>) {
    let tools = rule.on.as_ref().map(crate::policy::selector::Selector::tools).unwrap_or_default();
    let patterns: Vec<&str> = tools
        .iter()
        .map(String::as_str)
        .filter(|text| text.contains(['*', '?', '[', '{']))
        .collect();
    if patterns.is_empty() {
        return;
    }
    let at = rule.node.get("on").and_then(|on| on.get("tool")).map_or(rule.place, |on| on.place);
    let message =
        format!("`{}` can never match: no tool fits `{}`", rule.id, patterns.join("`, `"));
    mistakes.push(unreachable(rule, at, message).suggest("`bailiwick tools ls` shows them all"));
}

fn unreachable(rule: &Rule, place: Place, message: String) -> Diagnostic {
    place.error(&rule.file, "unreachable", message).as_warning()
}

/// The tools that a rule is about, and whether they can meet its parts.
struct Look<'a> {
    rule: &'a Rule,
    tools: &'a [&'a Known],
}

impl Look<'_> {
    /// Notes each part that must hold and cannot. In `any`, one part that can is enough.
    fn condition(&self, when: &Node, mistakes: &mut Vec<Diagnostic>) {
        for entry in when.as_map().unwrap_or_default() {
            let items = entry.value.as_list().unwrap_or_default();
            match entry.key.as_str() {
                "all" => items.iter().for_each(|part| self.condition(part, mistakes)),
                "any" => {
                    let mut each = items.iter().map(|part| {
                        let mut found = Vec::new();
                        self.condition(part, &mut found);
                        found
                    });
                    let mut found: Vec<Diagnostic> = Vec::new();
                    if each.all(|part| {
                        let hopeless = !part.is_empty();
                        found.extend(part);
                        hopeless
                    }) {
                        mistakes.extend(found);
                    }
                }
                "arg" => self.arguments(&entry.value, mistakes),
                _ => self.part(entry, mistakes),
            }
        }
    }

    fn part(&self, entry: &Entry, mistakes: &mut Vec<Diagnostic>) {
        let can = |tool: &&&Known| match entry.key.as_str() {
            "path" => !tool.tool.paths.is_empty() || tool.tool.paths_within.is_some(),
            "command" => tool.tool.command.is_some(),
            "host" | "host_class" => {
                let tool = &tool.tool;
                !tool.hosts.is_empty() || !tool.sinks.is_empty() || tool.command.is_some()
            }
            "risk" => tool.risks.iter().any(|risk| has(&entry.value, word(&RISKS, risk))),
            "category" => {
                tool.categories.iter().any(|one| has(&entry.value, word(&CATEGORIES, one)))
            }
            _ => true,
        };
        if self.tools.iter().any(|tool| can(&tool)) {
            return;
        }
        let what = match entry.key.as_str() {
            "path" => "names a path",
            "command" => "runs a command",
            "host" | "host_class" => "names a host",
            "risk" => "has that risk",
            _ => "has that category",
        };
        let (id, key) = (&self.rule.id, &entry.key);
        let message = format!("`{id}` can never match by `{key}`: no tool that it is about {what}");
        mistakes.push(unreachable(self.rule, entry.place, message));
    }

    /// An argument that none of the tools takes can never be anything.
    fn arguments(&self, node: &Node, mistakes: &mut Vec<Diagnostic>) {
        let names: Option<Vec<Vec<&str>>> =
            self.tools.iter().map(|tool| names_of(&tool.tool)).collect();
        // Where one tool leaves its arguments open, any may be meant.
        let Some(names) = names else { return };
        for entry in node.as_map().unwrap_or_default() {
            if names.iter().flatten().any(|name| *name == entry.key) {
                continue;
            }
            let message =
                format!("no tool that `{}` is about has an argument `{}`", self.rule.id, entry.key);
            let error = entry.place.error(&self.rule.file, "unknown-argument", message);
            mistakes.push(match did_you_mean(&entry.key, names.iter().flatten().copied()) {
                Some(like) => error.suggest(like),
                None => error,
            });
        }
    }
}

/// Whether a word, or a list of words, has `wanted` in it.
fn has(node: &Node, wanted: &str) -> bool {
    let items = node.as_list().unwrap_or(std::slice::from_ref(node));
    items.iter().any(|item| item.as_text() == Some(wanted))
}
