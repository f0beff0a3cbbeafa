//! Judging recorded decisions again: what a change of the rules would have changed.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::decided::{Decisions, Missing, Recorded};
use super::error::RunError;
use crate::contracts::{CallId, Decision, Effect, MatchedRule, RunId, Timestamp};
use crate::policy::{Layer, PolicySet};
use crate::store::Reader;

/// What is compared, and how much of it is told.
#[derive(Debug, Clone, Copy)]
pub struct Backtest<'a> {
    /// The rules in force.
    pub old: &'a PolicySet,
    /// Those that might take their place.
    pub new: &'a PolicySet,
    /// From when on.
    pub since: Timestamp,
    /// What may be newly allowed: ids of rules that allow it, or of calls.
    pub accepted: &'a [String],
    /// Most flips that are listed of each kind; all are counted.
    pub limit: usize,
}

/// How a decision would come out otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// It would be allowed, and somebody accepted that.
    Accepted,
    /// It would be allowed, and is not by the rules in force.
    NewlyAllowed,
    /// A person would be asked.
    NewlyAsked,
    /// It would be refused.
    NewlyDenied,
}

/// A decision that would come out otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Flip {
    /// The run.
    pub run_id: RunId,
    /// The call.
    pub call_id: CallId,
    /// When it was decided.
    pub at: Timestamp,
    /// The step's path.
    pub path: String,
    /// The tool.
    pub tool: String,
    /// By the rules in force.
    pub was: Effect,
    /// By the others.
    pub now: Effect,
    /// Why.
    pub reason: String,
    /// The rules that say so.
    pub rules: Vec<MatchedRule>,
}

impl Flip {
    /// The ids of the rules that stand for what would be decided.
    #[must_use]
    pub fn allowing(&self) -> Vec<&str> {
        let deciding = self.rules.iter().filter(|rule| rule.effect == self.now);
        deciding.map(|rule| rule.id.as_str()).collect()
    }
}

/// What would change.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Flips {
    /// Decisions judged again.
    pub judged: u64,
    /// Decisions without facts, which could not be judged again, by why.
    pub without_facts: BTreeMap<&'static str, u64>,
    /// Of those judged, how many had secrets struck out of their facts.
    pub struck: u64,
    /// How many are judged otherwise by the rules in force than they were when they were made.
    pub drifted: u64,
    /// How many would come out otherwise, by how.
    pub counts: BTreeMap<Kind, u64>,
    /// Up to the limit of each.
    pub flips: BTreeMap<Kind, Vec<Flip>>,
    /// Rules in the workspace's place that matched nothing.
    pub unused: Vec<String>,
}

impl Flips {
    /// How many of `kind` there are.
    #[must_use]
    pub fn count(&self, kind: Kind) -> u64 {
        self.counts.get(&kind).copied().unwrap_or(0)
    }

    /// Whether nothing is allowed that nobody accepted.
    #[must_use]
    pub fn is_accepted(&self) -> bool {
        self.count(Kind::NewlyAllowed) == 0
    }
}

/// Judges every recorded decision again by both sets. Holds one decision at a time. Blocks.
///
/// # Errors
/// When the store cannot be read, or holds what this version cannot read.
pub fn backtest(store: &Reader, asked: Backtest<'_>) -> Result<Flips, RunError> {
    let (mut flips, mut used) = (Flips::default(), BTreeSet::new());
    for recorded in Decisions::since(store, asked.since) {
        flips.judge(&asked, recorded?, &mut used);
    }
    let ours = asked.new.rules().into_iter().filter(|rule| rule.layer == Layer::Workspace);
    flips.unused = ours.map(|rule| rule.id).filter(|id| !used.contains(id)).collect();
    Ok(flips)
}

impl Flips {
    fn judge(&mut self, asked: &Backtest<'_>, recorded: Recorded, used: &mut BTreeSet<String>) {
        let Some(request) = &recorded.request else {
            let why = recorded.missing.unwrap_or(Missing::None).as_str();
            *self.without_facts.entry(why).or_default() += 1;
            return;
        };
        self.judged += 1;
        self.struck += u64::from(recorded.struck);
        let (was, now) = (asked.old.decide(request), asked.new.decide(request));
        self.drifted += u64::from(was.effect != recorded.decision.effect);
        for rule in &now.rules {
            if !used.contains(&rule.id) {
                used.insert(rule.id.clone());
            }
        }
        let Some(kind) = kind(asked.accepted, &recorded, &was, &now) else { return };
        *self.counts.entry(kind).or_default() += 1;
        let listed = self.flips.entry(kind).or_default();
        if listed.len() < asked.limit {
            listed.push(flip(recorded, &was, now));
        }
    }
}

fn kind(accepted: &[String], recorded: &Recorded, was: &Decision, now: &Decision) -> Option<Kind> {
    if was.effect == now.effect {
        return None;
    }
    let named = |name: &String| {
        let allows = |rule: &MatchedRule| rule.effect == Effect::Allow && rule.id == *name;
        *name == recorded.call_id.to_string() || now.rules.iter().any(allows)
    };
    Some(match now.effect {
        Effect::Allow if accepted.iter().any(named) => Kind::Accepted,
        Effect::Allow | Effect::Depends => Kind::NewlyAllowed,
        Effect::Ask => Kind::NewlyAsked,
        Effect::Deny => Kind::NewlyDenied,
    })
}

fn flip(recorded: Recorded, was: &Decision, now: Decision) -> Flip {
    Flip {
        run_id: recorded.run_id,
        call_id: recorded.call_id,
        at: recorded.at,
        path: recorded.path,
        tool: recorded.tool,
        was: was.effect,
        now: now.effect,
        reason: now.reason,
        rules: now.rules,
    }
}
