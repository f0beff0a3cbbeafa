//! `on:`: to which calls a rule applies at all.

use super::Layer;
use super::case::Case;
use super::predicate::{Globs, choices};
use super::rule::Around;
use super::vocabulary::{CALL_EFFECTS, CATEGORIES, ORIGINS, RISKS, word};
use crate::contracts::{CallEffect, Diagnostic, Origin, Risk};
use crate::ports::{Category, Vocabulary};
use crate::yaml::{Fields, Node, did_you_mean};

/// Which calls a rule is about. Everything that is given must fit.
#[derive(Debug, Clone)]
pub(super) struct Selector {
    tool: Option<Globs>,
    risk: Option<Vec<Risk>>,
    category: Option<Vec<Category>>,
    effect: Option<Vec<CallEffect>>,
    origin: Option<Vec<Origin>>,
}

impl Selector {
    pub(super) fn read(
        around: &Around<'_>,
        node: &Node,
        mistakes: &mut Vec<Diagnostic>,
    ) -> Option<Self> {
        let file = around.source.path.as_str();
        let mut fields = Fields::of(file, "`on`", node, mistakes)?;
        let texts = fields.texts("tool", mistakes);
        if let Some(texts) = &texts {
            for (text, place) in texts {
                let unknown = unknown_tool(text, around.vocabulary, around.declared);
                // Built-in rules are about tools that a program may not have; nobody can mend them.
                if let Some(unknown) = unknown.filter(|_| around.source.layer != Layer::BuiltIn) {
                    mistakes.push(unknown.at(file, *place));
                }
            }
            if texts.is_empty() {
                mistakes.push(node.error(file, "empty-list", "`tool` is an empty list"));
            }
        }
        let tool = texts.map(|texts| {
            let texts =
                texts.into_iter().map(|(text, place)| (own_name(text, around.vocabulary), place));
            Globs::compile(file, "tool", texts.collect(), mistakes)
        });
        let selector = Self {
            tool,
            risk: choices(file, &mut fields, "risk", &RISKS, mistakes),
            category: choices(file, &mut fields, "category", &CATEGORIES, mistakes),
            effect: choices(file, &mut fields, "effect", &CALL_EFFECTS, mistakes),
            origin: choices(file, &mut fields, "origin", &ORIGINS, mistakes),
        };
        fields.finish(mistakes);
        if node.as_map().is_some_and(<[_]>::is_empty) {
            let message =
                "`on` names nothing: give it `tool`, `risk`, `category`, `effect` or `origin`";
            mistakes.push(node.error(file, "empty-predicate", message));
        }
        Some(selector)
    }

    /// Whether it is about a tool with these names at all.
    pub(super) fn is_about<'a>(&self, mut names: impl Iterator<Item = &'a str>) -> bool {
        self.tool.as_ref().is_none_or(|globs| names.any(|name| globs.is_match(name)))
    }

    pub(super) fn fits(&self, case: &Case<'_>) -> bool {
        self.is_about(case.names())
            && self.risk.as_ref().is_none_or(|all| all.contains(&case.risk))
            && self
                .category
                .as_ref()
                .is_none_or(|all| case.category.is_some_and(|category| all.contains(&category)))
            && self.effect.as_ref().is_none_or(|all| all.contains(&case.request.effect))
            && self.origin.as_ref().is_none_or(|all| all.contains(&case.request.origin))
    }

    /// Whether it is about a tool of one of these names.
    pub(super) fn names(&self, names: &[&str]) -> bool {
        self.tool.as_ref().is_none_or(|globs| names.iter().any(|name| globs.is_match(name)))
    }

    /// Whether a tool that may have one of these risks and categories, and has this effect, may be
    /// one that it is about.
    pub(super) fn may_fit(
        &self,
        risks: &[Risk],
        categories: &[Category],
        effect: CallEffect,
    ) -> bool {
        self.risk.as_ref().is_none_or(|all| risks.iter().any(|risk| all.contains(risk)))
            && self
                .category
                .as_ref()
                .is_none_or(|all| categories.iter().any(|category| all.contains(category)))
            && self.effect.as_ref().is_none_or(|all| all.contains(&effect))
    }

    /// Why it does not fit: what is wanted, and what there is.
    pub(super) fn failure(&self, case: &Case<'_>) -> String {
        let wanted = self.tools().join(" or ");
        match &self.tool {
            Some(globs) if !case.names().any(|name| globs.is_match(name)) => {
                format!("is about {wanted}; this is `{}`", case.request.tool)
            }
            _ => format!(
                "is about other calls; this one has risk {}, effect {}, origin {}",
                word(&RISKS, &case.risk),
                word(&CALL_EFFECTS, &case.request.effect),
                word(&ORIGINS, &case.request.origin),
            ),
        }
    }

    /// The tools as they were written; empty when the rule is about all.
    pub(super) fn tools(&self) -> &[String] {
        self.tool.as_ref().map_or(&[], Globs::written)
    }

    /// Whether every call that `other` is about is one that this is about, judged by tools alone.
    pub(super) fn covers(&self, other: &Self) -> bool {
        let only_tools = self.risk.is_none()
            && self.category.is_none()
            && self.effect.is_none()
            && self.origin.is_none();
        only_tools
            && match &self.tool {
                None => true,
                Some(globs) => {
                    let tools = other.tools();
                    let plain = |tool: &String| !tool.contains(['*', '?', '[', '{']);
                    !tools.is_empty()
                        && tools.iter().all(|tool| plain(tool) && globs.is_match(tool))
                }
            }
    }
}

/// A tool's own name for one of its aliases; patterns stay as they are.
fn own_name<'a>(text: &'a str, vocabulary: &'a Vocabulary) -> &'a str {
    vocabulary.get(text).map_or(text, |tool| tool.name.as_str())
}

/// A name that no tool has. A warning: tools of other servers come and go.
pub(super) fn unknown_tool(
    text: &str,
    vocabulary: &Vocabulary,
    declared: &[String],
) -> Option<Unknown> {
    let pattern = text.contains(['*', '?', '[', '{', ':']);
    if pattern || vocabulary.get(text).is_some() || declared.iter().any(|name| name == text) {
        return None;
    }
    Some(Unknown { tool: text.to_owned(), like: did_you_mean(text, vocabulary.names()) })
}

/// A tool that is not there.
pub(super) struct Unknown {
    tool: String,
    like: Option<String>,
}

impl Unknown {
    pub(super) fn at(self, file: &str, place: crate::yaml::Place) -> Diagnostic {
        let message = format!("no tool is called `{}`: the rule waits for one", self.tool);
        let warning = place.error(file, "unknown-tool", message).as_warning();
        match self.like {
            Some(like) => warning.suggest(like),
            None => warning,
        }
    }
}
