//! Why a decision is what it is: facts, each rule, the combination, and what would change it.

use serde::Serialize;

use super::bounds::{PERMISSIONS, to_add};
use super::script::Audience;
use super::truth::Truth;
use super::{PolicySet, Request};
use crate::contracts::{Decision, Effect, MatchedRule};

/// Everything there is to say about one decision.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explanation {
    /// What was decided on.
    pub facts: Request,
    /// Each rule, in the order in which it was asked.
    pub rules: Vec<Trace>,
    /// What came of it.
    pub decision: Decision,
    /// The smallest change that would allow it; absent when it is allowed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change: Option<String>,
}

/// What one rule said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Trace {
    /// The rule's id.
    pub id: String,
    /// Its file.
    pub file: String,
    /// Its line, from 1.
    pub line: u32,
    /// What it said.
    pub said: Say,
    /// Why.
    pub why: String,
}

/// The answer of one rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Say {
    /// Not about this call.
    Nothing,
    /// Cannot be told before a value is known.
    Depends,
    /// About this call, and does not count: the workspace is not trusted.
    Muted,
    /// A remark of a script.
    Note,
    /// It allows.
    Allow,
    /// It asks.
    Ask,
    /// It denies.
    Deny,
}

impl Say {
    /// The word used in tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Nothing => "-",
            Self::Depends => "depends",
            Self::Muted => "muted",
            Self::Note => "note",
            Self::Allow => "allow",
            Self::Ask => "ask",
            Self::Deny => "deny",
        }
    }
}

impl From<Effect> for Say {
    fn from(effect: Effect) -> Self {
        match effect {
            Effect::Allow => Self::Allow,
            Effect::Depends => Self::Depends,
            Effect::Ask => Self::Ask,
            Effect::Deny => Self::Deny,
        }
    }
}

impl PolicySet {
    /// Decides, and says everything about it.
    #[must_use]
    pub fn explain(&self, request: &Request) -> Explanation {
        let decision = self.decide(request);
        let mut rules = self.rule_traces(request);
        if request.unknown.is_empty() {
            rules.extend(self.script_traces(request));
        }
        let change = self.change(&decision, request);
        Explanation { facts: request.clone(), rules, decision, change }
    }

    fn rule_traces(&self, request: &Request) -> Vec<Trace> {
        let case = self.case(request);
        let trace = |rule: &super::rule::Rule| {
            let (said, why) = match rule.matches(&case) {
                Truth::No => (Say::Nothing, rule.failure(&case)),
                Truth::Unknown => (Say::Depends, rule.failure(&case)),
                Truth::Yes if !rule.counts => (Say::Muted, rule.reason.clone()),
                Truth::Yes => {
                    let (effect, reason) = rule.verdict(&case);
                    (effect.into(), reason)
                }
            };
            let (id, file) = (rule.id.clone(), rule.file.clone());
            Trace { id, file, line: rule.place.line, said, why }
        };
        self.rules.iter().map(trace).collect()
    }

    fn script_traces(&self, request: &Request) -> Vec<Trace> {
        let case = self.case(request);
        let audience = Audience::of(&case, &self.options, self.watch);
        let mut traces = Vec::new();
        for script in &self.scripts {
            for rule in &script.rules {
                let line = |said: Say, why: String| Trace {
                    id: rule.id.clone(),
                    file: script.file.clone(),
                    line: rule.line,
                    said,
                    why,
                };
                match self.engine.ask(script, rule, &audience) {
                    Err(broken) => {
                        traces.push(line(Say::Deny, format!("it failed: {}", broken.why)));
                    }
                    Ok(said) if said.is_empty() => {
                        traces.push(line(Say::Nothing, "it said nothing".to_owned()));
                    }
                    Ok(said) => {
                        traces.extend(
                            said.into_iter()
                                .map(|said| line(said.spoken.as_say(script.counts), said.reason)),
                        );
                    }
                }
            }
        }
        traces
    }
}

impl PolicySet {
    /// What a person would have to change. Only ever a hint: nothing is changed by itself.
    fn change(&self, decision: &Decision, request: &Request) -> Option<String> {
        let rule = decision.rules.first()?;
        let tool = &request.tool;
        let is_beyond = |rule: &MatchedRule| rule.id == PERMISSIONS;
        if decision.rules.iter().any(is_beyond) {
            // Whatever else speaks against it: no rule gives a playbook more than it allows itself.
            let lines = to_add(request, self.vocabulary.get(tool));
            return Some(format!("{}; policy still decides", lines.join("; ")));
        }
        Some(match (decision.effect, rule.id.as_str()) {
            (Effect::Allow | Effect::Depends, _) => return None,
            (_, "default-deny") => match self.suggest(request) {
                Ok(suggestion) => format!("add a rule such as\n{}", suggestion.yaml),
                Err(why) => why,
            },
            (_, "unknown-tool" | "bad-facts") => {
                "correct the call: no rule can allow it".to_owned()
            }
            (_, "tool-disabled") => format!("switch it on: `bailiwick tools enable {tool}`"),
            (_, "unattended") => "run it where somebody can answer".to_owned(),
            (Effect::Ask, _) => "a person's yes is enough: no change is needed".to_owned(),
            (Effect::Deny, _) => self.exclusions(decision, request),
        })
    }

    /// The narrowest exclusion for each rule that denies.
    fn exclusions(&self, decision: &Decision, request: &Request) -> String {
        let denying = decision.rules.iter().filter(|rule| rule.effect == Effect::Deny);
        let places: Vec<String> =
            denying.map(|rule| format!("`{}` ({}:{})", rule.id, rule.file, rule.line)).collect();
        let exclusion = self.exclusion(request);
        format!(
            "take this call out of {}, with `not: {exclusion}` in each `when`; where nothing else \
             allows it, it needs a rule as well: `bailiwick policy suggest`",
            places.join(" and "),
        )
    }
}
