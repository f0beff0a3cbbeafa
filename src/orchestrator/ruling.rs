//! A decision as the journal tells it: with the facts it was made from.

use super::evidence::{self, Arguments};
use super::journal::Batch;
use super::judge::Judged;
use super::obliged;
use super::services::Services;
use crate::contracts::{CallDecided, ToolCall};
use crate::policy::Request;

/// What was decided about, and where it stands.
#[derive(Clone, Copy)]
pub(super) struct Ruling<'a> {
    pub services: &'a Services,
    pub call: &'a ToolCall,
    /// The step's path, or one that ends in [`crate::contracts::ASIDE`] and a word.
    pub path: &'a str,
    /// How many events the run had when the facts were collected.
    pub as_of_seq: u64,
    pub arguments: Arguments,
}

impl Ruling<'_> {
    /// The payload of `call.decided`; adds the facts to the batch.
    pub(super) fn decided(self, batch: &mut Batch, judged: &Judged) -> CallDecided {
        let facts = judged.request.as_ref().and_then(|request| self.document(request));
        let salt = || self.services.clock.salt();
        let mut decision = judged.decision.clone();
        let mut shadow = judged.shadow.clone();
        let told = |reason: &str| {
            obliged::told(reason, &self.call.args, &judged.decision.obligations).into_owned()
        };
        decision.reason = told(&decision.reason);
        if let Some(shadow) = &mut shadow {
            shadow.reason = told(&shadow.reason);
        }
        CallDecided {
            call_id: self.call.id,
            path: self.path.to_owned(),
            name: self.call.name.clone(),
            decision,
            facts: facts.map(|facts| batch.text(facts, salt())),
            shadow: shadow.map(Box::new),
            reads_secret: judged.reads_secret(),
        }
    }

    /// A decision stands also where its facts cannot be kept; it cannot be judged again then, which
    /// whoever judges again is told.
    fn document(self, request: &Request) -> Option<Vec<u8>> {
        let redactor = &self.services.redactor;
        match evidence::document(request, self.as_of_seq, self.arguments, redactor) {
            Ok(document) => Some(document),
            Err(error) => {
                tracing::warn!("the facts about {} cannot be kept: {error}", self.call.id);
                None
            }
        }
    }
}
