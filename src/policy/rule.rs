//! One YAML rule, compiled.

use std::sync::Arc;

use super::case::Case;
use super::limit::Limit;
use super::predicate::{Condition, choices};
use super::selector::Selector;
use super::truth::{Reading, Truth};
use super::vocabulary::{CATEGORIES, EFFECTS, OBLIGATIONS};
use super::{Layer, Source};
use crate::contracts::{
    Diagnostic, Effect, Hash, MatchedRule, Obligation, Profile, canonical_hash,
};
use crate::ports::{Category, Vocabulary};
use crate::yaml::{Fields, Node, Place};

/// More people than this are never near.
const APPROVERS_MAX: u32 = 16;

/// A rule that can judge.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    pub(super) id: String,
    pub(super) layer: Layer,
    pub(super) file: String,
    pub(super) place: Place,
    pub(super) effect: Effect,
    pub(super) reason: String,
    pub(super) on: Option<Selector>,
    pub(super) when: Option<Condition>,
    pub(super) limit: Option<Limit>,
    pub(super) category: Option<Category>,
    pub(super) obligations: Vec<Obligation>,
    /// How many different people must say yes where it asks.
    pub(super) approvers: u32,
    pub(super) profiles: Option<Vec<Profile>>,
    /// Whether its `allow` counts: not where the workspace is not trusted.
    pub(super) counts: bool,
    /// Of what it says, wherever it stands.
    pub(super) digest: Hash,
    /// How many of its own examples it met.
    pub(super) examples: usize,
    /// As it was written, for those who look for mistakes.
    pub(super) node: Arc<Node>,
}

/// What every rule of a file shares.
pub(super) struct Around<'a> {
    pub(super) source: &'a Source,
    pub(super) vocabulary: &'a Vocabulary,
    pub(super) declared: &'a [String],
    pub(super) profiles: Option<&'a [Profile]>,
}

impl Rule {
    /// Reads one entry of `rules:`. Its examples are read by the caller.
    pub(super) fn read(
        around: &Around<'_>,
        fields: &mut Fields<'_>,
        node: &Node,
        mistakes: &mut Vec<Diagnostic>,
    ) -> Option<Self> {
        let file = around.source.path.as_str();
        let id = fields.required_text("id", mistakes);
        if let (Some(id), Some(place)) = (id, fields.node("id").map(|node| node.place)) {
            check_id(file, id, place, mistakes);
        }
        let effect = fields.choice("effect", &EFFECTS, mistakes);
        if fields.node("effect").is_none() {
            let message = "a rule needs `effect`: allow, ask or deny";
            mistakes.push(node.error(file, "missing-key", message));
        }
        let reason = reason(file, fields, node, mistakes);
        let on = fields.node("on").and_then(|on| Selector::read(around, on, mistakes));
        let when = fields.node("when").and_then(|node| Condition::read(file, node, mistakes));
        let limit = fields.node("limit").and_then(|node| Limit::read(file, node, mistakes));
        let approvers = approvers(file, fields, effect, mistakes);
        let category = fields.choice("category", &CATEGORIES, mistakes);
        let obligations = choices(file, fields, "obligations", &OBLIGATIONS, mistakes);
        if fields.node("on").is_none()
            && fields.node("when").is_none()
            && effect != Some(Effect::Deny)
        {
            let message =
                "a rule that does not deny needs `on` or `when`: this one is about every call";
            mistakes.push(node.error(file, "too-wide", message));
        }
        if limit.is_some() && effect == Some(Effect::Deny) {
            let message = "`limit` bounds what a rule lets through, and this one denies";
            mistakes.push(node.error(file, "bad-value", message));
        }
        let profiles = around.profiles.map(<[_]>::to_vec);
        let digest = digest(node, profiles.as_deref());
        Some(Self {
            id: id?.to_owned(),
            layer: around.source.layer,
            file: file.to_owned(),
            place: node.place,
            effect: effect?,
            reason: reason?,
            on,
            when,
            limit,
            category,
            obligations: obligations.unwrap_or_default(),
            approvers,
            profiles,
            counts: true,
            digest,
            examples: 0,
            node: Arc::new(node.clone()),
        })
    }

    /// Whether it is about the request of `case`.
    pub(super) fn matches(&self, case: &Case<'_>) -> Truth {
        let active = self.profiles.as_ref().is_none_or(|all| all.contains(&case.profile));
        if !active || !self.on.as_ref().is_none_or(|on| on.fits(case)) {
            return Truth::No;
        }
        self.when.as_ref().map_or(Truth::Yes, |when| when.holds(case, self.reading()))
    }

    /// Why it is not about the request.
    pub(super) fn failure(&self, case: &Case<'_>) -> String {
        if self.profiles.as_ref().is_some_and(|all| !all.contains(&case.profile)) {
            return format!("is not in force in profile {}", case.profile.as_str());
        }
        if let Some(on) = self.on.as_ref().filter(|on| !on.fits(case)) {
            return on.failure(case);
        }
        let when = self.when.as_ref().and_then(|when| when.failure(case, self.reading()));
        when.unwrap_or_else(|| "does not hold".to_owned())
    }

    /// What it says about a request that it is about: its effect, or the limit it has met.
    pub(super) fn verdict(&self, case: &Case<'_>) -> (Effect, String) {
        if let Some(limit) = self.limit.filter(|limit| limit.is_met(case.request)) {
            let reason = format!("at most {limit} are allowed: {}", self.reason);
            return (Effect::Deny, reason);
        }
        (self.effect, self.reason.clone())
    }

    pub(super) fn named(&self, effect: Effect) -> MatchedRule {
        MatchedRule { id: self.id.clone(), file: self.file.clone(), line: self.place.line, effect }
    }

    /// The profiles in which its file counts, in words; none for all of them.
    pub(super) fn profile_words(&self) -> Vec<&'static str> {
        self.profiles.iter().flatten().map(|profile| profile.as_str()).collect()
    }

    /// Rules that loosen are read narrowly, rules that tighten widely.
    const fn reading(&self) -> Reading {
        match self.effect {
            Effect::Allow => Reading::Every,
            _ => Reading::Some,
        }
    }
}

/// `approvers: N`, of a rule that asks.
fn approvers(
    file: &str,
    fields: &mut Fields<'_>,
    effect: Option<Effect>,
    mistakes: &mut Vec<Diagnostic>,
) -> u32 {
    let node = fields.node("approvers");
    let Some((node, number)) = node.zip(fields.count("approvers", mistakes)) else { return 1 };
    if effect.is_some_and(|effect| effect != Effect::Ask) {
        let message = "`approvers` says how many people must say yes, and this rule does not ask";
        mistakes.push(node.error(file, "bad-value", message).suggest("write `effect: ask`"));
    }
    match u32::try_from(number) {
        Ok(number) if (1..=APPROVERS_MAX).contains(&number) => number,
        _ => {
            let message = format!("`approvers: {number}` is not from 1 to {APPROVERS_MAX}");
            mistakes.push(node.error(file, "bad-value", message));
            1
        }
    }
}

fn reason(
    file: &str,
    fields: &mut Fields<'_>,
    node: &Node,
    mistakes: &mut Vec<Diagnostic>,
) -> Option<String> {
    let place = fields.entry("reason").map_or(node.place, |entry| entry.place);
    let text = fields.text("reason", mistakes).map(str::trim);
    if text.is_none_or(str::is_empty) {
        let message = "a rule needs a `reason`: the person who is refused reads it";
        mistakes.push(place.error(file, "empty-reason", message));
        return None;
    }
    text.map(str::to_owned)
}

fn check_id(file: &str, id: &str, place: Place, mistakes: &mut Vec<Diagnostic>) {
    let sound = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c);
    if !id.starts_with(|c: char| c.is_ascii_lowercase()) || !id.chars().all(sound) {
        let message = format!("`{id}` is no id: lower-case letters, digits, `.`, `-` and `_`");
        mistakes.push(place.error(file, "bad-id", message));
    }
}

/// The same for two rules that say the same.
fn digest(node: &Node, profiles: Option<&[Profile]>) -> Hash {
    let profiles: Option<Vec<_>> =
        profiles.map(|all| all.iter().map(|profile| profile.as_str()).collect());
    let value = serde_json::json!({ "rule": node.to_json(), "profiles": profiles });
    // A value that has no canonical form is told from every other by its plain form.
    canonical_hash(&value).unwrap_or_else(|_| Hash::of(value.to_string().as_bytes()))
}
