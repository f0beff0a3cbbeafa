//! Consolidation as a person, a program or the clock asks for it: decided by policy as a call of
//! `memory_consolidate`, and audited.

use serde_json::json;

use super::govern::{Asker, MemoryRefusal, call, decided, noted};
use super::writer::writer;
use crate::contracts::{
    Area, BatchId, BatchUndone, CallEffect, Consolidated, ConsolidationReport, Effect, EventBody,
    EventKind, Map, MemoryJob, MemoryProposal, MemoryRuling, ProposalId, Risk, RunId, ToolCall,
};
use crate::memory::Engine;
use crate::memory::jobs::{
    AreaBudget, ConsolidateSettings, Consolidation, ProposalError, Triggers, UndoError, due,
};
use crate::orchestrator::error::RunError;
use crate::orchestrator::services::Services;
use crate::ports::ToolDescriptor;
use crate::recall::consolidate::Bounds;
use crate::store::Reader;

/// The name under which policy decides about consolidation.
const MEMORY_CONSOLIDATE: &str = "memory_consolidate";
/// Who asks when the clock does, and when there is much that is new.
const CLOCK: &str = "schedule:consolidation";
const THRESHOLD: &str = "threshold:consolidation";
/// Events that are looked through for jobs, and jobs that are told of.
const EVENTS_MAX: u32 = 1_000;
const JOBS_MAX: usize = 100;
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
    let config = services.config();
    let own = &config.memory.consolidation;
    let usual = ConsolidateSettings::default();
    let whole = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    #[allow(clippy::cast_possible_truncation, reason = "a share between 0.5 and 1")]
    let similarity = own.similarity as f32;
    let budgets = own.budgets.iter().filter_map(|(area, budget)| {
        let some = |bound: u64| Some(bound).filter(|bound| *bound > 0);
        let budget = AreaBudget {
            records: some(budget.records),
            bytes: some(budget.bytes),
            superseded_age_ms: some(budget.superseded_ms),
        };
        Some((Area::named(area)?, budget))
    });
    ConsolidateSettings {
        bounds: Bounds { similarity, ..usual.bounds },
        records_max: whole(own.look_records),
        bytes_max: own.look_bytes,
        triggers: Triggers { records: own.records, bytes: own.bytes, cluster: own.cluster },
        budgets: budgets.collect(),
        tools: services.vocabulary().names().map(str::to_owned).collect(),
    }
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
    let embedder = services.memory.engine().and_then(Engine::embedder);
    let writes = services.config().memory.consolidation.model;
    let model = services.model.as_ref().filter(|_| writes);
    let used = services.memory.last_used();
    let work = Consolidation {
        memory: &services.memory,
        settings: &settings,
        embedder: embedder.as_deref(),
        writer: model.map(writer),
        decide: &decide,
        last_used: &|id| used.get(id).copied(),
        by: asker.by.clone(),
    };
    let mut report = work.run(dry_run)?;
    if writes && model.is_none() {
        report
            .notes
            .push("there is no model, so sentences of the sources stand for them".to_owned());
    }
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

/// What makes a daemon consolidate by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occasion {
    /// The clock: whatever is new is enough.
    Clock,
    /// So much is new that it should not wait for the clock.
    Threshold,
}

/// What a daemon does by itself: a job, where there is enough to do. Blocks.
///
/// # Errors
/// [`MemoryRefusal`].
pub fn consolidate_if_due(
    services: &Services,
    occasion: Occasion,
) -> Result<Option<ConsolidationReport>, MemoryRefusal> {
    let (triggers, by) = match occasion {
        Occasion::Clock => (Triggers::ANYTHING, CLOCK),
        Occasion::Threshold => (settings(services).triggers, THRESHOLD),
    };
    let since = services.memory.consolidated_up_to();
    let is_due = due(&*services.memory.library()?, since, triggers, services.clock.now()).is_some();
    if !is_due {
        return Ok(None);
    }
    let asker = Asker { by: by.to_owned(), person: false };
    consolidate(services, &asker, false).map(Some)
}

/// The consolidations that came to their end, the newest first. Blocks.
///
/// # Errors
/// When the journal cannot be read.
pub fn consolidations(reader: &Reader) -> Result<Vec<MemoryJob>, RunError> {
    let system = RunId::SYSTEM_TEXT;
    let kind = EventKind::MemoryConsolidated;
    let mut jobs = Vec::new();
    for event in reader.newest_of_kind(system, kind, EVENTS_MAX)? {
        let unreadable =
            |source| RunError::Stored { run: system.to_owned(), what: "an event", source };
        let EventBody::MemoryConsolidated(it) = event.body().map_err(unreadable)? else { continue };
        if it.what == Consolidated::Job && jobs.len() < JOBS_MAX {
            jobs.push(MemoryJob { at: event.at, by: it.by, report: it.report.map(|it| *it) });
        }
    }
    Ok(jobs)
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
