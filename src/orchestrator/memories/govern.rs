//! Deciding about a change of memory that belongs to no run.

use serde_json::Value;

use crate::contracts::{CallId, Decision, Effect, FsAccess, Map, Origin, RunId, ToolCall};
use crate::facts::{self, Surroundings};
use crate::memory::MemoryError;
use crate::orchestrator::audit::{self, Fate};
use crate::orchestrator::error::RunError;
use crate::orchestrator::judge::Judged;
use crate::orchestrator::services::Services;
use crate::orchestrator::taken::USER;
use crate::policy::RunFacts;
use crate::ports::ToolDescriptor;
use crate::store::AuditEntry;

/// Who wants a change.
#[derive(Debug, Clone)]
pub struct Asker {
    /// As it stands in the journal: `user:<name>` or `token:<name>`.
    pub by: String,
    /// Whether it is a person of this machine. What policy asks a person about, such a one has said yes to by
    /// giving the command.
    pub person: bool,
}

/// Why memory was not changed.
#[derive(Debug, thiserror::Error)]
pub enum MemoryRefusal {
    /// Policy says no.
    #[error("policy refuses it: {reason}")]
    Denied {
        /// Why.
        reason: String,
        /// The rules that say so.
        rules: Vec<String>,
    },
    /// Policy wants a person to say yes, and the caller is none.
    #[error("a person must decide: {reason}")]
    Asks {
        /// Why.
        reason: String,
        /// The rules that ask.
        rules: Vec<String>,
    },
    /// What was handed in cannot be remembered, or what is asked cannot be read.
    #[error("{0}")]
    Invalid(String),
    /// There is no such record.
    #[error("{0}")]
    Missing(String),
    /// Memory cannot be used.
    #[error("{0}")]
    Broken(String),
    /// The store failed.
    #[error(transparent)]
    Run(#[from] RunError),
}

impl From<MemoryError> for MemoryRefusal {
    fn from(error: MemoryError) -> Self {
        let said = error.to_string();
        match error {
            MemoryError::Refused(_) | MemoryError::Search(_) => Self::Invalid(said),
            MemoryError::NotFound(_) => Self::Missing(said),
            MemoryError::Log(_) => Self::Broken(said),
        }
    }
}

/// A call that stands for a change, made by `asker`.
pub(super) fn call(services: &Services, tool: &str, args: Map) -> ToolCall {
    let labels = vec![USER.to_owned()];
    ToolCall {
        id: CallId::from_uuid(services.clock.uuid()),
        run_id: RunId::from_uuid(services.clock.uuid()),
        step_id: "memory".to_owned(),
        name: tool.to_owned(),
        args,
        timeout_ms: 0,
        allow_network: false,
        allow_fs: FsAccess::None,
        expected_output_schema: None,
        idempotency_key: String::new(),
        origin: Origin::Api,
        labels,
        arg_labels: std::collections::BTreeMap::new(),
    }
}

/// Whether policy lets it, by the rules as they are now. Blocks. A refusal is audited.
pub(super) fn allowed(
    services: &Services,
    asker: &Asker,
    call: &ToolCall,
) -> Result<(), MemoryRefusal> {
    let tool = services.tool(&call.name).ok_or_else(|| MemoryRefusal::Denied {
        reason: format!("there is no tool `{}`", call.name),
        rules: Vec::new(),
    })?;
    let decision = decided(services, asker, call, &tool);
    if decision.effect == Effect::Allow || (decision.effect == Effect::Ask && asker.person) {
        return Ok(());
    }
    let rules = decision.rules.iter().map(|rule| rule.id.clone()).collect();
    let reason = decision.reason.clone();
    noted(services, asker, call, decision.effect, Some(&reason))?;
    Err(match decision.effect {
        Effect::Ask => MemoryRefusal::Asks { reason, rules },
        _ => MemoryRefusal::Denied { reason, rules },
    })
}

/// What policy says about a call of `tool` by the rules as they are now. Blocks.
pub(super) fn decided(
    services: &Services,
    asker: &Asker,
    call: &ToolCall,
    tool: &ToolDescriptor,
) -> Decision {
    // What was switched before counts here.
    drop(services.settings.refreshed());
    let set = services.policy.current();
    let around = Surroundings {
        places: &services.places,
        permissions: &[],
        now: services.clock.now(),
        unattended: !asker.person,
        unknown: &[],
    };
    let run = RunFacts { step: call.step_id.clone(), ..RunFacts::default() };
    Judged::of(services, set, facts::collect(call, tool, &around, run)).decision
}

/// Puts a change, or its refusal, into the audit log.
pub(super) fn noted(
    services: &Services,
    asker: &Asker,
    call: &ToolCall,
    decision: Effect,
    error: Option<&str>,
) -> Result<(), MemoryRefusal> {
    let mut args = call.args.clone();
    args.insert("by".to_owned(), Value::String(asker.by.clone()));
    let fate = Fate { ok: error.is_none(), error: error.map(str::to_owned), ..Fate::default() };
    let call = ToolCall { args, ..call.clone() };
    let entry = AuditEntry { run_id: None, ..audit::entry(services, None, &call, decision, fate) };
    services.store.audit(&entry).map_err(|error| RunError::from(error).into())
}
