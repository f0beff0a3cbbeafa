//! The seal. Nothing runs without an [`Authorized`], and only [`PolicySet::authorize`] makes one.
//!
//! It decides again rather than take a decision from its caller: a decision that was made up, or
//! made about another call, opens nothing.
//!
//! ```
//! use bailiwick::contracts::ToolCall;
//! use bailiwick::policy::Authorized;
//! fn tool_runs(sealed: &Authorized<ToolCall>) -> &str { &sealed.call().name }
//! ```
//!
//! It cannot be made by hand, only changed or taken apart by nobody:
//!
//! ```compile_fail,E0451
//! use bailiwick::contracts::{Decision, ToolCall};
//! use bailiwick::policy::Authorized;
//! fn forge(inner: ToolCall, decision: Decision) -> Authorized<ToolCall> {
//!     Authorized { inner, decision }
//! }
//! ```

use std::collections::BTreeSet;

use serde_json::json;

use super::{PolicySet, Request};
use crate::contracts::{
    ApprovalResolution, ApprovalSubject, Confinement, Decision, Effect, Hash, Map, Quorum, RunId,
    Timestamp, ToolCall, canonical_hash,
};

/// A call that policy allowed, with the decision that did.
#[derive(Debug)]
pub struct Authorized<T> {
    inner: T,
    decision: Decision,
}

impl Authorized<ToolCall> {
    /// What may happen.
    #[must_use]
    pub const fn call(&self) -> &ToolCall {
        &self.inner
    }

    /// Why it may.
    #[must_use]
    pub const fn decision(&self) -> &Decision {
        &self.decision
    }

    /// The walls it must run in.
    #[must_use]
    pub fn confinement(&self) -> &Confinement {
        &self.decision.confinement
    }
}

/// What people answered to the question about a call.
#[derive(Debug, Clone, Copy)]
pub struct Answer<'a> {
    /// The question.
    pub subject: &'a ApprovalSubject,
    /// Every answer to it.
    pub resolutions: &'a [ApprovalResolution],
    /// The rules that asked when the question was put.
    pub asked_by: &'a [String],
    /// The time now.
    pub now: Timestamp,
}

/// Why a call may not run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAuthorized {
    /// Policy says no.
    #[error("{}", .0.reason)]
    Denied(Box<Decision>),
    /// Policy asks, and nobody has answered.
    #[error("a person must say yes: {}", .0.reason)]
    Unanswered(Box<Decision>),
    /// A person said no.
    #[error("`{by}` said no{}", reason.as_ref().map(|r| format!(": {r}")).unwrap_or_default())]
    Rejected {
        /// Who.
        by: String,
        /// What they said.
        reason: Option<String>,
    },
    /// Fewer people than needed said yes.
    #[error("{yes} of {needed} people said yes")]
    TooFew {
        /// How many did.
        yes: usize,
        /// How many must.
        needed: u32,
    },
    /// The answer came too late to count.
    #[error("the answer counted until {0}")]
    Expired(Timestamp),
    /// The answer is about something else.
    #[error("the answer is about another call")]
    OtherCall,
    /// The policy changed, and other rules ask now.
    #[error("the policy changed since the question was put: ask again")]
    OtherQuestion,
    /// The facts are those of another call, or not all known.
    #[error("the facts are not those of the call `{0}`")]
    OtherFacts(String),
    /// The arguments have no canonical form.
    #[error("the arguments cannot be hashed: {0}")]
    Unhashable(String),
}

/// What an approval of `call` is bound to: tool, arguments and run.
///
/// # Errors
/// When the arguments have no canonical form.
pub fn approval_hash(call: &ToolCall) -> Result<Hash, serde_json::Error> {
    hashed(&call.name, &call.args, Some(call.run_id))
}

/// What an approval that was given beforehand, for exactly these arguments, is bound to. `tool` is the
/// tool's own name.
///
/// # Errors
/// When the arguments have no canonical form.
pub fn beforehand_hash(tool: &str, args: &Map) -> Result<Hash, serde_json::Error> {
    hashed(tool, args, None)
}

fn hashed(tool: &str, args: &Map, run: Option<RunId>) -> Result<Hash, serde_json::Error> {
    canonical_hash(&json!({ "tool": tool, "args": args, "run": run }))
}

impl PolicySet {
    /// Seals `call`, of which `request` are the facts, if policy allows it, or asks and `answer` is
    /// a yes to exactly this call.
    ///
    /// # Errors
    /// With why it may not run.
    pub fn authorize(
        &self,
        call: ToolCall,
        request: &Request,
        answer: Option<Answer<'_>>,
    ) -> Result<Authorized<ToolCall>, NotAuthorized> {
        self.same_call(&call, request)?;
        let decision = self.decide(request);
        match (decision.effect, answer) {
            (Effect::Allow, _) => {}
            (Effect::Ask, Some(answer)) => answered(&call, &decision, answer)?,
            (Effect::Ask, None) => return Err(NotAuthorized::Unanswered(Box::new(decision))),
            (Effect::Deny | Effect::Depends, _) => {
                return Err(NotAuthorized::Denied(Box::new(decision)));
            }
        }
        Ok(Authorized { inner: call, decision })
    }

    fn same_call(&self, call: &ToolCall, request: &Request) -> Result<(), NotAuthorized> {
        let named = self.vocabulary.get(&call.name).map(|tool| tool.name.as_str());
        let same = named.unwrap_or(&call.name) == request.tool
            && call.args == request.args
            && call.id.to_string() == request.id
            && call.run_id.to_string() == request.run.id
            && call.origin == request.origin
            && request.unknown.is_empty();
        if same { Ok(()) } else { Err(NotAuthorized::OtherFacts(call.id.to_string())) }
    }
}

/// Whether people said yes to exactly this, and enough of them.
pub(super) fn answered(
    call: &ToolCall,
    decision: &Decision,
    answer: Answer<'_>,
) -> Result<(), NotAuthorized> {
    let subject = answer.subject;
    let hash = approval_hash(call).map_err(|error| NotAuthorized::Unhashable(error.to_string()))?;
    let other = |resolution: &ApprovalResolution| resolution.approval_id != subject.approval_id;
    if subject.args_hash != Some(hash)
        || subject.call_id.is_some_and(|id| id != call.id)
        || answer.resolutions.iter().any(other)
    {
        return Err(NotAuthorized::OtherCall);
    }
    if answer.now > subject.expires_at {
        return Err(NotAuthorized::Expired(subject.expires_at));
    }
    if let Some(no) = answer.resolutions.iter().find(|resolution| !resolution.approved) {
        return Err(NotAuthorized::Rejected { by: no.by.clone(), reason: no.reason.clone() });
    }
    // Rules that want more people by now are not met by those who were enough before.
    let quorum = Quorum::of(subject.approvers.max(decision.approvers))
        .with(answer.resolutions.iter().map(|yes| yes.by.as_str()));
    if !quorum.is_met() {
        return Err(NotAuthorized::TooFew { yes: quorum.yes().len(), needed: quorum.needed() });
    }
    if asking(decision) != answer.asked_by.iter().map(String::as_str).collect() {
        return Err(NotAuthorized::OtherQuestion);
    }
    Ok(())
}

/// The rules that ask.
fn asking(decision: &Decision) -> BTreeSet<&str> {
    let asking = decision.rules.iter().filter(|rule| rule.effect == Effect::Ask);
    asking.map(|rule| rule.id.as_str()).collect()
}
