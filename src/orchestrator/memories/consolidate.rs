//! Consolidation as a person, a program or the clock asks for it: decided by policy as a call of
//! `memory_consolidate`, and audited.

use serde_json::json;

use super::govern::{Asker, MemoryRefusal, call, decided, noted};
use crate::contracts::{
    BatchId, BatchUndone, CallEffect, ConsolidationReport, Effect, Map, MemoryProposal,
    MemoryRuling, ProposalId, Risk, ToolCall,
};
use crate::memory::jobs::{ConsolidateSettings, Consolidation, ProposalError, UndoError, due};
use crate::orchestrator::services::Services;
use crate::ports::ToolDescriptor;

/// The name under which policy decides about consolidation.
const MEMORY_CONSOLIDATE: &str = "memory_consolidate";
/// Who asks when the clock does.
const CLOCK: &str = "schedule:consolidation";
/// Texts that are sentences of their sources.
const EXTRACT: &str = "extract";

/// What policy knows about it. No step calls it: what it does is asked for here.
#[must_use]
pub fn memory_consolidate() -> ToolDescriptor {
    ToolDescriptor {
        name: MEMORY_CONSOLIDATE.to_owned(),
        description: "Makes one record of those that say the same, or takes that back.".to_owned(),
        risk: Risk::Low,
        effect: CallEffect::Idempotent,
        schema: json!({
            "type": "object",
            "properties": {
                "action": { "enum": ["job", "apply", "accept", "reject", "undo"] },
                "proposal": { "type": "string" },
                "batch": { "type": "string" },
                "area": { "type": "string" },
                "trust": { "type": "integer" },
                "labels": { "type": "array", "items": { "type": "string" } },
                "sources": { "type": "integer" },
                "text_from": { "enum": ["extract", "model"] },
            },
            "required": ["action"],
            "additionalProperties": false,
        }),
        labels: vec!["workspace".to_owned()],
        ..ToolDescriptor::default()
    }
}

fn args(action: &str) -> Map {
    let mut args = Map::new();
    args.insert("action".to_owned(), json!(action));
    args
}

fn ruled(services: &Services, asker: &Asker, call: &ToolCall) -> MemoryRuling {
    let decision = decided(services, asker, call, &memory_consolidate());
    let rules = decision.rules.iter().map(|rule| rule.id.clone()).collect();
    MemoryRuling { effect: decision.effect, reason: decision.reason, rules }
}

/// What policy says, where it lets `asker` do it; a refusal is audited.
fn granted(
    services: &Services,
    asker: &Asker,
    call: &ToolCall,
) -> Result<MemoryRuling, MemoryRefusal> {
    let ruling = ruled(services, asker, call);
    match ruling.effect {
        Effect::Allow => return Ok(ruling),
        Effect::Ask if asker.person => return Ok(ruling),
        _ => {}
    }
    noted(services, asker, call, ruling.effect, Some(&ruling.reason))?;
    let MemoryRuling { effect, reason, rules } = ruling;
    Err(match effect {
        Effect::Ask => MemoryRefusal::Asks { reason, rules },
        _ => MemoryRefusal::Denied { reason, rules },
    })
}

fn settings(services: &Services) -> ConsolidateSettings {
    let tools = services.vocabulary.names().map(str::to_owned).collect();
    ConsolidateSettings { tools, ..ConsolidateSettings::default() }
}

/// Makes one of records that say the same, or says what would be done. Policy decides about each proposal:
/// what needs a person waits for one, whoever asked for the job. Blocks.
///
/// # Errors
/// [`MemoryRefusal`].
pub fn consolidate(
    services: &Services,
    asker: &Asker,
    dry_run: bool,
) -> Result<ConsolidationReport, MemoryRefusal> {
    let job = call(services, MEMORY_CONSOLIDATE, args("job"));
    let ruling = granted(services, asker, &job)?;
    let nobody = Asker { by: asker.by.clone(), person: false };
    let decide =
        |proposal: &MemoryProposal| ruled(services, &nobody, &applying(services, proposal));
    let settings = settings(services);
    let work = Consolidation {
        memory: &services.memory,
        settings: &settings,
        embedder: None,
        writer: None,
        decide: &decide,
        last_used: &|_| None,
        by: asker.by.clone(),
    };
    let report = work.run(dry_run)?;
    if !dry_run {
        noted(services, asker, &job, ruling.effect, None)?;
    }
    Ok(report)
}

/// The call that stands for carrying out a proposal.
fn applying(services: &Services, proposal: &MemoryProposal) -> ToolCall {
    let mut args = args("apply");
    let from = if proposal.written_by == EXTRACT { EXTRACT } else { "model" };
    args.insert("proposal".to_owned(), json!(proposal.id));
    args.insert("area".to_owned(), json!(proposal.area));
    args.insert("trust".to_owned(), json!(proposal.metadata.trust));
    args.insert("labels".to_owned(), json!(proposal.metadata.labels));
    args.insert("sources".to_owned(), json!(proposal.sources.len()));
    args.insert("text_from".to_owned(), json!(from));
    call(services, MEMORY_CONSOLIDATE, args)
}

/// What the clock asks for: a job, where there is enough to do. Blocks.
///
/// # Errors
/// [`MemoryRefusal`].
pub fn consolidate_if_due(
    services: &Services,
) -> Result<Option<ConsolidationReport>, MemoryRefusal> {
    let triggers = settings(services).triggers;
    let is_due = due(&*services.memory.library()?, triggers, services.clock.now()).is_some();
    if !is_due {
        return Ok(None);
    }
    let asker = Asker { by: CLOCK.to_owned(), person: false };
    consolidate(services, &asker, false).map(Some)
}

/// Accepts or rejects a proposal. Blocks.
///
/// # Errors
/// [`MemoryRefusal`].
pub fn answer_proposal(
    services: &Services,
    asker: &Asker,
    id: ProposalId,
    accept: bool,
) -> Result<MemoryProposal, MemoryRefusal> {
    let mut args = args(if accept { "accept" } else { "reject" });
    args.insert("proposal".to_owned(), json!(id));
    let call = call(services, MEMORY_CONSOLIDATE, args);
    let ruling = granted(services, asker, &call)?;
    let effect = ruling.effect;
    let settings = settings(services);
    let tools: Vec<&str> = settings.tools.iter().map(String::as_str).collect();
    let answered = services.memory.answer_proposal(id, accept, &asker.by, ruling, &tools);
    let told = answered.as_ref().err().map(ToString::to_string);
    noted(services, asker, &call, effect, told.as_deref())?;
    Ok(answered?.proposal)
}

/// Takes a batch back. Blocks.
///
/// # Errors
/// [`MemoryRefusal`].
pub fn undo_batch(
    services: &Services,
    asker: &Asker,
    batch: BatchId,
) -> Result<BatchUndone, MemoryRefusal> {
    let mut args = args("undo");
    args.insert("batch".to_owned(), json!(batch));
    let call = call(services, MEMORY_CONSOLIDATE, args);
    let ruling = granted(services, asker, &call)?;
    let effect = ruling.effect;
    let undone = services.memory.undo_batch(batch, &asker.by, ruling);
    let told = undone.as_ref().err().map(ToString::to_string);
    noted(services, asker, &call, effect, told.as_deref())?;
    Ok(undone?)
}

impl From<ProposalError> for MemoryRefusal {
    fn from(error: ProposalError) -> Self {
        let said = error.to_string();
        match error {
            ProposalError::NotFound(_) => Self::Missing(said),
            ProposalError::NotOpen { .. } | ProposalError::Stale { .. } => Self::Invalid(said),
            ProposalError::Denied(reason) => Self::Denied { reason, rules: Vec::new() },
            ProposalError::Memory(error) => error.into(),
        }
    }
}

impl From<UndoError> for MemoryRefusal {
    fn from(error: UndoError) -> Self {
        let said = error.to_string();
        match error {
            UndoError::NotFound(_) => Self::Missing(said),
            UndoError::Already(_) | UndoError::InTheWay { .. } => Self::Invalid(said),
            UndoError::Denied(reason) => Self::Denied { reason, rules: Vec::new() },
            UndoError::Memory(error) => error.into(),
        }
    }
}
