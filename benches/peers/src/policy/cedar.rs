//! cedar-policy. It knows permit and forbid; a permit with the annotation `ask` asks.

use std::collections::BTreeSet;
use std::str::FromStr;

use cedar_policy::{
    Authorizer, Context, Decision, Entities, EntityUid, PolicyId, PolicySet, Request,
};

use super::flat::Flat;
use super::{Judge, Verdict};
use crate::Failure;

const POLICY: &str = include_str!("../../rules/policy.cedar");

pub struct Cedar {
    authorizer: Authorizer,
    policies: PolicySet,
    asking: BTreeSet<PolicyId>,
    requests: Vec<Request>,
    entities: Entities,
}

impl Cedar {
    pub fn new(flat: &[Flat]) -> Result<Self, Failure> {
        let policies = PolicySet::from_str(POLICY)?;
        let asks = policies.policies().filter(|policy| policy.annotation("ask").is_some());
        let asking = asks.map(|policy| policy.id().clone()).collect();
        let uid = |text: &str| EntityUid::from_str(text);
        let request = |flat: &Flat| -> Result<Request, Failure> {
            let context = Context::from_json_value(serde_json::to_value(flat)?, None)?;
            let (who, what, on) =
                (uid("User::\"run\"")?, uid("Action::\"call\"")?, uid("Tool::\"it\"")?);
            Ok(Request::new(who, what, on, context, None)?)
        };
        Ok(Self {
            authorizer: Authorizer::new(),
            asking,
            requests: flat.iter().map(request).collect::<Result<_, _>>()?,
            policies,
            entities: Entities::empty(),
        })
    }
}

impl Judge for Cedar {
    fn verdict(&mut self, index: usize) -> Verdict {
        let answer =
            self.authorizer.is_authorized(&self.requests[index], &self.policies, &self.entities);
        match answer.decision() {
            Decision::Deny => Verdict::Deny,
            Decision::Allow if answer.diagnostics().reason().any(|id| self.asking.contains(id)) => {
                Verdict::Ask
            }
            Decision::Allow => Verdict::Allow,
        }
    }
}
