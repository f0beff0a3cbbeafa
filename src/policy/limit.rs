//! `limit: { calls, per }`: how often what a rule lets through may happen.
//!
//! What is counted are the calls of the same tool in the same run that have begun: by any rule, also
//! those that failed. A run is the unit because its journal is what is known for certain.

use std::fmt;

use super::Request;
use crate::contracts::{Diagnostic, format_duration_ms};
use crate::yaml::{Fields, Node};

/// The word for the whole run in the place of a time.
const RUN: &str = "run";

/// How often a call that the rule lets through may happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Limit {
    calls: u64,
    per: Per,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Per {
    Run,
    /// In the milliseconds before.
    Time(u64),
}

impl Limit {
    pub(super) fn read(file: &str, node: &Node, mistakes: &mut Vec<Diagnostic>) -> Option<Self> {
        let before = mistakes.len();
        let mut fields = Fields::of(file, "`limit`", node, mistakes)?;
        let calls = fields.count("calls", mistakes);
        let whole = fields.node("per").and_then(Node::as_text) == Some(RUN);
        let per = if whole {
            Some(Per::Run)
        } else {
            fields.duration_ms("per", mistakes).filter(|ms| *ms > 0).map(Per::Time)
        };
        fields.finish(mistakes);
        if (calls.is_none() || per.is_none()) && mistakes.len() == before {
            let message = "`limit` needs both `calls` and `per`, such as `{ calls: 30, per: 1m }` \
                           or `{ calls: 30, per: run }`";
            mistakes.push(node.error(file, "missing-key", message));
        }
        Some(Self { calls: calls?, per: per? })
    }

    /// Whether the call of `request` would be one too many.
    pub(super) fn is_met(self, request: &Request) -> bool {
        let run = &request.run;
        let made = match self.per {
            Per::Run => {
                let calls = run.calls.get(&request.tool).map_or(0, Vec::len);
                u64::try_from(calls).unwrap_or(u64::MAX)
            }
            Per::Time(ms) => run.calls_within(&request.tool, request.now, ms),
        };
        made >= self.calls
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.per {
            Per::Run => write!(f, "{} calls per run", self.calls),
            Per::Time(ms) => write!(f, "{} calls per {}", self.calls, format_duration_ms(ms)),
        }
    }
}
