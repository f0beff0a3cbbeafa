//! What a case expects of a decision.

use crate::contracts::{Decision, Diagnostic, Effect, Obligation};
use crate::policy::predicate::choices;
use crate::policy::vocabulary::OBLIGATIONS;
use crate::yaml::{Fields, Place, did_you_mean};

/// The verdicts of tests: those of rules, and that of a dry run.
pub(super) const VERDICTS: [(&str, Effect); 4] = [
    ("allow", Effect::Allow),
    ("ask", Effect::Ask),
    ("deny", Effect::Deny),
    ("depends", Effect::Depends),
];

/// Rules that no file has: what holds around the rules.
pub(in crate::policy) const OWN_RULES: [&str; 9] = [
    "default-deny",
    "bad-facts",
    "tool-disabled",
    "unknown-tool",
    "playbook.permissions",
    "command-opaque",
    "approval-mode",
    "require-approval-for-risky",
    "unattended",
];

/// What must come out. What is absent is not looked at.
#[derive(Debug, Clone, Default)]
pub(super) struct Expect {
    verdict: Option<Effect>,
    /// Each must have matched; others may have as well.
    pub(super) rules: Vec<String>,
    /// None of these may have.
    pub(super) not_rules: Vec<String>,
    /// A part of the decision's reason.
    reason: Option<String>,
    obligations: Vec<Obligation>,
}

impl Expect {
    /// Reads the keys of an expectation, which stand in `fields` among others.
    pub(super) fn read(
        file: &str,
        fields: &mut Fields<'_>,
        known: &[String],
        mistakes: &mut Vec<Diagnostic>,
    ) -> Self {
        let verdict = fields.choice("verdict", &VERDICTS, mistakes);
        if fields.node("verdict").is_none() {
            let message = "a test needs `verdict`: allow, ask or deny";
            mistakes.push(fields.place().error(file, "missing-key", message));
        }
        let mut ids = |key: &'static str, mistakes: &mut Vec<Diagnostic>| {
            let texts = fields.texts(key, mistakes).unwrap_or_default();
            for (id, place) in &texts {
                check_id(file, id, *place, known, mistakes);
            }
            texts.into_iter().map(|(id, _)| id.to_owned()).collect::<Vec<_>>()
        };
        let rules = ids("rules", mistakes);
        let not_rules = ids("not_rules", mistakes);
        let reason = fields.text("reason", mistakes).map(str::to_owned);
        let obligations = choices(file, fields, "obligations", &OBLIGATIONS, mistakes);
        Self { verdict, rules, not_rules, reason, obligations: obligations.unwrap_or_default() }
    }

    /// Each way in which `decision` is not what was expected, in words.
    pub(super) fn misses(&self, decision: &Decision) -> Vec<String> {
        let mut misses = Vec::new();
        if let Some(wanted) = self.verdict.filter(|wanted| *wanted != decision.effect) {
            let (wanted, got) = (wanted.as_str(), decision.effect.as_str());
            misses.push(format!("expected {wanted}, got {got}: {}", decision.reason));
        }
        let matched = |id: &String| decision.rules.iter().any(|rule| rule.id == *id);
        for id in self.rules.iter().filter(|id| !matched(id)) {
            misses.push(format!("expected the rule `{id}`, which did not match"));
        }
        for id in self.not_rules.iter().filter(|id| matched(id)) {
            misses.push(format!("the rule `{id}` must not match, and it did"));
        }
        if let Some(wanted) = self.reason.as_ref().filter(|text| !decision.reason.contains(*text)) {
            misses.push(format!("expected a reason with `{wanted}`, got `{}`", decision.reason));
        }
        for wanted in self.obligations.iter().filter(|one| !decision.obligations.contains(one)) {
            let word = crate::policy::vocabulary::word(&OBLIGATIONS, wanted);
            misses.push(format!("expected the obligation `{word}`"));
        }
        misses
    }

    /// The verdict in words; empty where a mistake kept it from being read.
    pub(super) const fn verdict(&self) -> &'static str {
        match self.verdict {
            Some(effect) => effect.as_str(),
            None => "",
        }
    }

    /// Whether it says that the tool is not there.
    pub(super) fn knows_no_tool(&self) -> bool {
        self.rules.iter().any(|id| id == "unknown-tool")
    }
}

/// A test that names a rule which is not there would test nothing.
fn check_id(file: &str, id: &str, place: Place, known: &[String], mistakes: &mut Vec<Diagnostic>) {
    if OWN_RULES.contains(&id) || known.iter().any(|rule| rule == id) {
        return;
    }
    let message = format!("there is no rule `{id}`");
    let error = place.error(file, "unknown-rule", message);
    let names = known.iter().map(String::as_str).chain(OWN_RULES);
    mistakes.push(match did_you_mean(id, names) {
        Some(like) => error.suggest(like),
        None => error,
    });
}
