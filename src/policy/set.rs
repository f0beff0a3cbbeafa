//! The compiled set.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use super::case::Case;
use super::predicate::label_names;
use super::rule::Rule;
use super::script::{Script, ScriptEngine, Watch};
use super::walls::MadeWalls;
use super::{Layer, Options, Request, Terms};
use crate::contracts::{Diagnostic, Effect, Hash, Risk};
use crate::ports::{Category, ToolDescriptor, Vocabulary};

/// Rules, scripts and what is known about tools: everything that decides. Shared freely; it never
/// changes.
#[derive(Debug, Clone)]
pub struct PolicySet {
    pub(super) rules: Vec<Rule>,
    pub(super) scripts: Vec<Script>,
    pub(super) engine: ScriptEngine,
    pub(super) tools: BTreeMap<String, Terms>,
    pub(super) vocabulary: Vocabulary,
    pub(super) options: Arc<Options>,
    pub(super) hash: Hash,
    pub(super) warnings: Vec<Diagnostic>,
    pub(super) muted: usize,
    /// Which rules may be about which tool, by their places in `rules`.
    pub(super) about: BTreeMap<String, Vec<usize>>,
    /// What tells how long scripts take; `None` where only counts bound them.
    pub(super) watch: Option<Watch>,
    pub(super) walls: Arc<MadeWalls>,
}

/// A rule, for lists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RuleLine {
    /// The rule's id.
    pub id: String,
    /// Where it comes from.
    pub layer: Layer,
    /// Its file.
    pub file: String,
    /// Its line, from 1.
    pub line: u32,
    /// What it says; absent for a script, which says so when it runs.
    pub effect: Option<Effect>,
    /// Why; empty for a script.
    pub reason: String,
    /// What calls that it is about do to the world, where it says so.
    pub category: Option<Category>,
    /// Whether it counts: an `allow` of an untrusted workspace does not.
    pub counts: bool,
    /// Of what it says, wherever it stands; of a script's rule, of the whole script.
    #[serde(skip)]
    pub digest: Hash,
}

impl PolicySet {
    /// Names exactly this set: see `policy_hash` in decisions.
    #[must_use]
    pub const fn hash(&self) -> Hash {
        self.hash
    }

    /// What is doubtful about the files, though they are used.
    #[must_use]
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.warnings
    }

    /// How many `allow` rules do not count because the workspace is not trusted.
    #[must_use]
    pub const fn muted(&self) -> usize {
        self.muted
    }

    /// The configuration it was compiled for.
    #[must_use]
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Every rule, scripts last.
    #[must_use]
    pub fn rules(&self) -> Vec<RuleLine> {
        let yaml = self.rules.iter().map(|rule| RuleLine {
            id: rule.id.clone(),
            layer: rule.layer,
            file: rule.file.clone(),
            line: rule.place.line,
            effect: Some(rule.effect),
            reason: rule.reason.clone(),
            category: rule.category,
            counts: rule.counts,
            digest: rule.digest,
        });
        let scripted = self.scripts.iter().flat_map(|script| {
            script.rules.iter().map(|rule| RuleLine {
                id: rule.id.clone(),
                layer: script.layer,
                file: script.file.clone(),
                line: rule.line,
                effect: None,
                reason: String::new(),
                category: None,
                counts: true,
                digest: script.digest,
            })
        });
        yaml.chain(scripted).collect()
    }

    /// Whether calls of `tool` are possible at all; `None` when there is no such tool.
    #[must_use]
    pub fn is_enabled(&self, tool: &str) -> Option<bool> {
        let tool = self.vocabulary.get(tool)?;
        let by_config = self.options.enabled.get(&tool.name).copied();
        let by_rules = self.tools.get(&tool.name).and_then(|terms| terms.enabled);
        // Both can switch off; configuration, which is the user's, decides what is switched on.
        Some(by_rules != Some(false) && by_config.or(by_rules).unwrap_or(tool.enabled))
    }

    /// Where what `tool` answers comes from: what it says itself, and whether the rules trust it. Only
    /// trust that is stated takes an `untrusted` label away.
    #[must_use]
    pub fn output_labels(&self, tool: &ToolDescriptor) -> Vec<String> {
        let trusted = self.tools.get(&tool.name).and_then(|terms| terms.trusted_output);
        let is_untrusted = |label: &String| label_names("untrusted", label);
        let mut labels = tool.labels.clone();
        match trusted {
            Some(true) => {
                labels.retain(|label| !is_untrusted(label));
                labels.push(format!("trusted:{}", tool.name));
            }
            Some(false) if !labels.iter().any(is_untrusted) => {
                labels.push(format!("untrusted:{}", tool.name));
            }
            // What says nothing about itself answers in the program's own words.
            None if labels.is_empty() => labels.push(format!("trusted:{}", tool.name)),
            Some(false) | None => {}
        }
        labels
    }

    /// How much harm the call can do, as the rules say, or else the tool.
    pub(super) fn risk(&self, request: &Request) -> Risk {
        let said = self.tools.get(&request.tool).and_then(|terms| terms.risk);
        said.unwrap_or(request.risk)
    }

    /// What calls of `tool` do to the world.
    #[must_use]
    pub fn category(&self, tool: &str) -> Option<Category> {
        let said = self.tools.get(tool).and_then(|terms| terms.category);
        said.or_else(|| self.vocabulary.get(tool).and_then(|tool| tool.category))
    }

    /// The categories of the rules that are called so, in any layer.
    pub fn categories<'a>(&'a self, rules: &'a [String]) -> impl Iterator<Item = Category> + 'a {
        let named = self.rules.iter().filter(|rule| rules.contains(&rule.id));
        named.filter_map(|rule| rule.category)
    }

    /// The same set, in which a script that does not end within a second is stopped, by `watch`.
    #[must_use]
    pub fn with_watch(self, watch: Watch) -> Self {
        Self { watch: Some(watch), ..self }
    }

    /// The rules that may be about the call of `case`, in their order.
    pub(super) fn rules_about<'a>(&'a self, case: &Case<'a>) -> impl Iterator<Item = &'a Rule> {
        let places = self.about.get(&case.request.tool);
        let known = places.into_iter().flatten().filter_map(|at| self.rules.get(*at));
        // Of a tool that is not there nothing was worked out before.
        let all = places.is_none().then_some(&self.rules).into_iter().flatten();
        known.chain(all)
    }

    /// Fields of what `tool` answers that can be trusted: as it says itself, and as the rules say.
    #[must_use]
    pub fn trusted_fields(&self, tool: &ToolDescriptor) -> Vec<String> {
        let said = self.tools.get(&tool.name).map_or(&[][..], |terms| &terms.trusted_fields);
        tool.trusted_fields.iter().chain(said).cloned().collect()
    }

    pub(super) fn case<'a>(&'a self, request: &'a Request) -> Case<'a> {
        let terms = self.tools.get(&request.tool).unwrap_or(Terms::UNSAID);
        Case::new(request, self.vocabulary.get(&request.tool), terms, &self.options)
    }
}
