//! Changes of memory as one document: what another process of this user hands to whoever holds the workspace.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::consolidate::{answer_proposal, consolidate, undo_batch};
use super::forget::forget;
use super::govern::{Asker, MemoryRefusal};
use super::kv::set_kv;
use super::pin::pin;
use super::remember::remember;
use super::sync::sync;
use crate::contracts::{
    BatchId, ForgetPlan, Forgotten, MemoryId, MemorySelection, MemoryWrittenList, NewMemory,
    ProposalId,
};
use crate::orchestrator::services::Services;

/// A change that somebody wants.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "change", deny_unknown_fields)]
pub enum MemoryOrder {
    /// Remember each of them; gives a [`MemoryWrittenList`].
    Remember {
        /// What.
        wanted: Vec<NewMemory>,
    },
    /// Forget for good; gives a [`Forgotten`].
    Forget {
        /// Which.
        meant: MemorySelection,
    },
    /// Put a record into every context, or no longer; gives the record.
    Pin {
        /// Which.
        id: MemoryId,
        /// Whether it shall stand there.
        pinned: bool,
    },
    /// Change a setting; gives what it was and is.
    SetKv {
        /// `group.key`.
        name: String,
        /// Its value; absent to take it away.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        value: Option<Value>,
    },
    /// Make one record of those that say the same; gives the report.
    Consolidate {
        /// Only say what would be done.
        dry_run: bool,
    },
    /// Accept or reject a proposal; gives the proposal.
    AnswerProposal {
        /// Which.
        id: ProposalId,
        /// Whether it is to stand for its sources.
        accept: bool,
    },
    /// Take a batch back; gives what came of it.
    UndoBatch {
        /// Which.
        batch: BatchId,
    },
    /// Take over what changed in the files of knowledge; gives what came of it.
    Sync,
}

/// Does it, if policy lets `asker`. Blocks.
///
/// # Errors
/// [`MemoryRefusal`].
pub fn carry_out(
    services: &Services,
    asker: &Asker,
    order: MemoryOrder,
) -> Result<Value, MemoryRefusal> {
    match order {
        MemoryOrder::Remember { wanted } => {
            document(&MemoryWrittenList { items: remember(services, asker, wanted, None)? })
        }
        MemoryOrder::Forget { meant } => {
            let receipt = Some(forget(services, asker, &meant)?);
            document(&Forgotten { plan: ForgetPlan::default(), receipt })
        }
        MemoryOrder::Pin { id, pinned } => document(&pin(services, asker, id, pinned)?),
        MemoryOrder::SetKv { name, value } => document(&set_kv(services, asker, &name, value)?),
        MemoryOrder::Consolidate { dry_run } => document(&consolidate(services, asker, dry_run)?),
        MemoryOrder::AnswerProposal { id, accept } => {
            document(&answer_proposal(services, asker, id, accept)?)
        }
        MemoryOrder::UndoBatch { batch } => document(&undo_batch(services, asker, batch)?),
        MemoryOrder::Sync => document(&sync(services)?),
    }
}

fn document(answer: &impl Serialize) -> Result<Value, MemoryRefusal> {
    serde_json::to_value(answer)
        .map_err(|error| MemoryRefusal::Broken(format!("the answer is no JSON: {error}")))
}

/// A refusal as it goes over a socket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderRefused {
    /// What kind of refusal it is.
    pub kind: RefusedAs,
    /// Why.
    pub message: String,
    /// The rules that say so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<String>,
}

/// What kind of refusal something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusedAs {
    /// Policy says no.
    Denied,
    /// Policy wants a person to say yes.
    Asks,
    /// What was handed in is wrong.
    Invalid,
    /// There is no such thing.
    Missing,
    /// It could not be done.
    Broken,
}

impl From<MemoryRefusal> for OrderRefused {
    fn from(refusal: MemoryRefusal) -> Self {
        let (kind, message, rules) = match refusal {
            MemoryRefusal::Denied { reason, rules } => (RefusedAs::Denied, reason, rules),
            MemoryRefusal::Asks { reason, rules } => (RefusedAs::Asks, reason, rules),
            MemoryRefusal::Invalid(why) => (RefusedAs::Invalid, why, Vec::new()),
            MemoryRefusal::Missing(why) => (RefusedAs::Missing, why, Vec::new()),
            MemoryRefusal::Broken(why) => (RefusedAs::Broken, why, Vec::new()),
            MemoryRefusal::Run(error) => (RefusedAs::Broken, error.to_string(), Vec::new()),
        };
        Self { kind, message, rules }
    }
}

impl From<OrderRefused> for MemoryRefusal {
    fn from(refused: OrderRefused) -> Self {
        let OrderRefused { kind, message, rules } = refused;
        match kind {
            RefusedAs::Denied => Self::Denied { reason: message, rules },
            RefusedAs::Asks => Self::Asks { reason: message, rules },
            RefusedAs::Invalid => Self::Invalid(message),
            RefusedAs::Missing => Self::Missing(message),
            RefusedAs::Broken => Self::Broken(message),
        }
    }
}
