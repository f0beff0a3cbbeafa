//! The compiled set.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use super::case::Case;
use super::rule::Rule;
use super::script::{Script, ScriptEngine};
use super::{Layer, Options, Request, Terms};
use crate::contracts::{Diagnostic, Effect, Hash};
use crate::ports::{Category, Vocabulary};

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

    pub(super) fn case<'a>(&'a self, request: &'a Request) -> Case<'a> {
        let unsaid = Terms::default();
        let terms = self.tools.get(&request.tool).unwrap_or(&unsaid);
        Case::new(request, self.vocabulary.get(&request.tool), terms, &self.options)
    }
}
