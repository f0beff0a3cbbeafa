//! The words rules use for what contracts define.

use crate::contracts::{CallEffect, Effect, Obligation, Origin, Profile, Risk};
use crate::ports::Category;

pub(super) const CATEGORIES: [(&str, Category); 5] = [
    ("financial", Category::Financial),
    ("legal", Category::Legal),
    ("external_comms", Category::ExternalComms),
    ("destructive", Category::Destructive),
    ("credential", Category::Credential),
];

pub(super) const RISKS: [(&str, Risk); 3] =
    [("low", Risk::Low), ("medium", Risk::Medium), ("high", Risk::High)];

pub(super) const PROFILES: [(&str, Profile); 3] =
    [("strict", Profile::Strict), ("workspace", Profile::Workspace), ("ci", Profile::Ci)];

pub(super) const ORIGINS: [(&str, Origin); 5] = [
    ("playbook", Origin::Playbook),
    ("planner", Origin::Planner),
    ("api", Origin::Api),
    ("node", Origin::Node),
    ("mcp", Origin::Mcp),
];

pub(super) const CALL_EFFECTS: [(&str, CallEffect); 4] = [
    ("read", CallEffect::Read),
    ("idempotent", CallEffect::Idempotent),
    ("non_idempotent", CallEffect::NonIdempotent),
    ("irreversible", CallEffect::Irreversible),
];

pub(super) const EFFECTS: [(&str, Effect); 3] =
    [("allow", Effect::Allow), ("ask", Effect::Ask), ("deny", Effect::Deny)];

pub(super) const OBLIGATIONS: [(&str, Obligation); 4] = [
    ("redact", Obligation::Redact),
    ("dry_run", Obligation::DryRun),
    ("snapshot", Obligation::Snapshot),
    ("log_full", Obligation::LogFull),
];

/// The word for `value` in one of the tables above.
pub(super) fn word<T: PartialEq>(known: &[(&'static str, T)], value: &T) -> &'static str {
    known.iter().find(|(_, candidate)| candidate == value).map_or("", |(word, _)| word)
}
